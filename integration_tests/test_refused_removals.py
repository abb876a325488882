"""Deletions and unsubscriptions that Maileon refuses: of one person, or of all."""

from __future__ import annotations

import pytest

from integration_tests.bookkeeping import Json
from integration_tests.connection import Connection, columns
from integration_tests.platform import record, stream, stream_state
from maileon_sandbox import Fault

GONE_AT = "2026-01-01T00:00:00Z"
COLUMNS = columns("_ab_cdc_deleted_at")


def _gone(*names: str) -> list[Json]:
    return [
        record({"email": f"{name}@example.com", "_ab_cdc_deleted_at": GONE_AT}) for name in names
    ]


def test_a_deletion_that_the_service_refuses_rejects_its_record_alone(
    connection: Connection,
) -> None:
    for name in ("a", "b"):
        connection.sandbox.account.add_contact(f"{name}@example.com")
    connection.sandbox.script(
        Fault(status=400, method="DELETE", path="/contacts/email/a", times=None),
        Fault(status=503, method="DELETE", path="/contacts/email/b"),
    )
    run = connection.sync(
        [*_gone("a", "b"), stream_state(1)], stream(COLUMNS), deleted_records="delete"
    )
    assert (run.exit_code, run.stats) == (0, [(1, 1)])
    assert [c.email for c in connection.sandbox.account.contacts()] == ["a@example.com"]


@pytest.mark.parametrize(("status", "calls"), [(400, 40), (409, 40), (405, 1)])
@pytest.mark.parametrize("removal", ["delete", "unsubscribe"])
def test_if_maileon_removes_nobody_the_sync_fails_and_no_state_passes_over_them(
    connection: Connection, status: int, calls: int, removal: str
) -> None:
    connection.sandbox.script(Fault(status=status, method="DELETE", path="/contacts", times=None))
    messages = [*_gone(*(f"p{n}" for n in range(60))), stream_state(1)]
    run = connection.sync(messages, stream(COLUMNS), deleted_records=removal, concurrent_requests=1)
    assert run.error["failure_type"] == "config_error"
    assert f"HTTP {status}" in run.error["message"] or "all 40 deletions" in run.error["message"]
    assert (len(connection.removals), run.states) == (calls, [])


def test_removals_that_are_all_refused_keep_nobody_from_being_written(
    connection: Connection,
) -> None:
    connection.sandbox.script(Fault(status=400, method="DELETE", path="/contacts", times=None))
    messages: list[Json] = []
    for n in range(45):
        messages += [*_gone(f"p{n}"), record({"email": f"new{n}@example.com"}), stream_state(n)]
    config = {"deleted_records": "delete", "batch_size": 1, "concurrent_requests": 1}
    run = connection.sync(messages, stream(COLUMNS), **config)
    assert len(connection.sandbox.account.contacts()) == 45
    assert (len(run.states), len(connection.removals)) == (45, 45)
    assert sum(rejected for _, rejected in run.stats) == 45
    assert run.error["failure_type"] == "config_error"
    assert "Maileon refused all 45 deletions and unsubscriptions" in run.error["message"]
    assert "nobody was removed" in run.error["message"]


def test_removals_that_are_all_refused_keep_nobody_back_who_came_before(
    connection: Connection,
) -> None:
    connection.sandbox.script(Fault(status=400, method="DELETE", path="/contacts", times=None))
    new = [record({"email": f"new{n}@example.com"}) for n in range(45)]
    gone = _gone(*(f"p{n}" for n in range(45)))
    messages = [*new, *gone[:40], stream_state(1), *gone[40:], stream_state(2)]
    run = connection.sync(messages, stream(COLUMNS), deleted_records="delete")
    assert len(connection.sandbox.account.contacts()) == 45
    assert run.stats[:1] == [(45, 40)]
    assert run.error["failure_type"] == "config_error"


def test_a_few_removals_that_are_all_refused_fail_the_sync_at_its_end(
    connection: Connection,
) -> None:
    connection.sandbox.script(Fault(status=400, method="DELETE", path="/contacts", times=None))
    run = connection.sync(
        [*_gone("a", "b"), stream_state(1)], stream(COLUMNS), deleted_records="delete"
    )
    assert "all 2 deletions and unsubscriptions" in run.error["message"]
    assert run.states == []


def test_an_identifier_that_no_path_can_hold_is_rejected_before_a_call(
    connection: Connection,
) -> None:
    gone = record({"external_id": "..", "_ab_cdc_deleted_at": GONE_AT})
    columns = {name: {"type": "string"} for name in ("external_id", "_ab_cdc_deleted_at")}
    config = {"identifier_mode": "external_id", "deleted_records": "delete"}
    run = connection.sync([gone, stream_state(1)], stream(columns), **config)
    assert (run.exit_code, run.stats, connection.removals) == (0, [(0, 1)], [])
    (said,) = (line for line in run.logs("WARN") if line.startswith("Record 1 "))
    assert "Correct the external id, or delete or unsubscribe the contact in Maileon" in said
    assert any("0 calls" in line for line in run.logs("INFO"))

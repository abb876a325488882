"""Opt-outs of people whom Maileon does not have: they are kept in mind, and count for no limit."""

from __future__ import annotations

import pytest

from integration_tests.connection import Connection, columns, mapping, people
from integration_tests.platform import record, stream, stream_state
from maileon_sandbox import Sandbox

LEFT_AT = "2026-01-01T00:00:00Z"
OPT_OUTS = mapping(("opted_out_at", "unsubscribe"), name="optouts")
STREAMS = (stream(columns("opted_out_at"), name="optouts"), stream(name="customers"))


def _opt_out(name: str) -> dict[str, object]:
    return record({"email": f"{name}@example.com", "opted_out_at": LEFT_AT}, "optouts")


@pytest.mark.parametrize("batch_size", [1, 1_000])
def test_who_has_opted_out_before_maileon_knew_them_is_not_created_as_somebody_to_write_to(
    connection: Connection, batch_size: int
) -> None:
    messages = [
        _opt_out("stop"),
        stream_state(1, "optouts"),
        record({"email": "stop@example.com", "first_name": "Stop"}, "customers"),
        record({"email": "go@example.com", "first_name": "Go"}, "customers"),
        stream_state(2, "customers"),
    ]
    run = connection.sync(
        messages,
        *STREAMS,
        permission="double_opt_in",
        streams=OPT_OUTS,
        batch_size=batch_size,
    )
    assert (run.exit_code, run.stats) == (0, [(1, 0), (2, 0)])
    markers = [call.path for call in connection.sandbox.calls if call.method == "PUT"]
    assert markers == ["/1.0/contacts/email/stop%40example.com/unsubscription"]
    contacts = connection.sandbox.account.contacts()
    assert [one.email for one in contacts if not one.unsubscribed] == ["go@example.com"]
    assert any("1 marked as unsubscribed" in said for said in run.logs("INFO"))
    assert any("1 left out (1 unsubscribed)" in said for said in run.logs("INFO"))


def test_without_the_right_to_set_markers_one_warning_counts_them(connection: Connection) -> None:
    rights = {"no-put": ("GET", "POST", "DELETE")}
    with Sandbox(api_keys=rights, account=connection.sandbox.account) as sandbox:
        limited = Connection(connection.folder, sandbox)
        messages = [_opt_out("a"), _opt_out("b"), stream_state(1, "optouts")]
        run = limited.sync(messages, *STREAMS, streams=OPT_OUTS, api_key="no-put")
    assert (run.exit_code, run.stats) == (0, [(2, 0)])
    (warning,) = (said for said in run.logs("WARN") if "unsubscription marker" in said)
    assert warning.startswith("2 people opted out whom Maileon does not have")


def test_opt_outs_without_an_address_of_people_who_are_not_there_are_told(
    connection: Connection,
) -> None:
    rows = [record({"external_id": str(n), "gone": True}, "optouts") for n in range(2)]
    run = connection.sync(
        [*rows, stream_state(1, "optouts")],
        stream({"external_id": {"type": "string"}, "gone": {"type": "boolean"}}, "optouts"),
        streams=mapping(("gone", "unsubscribe"), name="optouts"),
        identifier_mode="external_id",
    )
    assert (run.exit_code, run.stats) == (0, [(2, 0)])
    (warning,) = run.logs("WARN")
    assert warning.startswith("2 people opted out whom Maileon does not have")
    assert "no e-mail address" in warning


def test_who_was_not_there_does_not_count_as_removed(connection: Connection) -> None:
    connection.sandbox.account.add_contact("there@example.com")
    gone = [_opt_out(f"p{n}") for n in range(12)]
    run = connection.sync(
        [*gone[:6], _opt_out("there"), *gone[6:], stream_state(1, "optouts")],
        *STREAMS,
        streams=OPT_OUTS,
        max_deleted_records=1,
    )
    assert (run.exit_code, run.stats) == (0, [(13, 0)])
    assert [one.unsubscribed for one in connection.sandbox.account.contacts()] == [True]


def test_one_person_too_many_who_is_there_ends_the_sync_before_they_are_removed(
    connection: Connection,
) -> None:
    for name in ("a", "b", "c"):
        connection.sandbox.account.add_contact(f"{name}@example.com")
    gone = people("x", "a", "y", "b", "z", "c", _ab_cdc_deleted_at=LEFT_AT)
    run = connection.sync([*gone, stream_state(1)], deleted_records="delete", max_deleted_records=2)
    assert run.error["failure_type"] == "config_error"
    assert (
        'the 2 that "Maximum Deleted Records" (max_deleted_records) allows' in run.error["message"]
    )
    assert len(connection.sandbox.account.contacts()) == 1
    assert run.states == []

"""How much may be rejected, and what happens to a sync that only pretends."""

from __future__ import annotations

from typing import Literal

import pytest

from integration_tests.bookkeeping import Json
from integration_tests.connection import Connection, columns, people
from integration_tests.platform import line, record, stream, stream_state
from maileon_sandbox import Fault, Rules, Sandbox
from scripts.documents import REJECTIONS

BAD = record({"email": "no address"})
WITHOUT_IDENTIFIER = record({"first_name": "Max"})


def _steps(*records: Json) -> list[Json]:
    """Each record with a state behind it."""
    messages: list[Json] = []
    for n, message in enumerate(records):
        messages += [message, stream_state(n)]
    return messages


def test_the_sync_fails_with_the_first_rejection_too_many(connection: Connection) -> None:
    good = people("a", "b", "c", "d")
    messages = _steps(good[0], BAD, good[1], WITHOUT_IDENTIFIER, good[2], BAD, good[3])
    run = connection.sync(messages, batch_size=1, concurrent_requests=1, max_rejected_records=2)
    assert run.error["failure_type"] == "config_error"
    message = run.error["message"]
    for told in ("3 records", "the 2 that", "(max_rejected_records)", "invalid email", "no usable"):
        assert told in message
    assert run.stats[:5] == [(1, 0), (0, 1), (1, 0), (0, 1), (1, 0)]
    assert connection.sandbox.account.by_email("d@example.com") is None


def test_the_error_reads_as_the_page_shows_it(connection: Connection) -> None:
    connection.sandbox.account.add_custom_field("age", "integer")
    run = connection.sync(
        [*people("a", "b", age="old"), BAD, stream_state(1)],
        stream(columns("age")),
        max_rejected_records=2,
    )
    shown = f"\n```\n{run.error['message']}\n```\n"
    assert shown in REJECTIONS.read_text(encoding="utf-8")


def test_as_many_rejections_as_allowed_are_no_error(connection: Connection) -> None:
    run = connection.sync(_steps(BAD, *people("a"), BAD), max_rejected_records=2)
    assert (run.exit_code, run.stats) == (0, [(0, 1), (1, 0), (0, 1)])


@pytest.mark.parametrize(("rejected", "exit_code"), [(12, 0), (13, 1)])
def test_a_share_of_rejections_is_judged_at_the_end(
    connection: Connection, rejected: int, exit_code: int
) -> None:
    # 12 of 48 are the quarter that is allowed, 13 of 49 are more; before 100 it is not judged.
    messages = [WITHOUT_IDENTIFIER] * rejected + people(*(f"p{n}" for n in range(36)))
    run = connection.sync([*messages, stream_state(1)], max_rejected_percent=25)
    assert run.exit_code == exit_code
    assert len(connection.sandbox.account.contacts()) == 36
    if exit_code:
        assert run.error["failure_type"] == "config_error"
        assert "13 of 49 records" in run.error["message"]
        assert "max_rejected_percent" in run.error["message"]


def test_a_share_of_rejections_ends_a_long_sync_early(connection: Connection) -> None:
    good = people(*(f"p{n}" for n in range(90)))
    late = people("late")
    run = connection.sync(
        [*good, *[WITHOUT_IDENTIFIER] * 60, stream_state(1), *late],
        batch_size=10,
        max_rejected_percent=10,
    )
    assert run.error["failure_type"] == "config_error"
    assert connection.sandbox.account.by_email("late@example.com") is None


@pytest.mark.parametrize(("percent", "exit_code"), [(20, 0), (10, 0), (9, 1)])
def test_a_share_is_not_misjudged_since_others_are_still_on_their_way(
    connection: Connection, percent: int, exit_code: int
) -> None:
    # Who has no identifier is settled at once, the others when their call is answered.
    messages = [
        WITHOUT_IDENTIFIER if n % 10 == 0 else record({"email": f"p{n}@example.com"})
        for n in range(1, 5001)
    ]
    run = connection.sync([*messages, stream_state(1)], max_rejected_percent=percent)
    assert run.exit_code == exit_code
    if exit_code:
        assert "10 of 100 records were rejected" in run.error["message"]
    else:
        assert run.stats == [(4500, 500)]
        assert len(connection.sandbox.account.contacts()) == 4500


@pytest.mark.parametrize("answer", ["400", "report"])
def test_a_strict_sync_fails_with_the_first_contact_that_maileon_finds_invalid(
    connection: Connection, answer: Literal["400", "report"]
) -> None:
    with Sandbox(rules=Rules(strict_answer=answer)) as sandbox:
        strict = Connection(connection.folder, sandbox)
        messages = _steps(*people("a"), BAD, *people("b", "c"))
        run = strict.sync(
            messages, batch_size=1, concurrent_requests=1, ignore_invalid_contacts=False
        )
        assert run.error["failure_type"] == "config_error"
        assert run.stats == [(1, 0)]
        assert [call.parameters["ignore_invalid_contacts"] for call in strict.synchronizations] == [
            "false",
            "false",
        ]
        assert sandbox.violations == []


def test_a_strict_sync_fails_with_a_record_that_is_rejected_before_it_is_sent(
    connection: Connection,
) -> None:
    with connection.open(batch_size=1, ignore_invalid_contacts=False) as running:
        running.feed(*_steps(*people("a")))
        running.wait_until(lambda run: len(run.states) == 1)
        running.feed(WITHOUT_IDENTIFIER, stream_state(2), *people("b"))
        run = running.finish()
    assert run.error["failure_type"] == "config_error"
    assert "ignore_invalid_contacts" in run.error["message"]
    assert run.stats == [(1, 0)]
    assert connection.sandbox.account.by_email("b@example.com") is None


def test_a_dry_run_reports_everything_and_sends_nothing(connection: Connection) -> None:
    connection.sandbox.account.add_contact("gone@example.com")
    before = connection.sandbox.account.snapshot()
    messages = [
        *people("a", "A", hat="red"),
        BAD,
        WITHOUT_IDENTIFIER,
        record({"email": "b@example.com", "first_name": "x" * 256}),
        record({"email": "gone@example.com", "_ab_cdc_deleted_at": "2026-01-01"}),
        stream_state(1),
    ]
    configured = stream(columns("first_name", "hat", "_ab_cdc_deleted_at"))
    config: Json = {"deleted_records": "delete", "unmapped_columns": "create", "dry_run": True}
    arguments = connection.write(_lines(messages), configured, **config)
    assert (arguments.exit_code, arguments.errors, arguments.states) == (0, [], [])
    assert connection.sandbox.account.snapshot() == before
    assert {call.method for call in connection.sandbox.calls} == {"GET"}
    (summary,) = (said for said in arguments.logs("INFO") if "records read" in said)
    for count in (
        *("6 records read", "2 written", "1 merged", "3 rejected", "1 contact sent"),
        *("1 deleted", "2 calls"),
    ):
        assert count in summary
    assert "left out by Maileon" not in summary
    created = 'The custom field "hat" would be created in the account, with type string.'
    assert created in arguments.logs("INFO")
    assert any(said.startswith("Dry run") for said in arguments.logs("WARN"))
    rejected = [said for said in arguments.logs("WARN") if said.startswith("Record ")]
    assert len(rejected) == 3


@pytest.mark.parametrize("option", [{"update_only": True}, {"sync_mode": "ignore"}])
def test_a_dry_run_leaves_open_who_exists(connection: Connection, option: Json) -> None:
    connection.sandbox.account.add_contact("there@example.com")
    run = connection.sync(people("new", "there"), dry_run=True, **option)
    (summary,) = (said for said in run.logs("INFO") if "records read" in said)
    assert "up to 2 written, 0 left out" in summary
    assert "2 contacts sent" in summary


def test_a_dry_run_says_of_a_sample_who_is_new_existing_and_unsubscribed(
    connection: Connection,
) -> None:
    account = connection.sandbox.account
    account.add_contact("there@example.com")
    account.add_contact("marked@example.com")
    account.markers |= {"marked@example.com", "left@example.com"}
    run = connection.sync(people("a", "there", "marked", "left"), dry_run=True)
    said = "a sample of 4 of 4 contacts was looked up in Maileon: 1 new, 1 existing, 2 unsubscribed"
    assert any(said in line for line in run.logs("INFO"))
    assert {call.method for call in connection.sandbox.calls} == {"GET"}


def test_a_dry_run_whose_key_may_not_read_contacts_is_what_it_was(connection: Connection) -> None:
    connection.sandbox.script(Fault(status=403, path="/contacts/email", times=None))
    run = connection.sync(people("a", "b"), dry_run=True)
    assert run.exit_code == 0
    assert any("2 written" in said for said in run.logs("INFO"))
    assert any(said.startswith("No sample of the contacts") for said in run.logs("WARN"))


def _lines(messages: list[Json]) -> bytes:
    return b"".join(map(line, messages))


@pytest.mark.parametrize("exit_code", [0, 1])
def test_a_dry_run_counts_only_people_who_are_there_against_the_limit_of_deletions(
    connection: Connection, exit_code: int
) -> None:
    there = ("p0", "p1") if exit_code else ("p0",)
    for name in there:
        connection.sandbox.account.add_contact(f"{name}@example.com")
    gone = [
        record({"email": f"p{n}@example.com", "_ab_cdc_deleted_at": "2026-01-01"}) for n in range(4)
    ]
    run = connection.write(
        _lines(gone),
        stream(columns("_ab_cdc_deleted_at")),
        deleted_records="unsubscribe",
        max_deleted_records=1,
        dry_run=True,
    )
    assert run.exit_code == exit_code
    assert len(connection.sandbox.account.contacts()) == len(there)
    assert {call.method for call in connection.sandbox.calls} == {"GET"}


def test_a_dry_run_fails_where_the_sync_would(connection: Connection) -> None:
    run = connection.write(
        _lines([BAD, BAD, stream_state(1)]), max_rejected_records=1, dry_run=True
    )
    assert run.error["failure_type"] == "config_error"
    assert run.states == []


def test_where_none_may_be_rejected_the_error_names_the_record_and_what_is_wrong_with_it(
    connection: Connection,
) -> None:
    bad = record({"email": "b@example.com", "first_name": "x" * 300})
    run = connection.sync([*people("a"), bad, *people("c")], ignore_invalid_contacts=False)
    assert run.error["failure_type"] == "config_error"
    assert run.error["message"].startswith("Record 2 of stream people was rejected: ")
    assert "A documented rule is broken in: FIRSTNAME." in run.error["message"]

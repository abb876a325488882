"""Whom Maileon or the configuration leaves out is not called written, and the reason is told."""

from __future__ import annotations

import pytest

from integration_tests.bookkeeping import Json
from integration_tests.connection import Connection, people
from integration_tests.platform import stream_state


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"sync_mode": "ignore"}, "1 written, 1 created, 1 existing, 2 left out"),
        ({"update_only": True}, "1 written, 0 created, 1 existing, 2 left out"),
        ({}, "2 written, 1 created, 1 existing, 1 left out"),
    ],
    ids=["ignore", "update only", "default"],
)
def test_who_is_left_out_is_told_apart_from_who_is_written(
    connection: Connection, config: Json, told: str
) -> None:
    account = connection.sandbox.account
    account.add_contact("here@example.com")
    account.add_contact("quit@example.com", unsubscribed=True)
    run = connection.sync([*people("here", "new", "quit"), stream_state(1)], **config)
    assert (run.exit_code, run.stats) == (0, [(3, 0)])
    (summary,) = (said for said in run.logs("INFO") if "records read" in said)
    assert told in summary
    assert "unsubscribed" in summary
    left_out = int(told.partition(" left out")[0].rpartition(" ")[2])
    assert run.additional("left_out") == left_out


def test_where_existing_contacts_are_ignored_later_records_of_a_contact_are_left_out(
    connection: Connection,
) -> None:
    rows = [*people("a", first_name="1"), *people("a", first_name="2"), *people("b")]
    run = connection.sync([*rows, stream_state(1)], sync_mode="ignore")
    assert (run.exit_code, run.stats) == (0, [(3, 0)])
    assert (run.additional("left_out"), run.additional("merged")) == (1, 1)
    told = "2 written, 2 created, 0 existing, 1 left out (1 after an earlier record of the contact)"
    assert any(told in said for said in run.logs("INFO"))


def test_a_deletion_that_is_ignored_is_left_out(connection: Connection) -> None:
    gone = people("a", _ab_cdc_deleted_at="2026-01-01T00:00:00Z")
    run = connection.sync([*gone, *people("b"), stream_state(1)])
    assert (run.exit_code, run.stats) == (0, [(2, 0)])
    assert run.additional("left_out") == 1
    assert any("1 written" in said and "1 deleted at the source" in said for said in run.logs())


def test_a_strict_sync_lets_out_the_states_before_the_bad_record_and_names_it(
    connection: Connection,
) -> None:
    messages: list[Json] = []
    for n, person in enumerate(people(*(f"p{n}" for n in range(1, 31))), start=1):
        if n == 20:
            person["record"]["data"]["email"] = "no address"
        messages += [person, stream_state(n)] if n % 5 == 0 else [person]
    run = connection.sync(messages, ignore_invalid_contacts=False)
    assert run.error["failure_type"] == "config_error"
    assert run.stats == [(5, 0)] * 3
    (line,) = (said for said in run.logs("WARN") if said.startswith("Record "))
    assert line.startswith("Record 20 of stream people")
    written = {contact.email for contact in connection.sandbox.account.contacts()}
    assert written == {f"p{n}@example.com" for n in range(1, 20)}

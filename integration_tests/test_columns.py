"""Columns without a target, targets without a field, and fields that vanish during the sync."""

from __future__ import annotations

import pytest

from integration_tests.bookkeeping import Json
from integration_tests.connection import Connection, columns, mapping, people
from integration_tests.platform import record, stream, stream_state
from maileon_sandbox import Call, Fault


def _asked(connection: Connection, method: str) -> list[Call]:
    """The calls that did not write contacts."""
    calls = connection.sandbox.calls
    return [call for call in calls if call.method == method and not call.is_synchronize]


def test_columns_without_a_target_are_left_out_with_one_warning(connection: Connection) -> None:
    messages = [*people("a", shoe_size=44, hat="red"), *people("b", late_column=1)]
    run = connection.sync([*messages, stream_state(1)], stream(columns("shoe_size", "hat")))
    assert (run.exit_code, run.stats) == (0, [(2, 0)])
    told = [said for said in run.logs("WARN") if "left out" in said]
    assert len(told) == 1
    assert "shoe_size" in told[0]
    assert "hat" in told[0]
    assert connection.sandbox.account.custom_fields == {}


def test_columns_that_only_records_have_are_told_when_they_come(
    connection: Connection,
) -> None:
    connection.sandbox.account.add_custom_field("hat")
    strange: list[Json] = [{f"column {n}": n} for n in range(5)]
    data: list[Json] = [
        {"hat": "red", "late": 1},
        {"LASTNAME": "Mustermann"},
        *strange,
        {"hat": "blue"},
    ]
    run = connection.sync(
        [
            *(record({"email": f"p{n}@example.com", **one}) for n, one in enumerate(data)),
            stream_state(1),
        ]
    )
    assert (run.exit_code, run.stats) == (0, [(8, 0)])
    told = [said.splitlines() for said in run.logs("INFO") if "seen first in a record" in said]
    assert [lines[1:] for lines in told] == [
        ["  hat  ->  custom:hat  string"],
        ["  LASTNAME  ->  standard:LASTNAME  string"],
    ]
    # Of columns without a target one warning tells, and then the end of the log.
    (warned,) = run.logs("WARN")
    assert 'column "late" is left out, since no target fits.' in warned
    (later,) = [said for said in run.logs("INFO") if "no target fits" in said]
    assert 'columns "column 0", "column 1", ' in later
    hats = [contact.custom_fields for contact in connection.sandbox.account.contacts()]
    assert hats == [{"hat": "red"}, *[{}] * 6, {"hat": "blue"}]


def test_columns_without_a_target_stop_the_sync_before_the_first_record(
    connection: Connection,
) -> None:
    configured = [
        stream(columns("shoe_size"), name="people"),
        stream(columns("hat"), name="leads"),
    ]
    run = connection.sync([*people("a"), stream_state(1)], *configured, unmapped_columns="fail")
    assert run.error["failure_type"] == "config_error"
    # All problems of all streams at once.
    for name in ("people", "shoe_size", "leads", "hat"):
        assert name in run.error["message"]
    assert (run.states, connection.synchronizations) == ([], [])


def test_a_column_that_turns_up_late_stops_the_sync_after_the_true_states(
    connection: Connection,
) -> None:
    messages = [*people("a"), stream_state(1), *people("b", late_column=1), stream_state(2)]
    run = connection.sync(messages, batch_size=1, unmapped_columns="fail")
    assert run.error["failure_type"] == "config_error"
    assert "late_column" in run.error["message"]
    assert len(run.states) <= 1
    assert connection.sandbox.account.by_email("b@example.com") is None


# Column: its schema, a value, the type of the field that is created, and what that holds then.
CREATED: dict[str, tuple[Json, object, str, str]] = {
    "Shoe size": ({"type": ["null", "integer"]}, 44, "integer", "44"),
    # As the account keeps a number.
    "rate": ({"type": "number"}, 1e-7, "float", "1e-07"),
    "born": ({"type": "string", "format": "date"}, "2001-02-03", "date", "2001-02-03"),
    "seen_at": (
        {"type": "string", "format": "date-time"},
        "2026-05-06T23:59:59+14:00",
        "date",
        "2026-05-06",
    ),
    "active": ({"type": "boolean"}, False, "boolean", "false"),
    # A column of 64 bits, as databases have them.
    "account no": (
        {"type": "number", "airbyte_type": "integer"},
        4_300_000_000,
        "string",
        "4300000000",
    ),
    "hat": ({"type": "string"}, "red\r\n", "string", "red\r\n"),
    "tags": ({"type": "array"}, ["ä", 1], "string", '["ä",1]'),
}


def test_custom_fields_are_created_with_the_types_of_their_columns(
    connection: Connection,
) -> None:
    schemas = {column: schema for column, (schema, *_) in CREATED.items()}
    data = {column: value for column, (_, value, *_) in CREATED.items()}
    properties = {"email": {"type": "string"}, "id": {"type": "integer"}, **schemas}
    messages = [*people("a", id=5, late=7, **data), *people("b", late=8)]
    run = connection.sync(
        [*messages, stream_state(1)], stream(properties), unmapped_columns="create"
    )
    assert (run.exit_code, run.stats) == (0, [(2, 0)])
    account = connection.sandbox.account
    types = {name: str(type_) for name, type_ in account.custom_fields.items()}
    assert types == {column: kind for column, (_, _, kind, _) in CREATED.items()} | {
        "late": "integer"
    }
    first, second = account.contacts()
    held = {column: value for column, (*_, value) in CREATED.items()}
    assert (first.custom_fields, second.custom_fields) == (held | {"late": "7"}, {"late": "8"})
    assert b"<value>0.0000001</value>" in connection.synchronizations[0].body
    lost = [said for said in run.logs("INFO") if "no time of day" in said]
    assert [said.split('"')[1] for said in lost] == ["born", "seen_at"]
    # Maileon keeps the name "id" for itself.
    assert any('"id"' in said for said in run.logs("WARN"))


def test_a_mapping_to_what_the_account_lacks_is_refused_before_the_first_record(
    connection: Connection,
) -> None:
    properties = {**columns("hat", "news"), "size": {"type": "integer"}}
    streams = mapping(("size", "custom:Shoe size"), ("news", "preference:News/Weekly"))
    run = connection.sync([*people("a"), stream_state(1)], stream(properties), streams=streams)
    message = run.error["message"]
    assert run.error["failure_type"] == "config_error"
    for told in ("Shoe size", "integer", "News", "Weekly"):
        assert told in message
    assert (run.states, connection.synchronizations) == ([], [])


@pytest.mark.parametrize(
    ("mode", "properties"),
    [
        ("email", ["external_id", "maileon_id"]),
        ("external_id", ["email", "maileon_id"]),
        ("maileon_id", ["external_id"]),
    ],
)
def test_a_stream_without_a_column_for_its_identifier_is_refused(
    connection: Connection, mode: str, properties: list[str]
) -> None:
    shown = {name: {"type": "string"} for name in [*properties, "e-mail"]}
    run = connection.sync([*people("a"), stream_state(1)], stream(shown), identifier_mode=mode)
    assert run.error["failure_type"] == "config_error"
    assert ("email" if mode == "email" else mode) in run.error["message"]
    assert (run.states, connection.synchronizations) == ([], [])


def test_two_columns_with_one_target_are_refused_with_both_names(connection: Connection) -> None:
    run = connection.sync(
        [*people("a"), stream_state(1)], stream(columns("first_name", "FirstName"))
    )
    assert run.error["failure_type"] == "config_error"
    assert '"first_name"' in run.error["message"]
    assert '"FirstName"' in run.error["message"]


def test_a_custom_field_that_vanishes_during_the_sync_is_left_out_from_then_on(
    connection: Connection,
) -> None:
    account = connection.sandbox.account
    for name in ("hat", "coat"):
        account.add_custom_field(name)
    first = [record({"email": f"p{n}@example.com", "hat": "red", "coat": "blue"}) for n in range(2)]
    more = [record({"email": f"q{n}@example.com", "hat": "red", "coat": "blue"}) for n in range(2)]
    with connection.open(stream(columns("hat", "coat")), batch_size=2) as running:
        running.feed(*first, stream_state(1))
        running.wait_until(lambda run: len(run.states) == 1)
        del account.custom_fields["hat"]
        running.feed(*more, stream_state(2), *people("last", hat="red"), stream_state(3))
        run = running.finish()
    assert (run.exit_code, run.stats) == (0, [(2, 0), (2, 0), (1, 0)])
    stored = {contact.email: dict(contact.custom_fields) for contact in account.contacts()}
    assert stored == {
        "p0@example.com": {"hat": "red", "coat": "blue"},
        "p1@example.com": {"hat": "red", "coat": "blue"},
        "q0@example.com": {"coat": "blue"},
        "q1@example.com": {"coat": "blue"},
        "last@example.com": {},
    }
    (warning,) = (said for said in run.logs("WARN") if "vanished" in said)
    assert '"hat" (2 records)' in warning or '"hat" (3 records)' in warning
    # Once before the first record, and once when it turned out to be wrong.
    assert len(_asked(connection, "GET")) == 2


def test_questions_to_the_account_are_asked_again_while_the_service_is_away(
    connection: Connection,
) -> None:
    connection.sandbox.script(
        Fault(status=503, method="GET"), Fault(drop="before", method="GET", skip=1)
    )
    run = connection.sync([*people("a"), stream_state(1)])
    assert (run.exit_code, run.stats) == (0, [(1, 0)])


def test_null_keeps_what_is_stored_unless_it_is_said_to_clear_it(connection: Connection) -> None:
    account = connection.sandbox.account
    account.add_custom_field("hat")
    for name in ("keep", "clear"):
        account.add_contact(
            f"{name}@example.com",
            external_id=name,
            permission=4,
            standard_fields={"FIRSTNAME": "Max"},
            custom_fields={"hat": "red"},
        )
    configured = columns("first_name", "hat", "external_id")
    for name in ("keep", "clear"):
        nothing = {"first_name": None, "hat": None, "external_id": None}
        run = connection.sync(
            [*people(name, **nothing), stream_state(1)], stream(configured), null_values=name
        )
        assert (run.exit_code, run.stats) == (0, [(1, 0)])
    kept, cleared = account.contacts()
    assert (kept.standard_fields, kept.custom_fields) == ({"FIRSTNAME": "Max"}, {"hat": "red"})
    assert (cleared.standard_fields, cleared.custom_fields) == ({}, {})
    assert [(c.external_id, c.permission) for c in (kept, cleared)] == [("keep", 4), ("clear", 4)]

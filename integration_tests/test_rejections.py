"""How a person is told what was rejected, and what becomes of rejections that name nobody."""

from __future__ import annotations

import pytest

from integration_tests.bookkeeping import Run
from integration_tests.connection import Connection, columns, mapping, people
from integration_tests.platform import record, stream, stream_state
from maileon_sandbox import Fault


def _lines(run: Run) -> list[str]:
    return [said for said in run.logs("WARN") if said.startswith("Record ")]


def test_after_three_lines_of_one_reason_rejections_are_only_counted(
    connection: Connection,
) -> None:
    bad = [record({"email": "no address"})] * 12
    long = people("a", first_name="x" * 256)
    run = connection.sync([*bad, *long, stream_state(1)], batch_size=4)
    assert run.stats == [(0, 13)]
    lines = _lines(run)
    assert sum("error 3," in said for said in lines) == 3
    # Another reason has three lines of its own.
    assert sum("error 8," in said for said in lines) == 1
    (reasons,) = (said for said in run.logs("WARN") if "records were rejected" in said)
    assert "13 records were rejected" in reasons
    assert "12 x error 3, invalid email address" in reasons
    assert "1 x error 8" in reasons


def test_one_line_names_everything_that_is_wrong_with_a_record(connection: Connection) -> None:
    data = {"email": "a@", "first_name": "x" * 256, "gender": "x", "birthday": "1.1.2000"}
    run = connection.sync(
        [record(data), stream_state(1)], stream(columns("first_name", "gender", "birthday"))
    )
    (line,) = _lines(run)
    assert "error 3, invalid email address (field email)" in line
    assert "Also wrong: FIRSTNAME, GENDER, BIRTHDAY." in line


def test_a_code_that_no_document_has_is_shown_as_such(connection: Connection) -> None:
    data = people("a", country="x" * 256)
    run = connection.sync([*data, stream_state(1)], stream(columns("country")))
    (line,) = _lines(run)
    assert "error 28, unknown error code" in line
    assert "COUNTRY" in line


def test_a_rejection_that_names_nobody_is_found_by_halves(connection: Connection) -> None:
    account = connection.sandbox.account
    ids = [account.add_contact(f"p{n}@example.com").id for n in range(8)]
    # The report has no Maileon id: two of these contacts are rejected, and it cannot say which.
    data = [{"maileon_id": id_, "first_name": "Max"} for id_ in ids]
    for bad in (2, 5):
        data[bad]["first_name"] = "x" * 256
    run = connection.sync(
        [*map(record, data), stream_state(1)],
        stream({name: {"type": "string"} for name in ("maileon_id", "first_name")}),
        identifier_mode="maileon_id",
    )
    assert (run.exit_code, run.stats) == (0, [(6, 2)])
    assert sorted(said.partition(" of ")[0] for said in _lines(run)) == ["Record 3", "Record 6"]
    written = [contact.standard_fields.get("FIRSTNAME") for contact in account.contacts()]
    assert written == [None if n in {2, 5} else "Max" for n in range(8)]
    # Sent again, but counted once.
    assert run.additional("existing") == 6
    assert len(connection.synchronizations) > 1


def test_a_field_that_the_report_names_is_shown_only_if_it_is_one(
    connection: Connection,
) -> None:
    report = b"""<report><success>false</success><count_contacts>1</count_contacts>
        <count_existing_contacts>0</count_existing_contacts>
        <count_new_contacts>0</count_new_contacts>
        <count_invalid_contacts>1</count_invalid_contacts>
        <count_unsubscribed_contacts>0</count_unsubscribed_contacts>
        <invalid_contacts><contact><email>%s@example.com</email><external_id nil="true"/>
        <error code="99"><error_field>%s</error_field></error></contact></invalid_contacts>
        </report>"""
    for name, field in ((b"value", b"Geheim"), (b"field", b"FIRSTNAME")):
        connection.sandbox.script(
            Fault(body=report % (name, field), method="POST", contains=f"{name.decode()}@")
        )
    run = connection.sync(
        [*people("value", "field", first_name="Geheim"), stream_state(1)],
        batch_size=1,
        concurrent_requests=1,
    )
    first, second = _lines(run)
    assert "error 99, unknown error code." in first
    assert "Geheim" not in first + second
    assert "error 99, unknown error code (field FIRSTNAME)" in second


@pytest.mark.parametrize("status", [403, 503])
def test_no_question_is_asked_for_the_words_of_a_rejection(
    connection: Connection, status: int
) -> None:
    fields = Fault(status=status, method="GET", path="/contacts/fields/custom", times=None)
    connection.sandbox.script(fields)
    run = connection.sync(
        [*people("a", city="Bonn"), *people("b", city="x" * 256), stream_state(1)],
        stream(columns("city")),
        streams=mapping(("email", "email"), ("city", "standard:CITY")),
    )
    assert (run.exit_code, run.stats) == (0, [(1, 1)])
    (said,) = (line for line in run.logs("WARN") if line.startswith("Record 2 "))
    assert "error 7" in said
    assert {call.method for call in connection.sandbox.calls} == {"POST"}


@pytest.mark.parametrize("contacts", [1, 3_000])
def test_the_longest_report_is_read_at_once(connection: Connection, contacts: int) -> None:
    # Quoted three times in the report, and full of what looks like attributes.
    value = '="\u00f6"' * 63
    values = [f"{value}{n}" for n in range(contacts)]
    bad = [record({"email": text, "external_id": text}) for text in values]
    properties = columns("external_id")
    run = connection.sync([*bad, stream_state(1)], stream(properties), batch_size=3_000)
    assert run.stats == [(0, contacts)]
    assert len(run.logs("WARN")) > 1
    calls = [call for call in connection.sandbox.calls if call.method == "POST"]
    assert len(calls) == 1

"""The documented request and the documented report, from Airbyte's records to Airbyte's log."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from integration_tests.bookkeeping import Json, Run
from integration_tests.connection import Connection, columns
from integration_tests.documents import canonical, sample
from integration_tests.platform import line, record, stream, stream_state
from maileon_sandbox import Fault

COLUMNS = columns("external_id", "LASTNAME", "FIRSTNAME", "COLOR")
PEOPLE = [
    {
        "email": "max.mustermann@xqueue.com",
        "external_id": "external-id-1",
        "LASTNAME": "Mustermann",
        "FIRSTNAME": "Max",
        "COLOR": "BLUE",
    },
    {
        "email": "erika.mustermann@xqueue.com",
        "external_id": "external-id-2",
        "LASTNAME": "Mustermann",
        "FIRSTNAME": "Erika",
        "COLOR": "RED",
    },
]
ASKED_FOR = {"permission": "double_opt_in_plus", "sync_mode": "update"}


def _synchronize(connection: Connection, messages: list[Json], **schema_and_config: object) -> Run:
    connection.sandbox.account.add_custom_field("COLOR")
    properties = schema_and_config.pop("properties", COLUMNS)
    assert isinstance(properties, dict)
    run = connection.sync(messages, stream(properties), **ASKED_FOR, **schema_and_config)
    assert run.exit_code == 0
    return run


def test_records_become_the_documented_request(connection: Connection) -> None:
    _synchronize(connection, [record(person) for person in PEOPLE])
    (call,) = connection.synchronizations
    assert canonical(call.body) == canonical(sample("request"))
    assert call.parameters["permission"] == "5"
    assert call.parameters["sync_mode"] == "1"
    assert call.content_type == "application/vnd.maileon.api+xml; charset=utf-8"


def test_the_columns_may_be_named_as_databases_name_them(connection: Connection) -> None:
    names = {"LASTNAME": "last_name", "FIRSTNAME": "First-Name", "COLOR": "color"}
    renamed = [{names.get(k, k): value for k, value in person.items()} for person in PEOPLE]
    properties = {names.get(k, k): schema for k, schema in COLUMNS.items()}
    _synchronize(connection, [record(person) for person in renamed], properties=properties)
    (call,) = connection.synchronizations
    assert canonical(call.body) == canonical(sample("request"))


def test_mapped_columns_become_the_documented_preferences(connection: Connection) -> None:
    for name in ("Shopware", "Magento"):
        connection.sandbox.account.add_preference("Development", name)
    entries = [
        {"column": name.lower(), "target": f"preference:Development/{name}", "source": "test"}
        for name in ("Shopware", "Magento")
    ]
    people = [{**person, "shopware": True, "magento": False} for person in PEOPLE]
    _synchronize(
        connection,
        [record(person) for person in people],
        properties=COLUMNS | {name: {"type": "boolean"} for name in ("shopware", "magento")},
        streams=[{"name": "people", "mapping": entries}],
    )
    (call,) = connection.synchronizations
    assert canonical(call.body) == canonical(sample("request_with_preferences"))


@pytest.mark.parametrize("form", [list, json.dumps], ids=["a list", "the list as JSON text"])
def test_a_preferences_column_becomes_the_documented_preferences(
    connection: Connection, form: type[list[Json]]
) -> None:
    for name in ("Shopware", "Magento"):
        connection.sandbox.account.add_preference("Development", name)
    listed = [
        {"category": "Development", "name": name, "value": name == "Shopware", "source": "test"}
        for name in ("Shopware", "Magento")
    ]
    _synchronize(
        connection,
        [record({**person, "preferences": form(listed)}) for person in PEOPLE],
        properties=COLUMNS | {"preferences": {"type": "array"}},
    )
    (call,) = connection.synchronizations
    assert canonical(call.body) == canonical(sample("request_with_preferences"))


def test_the_documented_report_becomes_lines_that_say_what_is_wrong(
    connection: Connection,
) -> None:
    connection.sandbox.account.add_custom_field("test")
    connection.sandbox.script(
        Fault(body=sample("report"), method="POST", path="/contacts", whole_path=True)
    )
    addresses = ["max.mustermann.3@xqueue", "max.mustermann.2@xqueue.com", "anna@xqueue.com"]
    messages = [record({"email": address, "test": "x"}) for address in addresses]
    run = connection.sync([*messages, stream_state(1)], stream(columns("test")))
    assert run.exit_code == 0
    first, second = (said for said in run.logs("WARN") if said.startswith("Record "))
    assert "Record 1 of stream people" in first
    assert "error 3, invalid email address" in first
    assert "max.mustermann" not in first
    assert "Record 2 of stream people" in second
    assert "error 21, no such custom field (field test)" in second
    assert "Create the custom field" in second
    # The report counts three contacts and accounts for two: Maileon left the third out.
    assert run.stats == [(1, 2)]
    (summary,) = (said for said in run.logs("INFO") if "records read" in said)
    for pluralize in (
        "3 records read",
        "0 written",
        "2 rejected",
        "1 left out (1 by Maileon without a reason)",
    ):
        assert pluralize in summary
    (reasons,) = (said for said in run.logs("WARN") if "records were rejected" in said)
    assert "1 x error 3, invalid email address" in reasons
    assert "1 x error 21, no such custom field (field test)" in reasons


def test_a_state_comes_back_with_everything_that_was_in_it(connection: Connection) -> None:
    state = {
        "type": "STREAM",
        "stream": {
            "stream_descriptor": {"name": "people", "namespace": None, "novel": [1]},
            "stream_state": {"cursor": 123456789012345678901234567890, "text": "ü\u2028\\"},
        },
        "data": {"legacy": None},
        "novel": {"nested": [True, 0.1]},
    }
    message = {"type": "STATE", "state": state}
    run = connection.sync([record(PEOPLE[0]), message], stream(COLUMNS))
    (returned,) = run.states
    # The harness adds `id` and `sourceStats`, as the platform does, and compares all of it.
    assert returned["id"] == 1
    assert returned["sourceStats"] == {"recordCount": 1.0}
    assert {key: returned[key] for key in state} == state
    assert list(returned)[-1] == "destinationStats"
    assert returned["destinationStats"] == {
        "recordCount": 1.0,
        "rejectedRecordCount": 0.0,
        "additionalStats": {
            "created": 1.0,
            "existing": 0.0,
            "unsubscribed": 0.0,
            "merged": 0.0,
            "left_out": 0.0,
            "removed": 0.0,
        },
    }


def test_no_digit_of_a_state_is_lost(connection: Connection) -> None:
    data = b'{"fine":0.12345678901234567890123,"huge":1e400,"long":12345678901234567890123}'
    state = b'{"type":"STATE","state":{"type":"LEGACY","data":%b}}\n' % data
    given = line(record({"email": "a@example.com"})) + state
    run = connection.write(given)
    assert run.exit_code == 0
    (returned,) = (one for one in run.output.splitlines() if b'"STATE"' in one)
    exact = json.loads(returned, parse_float=Decimal)["state"]["data"]
    assert exact == json.loads(data, parse_float=Decimal)

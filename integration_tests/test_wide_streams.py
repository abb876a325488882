"""A stream of two hundred columns, of which all but two become fields."""

from __future__ import annotations

from integration_tests.bookkeeping import Json
from integration_tests.connection import Connection
from integration_tests.platform import record, stream, stream_state

STRING = {"type": "string"}
SCHEMAS: list[tuple[Json, str, object, str]] = [
    ({"type": ["null", "string"]}, "string", "Zoë 日本", "Zoë 日本"),
    ({"type": ["null", "integer"]}, "integer", 2**31 - 1, "2147483647"),
    ({"type": "number", "airbyte_type": "integer"}, "integer", 7.0, "7"),
    ({"type": "integer", "airbyte_type": "big_integer"}, "string", 2**70, str(2**70)),
    ({"type": "number"}, "float", 0.25, "0.25"),
    ({"oneOf": [{"type": "integer"}, {"type": "number"}]}, "float", 3, "3.0"),
    ({"type": ["boolean", "null"]}, "boolean", False, "false"),
    ({"type": "string", "format": "date"}, "date", "2024-02-29", "2024-02-29"),
    (
        {"type": "string", "format": "date-time", "airbyte_type": "timestamp_with_timezone"},
        "date",
        "2024-12-31T23:59:59-11:00",
        "2024-12-31",
    ),
    ({"type": "string", "format": "time"}, "string", "10:11:12", "10:11:12"),
    ({"type": "object"}, "string", {"a": [1, None]}, '{"a":[1,null]}'),
    ({"type": "array", "items": STRING}, "string", ["ä"], '["ä"]'),
    ({"anyOf": [{"type": "string"}, {"type": "integer"}]}, "string", 5, "5"),
    ({}, "string", "x", "x"),
]


def test_two_hundred_columns_become_fields_of_their_types_and_hold_what_was_sent(
    connection: Connection,
) -> None:
    wide = {f"Spalte Nr. {n:03}": SCHEMAS[n % len(SCHEMAS)] for n in range(200)}
    properties = {"email": STRING, **{name: schema for name, (schema, *_) in wide.items()}}
    data = {name: value for name, (_, _, value, _) in wide.items()}
    account = connection.sandbox.account
    # Two exist already, one with a type of its own for whole numbers.
    account.add_custom_field("Spalte Nr. 000")
    account.add_custom_field("Spalte Nr. 001")
    for turn in range(2):
        messages = [record({"email": f"p{n}@example.com", **data}) for n in range(3)]
        run = connection.sync(
            [*messages, stream_state(turn)], stream(properties), unmapped_columns="create"
        )
        assert (run.exit_code, run.stats) == (0, [(3, 0)])
        assert run.logs("WARN") == []
        created = [said for said in run.logs("INFO") if "was created in the account" in said]
        assert len(created) == (0 if turn else 198)
        told = [said.splitlines() for said in run.logs("INFO") if said.startswith("Stream")]
        tables = [[line for line in lines if "  ->  " in line] for lines in told]
        # Whole numbers wait for a record to tell how large they are.
        waiting = [name for name, (_, kind, *_) in wide.items() if kind == "integer"][1:]
        sizes = [201] if turn else [201 - len(waiting), len(waiting)]
        assert [len(rows) for rows in tables if rows] == sizes
    types = {name: str(kind) for name, kind in account.custom_fields.items()}
    expected = {name: kind for name, (_, kind, _, _) in wide.items()}
    assert types == {**expected, "Spalte Nr. 001": "string"}
    assert len(account.contacts()) == 3
    for contact in account.contacts():
        assert dict(contact.custom_fields) == {name: text for name, (*_, text) in wide.items()}

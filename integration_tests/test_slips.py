"""Slips of people and platforms in a configuration: what stops before anybody is harmed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from integration_tests.bookkeeping import Json, Run
from integration_tests.connection import Connection, columns, mapping
from integration_tests.platform import (
    call,
    catalog,
    record,
    stream,
    stream_state,
    write_arguments,
)

ENTRIES = (("left_at", "unsubscribe"), ("opt_in", "permission"))
COLUMNS = columns("left_at", "opt_in")
LEFT = {"email": "left@example.com", "left_at": "2024-05-01T10:00:00Z", "opt_in": "none"}
BOM = b"\xef\xbb\xbf"


@pytest.mark.parametrize(
    ("written", "arrives"),
    [
        ({"name": "customers", "namespace": "public"}, {"name": "customers"}),
        ({"name": "customers"}, {"name": "shop_customers"}),
        ({"name": "Users"}, {"name": "users"}),
        (
            {"name": "users", "namespace": "Public"},
            {"name": "users", "namespace": "public"},
        ),
        ({"name": "custmers"}, {"name": "customers"}),
    ],
    ids=str,
)
def test_a_mapping_that_nearly_fits_stops_the_sync_before_its_first_record(
    connection: Connection, written: dict[str, str], arrives: dict[str, str]
) -> None:
    connection.sandbox.account.add_contact("left@example.com", permission=4)
    configured = stream(COLUMNS, **arrives)
    messages = [record(LEFT, arrives["name"]), stream_state(1, arrives["name"])]
    run = connection.sync(messages, configured, streams=mapping(*ENTRIES, **written))
    assert run.error["failure_type"] == "config_error"
    assert f'arrives with the name "{arrives["name"]}"' in run.error["message"]
    assert (connection.sandbox.calls, run.states) == ([], [])


def test_a_mapping_of_another_connection_is_one_warning(connection: Connection) -> None:
    foreign = [*mapping(*ENTRIES, name="orders"), *mapping(*ENTRIES, name="products")]
    run = connection.sync([record({"email": "a@example.com"}), stream_state(1)], streams=foreign)
    assert (run.exit_code, run.stats) == (0, [(1, 0)])
    (told,) = [said for said in run.logs("WARN") if "not used" in said]
    assert '"orders", "products"' in told


def test_a_slip_in_a_column_names_the_column_that_was_meant(connection: Connection) -> None:
    streams = mapping(("frist_name", "standard:FIRSTNAME"))
    run = connection.sync([], stream(columns("first_name")), streams=streams)
    assert run.error["failure_type"] == "config_error"
    assert (
        'taken by column "frist_name", which the stream lacks (did you mean "first_name"?)'
    ) in run.error["message"]


@pytest.mark.parametrize("shown", [("UNSUBSCRIBE",), ()])
def test_a_column_of_opt_outs_in_other_case_is_no_silent_loss(
    connection: Connection, shown: tuple[str, ...]
) -> None:
    rows = [record({"email": "a@example.com", "UNSUBSCRIBE": True}), stream_state(1)]
    run = connection.sync(rows, stream(columns(*shown)))
    assert (run.exit_code, run.stats) == (0, [(1, 0)])
    told = 'Stream people: column "UNSUBSCRIBE" does not go to unsubscribe by its name.'
    assert len([said for said in run.logs("WARN") if said.startswith(told)]) == 1


@pytest.mark.parametrize(
    ("config", "told"),
    [
        (
            {"streams": mapping(("a", "standard:FRISTNAME"))},
            'not "standard:FRISTNAME" (did you mean "standard:FIRSTNAME"?)',
        ),
        ({"permission": "double-opt-in"}, 'not "double-opt-in" (did you mean "double_opt_in"?)'),
        ({"deleted_records": "delet"}, 'not "delet" (did you mean "delete"?)'),
        ({"deleted_record": "delete"}, '"deleted_record" (did you mean "deleted_records"?)'),
        ({"streams": mapping(("a", "custom:COLR"))}, '"COLR" (did you mean "COLOR"?)'),
        (
            {"streams": mapping(("a", "preference:News/Weekyl"))},
            '"Weekyl" in a category "News" (did you mean "News/Weekly"?)',
        ),
    ],
    ids=str,
)
def test_a_slip_in_a_value_names_what_was_written_and_what_was_meant(
    connection: Connection, config: Json, told: str
) -> None:
    connection.sandbox.account.add_custom_field("COLOR")
    connection.sandbox.account.add_preference("News", "Weekly")
    run = connection.sync([], stream(columns("a")), **config)
    assert run.error["failure_type"] == "config_error"
    assert told in run.error["message"]


def test_a_column_without_a_name_can_be_mapped(connection: Connection) -> None:
    connection.sandbox.account.add_custom_field("COLOR")
    rows = [record({"email": "a@example.com", "": "red"}), stream_state(1)]
    for entry, stored in ((("", "skip"), {}), (("", "custom:COLOR"), {"COLOR": "red"})):
        run = connection.sync(
            rows, stream(columns("")), streams=mapping(entry), unmapped_columns="fail"
        )
        assert (run.exit_code, run.stats) == (0, [(1, 0)])
        (contact,) = connection.sandbox.account.contacts()
        assert contact.custom_fields == stored


def _written(connection: Connection, *streams: Json, given: list[Json], **config: object) -> Run:
    """A run of `write` whose files begin with a byte order mark, as some editors save them."""
    arguments = write_arguments(connection.folder, connection.config(**config), catalog(*streams))
    for path in map(Path, arguments[2::2]):
        path.write_bytes(BOM + path.read_bytes())
    return call(*arguments, given=b"".join(json.dumps(one).encode() + b"\n" for one in given))


def test_files_that_begin_with_a_byte_order_mark_are_read(connection: Connection) -> None:
    people = record({"email": "a@example.com"})
    run = _written(connection, stream(), given=[people, stream_state(1)])
    assert (run.exit_code, run.stats) == (0, [(1, 0)])


def test_records_that_lost_their_namespace_are_written_and_counted_for_their_stream(
    connection: Connection,
) -> None:
    rows = [record({"email": f"p{number}@example.com"}, "users") for number in range(150)]
    run = _written(
        connection,
        stream(name="users", namespace="public"),
        given=[*rows, stream_state(1, "users", "public")],
        max_rejected_records=0,
    )
    assert (run.exit_code, run.stats) == (0, [(150, 0)])
    assert len(connection.sandbox.account.contacts()) == 150
    assert len([said for said in run.logs("WARN") if "without their namespace" in said]) == 1

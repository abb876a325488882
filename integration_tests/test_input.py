"""What comes in on standard input: pieces, noise, lines that are none, and a signal in between."""

from __future__ import annotations

import json
import signal
import time

import pytest

from integration_tests.bookkeeping import Json
from integration_tests.connection import Connection
from integration_tests.platform import catalog, line, record, stream_state, sync
from maileon_sandbox import Fault


def _person(n: int) -> bytes:
    return line(record({"email": f"person{n}@example.com"}))


@pytest.mark.parametrize(
    "bad",
    [
        b'{"type": "RECORD", "record": zqx-secret-content\n',
        b'{"type":"RECORD","record":{"stream":"people","data":{"zqx-secret-content":NaN}}}\n',
        b'{"type":"RECORD","record":{"stream":"people","data":{"first_name":"zqx\xff"}}}\n',
        b'{"type":"RECORD","record":{"stream":"people","data":{"first_name":"zqx',
        b"[1, 2\n",
    ],
    ids=["no JSON", "NaN", "not UTF-8", "cut off", "open list"],
)
def test_a_bad_line_ends_the_sync_with_its_number_after_all_before_it_was_written(
    connection: Connection, bad: bytes
) -> None:
    messages: list[Json | bytes] = [
        record({"email": "person1@example.com"}),
        stream_state(1),
        record({"email": "person2@example.com"}),
        b"\n",
        stream_state(2),
        record({"email": "person3@example.com"}),
        bad,
    ]
    after = [record({"email": "late@example.com"}), stream_state(3)]
    run = connection.sync([*messages, *(after if bad.endswith(b"\n") else [])])
    assert run.error["failure_type"] == "system_error"
    assert "line 7 " in run.error["message"]
    assert run.stats == [(1, 0), (1, 0)]
    assert len(connection.sandbox.account.contacts()) == 3
    # What follows the bad line is not read.
    assert connection.sandbox.account.by_email("late@example.com") is None
    assert b"zqx" not in run.output


def test_everything_but_records_and_states_is_passed_over(connection: Connection) -> None:
    noise: list[Json | bytes] = [
        b"\n",
        b"  \r\n",
        b"null\n",
        b"[]\n",
        b'"text"\n',
        b"17\n",
        b'{"no": "type"}\n',
        b'{"type": "NOVEL", "novel": {}}\n',
        line({"type": "LOG", "log": {"level": "INFO", "message": "hello"}}),
        line({"type": "TRACE", "trace": {"type": "STREAM_STATUS", "emitted_at": 1}}),
        line({"type": "RECORD", "record": None} | {"type": "CONTROL"}),
    ]
    run = connection.sync([*noise, record({"email": "a@example.com"}), *noise, stream_state(1)])
    assert run.exit_code == 0
    assert run.stats == [(1, 0)]


def test_explicit_nulls_unknown_keys_and_escapes_are_understood(connection: Connection) -> None:
    message: Json = {
        "type": "RECORD",
        "log": None,
        "state": None,
        "record": {
            "namespace": None,
            "stream": "people",
            "data": {"email": "a@example.com", "first_name": 'Zoë "Z" \\ \u2028 😀'},
            "emitted_at": 1,
            "meta": {"changes": []},
            "novel": {},
        },
    }
    given = json.dumps(message).encode() + b"\r\n" + line(stream_state(1)).rstrip(b"\n")
    run = connection.write(b"\xef\xbb\xbf" + given)
    assert run.exit_code == 0
    # The last line has no end, and counts all the same.
    assert run.stats == [(1, 0)]
    (contact,) = connection.sandbox.account.contacts()
    assert contact.standard_fields == {"FIRSTNAME": 'Zoë "Z" \\ \u2028 😀'}


def test_lines_may_come_in_pieces_and_many_at_once(connection: Connection) -> None:
    with connection.open(flush_interval_seconds=0.2) as running:
        first = line(record({"email": "a@example.com", "first_name": "Zoë"}))
        middle = first.index("ë".encode()) + 1
        for piece in (first[:5], first[5:middle], first[middle:-1]):
            running.feed(piece)
            time.sleep(0.05)
        assert connection.synchronizations == []
        running.feed(b"\n" + _person(1) + _person(2)[:30])
        running.wait_until(lambda _: len(connection.sandbox.account.contacts()) == 2)
        running.feed(_person(2)[30:])
        assert running.finish().exit_code == 0
    stored = connection.sandbox.account.contacts()
    assert [contact.email for contact in stored] == [
        "a@example.com",
        "person1@example.com",
        "person2@example.com",
    ]
    assert stored[0].standard_fields == {"FIRSTNAME": "Zoë"}


def test_no_input_at_all_is_a_sync_without_records(connection: Connection) -> None:
    run = connection.sync([])
    assert run.exit_code == 0
    assert connection.synchronizations == []


def test_a_clear_deletes_nothing(connection: Connection) -> None:
    connection.sandbox.account.add_contact("a@example.com")
    clear = catalog(
        {
            "stream": {"name": "people", "json_schema": {"properties": {"email": {}}}},
            "sync_mode": "full_refresh",
            "destination_sync_mode": "append_dedup",
            "generation_id": 2,
            "minimum_generation_id": 2,
            "sync_id": 8,
        }
    )
    config = connection.config(deleted_records="delete")
    run = sync(connection.folder, config, clear, [stream_state(None)])
    assert (run.exit_code, len(run.states)) == (0, 1)
    assert len(connection.sandbox.account.contacts()) == 1
    assert connection.removals == []


def test_a_record_without_data_is_rejected_and_the_others_are_written(
    connection: Connection,
) -> None:
    run = connection.sync(
        [record(None), record([1]), record({"email": "a@example.com"}), stream_state(1)]
    )
    assert run.exit_code == 0
    assert run.stats == [(1, 2)]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_sync_at_once_with_true_states_only(
    connection: Connection, number: int
) -> None:
    slow = Fault(delay_seconds=30, method="POST", path="/contacts", contains="slow@")
    connection.sandbox.script(slow)
    with connection.open(batch_size=1) as running:
        running.feed(record({"email": "fast@example.com"}), stream_state(1))
        running.wait_until(lambda run: len(run.states) == 1)
        running.feed(record({"email": "slow@example.com"}), stream_state(2))
        running.wait_until(lambda _: len(connection.synchronizations) == 2)
        run = running.end_by(number)
        # It did not wait for the answer.
        assert connection.synchronizations[1].status is None
    assert run.exit_code == 143
    assert run.stats == [(1, 0)]
    assert run.errors == []


def test_a_signal_while_the_source_is_silent_ends_the_sync_without_the_state_that_waits(
    connection: Connection,
) -> None:
    with connection.open() as running:
        running.feed(stream_state(0), record({"email": "a@example.com"}), stream_state(1))
        running.wait_until(lambda run: len(run.states) == 1)
        run = running.end_by(signal.SIGTERM)
    assert (run.exit_code, run.stats) == (143, [(0, 0)])
    assert connection.synchronizations == []

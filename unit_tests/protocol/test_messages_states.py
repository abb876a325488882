"""A STATE: whose it is, and that it comes out as it came in, whatever it holds."""

from __future__ import annotations

import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from destination_maileon.protocol.exact_json import dumps, loads
from destination_maileon.protocol.messages import (
    BadInput,
    StateMessage,
)
from destination_maileon.protocol.output import state_line
from unit_tests.protocol.test_exact_json import exact, values
from unit_tests.support.lines import decode

BOM = b"\xef\xbb\xbf"
STATS = {"recordCount": 3.0, "rejectedRecordCount": 1.0, "additionalStats": {}}
STATS_JSON = json.dumps(STATS, separators=(",", ":"))


def echoed(message: StateMessage) -> bytes:
    """How it leaves, with these statistics."""
    return state_line(message.line, {}, written=3, rejected=1)


def state(body: str) -> StateMessage:
    message = decode(f'{{"type":"STATE","state":{body}}}'.encode(), 1)
    assert isinstance(message, StateMessage)
    return message


@pytest.mark.parametrize(
    "line",
    [
        b'{"type":"STATE"}',
        b'{"type":"STATE","state":null}',
        b'{"type":"STATE","state":[]}',
    ],
)
def test_a_state_without_a_state(line: bytes) -> None:
    with pytest.raises(BadInput, match=r"^line 7 is a STATE without a state$"):
        decode(line, 7)


@pytest.mark.parametrize(
    "stream",
    [
        "null",
        "5",
        "{}",
        '{"stream_descriptor":null}',
        '{"stream_descriptor":{}}',
        '{"stream_descriptor":{"name":null}}',
        '{"stream_descriptor":{"name":"users","namespace":5}}',
    ],
)
def test_a_stream_state_of_no_stream(stream: str) -> None:
    with pytest.raises(BadInput, match="without the stream's name"):
        state(f'{{"type":"STREAM","stream":{stream}}}')


@pytest.mark.parametrize(
    ("descriptor", "scope"),
    [
        ('{"name":"users"}', (None, "users")),
        ('{"name":"users","namespace":null}', (None, "users")),
        ('{"name":"users","namespace":""}', (None, "users")),
        ('{"name":"users","namespace":"public"}', ("public", "users")),
    ],
)
def test_a_stream_state(descriptor: str, scope: tuple[str | None, str]) -> None:
    body = f'{{"type":"STREAM","stream":{{"stream_descriptor":{descriptor}}}}}'
    assert state(body).scope == scope


@pytest.mark.parametrize(
    "body",
    [
        '{"type":"GLOBAL","global":{"stream_states":[]}}',
        '{"type":"GLOBAL","global_":{"stream_states":[]},"global":null}',
        '{"type":"LEGACY","data":{"a":1}}',
        '{"data":{"a":1}}',
        '{"type":null,"stream":null}',
        '{"type":"stream"}',
        '{"type":"NEW","stream":{}}',
        "{}",
    ],
)
def test_a_state_of_all_streams(body: str) -> None:
    message = state(body)
    assert message.scope is None
    assert json.loads(message.line) == {"type": "STATE", "state": json.loads(body)}


@pytest.mark.parametrize("cursor", ["1", "12345678901234567890123", "1e400"])
def test_a_state_in_the_first_line_is_decoded_without_its_byte_order_mark(cursor: str) -> None:
    line = f'{{"type":"STATE","state":{{"data":{cursor}}}}}'.encode()
    message = decode(BOM + line, 1)
    assert isinstance(message, StateMessage)
    assert message.line == line


@given(
    st.dictionaries(st.text(), values, max_size=4),
    st.dictionaries(st.text(), values, max_size=4),
    values,
)
def test_a_state_comes_out_as_it_came_in(
    around: dict[str, object], inside: dict[str, object], blob: object
) -> None:
    body = {**inside, "type": "GLOBAL", "global": {"shared_state": blob}, "destinationStats": 1}
    line = dumps({**around, "type": "STATE", "id": 7, "state": body})
    message = decode(line, 1)
    assert isinstance(message, StateMessage)
    echo = loads(echoed(message))
    assert exact(echo) == exact({**json_value(line), "state": {**body, "destinationStats": STATS}})
    assert isinstance(echo, dict)
    assert list(echo) == list(json_value(line))
    assert list(echo["state"]) == list(body)


def json_value(line: bytes) -> dict[str, object]:
    value = loads(line)
    assert isinstance(value, dict)
    return value


@pytest.mark.parametrize(
    "cursor",
    [
        "123456789012345678901234567890",
        "0.1000000000000000055",
        "1E+400",
        "1.5E-400",
        "7" * 10_000,
        "1.0",
        '"\\ud800"',
        '{"b":1,"a":[]}',
    ],
)
def test_a_cursor_comes_out_letter_by_letter(cursor: str) -> None:
    body = f'{{"data":{cursor},"destinationStats":{STATS_JSON}}}'
    line = f'{{"id":1,"type":"STATE","state":{body}}}'.encode()
    message = decode(line, 1)
    assert isinstance(message, StateMessage)
    assert echoed(message) == line + b"\n"


def test_a_state_nested_deeper_than_orjson_writes_comes_out() -> None:
    deep = b"[" * 900 + b"1" + b"]" * 900
    line = (
        b'{"type":"STATE","state":{"data":' + deep + b',"destinationStats":' + STATS_JSON.encode()
    )
    line += b"}}"
    message = decode(line, 1)
    assert isinstance(message, StateMessage)
    assert echoed(message) == line + b"\n"


def a_state_of_many_streams(number: int) -> bytes:
    cursor = {"at": "2026-08-01T12:34:56Z", "ids": [number, number + 0.5], "done": True}
    streams = [{"stream_descriptor": {"name": str(n)}, "stream_state": cursor} for n in range(50)]
    return dumps({"type": "STATE", "state": {"type": "GLOBAL", "global": {"states": streams}}})


def test_a_state_that_is_held_back_takes_hardly_more_memory_than_its_line() -> None:
    lines = [a_state_of_many_streams(number) for number in range(100)]
    tracemalloc.start()
    try:
        held = [decode(line, 1) for line in lines]
        more, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert all(isinstance(message, StateMessage) for message in held)
    assert more < 0.1 * sum(map(len, lines))

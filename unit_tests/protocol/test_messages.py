"""Whatever the line: a message, nothing, or an error with its number and none of its content."""

from __future__ import annotations

import re
import traceback
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from destination_maileon.protocol.exact_json import dumps
from destination_maileon.protocol.messages import (
    BadInput,
    RecordMessage,
    StateMessage,
)
from destination_maileon.protocol.output import state_line
from unit_tests.protocol.test_exact_json import exact, values
from unit_tests.support.lines import decode

BOM = b"\xef\xbb\xbf"
RECORD = b'{"type":"RECORD","record":{"stream":"users","data":{"id":1},"emitted_at":5}}'
DEEP = b'{"type":"LOG","a":' + b"[" * 20_000 + b"]" * 20_000 + b"}"


def record(data: str, *, more: str = "") -> RecordMessage:
    line = f'{{"type":"RECORD","record":{{"stream":"users","data":{data}{more}}}}}'
    message = decode(line.encode(), 1)
    assert isinstance(message, RecordMessage)
    return message


def data_of(text: str) -> dict[str, object]:
    data = record(text).decoded_data()
    assert data is not None
    return data


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b" ",
        b"\r",
        b" \t\r",
        BOM,
        BOM + b"\r",
        b"[]",
        b"1",
        b"null",
        b'"text"',
        b"{}",
        b'{"type":null}',
        b'{"type":[]}',
        b'{"type":"record","record":{"stream":"users","data":{}}}',
        b'{"type":"LOG","log":{"level":"NEW","message":"x"}}',
        b'{"type":"TRACE","trace":{"type":"STREAM_STATUS"}}',
        b'{"type":"CONTROL"}',
        b'{"type":"SOMETHING_NEW","record":5}',
        b'{"type":"LOG","n":1e400}',
    ],
)
def test_ignored(line: bytes) -> None:
    assert decode(line, 1) is None


@pytest.mark.parametrize(
    "line",
    [
        RECORD,
        RECORD + b"\r",
        b"  " + RECORD + b" \t",
        BOM + RECORD,
        RECORD.replace(b'"stream"', b'"namespace":null,"stream"'),
        RECORD.replace(b'"stream"', b'"namespace":"","stream"'),
        RECORD.replace(b'{"type"', b'{"state":null,"log":null,"new_key":[1],"type"'),
    ],
)
def test_a_record(line: bytes) -> None:
    message = decode(line, 1)
    assert isinstance(message, RecordMessage)
    assert message.stream == (None, "users")
    assert message.decoded_data() == {"id": 1}
    assert (message.line, message.line_number) == (line.removeprefix(BOM), 1)


def test_a_record_with_a_namespace() -> None:
    assert record("{}", more=',"namespace":"public"').stream == ("public", "users")


@pytest.mark.parametrize("data", ["null", "[]", '"text"', "5"])
def test_a_record_whose_data_is_no_object_has_none(data: str) -> None:
    assert record(data).decoded_data() is None


def test_a_record_without_data_has_none() -> None:
    message = decode(b'{"type":"RECORD","record":{"stream":"users"}}', 1)
    assert isinstance(message, RecordMessage)
    assert message.decoded_data() is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("18446744073709551615", 18446744073709551615),
        ("18446744073709551616", 18446744073709551616),
        ("-9223372036854775809", -9223372036854775809),
        ("123456789012345678901234567890", 123456789012345678901234567890),
        ("0.12345678901234567890", Decimal("0.12345678901234567890")),
        ("1e400", Decimal("1e400")),
        ("[9223372036854775807]", [9223372036854775807]),
        ("[123456789012345678901]", [123456789012345678901]),
        ('{"b":{"c":1234567890123456.789}}', {"b": {"c": Decimal("1234567890123456.789")}}),
        ("1" * 10_000, Decimal("1" * 10_000)),
        ("0.5", Decimal("0.5")),
        ("0.30000000000000004", Decimal("0.30000000000000004")),
        ('"\\ud800"', "\ud800"),
        ("-0", 0),
        ("null", None),
    ],
)
def test_values_are_exact(text: str, value: object) -> None:
    seen = data_of(f'{{"a":{text}}}')["a"]
    assert seen == value
    assert type(seen) is type(value)


@pytest.mark.parametrize(
    "line",
    [
        b'{"type":"RECORD","record":{"stream":"users","data":{"a":NaN}}}',
        b'{"type":"RECORD","record":{"stream":"users","data":{"a":-Infinity}}}',
        RECORD[:-1],
        RECORD + b"x",
        RECORD + RECORD,
        RECORD.replace(b"users", b"us\x01ers"),
        RECORD.replace(b"users", b"us\xffers"),
        RECORD.replace(b"users", b"us\xed\xa0\x80ers"),
        b"\x00",
        b"\x0c",
        BOM + BOM + RECORD,
        b"private@example.com",
        b'{"a":1e1000000000000000000}',
        DEEP,
    ],
)
def test_a_bad_line(line: bytes) -> None:
    with pytest.raises(BadInput) as caught:
        decode(line, 1)
    assert str(caught.value) == "line 1 of the input is not valid JSON"


def test_a_byte_order_mark_is_dropped_at_the_start_only() -> None:
    with pytest.raises(BadInput):
        decode(BOM + RECORD, 2)


@pytest.mark.parametrize(
    "line",
    [
        b'{"type":"RECORD"}',
        b'{"type":"RECORD","record":null}',
        b'{"type":"RECORD","record":[]}',
        b'{"type":"RECORD","record":{"data":{}}}',
        b'{"type":"RECORD","record":{"stream":null,"data":{}}}',
        b'{"type":"RECORD","record":{"stream":5,"data":{}}}',
        b'{"type":"RECORD","record":{"stream":"users","namespace":[],"data":{}}}',
    ],
)
def test_a_record_of_no_stream(line: bytes) -> None:
    with pytest.raises(BadInput, match=r"^line 7 is a RECORD without a stream name$"):
        decode(line, 7)


def told(error: BaseException) -> str:
    """Everything that a log could show of an exception, those behind it included."""
    behind = error.__cause__ or error.__context__
    shown = "".join(traceback.format_exception_only(error)) + repr(error) + repr(vars(error))
    return shown + (told(behind) if behind else "")


SECRET = "s3cr3t@example.com"


@pytest.mark.parametrize(
    "line",
    [
        f"{SECRET}",
        f'{{"a":"{SECRET}","b":NaN}}',
        f'{{"a":"{SECRET}',
        f'{{"type":"RECORD","record":{{"data":{{"a":"{SECRET}"}}}}}}',
        f'{{"type":"STATE","id":"{SECRET}"}}',
        f'{{"type":"STATE","state":{{"type":"STREAM","stream":"{SECRET}"}}}}',
    ],
)
def test_an_error_tells_the_line_and_nothing_of_it(line: str) -> None:
    for text in (line.encode(), line.encode() + b"\xff"):
        with pytest.raises(BadInput) as caught:
            decode(text, 4711)
        assert "line 4711 " in str(caught.value)
        assert SECRET not in told(caught.value)
        assert caught.value.__cause__ is None
        assert caught.value.__context__ is None


def outcome(line: bytes, number: int) -> object:
    try:
        return decode(line, number)
    except BadInput as error:
        return error


def assert_invariant(line: bytes, number: int) -> None:
    """Nothing but a message, nothing, or an error with the number and no content, comes of it."""
    error = outcome(line, number)
    if isinstance(error, BadInput):
        assert re.fullmatch(rf"line {number} (of the input is not|is a) [\w ']+", str(error))
        assert error.__cause__ is None
        assert error.__context__ is None


@given(st.binary(), st.integers(min_value=1, max_value=3))
def test_any_bytes(line: bytes, number: int) -> None:
    assert_invariant(line, number)


@given(st.data())
def test_any_damage_to_a_record(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(RECORD)))
    end = data.draw(st.integers(start, len(RECORD)))
    assert_invariant(RECORD[:start] + data.draw(st.binary(max_size=5)) + RECORD[end:], 1)


@given(st.sampled_from(["RECORD", "STATE", "LOG"]), values)
def test_any_value_in_the_place_of_the_content(kind: str, value: object) -> None:
    assert_invariant(dumps({"type": kind, kind.lower(): value}), 1)


@given(st.dictionaries(st.text(), values))
def test_any_data_is_read_exactly(data: dict[str, object]) -> None:
    line = dumps({"type": "RECORD", "record": {"stream": "users", "data": data}})
    message = decode(line, 1)
    assert isinstance(message, RecordMessage)
    assert exact(message.decoded_data()) == exact(data)


@pytest.mark.parametrize("nought", ["0e9999999999999999999", "0e-9999999999999999999"])
def test_what_only_orjson_can_read_stays_as_it_reads_it(nought: str) -> None:
    assert data_of(f'{{"a":[{nought}]}}') == {"a": [0.0]}


@pytest.mark.parametrize(
    "beside",
    ["1e-9999999999999999999", "-1E-9999999999999999999", "[" * 1020 + "]" * 1020],
    ids=["a tiny number", "a tiny number below zero", "the deepest that orjson reads"],
)
def test_whatever_stands_beside_a_long_number_it_is_read_exactly(beside: str) -> None:
    line = f'{{"a":12345678901234567890123,"b":{beside}}}'
    assert data_of(line)["a"] == 12345678901234567890123
    state = decode(f'{{"type":"STATE","state":{{"data":{line}}}}}'.encode(), 1)
    assert isinstance(state, StateMessage)
    assert b"12345678901234567890123" in state_line(state.line, {}, written=0, rejected=0)


def test_a_number_beyond_every_decimal_is_a_bad_line_once_it_is_looked_at() -> None:
    with pytest.raises(BadInput, match="line 1 "):
        record('{"a":1e9999999999999999999}').decoded_data()

"""Numbers and characters survive reading and writing."""

from __future__ import annotations

import json
import re
import sys
import time
from decimal import Decimal

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from destination_maileon.protocol.exact_json import dumps, loads, members

numbers = st.one_of(
    st.integers(),
    st.integers(min_value=-(10**40), max_value=10**40),
    st.floats(allow_nan=False, allow_infinity=False),
    st.decimals(allow_nan=False, allow_infinity=False),
)
# Every code point, lone surrogates included.
texts = st.text(alphabet=st.characters(categories=None))
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner) | st.dictionaries(texts, inner),
    max_leaves=20,
)


def exact(value: object) -> object:
    """What `loads` makes of it: every number with a fraction or an exponent is a `Decimal`."""
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, list):
        return [exact(item) for item in value]
    if isinstance(value, dict):
        return {key: exact(item) for key, item in value.items()}
    return value


@given(values)
def test_what_was_written_is_read_back(value: object) -> None:
    assert loads(dumps(value)) == exact(value)


@given(st.dictionaries(texts, values))
def test_an_object_that_is_taken_apart_and_put_together_is_the_same(
    value: dict[str, object],
) -> None:
    assert loads(dumps(members(dumps(value)))) == exact(value)


@pytest.mark.parametrize(
    "member",
    [b"1e400", b"0.1000000000000000055", b"7" * 10_000, b'"\\u00fc"', b'{"a":[1,2]}', b"-0.0"],
)
def test_a_member_stays_letter_by_letter(member: bytes) -> None:
    line = b'{"a":%s,"b":1}' % member
    assert dumps(members(line)) == line


def test_members_are_compact() -> None:
    assert dumps(members(b' { "a" : [ 1.50 ,\r" b" ] } ')) == b'{"a":[1.50," b"]}'


def test_the_members_of_a_member() -> None:
    around = members(b'{"a":{"b":1.50}}')
    assert dumps(around | {"a": members(around["a"]) | {"c": None}}) == b'{"a":{"b":1.50,"c":null}}'


@pytest.mark.parametrize("text", [b"[]", b'"\\ud800"', b"5"])
def test_what_is_no_object_has_no_members(text: bytes) -> None:
    with pytest.raises(TypeError):
        members(text)


@pytest.mark.parametrize("digits", ["1" * 4000, "1" * 4001, "1" * 10_000, "-" + "9" * 10_000])
def test_whole_numbers_of_any_length_come_through(digits: str) -> None:
    line = f'{{"a":{digits}}}'.encode()
    assert dumps(loads(line)) == line


def test_a_number_of_a_million_digits_takes_no_quadratic_time() -> None:
    line = b"[" + b"7" * 1_000_000 + b"]"
    begin = time.process_time()
    assert dumps(loads(line)) == line
    assert time.process_time() - begin < 2


@pytest.mark.parametrize("number", ["1e-9999999999999999999", "0e9999999999999999999"])
def test_what_no_decimal_can_hold_is_nothing(number: str) -> None:
    assert loads(f"[{number},0.10]".encode()) == [0.0, Decimal("0.10")]


@pytest.mark.parametrize("number", ["1e1000000000000000000", "-1E+1000000000000000000"])
def test_what_is_beyond_every_number_is_refused(number: str) -> None:
    with pytest.raises(ValueError, match=re.escape(number)):
        loads(f"[{number}]".encode())


def test_reading_leaves_the_limit_of_calls_as_it_was() -> None:
    limit = sys.getrecursionlimit()
    assert loads(b"[" * 1020 + b"]" * 1020)
    with pytest.raises(RecursionError):
        loads(b"[" * 100_000)
    assert sys.getrecursionlimit() == limit


@pytest.mark.parametrize("number", ["1E+400", "1.50", "0.1000000000000000055", "-0.0"])
def test_numbers_keep_their_digits(number: str) -> None:
    assert dumps(loads(number.encode())) == number.encode()


def test_a_lone_surrogate_is_escaped() -> None:
    assert dumps({"\udfff": ["\ud800ü"]}) == b'{"\\udfff":["\\ud800\xc3\xbc"]}'


def test_empty_objects_and_arrays_beside_a_lone_surrogate() -> None:
    value = {"a": {}, "b": [], "c": [{}, "\ud800"], "d": [[]]}
    assert json.loads(dumps(value)) == value


def test_what_orjson_reads_at_its_deepest_is_written() -> None:
    line = b"[" * 1000 + b"1" + b"]" * 1000
    assert dumps(orjson.loads(line)) == line


@pytest.mark.parametrize(("head", "tail"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_what_is_read_at_its_deepest_is_written(head: bytes, tail: bytes) -> None:
    line = head * 1400 + b"1e400" + tail * 1400
    assert dumps(loads(line)) == line.replace(b"1e400", b"1E+400")


@pytest.mark.parametrize(
    "text",
    [
        b"NaN",
        b"[Infinity]",
        b"-Infinity",
        b"{} {}",
        b'"\xff"',
        b'"\xed\xa0\x80"',
        b'"\t"',
        b"[01]",
        b"[1.]",
        b"[.5]",
        b"[+1]",
        b"{'a':1}",
        b"[1,]",
        b"\x0c{}",
        b"\xc2\xa0{}",
        b"",
    ],
)
def test_what_is_no_json_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - which words json has for it is its own business
        loads(text)


def test_what_no_json_has_is_not_written() -> None:
    with pytest.raises(TypeError):
        dumps({"a": object()})

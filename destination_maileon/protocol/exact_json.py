"""JSON whose every number and character survives reading and writing.

This module alone decides what counts as JSON where orjson, which is several times as fast, rounds
(digits beyond a double's) or refuses what RFC 8259 allows (a lone surrogate, 1e400, integers over
64 bits). Invariant: `loads(dumps(value)) == value`, and `dumps` writes whatever `loads` returned.
A number here is an int, a float, or a `Decimal` where either would not do.
"""

import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from math import isinf
from typing import NoReturn

import orjson

_MAX_INT_DIGITS = 4000
"""Python refuses to turn more than 4300 digits into an int, as that takes quadratic time."""

_MAX_READING_CALLS = 1_500
"""So deep may calls be nested while a text is read, one for each of its levels: orjson reads 1,024
levels, and Python allows 1,000 calls."""

_MAX_WRITING_CALLS = 4_500
"""The same while it is written, two for each level. What was read must be written."""

_MAX_EXACT_DIGITS = 18
"""A whole number of so many digits fits 64 bits, whatever its sign."""

# Up to 15 significant digits a double gives back as they were, unless it is next to zero. To find
# what may be more, every digit becomes the same one first, so that plain searches do: an
# expression takes about eight times as long (`make bench`).
_SHAPE = bytes(
    ord("0" if byte in b"0123456789." else "e" if byte in b"eE" else "-" if byte in b"-" else " ")
    for byte in range(256)
)
_LONG_DIGITS = b"0" * 16
_NEXT_TO_ZERO = b"e-000"
_NUMBER = re.compile(rb"[0-9.]+(?:[eE][+-]?[0-9]+)?")


def loads(line: bytes) -> object:
    """Any JSON text, exactly; what is nearer to zero than any `Decimal` is zero.

    Raises ValueError (also for a number beyond every `Decimal`) or RecursionError (nested more than
    some 1,400 deep). They hold the text: whoever catches them must not pass them on.
    """
    with _nested(_MAX_READING_CALLS):
        return _DECODER.decode(line.decode())


def is_rounded_by_orjson(line: bytes) -> bool:
    """Whether orjson would read a number of this valid JSON text as another; in doubt, yes."""
    shape = line.translate(_SHAPE)
    return _NEXT_TO_ZERO in shape or any(map(_is_rounded, _long_numbers(line, shape)))


def dumps(value: object) -> bytes:
    """Compact JSON of what `loads` or orjson read."""
    try:
        return orjson.dumps(value, default=_decimal)
    except (TypeError, UnicodeEncodeError):
        with _nested(_MAX_WRITING_CALLS):
            return _written(value).encode()


@contextmanager
def _nested(calls: int) -> Iterator[None]:
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, calls))
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)


def _integer(digits: str) -> int | Decimal:
    return int(digits) if len(digits) <= _MAX_INT_DIGITS else Decimal(digits)


def _fraction(digits: str) -> Decimal | float:
    try:
        return Decimal(digits)
    except ArithmeticError:  # an exponent of more than 18 digits
        number = float(digits)
    if isinf(number):
        raise ValueError(digits)
    return number


def _refused(constant: str) -> NoReturn:
    raise ValueError(constant)


_DECODER = json.JSONDecoder(parse_float=_fraction, parse_int=_integer, parse_constant=_refused)


def _long_numbers(line: bytes, shape: bytes) -> Iterator[str]:
    start = shape.find(_LONG_DIGITS)
    while start >= 0 and (number := _NUMBER.match(line, start)):
        # After a quotation mark stands a text; further into one, digits pass for a number.
        if line[start - 1 : start] != b'"':
            yield number[0].decode()
        start = shape.find(_LONG_DIGITS, number.end())


def _is_rounded(number: str) -> bool:
    if number.isdigit():
        return len(number) > _MAX_EXACT_DIGITS
    try:
        return Decimal(number) != Decimal(repr(float(number)))
    except (ValueError, ArithmeticError):  # digits and points of a text, no number
        return True


def _decimal(value: object) -> orjson.Fragment:
    if isinstance(value, Decimal):
        return orjson.Fragment(str(value))
    raise TypeError


def _written(value: object) -> str:
    if isinstance(value, dict):
        members = [f"{json.dumps(key)}:{_written(member)}" for key, member in value.items()]
        return f"{{{','.join(members)}}}"
    if isinstance(value, list):
        return f"[{','.join([_written(item) for item in value])}]"
    # json, unlike orjson, has integers of any size and escapes a lone surrogate.
    return str(value) if isinstance(value, Decimal) else json.dumps(value)

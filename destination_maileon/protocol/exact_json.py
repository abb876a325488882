"""JSON whose every number and character survives reading and writing.

orjson, which is several times as fast, rounds digits beyond a double's, and refuses a lone
surrogate, 1e400, integers over 64 bits. A number here is an int, a float, or a `Decimal` where
either would not do. Invariant: `loads(dumps(value)) == value`.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from functools import partial

import msgspec

_MAX_INT_DIGITS = 4000
"""Python refuses to turn more than 4300 digits into an int, as that takes quadratic time."""

_MAX_READING_CALLS = 1_500
"""One for each level of a text: orjson reads 1,024 levels, and Python allows 1,000 calls."""

_MAX_WRITING_CALLS = 25_000
"""Two for each level of what was read. Python 3.13 reads 10,000 whatever number is allowed."""

_compact = partial(msgspec.json.format, indent=-1)
_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_encode = msgspec.json.Encoder(decimal_format="number").encode
_quoted = json.JSONEncoder(ensure_ascii=False).encode


def loads(line: bytes) -> object:
    """Any JSON text, exactly; what is nearer to zero than any `Decimal` is zero.

    Raises ValueError (also for a number beyond every `Decimal`) or RecursionError (nested more than
    some 1,400 deep), which hold the text: whoever catches them must not pass them on.
    """
    with _nested(_MAX_READING_CALLS):
        return _DECODER.decode(line.decode())


def members(value: object) -> dict[str, object]:
    """The members of a JSON object, or of such a member, each as its own compact bytes.

    Where msgspec fails (a lone surrogate, some 900 levels) each is what `loads` reads. Raises what
    `loads` does, TypeError for no object.
    """
    if isinstance(value, bytes | msgspec.Raw):
        try:
            return dict(_members(value if isinstance(value, msgspec.Raw) else _compact(value)))
        except (msgspec.DecodeError, RecursionError):
            value = loads(bytes(value))
    if not isinstance(value, dict):
        raise TypeError("no object")
    return value


def dumps(value: object) -> bytes:
    """Compact JSON of what `loads`, `members` or orjson read."""
    # A lone surrogate, which is no character, becomes its escape.
    return text(value).encode(errors="backslashreplace")


def text(value: object) -> str:
    """The same as a text in which nothing but control characters is escaped."""
    try:
        return _encode(value).decode()
    except (UnicodeEncodeError, RecursionError):
        with _nested(_MAX_WRITING_CALLS):
            return _written(value)


@contextmanager
def _nested(calls: int) -> Iterator[None]:
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, calls))
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)


def _fraction(digits: str) -> Decimal | float:
    try:
        return Decimal(digits)
    except ArithmeticError:  # an exponent of more than 18 digits: without an end, or nothing
        if float(digits):
            raise ValueError(digits) from None
        return 0.0


_DECODER = json.JSONDecoder(
    parse_float=_fraction,
    parse_int=lambda digits: (int if len(digits) <= _MAX_INT_DIGITS else Decimal)(digits),
    # NaN and the infinities are no JSON, and int raises ValueError for them.
    parse_constant=int,
)


def _written(value: object) -> str:
    if isinstance(value, dict):
        pairs = [f"{_quoted(key)}:{_written(member)}" for key, member in value.items()]
        return f"{{{','.join(pairs)}}}"
    if isinstance(value, list):
        return f"[{','.join([_written(item) for item in value])}]"
    if isinstance(value, msgspec.Raw):
        return bytes(value).decode()
    return str(value) if isinstance(value, Decimal) else _quoted(value)

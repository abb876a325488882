"""One line of the input -> an Airbyte message.

This module alone decides what is accepted from a source. Invariant: whatever the line, it becomes
a message, nothing, or an error that says the line's number and nothing of its content, neither in
its text nor in the exceptions behind it.

Decoded here and not by the CDK, whose models lose keys they do not know (the platform fails a sync
whose STATE comes back without its `id`), stop at a new enum value, round long numbers, and drop
what they cannot read.

Ignored: empty lines, JSON that is no object, every type but RECORD and STATE. An explicit null
counts as absent, so does an empty namespace. A number beyond every `Decimal` (an exponent of more
than 18 digits) and a line nested more than some 1,400 deep pass for bad lines: RFC 8259 lets a
reader have limits. A number nearer to zero than any `Decimal` is zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import orjson

from destination_maileon.protocol import exact_json
from destination_maileon.protocol.exact_json import is_rounded_by_orjson

StreamKey: TypeAlias = tuple[str | None, str]
"""Namespace and name."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_JSON_SPACE = b" \t\r\n"
_MAY_BE_ROUNDED = frozenset({float, dict, list})
_BACKSLASH, _AMPERSAND, _LESS_THAN, _GREATER_THAN = rb"\&<>"
_BEGINS_LAST_OF_PLANE = 0xEF
_REFUSED = object()


class BadInput(Exception):
    """What came in is no message; the text says which line, and never what it holds."""

    def __init__(self, line_number: int, problem: str) -> None:
        super().__init__(f"line {line_number} {problem}")
        self.line_number = line_number


class BadLine(BadInput):
    """A line that is not JSON by RFC 8259."""

    def __init__(self, line_number: int) -> None:
        super().__init__(line_number, "of the input is not valid JSON")


class BadMessage(BadInput):
    """A line that is JSON, and a RECORD or STATE by its type, but lacks what makes it one."""


@dataclass(slots=True)
class RecordMessage:
    """A RECORD. `data` is None if it is missing or no object; `record` is the object around it.

    `types` are those of its values. `is_clean` tells that no text in it holds a character that JSON
    or XML would write in another way. `size` is that of its line, in bytes.
    """

    stream: StreamKey
    data: dict[str, object] | None
    types: tuple[type, ...]
    is_clean: bool
    record: dict[str, object]
    size: int


@dataclass(slots=True)
class StateMessage:
    """A STATE: its line as it came; its stream, or None for all.

    Many are held back until the records before them are settled, and decoded they would take a
    multiple of the memory of their lines.
    """

    line: bytes
    scope: StreamKey | None

    @property
    def size(self) -> int:
        """Of its line, in bytes."""
        return len(self.line)

    def decoded(self) -> dict[str, object]:
        """The whole message, every key and digit; decoded anew for whoever asks."""
        try:
            message = orjson.loads(self.line)
        except orjson.JSONDecodeError:
            message = _REFUSED
        if message is _REFUSED or is_rounded_by_orjson(self.line):
            exact = _exactly(self.line)
            message = message if exact is _REFUSED else exact
        assert isinstance(message, dict)  # noqa: S101 - no other line has become a STATE
        return message


def decode(line: bytes, line_number: int) -> RecordMessage | StateMessage | None:
    """The message of one line, numbered from 1; None for what a destination ignores."""
    try:
        message = orjson.loads(line)
    except orjson.JSONDecodeError:
        # Not decided here: an exception raised here would carry this one, and with it the line.
        message = _REFUSED
    if message is _REFUSED:
        message = _decoded_by_the_letter(line, line_number)
    if type(message) is not dict:
        return None
    kind = message.get("type")
    if kind == "RECORD":
        return _record(message, line, line_number=line_number)
    return _state(message, line, line_number=line_number) if kind == "STATE" else None


def _decoded_by_the_letter(line: bytes, line_number: int) -> object:
    if line_number == 1:
        line = line.removeprefix(_BYTE_ORDER_MARK)
    if not line.strip(_JSON_SPACE):
        return None
    message = _exactly(line)
    if message is _REFUSED:
        raise BadLine(line_number)
    return message


def _exactly(line: bytes) -> object:
    try:
        return exact_json.loads(line)
    except (ValueError, RecursionError):
        return _REFUSED


def _record(
    message: dict[str, object], line: bytes, *, line_number: int, is_exact: bool = False
) -> RecordMessage:
    record = message.get("record")
    if type(record) is not dict:
        raise BadMessage(line_number, "is a RECORD without a stream name")
    data = record.get("data")
    if type(data) is not dict:
        data = None
    types = tuple(map(type, data.values())) if data else ()
    # A look at the types is cheap, so that only few lines are searched for long numbers.
    if not (is_exact or _MAY_BE_ROUNDED.isdisjoint(types)) and is_rounded_by_orjson(line):
        message = _exact_message(line, message)
        return _record(message, line, line_number=line_number, is_exact=True)
    name = record.get("stream")
    namespace = record.get("namespace")
    if type(name) is not str or not (namespace is None or type(namespace) is str):
        raise BadMessage(line_number, "is a RECORD without a stream name")
    stream = (namespace or None, name)
    return RecordMessage(stream, data, types, _is_clean(line), record, len(line))


def _is_clean(line: bytes) -> bool:
    # The first byte of U+FFFE and U+FFFF is that of few other characters. To look for bytes as such
    # and not by their number takes several times as long (`make bench`).
    return not (
        _BACKSLASH in line
        or _AMPERSAND in line
        or _LESS_THAN in line
        or _GREATER_THAN in line
        or _BEGINS_LAST_OF_PLANE in line
    )


def _state(message: dict[str, object], line: bytes, *, line_number: int) -> StateMessage:
    state = message.get("state")
    if not isinstance(state, dict):
        raise BadMessage(line_number, "is a STATE without a state")
    scope = _state_scope(state, line_number) if state.get("type") == "STREAM" else None
    return StateMessage(line.removeprefix(_BYTE_ORDER_MARK), scope)


def _exact_message(line: bytes, message: dict[str, object]) -> dict[str, object]:
    # What orjson has read stands where the exact reader cannot, as its limits are narrower.
    exact = _exactly(line)
    return exact if isinstance(exact, dict) else message


def _state_scope(state: dict[str, object], line_number: int) -> StreamKey:
    stream = state.get("stream")
    descriptor = stream.get("stream_descriptor") if isinstance(stream, dict) else None
    if not isinstance(descriptor, dict):
        raise BadMessage(line_number, "is a STATE of a stream without the stream's name")
    name, namespace = descriptor.get("name"), descriptor.get("namespace")
    if not (isinstance(name, str) and isinstance(namespace, str | None)):
        raise BadMessage(line_number, "is a STATE of a stream without the stream's name")
    return namespace or None, name

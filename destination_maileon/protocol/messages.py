"""One line of the input -> an Airbyte message.

This module alone decides what is accepted from a source. Invariant: whatever the line, it becomes
a message, nothing, or an error that says the line's number and nothing of its content, neither in
its text nor in the exceptions behind it.

Decoded here and not by the CDK, whose models lose keys they do not know (the platform fails a sync
whose STATE comes back without its `id`), stop at a new enum value, round long numbers, and drop
what they cannot read.

Ignored: empty lines, JSON that is no object, every type but RECORD, STATE and the COMPLETE of a
stream. An explicit null counts as absent, so does an empty namespace. A number beyond every
`Decimal` (an exponent of more than 18 digits) and a line nested more than some 1,400 deep pass for
bad lines: RFC 8259 lets a reader have limits. A number nearer to zero than any `Decimal` is zero.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple, TypeAlias

import msgspec
import orjson
from msgspec import Struct

from destination_maileon.protocol import exact_json

StreamKey: TypeAlias = tuple[str | None, str]
"""Namespace and name."""

UNAVAILABLE_VALUE = "__debezium_unavailable_value"
"""Stands for a value that is stored apart and did not change (Debezium docs, Postgres, toasted
values)."""

_UNAVAILABLE = UNAVAILABLE_VALUE.encode()
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_JSON_SPACE = b" \t\r\n"
_BACKSLASH, _AMPERSAND, _LESS_THAN, _GREATER_THAN = rb"\&<>"
_BEGINS_LAST_OF_PLANE = 0xEF
"""The first byte of U+FFFE and U+FFFF, which XML forbids and JSON does not."""
_FORBIDDEN_ESCAPES = re.compile(rb"\\[ubf]")
"""How JSON writes what XML forbids, and some that it allows, but no line feed, tab or quote."""
_NOTABLE_ESCAPES = re.compile(rb"\\[ubfr]")
"""The same, and a carriage return."""
_NULL = msgspec.Raw(b"null")


class BadInput(Exception):
    """What came in is no message; the text says which line, and never what it holds."""

    def __init__(self, line_number: int, problem: str) -> None:
        super().__init__(f"line {line_number} {problem}")


class Texts(Enum):
    """What the texts of a record may hold: neither of what follows, markup, whatever there is.

    Markup is what XML writes otherwise, a carriage return included; whatever: what it forbids, too.
    """

    PLAIN = 0
    MARKUP = 1
    ANYTHING = 2


# A look-up in an enumeration takes as long as three in a module.
_PLAIN, _MARKUP, _ANYTHING = Texts


class RecordMessage(Struct, gc=False):
    """A RECORD. `data` is the JSON of its data, whatever that is; `null` if there is none.

    `texts` tells what may stand in its texts: a few looks at the line spare one at each value.
    No value of it is `UNAVAILABLE_VALUE` unless it `may_lack_values`; `nulled` are the columns that
    the source could not deliver, by the record's `meta.changes`.
    """

    stream: StreamKey
    data: bytes
    texts: Texts
    line: bytes
    line_number: int
    may_lack_values: bool
    nulled: tuple[str, ...] = ()

    def decoded_data(self) -> dict[str, object] | None:
        """The data, every digit and character of it; None if it is missing or no object.

        Raises:
            BadInput: if the line has a number beyond every `Decimal`.
        """
        message = _object(_exactly(self.line, self.line_number))
        data = _object(message.get("record")).get("data")
        return data if isinstance(data, dict) else None


class _Record(Struct, gc=False):
    stream: str
    data: msgspec.Raw = _NULL
    namespace: str | None = None
    meta: Any = None


class _Message(Struct, gc=False):
    """What is read of a line at first. `data` is left as it is, for the stream's own decoder."""

    type: Any = None
    record: _Record | None = None


_decode = msgspec.json.Decoder(_Message).decode
_NONE = _Message()


@dataclass(slots=True)
class StateMessage:
    """A STATE: its line as it came; its stream, or None for all.

    Many are held back until the records before them are settled, and decoded they would take a
    multiple of the memory of their lines.
    """

    line: bytes
    scope: StreamKey | None


class StreamComplete(NamedTuple):
    """The source has sent all that a stream has (TRACE STREAM_STATUS, COMPLETE)."""

    stream: StreamKey


Message: TypeAlias = RecordMessage | StateMessage | StreamComplete


def decode(line: bytes, line_number: int) -> Message | None:
    """The message of one line, numbered from 1; None for what a destination ignores."""
    return next(decoded([line], line_number))


def decoded(lines: Sequence[bytes], first_line_number: int) -> Iterator[Message | None]:
    """The message of each line, decoded when it is asked for.

    What stands in none of the lines is looked for in all of them together: to look at each of them
    takes as long as to decode it (`make bench`).
    """
    together = b"\n".join(lines)
    is_utf8, is_plain = _is_utf8(together), not _has_special(together)
    may_lack_values = _UNAVAILABLE in together
    for number, line in enumerate(lines, first_line_number):
        try:
            # What the decoder skips it does not look at so closely.
            message = _decode(line) if is_utf8 or _is_utf8(line) else _NONE
        except (ValueError, RecursionError, msgspec.MsgspecError):
            # Not decided here: what is raised here would carry this exception, and so the line.
            message = _NONE
        record = message.record
        if record is None or message.type != "RECORD":
            yield _decoded_slowly(line, number)
            continue
        stream = record.namespace or None, record.stream
        texts = _PLAIN if is_plain else _texts(line)
        # Within an escape any character may stand.
        may_lack = may_lack_values or texts is _ANYTHING
        made = RecordMessage(stream, record.data, texts, line, number, may_lack)
        if record.meta is not None:
            made.nulled = tuple(_nulled(record.meta))
        yield made


def _is_utf8(text: bytes) -> bool:
    if text.isascii():
        return True
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _has_special(text: bytes) -> bool:
    # To look for bytes as such and not by their number takes several times as long (`make bench`).
    return (
        _BACKSLASH in text
        or _BEGINS_LAST_OF_PLANE in text
        or _AMPERSAND in text
        or _LESS_THAN in text
        or _GREATER_THAN in text
    )


def _nulled(meta: object) -> Iterator[str]:
    """The columns that the source made null (Airbyte protocol, AirbyteRecordMessageMeta)."""
    changes = meta.get("changes") if isinstance(meta, dict) else None
    for change in changes if isinstance(changes, list) else ():
        if isinstance(change, dict) and change.get("change") == "NULLED":
            field = change.get("field")
            if isinstance(field, str):
                yield field


def _texts(line: bytes) -> Texts:
    if not _has_special(line):
        return _PLAIN
    if _BEGINS_LAST_OF_PLANE in line:
        return _ANYTHING
    if _NOTABLE_ESCAPES.search(line):
        return _ANYTHING if _FORBIDDEN_ESCAPES.search(line) else _MARKUP
    has_markup = _AMPERSAND in line or _LESS_THAN in line or _GREATER_THAN in line
    return _MARKUP if has_markup else _PLAIN


def _decoded_slowly(line: bytes, line_number: int) -> Message | None:
    """The same of any line: a STATE, what is ignored, and what is beyond the decoder's limits."""
    if line_number == 1:
        line = line.removeprefix(_BYTE_ORDER_MARK)
    if not line.strip(_JSON_SPACE):
        return None
    message = _object(_loosely(line, line_number))
    match message.get("type"):
        case "RECORD":
            return _record_of(message, line, line_number=line_number)
        case "STATE":
            return _state(message, line, line_number=line_number)
        case "TRACE":
            return _completion(message.get("trace"))
    return None


def _loosely(line: bytes, line_number: int) -> object:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        pass
    return _exactly(line, line_number)


def _exactly(line: bytes, line_number: int) -> object:
    # What they raise holds the line, and must not become the context of what is raised here.
    with suppress(ValueError, RecursionError):
        return exact_json.loads(line)
    raise BadInput(line_number, "of the input is not valid JSON")


def _object(value: object) -> dict[str, Any]:
    """The value if it is an object, else an object without members."""
    return value if isinstance(value, dict) else {}


def _record_of(message: dict[str, Any], line: bytes, *, line_number: int) -> RecordMessage:
    record = _object(message.get("record"))
    key = _stream_key(record, name="stream")
    if key is None:
        raise BadInput(line_number, "is a RECORD without a stream name")
    # No stream's decoder takes it: the line is read again when it is looked at.
    nulled = tuple(_nulled(record.get("meta")))
    return RecordMessage(
        key, b"", _ANYTHING, line, line_number, may_lack_values=True, nulled=nulled
    )


def _state(message: dict[str, Any], line: bytes, *, line_number: int) -> StateMessage:
    state = message.get("state")
    if not isinstance(state, dict):
        raise BadInput(line_number, "is a STATE without a state")
    if state.get("type") != "STREAM":
        return StateMessage(line, None)
    scope = _stream_key(_object(state.get("stream")).get("stream_descriptor"))
    if scope is None:
        raise BadInput(line_number, "is a STATE of a stream without the stream's name")
    return StateMessage(line, scope)


def _completion(trace: object) -> StreamComplete | None:
    status = _object(_object(trace).get("stream_status"))
    if status.get("status") != "COMPLETE":
        return None
    stream = _stream_key(status.get("stream_descriptor"))
    return None if stream is None else StreamComplete(stream)


def _stream_key(descriptor: object, *, name: str = "name") -> StreamKey | None:
    """The stream that this member names; None if that is no name."""
    named = _object(descriptor)
    stream, namespace = named.get(name), named.get("namespace")
    if isinstance(stream, str) and isinstance(namespace, str | None):
        return namespace or None, stream
    return None

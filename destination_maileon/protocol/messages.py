"""One line of the input -> an Airbyte message, nothing, or an error that says its number alone.

Ignored: empty lines, JSON that is no object, every type but RECORD, STATE and the COMPLETE of a
stream. An explicit null counts as absent, so does an empty namespace.
"""

import re
from codecs import BOM_UTF8
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from enum import Enum
from typing import Any, NamedTuple, TypeAlias

import msgspec
import orjson
from msgspec import Struct

from destination_maileon.protocol import exact_json

StreamKey: TypeAlias = tuple[str | None, str]
"""Namespace and name."""

UNAVAILABLE_VALUE = "__debezium_unavailable_value"
"""Stands for a value stored apart that did not change (Debezium docs, Postgres, toasted values)."""

_UNAVAILABLE = UNAVAILABLE_VALUE.encode()
_JSON_SPACE = b" \t\r\n"
# Bytes are found by their number in a fraction of the time that other ways take (`make bench`).
_BACKSLASH, _AMPERSAND, _LESS_THAN, _GREATER_THAN = rb"\&<>"
_BEGINS_LAST_OF_PLANE = 0xEF
"""The first byte of U+FFFE and U+FFFF, which XML forbids and JSON does not."""
# JSON escapes that may stand for what XML forbids; the same, and a carriage return.
_FORBIDDEN_ESCAPES, _NOTABLE_ESCAPES = re.compile(rb"\\[ubf]"), re.compile(rb"\\[ubfr]")
_NULL = msgspec.Raw(b"null")


class BadInput(Exception):
    """A line is no message. Neither the text nor an exception behind it says what it holds."""


class Texts(Enum):
    """What the texts of a record may hold."""

    PLAIN = 0
    MARKUP = 1
    """What XML writes otherwise, a carriage return included."""
    ANYTHING = 2
    """What XML forbids, too."""


# A look-up in an enumeration takes as long as three in a module.
_PLAIN, _MARKUP, _ANYTHING = Texts


class RecordMessage(Struct, gc=False):
    """A RECORD. `data` is the JSON of its data, whatever that is; `null` if there is none.

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

        Raises BadInput if the line has a number beyond every `Decimal`.
        """
        message = _decoded_by(self.line, self.line_number, exact_json.loads)
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


class StateMessage(NamedTuple):
    """A STATE: its line as it came, since many are held back; its stream, or None for all."""

    line: bytes
    scope: StreamKey | None


class StreamComplete(NamedTuple):
    """The source has sent all that a stream has (TRACE STREAM_STATUS, COMPLETE)."""

    stream: StreamKey


Message: TypeAlias = RecordMessage | StateMessage | StreamComplete


def decoded(lines: Sequence[bytes], first_line_number: int) -> Iterator[Message | None]:
    """The message of each line, decoded when it is asked for."""
    # What stands in none of the lines is looked for in all of them together: to look at each of
    # them takes as long as to decode it (`make bench`).
    together = b"\n".join(lines)
    is_plain, may_lack_values = _is_plain(together), _UNAVAILABLE in together
    try:
        is_utf8 = together.isascii() or bool(together.decode())
    except UnicodeDecodeError:
        is_utf8 = False
    for number, line in enumerate(lines, first_line_number):
        try:
            if not is_utf8:
                # What msgspec skips it does not look at so closely.
                line.decode()
            message = _decode(line)
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


def _is_plain(text: bytes) -> bool:
    has_markup = _AMPERSAND in text or _LESS_THAN in text or _GREATER_THAN in text
    if has_markup or _BEGINS_LAST_OF_PLANE in text:
        return False
    return _BACKSLASH not in text or _NOTABLE_ESCAPES.search(text) is None


def _texts(line: bytes) -> Texts:
    if _is_plain(line):
        return _PLAIN
    is_forbidden = _BEGINS_LAST_OF_PLANE in line or _FORBIDDEN_ESCAPES.search(line)
    return _ANYTHING if is_forbidden else _MARKUP


def _nulled(meta: object) -> Iterator[str]:
    """The columns that the source made null (Airbyte protocol, AirbyteRecordMessageMeta)."""
    changes = meta.get("changes") if isinstance(meta, dict) else None
    for change in changes if isinstance(changes, list) else ():
        field = _object(change).get("field")
        if isinstance(field, str) and change.get("change") == "NULLED":
            yield field


def _decoded_slowly(line: bytes, number: int) -> Message | None:
    """The same of any line: a STATE, what is ignored, and what is beyond the decoder's limits."""
    if number == 1:
        line = line.removeprefix(BOM_UTF8)
    if not line.strip(_JSON_SPACE):
        return None
    message = _decoded_by(line, number, orjson.loads, exact_json.loads)
    match message.get("type"):
        case "RECORD":
            record = _object(message.get("record"))
            if (key := _stream_key(record, "stream")) is None:
                raise BadInput(f"line {number} is a RECORD without a stream name")
            # No stream's decoder takes it: the line is read again when it is looked at.
            made = RecordMessage(key, b"", _ANYTHING, line, number, may_lack_values=True)
            made.nulled = tuple(_nulled(record.get("meta")))
            return made
        case "STATE":
            return StateMessage(line, _scope(message.get("state"), number))
        case "TRACE":
            status = _object(_object(message.get("trace")).get("stream_status"))
            key = _stream_key(status.get("stream_descriptor"), "name")
            if key is not None and status.get("status") == "COMPLETE":
                return StreamComplete(key)
    return None


def _decoded_by(line: bytes, number: int, *readers: Callable[[bytes], object]) -> dict[str, Any]:
    """What the first of these readers that can makes of a line."""
    for read in readers:
        # What they raise holds the line, and must not become the context of what is raised here.
        with suppress(ValueError, RecursionError):
            return _object(read(line))
    raise BadInput(f"line {number} of the input is not valid JSON")


def _object(value: object) -> dict[str, Any]:
    """The value if it is an object, else an object without members."""
    return value if isinstance(value, dict) else {}


def _scope(state: object, number: int) -> StreamKey | None:
    if not isinstance(state, dict):
        raise BadInput(f"line {number} is a STATE without a state")
    if state.get("type") != "STREAM":
        return None
    key = _stream_key(_object(state.get("stream")).get("stream_descriptor"), "name")
    if key is None:
        raise BadInput(f"line {number} is a STATE of a stream without the stream's name")
    return key


def _stream_key(descriptor: object, name: str) -> StreamKey | None:
    """The stream that this member names; None if that is no name."""
    named = _object(descriptor)
    stream, namespace = named.get(name), named.get("namespace")
    if isinstance(stream, str) and isinstance(namespace, str | None):
        return namespace or None, stream
    return None

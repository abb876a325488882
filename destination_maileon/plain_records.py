"""A record without anything special -> its `<contact>` element and its keys, by the short way.

Nearly every record is plain: text, numbers and nulls in the columns of fields, identifiers of the
usual form, nothing to be escaped. For these no `Contact` is built until somebody asks for it, which
halves what a record costs (`make bench`). Invariant: what comes out is, byte by byte, what
`RecordMapper.map`, `contact_bytes` and `contact_keys` make of the record. Whatever needs a second
look gets None here, and goes the long way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from destination_maileon.maileon.contacts_xml import escape
from destination_maileon.maileon.identifier import is_maileon_id
from destination_maileon.targets import DELETED_AT_COLUMN, Kind
from destination_maileon.values import CONVERTERS, as_boolean, as_text, truncated_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from destination_maileon.mapping import Column, MappingRules
    from destination_maileon.values import Converter

    Plain: TypeAlias = tuple[bytes, tuple[str, ...]]
    Writers: TypeAlias = list[tuple[str, str, Converter | None, str, str]]

_MUST_BE_NULL = frozenset({Kind.DELETED, Kind.UNSUBSCRIBE, Kind.PREFERENCES})
_IDENTIFIERS = {
    Kind.MAILEON_ID: ("id", "i"),
    Kind.EMAIL: ("email", "e"),
    Kind.EXTERNAL_ID: ("external_id", "x"),
}
"""Element, and the first letter of the key, in the order in which they are written."""

_FIELD_TAIL = "</value></field>"


@dataclass(frozen=True, slots=True)
class _Section:
    """One container of the element. Each writer: column, head, converter, null, tail.

    Without a converter text passes as it is; `null` is what a null becomes, nothing if it is empty.
    """

    opening: str
    closing: str
    writers: Writers


class PlainRecords:
    """The short way for the records of one stream, compiled from its columns."""

    def __init__(self, columns: Iterable[Column], rules: MappingRules) -> None:
        columns = list(columns)
        self._rules = rules
        self._is_open = not rules.every_record_is_deleted
        self._must_be_null = {c.name for c in columns if c.target.kind in _MUST_BE_NULL}
        self._must_be_null.add(DELETED_AT_COLUMN)
        self._identifiers = self._identifier_writers(columns)
        fields = self._fields
        sections = (
            _Section("<standard_fields>", "</standard_fields>", fields(columns, Kind.STANDARD)),
            _Section("<custom_fields>", "</custom_fields>", fields(columns, Kind.CUSTOM)),
            _Section("<preferences>", "</preferences>", _preferences(columns)),
        )
        self._sections = [section for section in sections if section.writers]

    def element(self, data: Mapping[str, object]) -> Plain | None:
        """The element in UTF-8 and the contact's keys; None: the record is not plain."""
        if not self._is_open or not all(data.get(name) is None for name in self._must_be_null):
            return None
        # Triples of head, text and tail, so that all texts can be judged at once.
        pieces: list[str] = []
        keys = self._identify(data, pieces)
        if keys is None:
            return None
        for section in self._sections:
            start = len(pieces)
            _write(section.writers, data, pieces)
            if len(pieces) > start:
                pieces[start] = section.opening + pieces[start]
                pieces[-1] += section.closing
        texts = "".join(pieces[1::3])
        if not texts.isprintable() or "&" in texts or "<" in texts or ">" in texts:
            return None
        return f"<contact>{''.join(pieces)}</contact>".encode(), keys

    def _identify(self, data: Mapping[str, object], pieces: list[str]) -> tuple[str, ...] | None:
        """Writes the identifiers; their keys, or None if there is none or an unusual one."""
        keys = []
        is_usable = False
        for column, head, tail, letter, suffices in self._identifiers:
            value = data.get(column)
            if value is None:
                continue
            text = str(value) if value.__class__ is int else value
            if not isinstance(text, str) or not text or text.strip() != text:
                return None
            if letter == "e":
                keys.append("e" + text.lower())
            elif letter == "x":
                keys.append("x" + text)
            elif is_maileon_id(text):
                keys.append("i" + text.lstrip("0"))
            else:
                return None
            pieces += (head, text, tail)
            is_usable = is_usable or suffices
        return tuple(_in_order(keys)) if is_usable else None

    def _identifier_writers(self, columns: list[Column]) -> list[tuple[str, str, str, str, bool]]:
        mode = self._rules.identifier_mode
        names = {column.target.kind: column.name for column in columns}
        return [
            (names[kind], f"<{element}>", f"</{element}>", letter, kind in mode.columns)
            for kind, (element, letter) in _IDENTIFIERS.items()
            if kind in names and (kind is not Kind.MAILEON_ID or mode.sends_id)
        ]

    def _fields(self, columns: list[Column], kind: Kind) -> Writers:
        writers = []
        for column in columns:
            if column.target.kind is kind:
                head = f"<field><name>{escape(column.target.name)}</name>"
                null = f'{head}<value nil="true"/></field>' if column.clear else ""
                convert = self._converter(column)
                writers.append((column.name, f"{head}<value>", convert, null, _FIELD_TAIL))
        return writers

    def _converter(self, column: Column) -> Converter | None:
        convert = CONVERTERS[column.type]
        if convert is not as_text:
            return convert
        return truncated_text if self._rules.truncate_long_text else None


def _write(writers: Writers, data: Mapping[str, object], pieces: list[str]) -> None:
    get = data.get
    for column, head, convert, null, tail in writers:
        value = get(column)
        # The class and not isinstance: a third of this loop's time, and a subclass cannot occur.
        if value.__class__ is not str:
            if value is not None:
                value = (convert or as_text)(value)
        elif convert is not None:
            value = convert(value)
        if value is not None:
            pieces += (head, value, tail)
        elif null and column in data:
            pieces += (null, "", "")


def _preferences(columns: list[Column]) -> Writers:
    writers: Writers = []
    for column in columns:
        if column.target.kind is Kind.PREFERENCE:
            head = (
                f"<preference><name>{escape(column.target.name)}</name>"
                f"<category>{escape(column.target.category)}</category><value>"
            )
            source = f"<source>{escape(column.source or '')}</source>" if column.has_source else ""
            writers.append((column.name, head, as_boolean, "", f"</value>{source}</preference>"))
    return writers


def _in_order(keys: list[str]) -> list[str]:
    """As `contact_keys` has them: email, external id, Maileon id."""
    return [*(key for key in keys if key[0] != "i"), *(key for key in keys if key[0] == "i")]

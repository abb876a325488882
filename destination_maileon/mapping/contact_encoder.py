"""A record -> its `<contact>` and the contact's keys, or a removal, or a rejection: one way.

This module alone decides what a record's columns become. It knows no account and sends nothing;
whether a column has a target was decided before. What can be decided once for a stream is compiled
from its columns: what stands before a value, how a value is converted, what a null writes. Each
record walks them once, and becomes the finished pieces of its element.

To generate a function for each stream, as attrs does for classes, would spare about a tenth of what
a plain record of ten columns costs in all (`make bench`), and nobody could read it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import msgspec
from msgspec import UNSET, Struct
from msgspec.structs import astuple

from destination_maileon.config.model import DeletedRecords
from destination_maileon.config.targets import DELETED_AT_COLUMN, Kind, Target
from destination_maileon.maileon.contact import Contact, FieldType
from destination_maileon.maileon.contact_xml import (
    escape,
    field_head,
    preference_head,
    source_element,
    without_forbidden,
)
from destination_maileon.maileon.identifier import IdentifierMode, is_maileon_id
from destination_maileon.maileon.sync_options import Permission, is_not_set
from destination_maileon.mapping.converters import (
    CONVERTERS,
    as_boolean,
    as_identifier,
    as_maileon_id,
    as_text,
    truncated_text,
)
from destination_maileon.mapping.deletions import REMOVAL_FORMS, RemovalColumns
from destination_maileon.mapping.mapped_record import (
    Written,
    email_keys,
    external_id_keys,
    maileon_id_key,
)
from destination_maileon.mapping.preferences import BadPreferencesError, listed
from destination_maileon.protocol.messages import Texts

if TYPE_CHECKING:
    from destination_maileon.mapping.converters import Converter

Data: TypeAlias = Mapping[str, object]
Values: TypeAlias = tuple[Any, ...]
Escape: TypeAlias = Callable[[str], str]

# A look-up in an enumeration takes as long as three in a module.
_MARKUP, _ANYTHING = Texts.MARKUP, Texts.ANYTHING


@dataclass(frozen=True, slots=True)
class Column:
    """A column and where it goes.

    `type` is the target field's. `source` is the constant source of a preference; `has_source`
    false leaves the stored one. `clear` says that a null clears the stored value.
    """

    name: str
    target: Target
    type: FieldType = FieldType.STRING
    clear: bool = False
    source: str | None = None
    has_source: bool = False


@dataclass(frozen=True, slots=True)
class MappingRules:
    """What holds for every record of a stream, whatever its columns."""

    identifier_mode: IdentifierMode
    deleted_records: DeletedRecords = DeletedRecords.IGNORE
    truncate_long_text: bool = False
    every_record_is_deleted: bool = False

    def converter(self, field_type: FieldType) -> Converter:
        """How values are written to fields of this type."""
        if self.truncate_long_text and field_type is FieldType.STRING:
            return truncated_text
        return CONVERTERS[field_type]


class Reason(StrEnum):
    """Why a record is rejected before it is sent."""

    NO_IDENTIFIER = "no usable identifier"
    BAD_PERMISSION = "not a permission"
    BAD_PREFERENCES = "not a list of preferences"
    UNCLEAR_REMOVAL = "neither yes nor no"
    NO_DATA = "no data"
    TOO_LARGE = "larger than a call may be"
    NO_PATH = "an identifier that no address of the API can hold"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A record that is rejected before it is sent; `field` names the column or target at fault."""

    reason: Reason
    field: str
    advice: str
    contact: Contact


@dataclass(frozen=True, slots=True)
class ContactRemoval:
    """A record that unsubscribes or deletes a contact, or (`IGNORE`) is left out."""

    removal: DeletedRecords
    contact: Contact


Mapped: TypeAlias = Written | ContactRemoval | Refusal


class _Field(NamedTuple):
    """What stands before a column's value, how it is converted, what a null writes if anything.

    Without a converter the column is text.
    """

    head: str
    convert: Converter | None
    null: str


class _Section(NamedTuple):
    """The standard or the custom fields, and where their values stand among a record's."""

    opening: str
    closing: str
    values: slice
    fields: list[_Field]


_END_OF_FIELD = "</value></field>"
"""Each head begins with that of the field before: a piece less for each value. The first one's is
cut off."""


class _Cleaner:
    """Takes out what XML forbids, and remembers whether there was any."""

    def __init__(self) -> None:
        self.has_removed = False

    def __call__(self, value: object) -> object:
        """A value less what no text may hold; objects and lists become text."""
        if isinstance(value, dict | list):
            value = as_text(value)
        if not isinstance(value, str) or value.isprintable():
            return value
        clean = without_forbidden(value)
        self.has_removed |= len(clean) != len(value)
        return clean

    def escape(self, text: str) -> str:
        """A text as element content."""
        if not text.isprintable():
            self(text)
        return escape(text)


class ContactEncoder:
    """Encodes the records of one stream. Compiled anew when the stream's columns change.

    `decode` makes a record's JSON a row, with a place for each column: numbers are exact, of a name
    that comes twice the last value counts, and a null is told from an absent column where nulls
    clear. A column that nobody has resolved yet is a `msgspec.ValidationError`.
    """

    def __init__(self, columns: Iterable[Column], rules: MappingRules) -> None:
        columns = list(columns)
        self._mode = rules.identifier_mode
        self._needed = "external_id" if self._mode is IdentifierMode.EXTERNAL_ID else "email"
        self._cleaner = _Cleaner()
        self._escape_all: Escape = self._cleaner.escape
        self.cleaned_records = 0
        """Records in which characters that XML forbids were removed."""
        self._compile_row(columns)
        self._compile_walk(columns, rules)

    def _compile_row(self, columns: list[Column]) -> None:
        self._names = {column.name: f"c{n}" for n, column in enumerate(columns)}
        fields = [
            (f"c{n}", Any, msgspec.field(name=c.name, default=UNSET if _clears(c) else None))
            for n, c in enumerate(columns)
        ]
        self._row: type[Struct] = msgspec.defstruct(
            "Row", fields, gc=False, forbid_unknown_fields=True
        )
        self.decode = msgspec.json.Decoder(self._row, float_hook=Decimal).decode
        self.known_columns = self._names.keys()

    def _compile_walk(self, columns: list[Column], rules: MappingRules) -> None:
        """Puts the values of a row in the order in which they are walked."""
        picked: list[Column] = []

        def pick(*kinds: Kind) -> slice:
            start = len(picked)
            picked.extend(c for kind in kinds for c in columns if c.target.kind is kind)
            return slice(start, len(picked))

        pick(Kind.EMAIL, Kind.EXTERNAL_ID)
        self._identifiers = [(n, *_KEYS[c.target.kind]) for n, c in enumerate(picked)]
        ids = pick(Kind.MAILEON_ID) if self._mode.sends_id else None
        self._id = ids.start if ids and ids.stop > ids.start else None
        marks = pick(Kind.DELETED, Kind.UNSUBSCRIBE)
        picked.extend(c for c in columns if c.name == DELETED_AT_COLUMN and c not in picked)
        self._marks = slice(marks.start, len(picked))
        self._mark_names = [column.name for column in picked[self._marks]]
        # Where every record is deleted, no record is without a mark.
        is_open = not rules.every_record_is_deleted
        self._no_marks = (None,) * len(self._mark_names) if is_open else None
        self._removals = _removals(columns, rules)
        self._sections = [
            _section(tag, picked[at], rules, values=at)
            for kind, tag in _SECTIONS.items()
            if (at := pick(kind)).start < at.stop
        ]
        self._lists = pick(Kind.PREFERENCES)
        self._list_names = [column.name for column in picked[self._lists]]
        self._preferences = pick(Kind.PREFERENCE)
        self._preference_heads = [_preference(column) for column in picked[self._preferences]]
        self._permission = pick(Kind.PERMISSION)
        self._has_wishes = self._lists.start < self._permission.stop
        names = [column.name for column in picked[self._permission]]
        self.permission_column = names[0] if names else ""
        places = {column.name: place for place, column in enumerate(columns)}
        self._values = _picker([places[column.name] for column in picked], out_of=len(columns))

    def row(self, data: Data) -> Struct:
        """The row of a record that was decoded otherwise, less its unknown columns."""
        names = self._names
        return self._row(**{names[name]: value for name, value in data.items() if name in names})

    def encode(self, row: Struct, texts: Texts) -> Mapped:
        """What the record asks for. Null and absent columns are alike, unless nulls clear.

        `texts` says what may stand in the record's texts; it need not.
        """
        if texts is not _ANYTHING:
            return self._encoded(self._values(row), escape if texts is _MARKUP else None)
        self._cleaner.has_removed = False
        mapped = self._encoded(self._values(row), self._escape_all)
        self.cleaned_records += self._cleaner.has_removed
        return mapped

    def permission(self, row: Struct, configured: Permission | None) -> Permission | None:
        """The permission of an encoded record, which may name none; None: none is sent."""
        value = getattr(row, self._names[self.permission_column])
        if value is None or value == "":
            return configured
        named = _permission(as_text(value))
        return None if isinstance(named, Reason) else named

    def _encoded(self, values: Values, escaped: Escape | None) -> Mapped:
        identity, keys = self._identify(values, is_clean=escaped is not self._escape_all)
        if values[self._marks] != self._no_marks or not self._is_usable(identity):
            other = self._removed_or_refused(values, identity)
            if other is not None:
                return other
        pieces = ["<contact>"]
        for tag, text in identity.items():
            pieces.append(f"<{tag}>{escaped(text) if escaped else text}</{tag}>")
        for section in self._sections:
            self._add_fields(section, values, pieces, escaped=escaped)
        if self._has_wishes:
            refusal = self._add_wishes(values, identity, pieces)
            if refusal is not None:
                return refusal
        pieces.append("</contact>")
        return "".join(pieces).encode(), keys

    def _identify(
        self, values: Values, *, is_clean: bool
    ) -> tuple[dict[str, str], tuple[str, ...]]:
        """The identifiers by the names of their elements, in the order written; their keys."""
        identity: dict[str, str] = {}
        keys: tuple[str, ...] = ()
        if self._id is not None and values[self._id] is not None:
            identity = self._maileon_id(values[self._id])
        for place, tag, keys_of in self._identifiers:
            value = values[place]
            if value is not None:
                is_text = is_clean and type(value) is str
                text = value if is_text else as_identifier(self._cleaner(value)) or ""
                if found := keys_of(text):
                    identity[tag] = text
                    keys += found
        if self._id is not None and "id" in identity:
            keys += (maileon_id_key(identity["id"]),)
        return identity, keys

    def _maileon_id(self, value: object) -> dict[str, str]:
        text = as_maileon_id(as_identifier(self._cleaner(value)))
        return {"id": text} if text else {}

    def _is_usable(self, identity: Mapping[str, str]) -> bool:
        if self._id is not None and "id" in identity:
            return is_maileon_id(identity["id"])
        return self._needed in identity

    def _removed_or_refused(
        self, values: Values, identity: dict[str, str]
    ) -> ContactRemoval | Refusal | None:
        given = zip(self._mark_names, values[self._marks], strict=True)
        marks = {name: value for name, value in given if value is not UNSET}
        contact = _contact(identity)
        removal = self._removals.removal(marks)
        if removal is DeletedRecords.IGNORE:
            return ContactRemoval(removal, contact)
        if not self._is_usable(identity):
            return _without_identifier(self._mode, contact)
        if removal is not None:
            return ContactRemoval(removal, contact)
        unclear = self._removals.unclear_column(marks)
        if unclear is None:
            return None
        return Refusal(Reason.UNCLEAR_REMOVAL, unclear, REMOVAL_FORMS, contact)

    def _add_fields(
        self, section: _Section, values: Values, pieces: list[str], *, escaped: Escape | None
    ) -> None:
        """Adds the pieces of a section. Here a record spends its time: texts are only looked at."""
        start, append = len(pieces), pieces.append
        cleaner = self._cleaner if escaped is self._escape_all else None
        for (head, convert, null), value in zip(
            section.fields, values[section.values], strict=True
        ):
            if convert is None and type(value) is str:
                text = value
            elif value is None:
                text = None
            elif value is UNSET:
                continue
            else:
                text = (convert or as_text)(cleaner(value) if cleaner else value)
            if text is not None:
                append(head)
                append(escaped(text) if escaped else text)
            elif null:
                append(null)
        if len(pieces) > start:
            pieces[start] = section.opening + pieces[start][len(_END_OF_FIELD) :]
            append(section.closing)

    def _add_wishes(
        self, values: Values, identity: dict[str, str], pieces: list[str]
    ) -> Refusal | None:
        """Adds the preferences, and looks at the permission; a refusal if one cannot be read."""
        try:
            self._add_preferences(values, pieces)
        except BadPreferencesError as bad:
            column, contact = self._list_names[0], _contact(identity)
            return Refusal(Reason.BAD_PREFERENCES, column, str(bad), contact)
        for value in values[self._permission]:
            if value is not None and _permission(as_text(value)) is Reason.BAD_PERMISSION:
                return _bad_permission(self.permission_column, _contact(identity))
        return None

    def _add_preferences(self, values: Values, pieces: list[str]) -> None:
        found: dict[str, tuple[str, str]] = {}
        for value in values[self._lists]:
            for head, text, source in listed(value, self._cleaner):
                found[head] = text, source
        for (head, source), value in zip(
            self._preference_heads, values[self._preferences], strict=True
        ):
            said = None if value is None else as_boolean(self._cleaner(value))
            if said is not None:
                found[head] = said, source
        if found:
            elements = [
                f"{head}<value>{escape(text)}</value>{source}</preference>"
                for head, (text, source) in found.items()
            ]
            pieces += ("<preferences>", *elements, "</preferences>")


def _contact(identity: Mapping[str, str]) -> Contact:
    get = identity.get
    return Contact(email=get("email"), external_id=get("external_id"), id=get("id"))


def _section(tag: str, columns: list[Column], rules: MappingRules, *, values: slice) -> _Section:
    fields = []
    for column in columns:
        head = f"{_END_OF_FIELD}{field_head(column.target.name)}"
        convert = rules.converter(column.type)
        null = f'{head}<value nil="true">' if column.clear else ""
        fields.append(_Field(f"{head}<value>", None if convert is as_text else convert, null))
    return _Section(f"<{tag}>", f"{_END_OF_FIELD}</{tag}>", values, fields)


def _clears(column: Column) -> bool:
    return column.clear and column.target.kind in _SECTIONS


def _preference(column: Column) -> tuple[str, str]:
    head = preference_head(column.target.category, column.target.name)
    return head, source_element(column.source) if column.has_source else ""


def _removals(columns: list[Column], rules: MappingRules) -> RemovalColumns:
    return RemovalColumns(
        deleted=[c.name for c in columns if c.target.kind is Kind.DELETED],
        unsubscribe=[c.name for c in columns if c.target.kind is Kind.UNSUBSCRIBE],
        when_deleted=rules.deleted_records,
        every_record_is_deleted=rules.every_record_is_deleted,
    )


def _picker(indices: list[int], *, out_of: int) -> Callable[[Struct], Values]:
    """Picks these values of a row, in this order."""
    if indices == [*range(out_of)]:
        return astuple
    if len(indices) > 1:
        pick = itemgetter(*indices)
        return lambda row: pick(astuple(row))
    # Of one index, itemgetter gives no tuple.
    return lambda row: tuple([astuple(row)[index] for index in indices])


@lru_cache(maxsize=100)
def _permission(text: str) -> Permission | Reason | None:
    if not text or is_not_set(text):
        return None
    return Permission.parse(text) or Reason.BAD_PERMISSION


def _bad_permission(column: str, contact: Contact) -> Refusal:
    names = ", ".join(permission.name.lower() for permission in Permission)
    advice = f"Use one of not_set, {names}, or 1 to 6, or leave it empty."
    return Refusal(Reason.BAD_PERMISSION, column, advice, contact)


def _without_identifier(mode: IdentifierMode, contact: Contact) -> Refusal:
    names = " or ".join(sorted(mode.columns))
    advice = f"Give the record a value for {names}, which identifier mode {mode.value} needs."
    if contact.id:
        advice = "Give the record a Maileon id that is a whole number from 1 on, or none at all."
    return Refusal(Reason.NO_IDENTIFIER, names, advice, contact)


_SECTIONS = {Kind.STANDARD: "standard_fields", Kind.CUSTOM: "custom_fields"}
_KEYS: Mapping[Kind, tuple[str, Callable[[str], tuple[str, ...]]]] = {
    Kind.EMAIL: ("email", email_keys),
    Kind.EXTERNAL_ID: ("external_id", external_id_keys),
}
"""Element and keys of an identifier; without keys it is blank."""

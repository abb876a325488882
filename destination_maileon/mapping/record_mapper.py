"""Record -> Contact, by a mapper compiled once per stream.

This module alone decides what a record's columns become: a contact to write, a removal, a refusal,
or nothing. It knows no account and sends nothing. Whether a column has a target was decided before.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

from destination_maileon.config.model import DeletedRecords
from destination_maileon.config.targets import Kind, Target
from destination_maileon.maileon.contact import Contact, FieldType, Preference
from destination_maileon.maileon.contact_xml import without_forbidden
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
from destination_maileon.mapping.preferences import BadPreferencesError, add_listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from destination_maileon.maileon.identifier import IdentifierMode
    from destination_maileon.mapping.converters import Converter

    Data: TypeAlias = Mapping[str, object]
    FieldColumns: TypeAlias = list[tuple[str, str, Converter, bool]]


__all__ = [
    "Column",
    "ContactRemoval",
    "Mapped",
    "MappingRules",
    "Reason",
    "RecordMapper",
    "Refusal",
]


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


Mapped: TypeAlias = Contact | ContactRemoval | Refusal


class RecordMapper:
    """Maps the records of one stream. Cheap to call, compiled anew when the columns change."""

    def __init__(self, columns: Iterable[Column], rules: MappingRules) -> None:
        columns = list(columns)
        self._rules = rules
        self._email = _only_name(columns, Kind.EMAIL)
        self._external_id = _only_name(columns, Kind.EXTERNAL_ID)
        self._id = _only_name(columns, Kind.MAILEON_ID) if rules.identifier_mode.sends_id else None
        self._standard = self._field_columns(columns, Kind.STANDARD)
        self._custom = self._field_columns(columns, Kind.CUSTOM)
        self._preferences = [c for c in columns if c.target.kind is Kind.PREFERENCE]
        self._preference_lists = _names(columns, Kind.PREFERENCES)
        self._permission = _only_name(columns, Kind.PERMISSION)
        self._removals = RemovalColumns(
            deleted=_names(columns, Kind.DELETED),
            unsubscribe=_names(columns, Kind.UNSUBSCRIBE),
            when_deleted=rules.deleted_records,
            every_record_is_deleted=rules.every_record_is_deleted,
        )
        self._is_clean = True
        self.known_columns = {column.name for column in columns}
        self.has_permission_column = self._permission is not None
        self.cleaned_records = 0
        """Records in which characters that XML forbids were removed."""

    def map(self, data: Data) -> Mapped:
        """What the record asks for. Null and absent columns are alike, unless nulls clear."""
        self._is_clean = True
        mapped = self._mapped(data)
        self.cleaned_records += not self._is_clean
        return mapped

    def _mapped(self, data: Data) -> Mapped:
        contact = self._identified(data)
        removal = self._removals.removal(data)
        if removal is DeletedRecords.IGNORE:
            return ContactRemoval(removal, contact)
        if not self._rules.identifier_mode.usable(contact):
            return _without_identifier(self._rules.identifier_mode, contact)
        if removal is not None:
            return ContactRemoval(removal, contact)
        if (unclear := self._removals.unclear_column(data)) is not None:
            return Refusal(Reason.UNCLEAR_REMOVAL, unclear, REMOVAL_FORMS, contact)
        self._fill(data, self._standard, fields=contact.standard_fields)
        self._fill(data, self._custom, fields=contact.custom_fields)
        try:
            self._add_preferences(data, contact)
        except BadPreferencesError as bad:
            return Refusal(Reason.BAD_PREFERENCES, self._preference_lists[0], str(bad), contact)
        return contact

    def permission(self, data: Data, configured: Permission | None) -> Permission | Reason | None:
        """The permission of the record, which may name none; None: none is sent."""
        value = None if self._permission is None else data.get(self._permission)
        if value is None or value == "":
            return configured
        text = as_text(value)
        return None if is_not_set(text) else Permission.parse(text) or Reason.BAD_PERMISSION

    @property
    def permission_column(self) -> str:
        """The column that holds the permission; empty if there is none."""
        return self._permission or ""

    def _field_columns(self, columns: list[Column], kind: Kind) -> FieldColumns:
        return [
            (c.name, c.target.name, self._rules.converter(c.type), c.clear)
            for c in columns
            if c.target.kind is kind
        ]

    def _identified(self, data: Data) -> Contact:
        return Contact(
            email=self._identifier(data, self._email),
            external_id=self._identifier(data, self._external_id),
            id=as_maileon_id(self._identifier(data, self._id)),
        )

    def _identifier(self, data: Data, column: str | None) -> str | None:
        value = data.get(column) if column is not None else None
        return None if value is None else as_identifier(self._cleaned(value))

    def _add_preferences(self, data: Data, contact: Contact) -> None:
        for list_column in self._preference_lists:
            add_listed(data.get(list_column), contact.preferences, clean=self._cleaned)
        for column in self._preferences:
            value = data.get(column.name)
            text = None if value is None else as_boolean(self._cleaned(value))
            if text is not None:
                key = (column.target.category, column.target.name)
                contact.preferences[key] = Preference(text, column.source, column.has_source)

    def _fill(self, data: Data, columns: FieldColumns, *, fields: dict[str, str | None]) -> None:
        get = data.get
        for column, name, convert, clear in columns:
            value = get(column)
            if type(value) is str:
                if not value.isprintable():
                    value = self._cleaned(value)
            elif isinstance(value, dict | list):
                value = self._cleaned(value)
            text = None if value is None else convert(value)
            if text is not None:
                fields[name] = text
            elif clear and column in data:
                fields[name] = None

    def _cleaned(self, value: object) -> object:
        """Less what XML forbids: removed here, where the record is known, to be counted."""
        if isinstance(value, dict | list):
            value = as_text(value)
        if not isinstance(value, str) or value.isprintable():
            return value
        clean = without_forbidden(value)
        self._is_clean = self._is_clean and clean == value
        return clean


def _only_name(columns: list[Column], kind: Kind) -> str | None:
    return next(iter(_names(columns, kind)), None)


def _names(columns: list[Column], kind: Kind) -> list[str]:
    return [column.name for column in columns if column.target.kind is kind]


def _without_identifier(mode: IdentifierMode, contact: Contact) -> Refusal:
    names = " or ".join(sorted(mode.columns))
    advice = f"Give the record a value for {names}, which identifier mode {mode.value} needs."
    if contact.id:
        advice = "Give the record a Maileon id that is a whole number from 1 on, or none at all."
    return Refusal(Reason.NO_IDENTIFIER, names, advice, contact)

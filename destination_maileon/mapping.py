"""Record -> Contact, by a mapper compiled once per stream.

This module alone decides what a record's columns become: a contact to write, a removal, a refusal,
or nothing. It knows no account and sends nothing. Whether a column has a target was decided before.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

from destination_maileon.maileon.contact import Contact, FieldType, Preference
from destination_maileon.maileon.contacts_xml import without_forbidden
from destination_maileon.maileon.sync_options import Permission
from destination_maileon.preference_list import BadPreferencesError, add_listed
from destination_maileon.targets import DELETED_AT_COLUMN, Kind, Target
from destination_maileon.values import (
    CONVERTERS,
    as_boolean,
    as_identifier,
    as_text,
    is_set,
    truncated_text,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from destination_maileon.maileon.identifier import IdentifierMode
    from destination_maileon.values import Converter

    Data: TypeAlias = Mapping[str, object]
    FieldColumns: TypeAlias = list[tuple[str, str, Converter, bool]]


class Removal(StrEnum):
    """What becomes of a contact whose record says that it is gone."""

    IGNORE = "ignore"
    UNSUBSCRIBE = "unsubscribe"
    DELETE = "delete"


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
    deleted_records: Removal = Removal.IGNORE
    truncate_long_text: bool = False
    every_record_is_deleted: bool = False


class Reason(StrEnum):
    """Why a record is rejected before it is sent."""

    NO_IDENTIFIER = "no usable identifier"
    BAD_PERMISSION = "not a permission"
    BAD_PREFERENCES = "not a list of preferences"
    NO_DATA = "no data"
    TOO_LARGE = "larger than a call may be"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A record that is rejected before it is sent; `field` names the column or target at fault."""

    reason: Reason
    field: str
    advice: str
    contact: Contact


@dataclass(frozen=True, slots=True)
class Farewell:
    """A record that unsubscribes or deletes a contact, or (`IGNORE`) is left out."""

    removal: Removal
    contact: Contact


Mapped: TypeAlias = Contact | Farewell | Refusal


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
        self._deleted = _names(columns, Kind.DELETED)
        self._unsubscribe = _names(columns, Kind.UNSUBSCRIBE)
        # Even where the mapping skips it or sends it elsewhere: a deleted row is never upserted.
        if DELETED_AT_COLUMN not in {*self._deleted, *self._unsubscribe}:
            self._deleted.append(DELETED_AT_COLUMN)
        self.known_columns = frozenset(column.name for column in columns)
        self.has_permission_column = self._permission is not None
        self.cleaned_records = 0
        """Records in which characters that XML forbids were removed."""

    def map(self, data: Data) -> Mapped:
        """What the record asks for. Null and absent columns are alike, unless nulls clear."""
        contact = self._identified(data)
        removal = self._removal(data)
        if removal is Removal.IGNORE:
            return Farewell(removal, contact)
        if not self._rules.identifier_mode.usable(contact):
            return _without_identifier(self._rules.identifier_mode, contact)
        if removal is not None:
            return Farewell(removal, contact)
        _fill(data, self._standard, contact.standard_fields)
        _fill(data, self._custom, contact.custom_fields)
        try:
            self._add_preferences(data, contact)
        except BadPreferencesError as bad:
            return Refusal(Reason.BAD_PREFERENCES, self._preference_lists[0], str(bad), contact)
        self._clean(contact)
        return contact

    def permission(self, data: Data) -> Permission | Reason | None:
        """The permission that the record itself names; None: the configured one."""
        value = None if self._permission is None else data.get(self._permission)
        if value is None or value == "":
            return None
        return Permission.parse(as_text(value)) or Reason.BAD_PERMISSION

    @property
    def permission_column(self) -> str:
        """The column that holds the permission; empty if there is none."""
        return self._permission or ""

    def _field_columns(self, columns: list[Column], kind: Kind) -> FieldColumns:
        return [
            (c.name, c.target.name, self._converter(c.type), c.clear)
            for c in columns
            if c.target.kind is kind
        ]

    def _converter(self, field_type: FieldType) -> Converter:
        if self._rules.truncate_long_text and field_type is FieldType.STRING:
            return truncated_text
        return CONVERTERS[field_type]

    def _identified(self, data: Data) -> Contact:
        return Contact(
            email=_identifier(data, self._email),
            external_id=_identifier(data, self._external_id),
            id=_identifier(data, self._id),
        )

    def _removal(self, data: Data) -> Removal | None:
        deleted = self._rules.deleted_records
        gone = self._rules.every_record_is_deleted
        for column in self._deleted:
            gone = gone or is_set(data.get(column))
        if gone and deleted is not Removal.IGNORE:
            return deleted
        if any(is_set(data.get(column)) for column in self._unsubscribe):
            return Removal.UNSUBSCRIBE
        return deleted if gone else None

    def _add_preferences(self, data: Data, contact: Contact) -> None:
        for list_column in self._preference_lists:
            add_listed(data.get(list_column), contact.preferences)
        for column in self._preferences:
            value = data.get(column.name)
            text = None if value is None else as_boolean(value)
            if text is not None:
                key = (column.target.category, column.target.name)
                contact.preferences[key] = Preference(text, column.source, column.has_source)

    def _clean(self, contact: Contact) -> None:
        """Removes what XML forbids here, where the record is known, so that it can be counted."""
        found = False
        for fields in (contact.standard_fields, contact.custom_fields):
            for name, text in fields.items():
                if text and not text.isprintable() and (clean := without_forbidden(text)) != text:
                    fields[name] = clean
                    found = True
        for key, preference in contact.preferences.items():
            if (clean := without_forbidden(preference.value)) != preference.value:
                contact.preferences[key] = replace(preference, value=clean)
                found = True
        self.cleaned_records += found


def _identifier(data: Data, column: str | None) -> str | None:
    value = data.get(column) if column is not None else None
    return None if value is None else as_identifier(value)


def _only_name(columns: list[Column], kind: Kind) -> str | None:
    return next(iter(_names(columns, kind)), None)


def _names(columns: list[Column], kind: Kind) -> list[str]:
    return [column.name for column in columns if column.target.kind is kind]


def _fill(data: Data, columns: FieldColumns, fields: dict[str, str | None]) -> None:
    get = data.get
    for column, name, convert, clear in columns:
        value = get(column)
        text = None if value is None else convert(value)
        if text is not None:
            fields[name] = text
        elif clear and column in data:
            fields[name] = None


def _without_identifier(mode: IdentifierMode, contact: Contact) -> Refusal:
    names = " or ".join(sorted(mode.columns))
    advice = f"give the record a value for {names}, which identifier mode {mode.value} needs"
    return Refusal(Reason.NO_IDENTIFIER, names, advice, contact)

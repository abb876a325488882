"""Record -> Contact, by a mapper compiled once per stream.

This module alone decides what a record's columns become: a contact to write, a removal, a refusal,
or nothing. It knows no account and sends nothing. Whether a column has a target was decided before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from destination_maileon.config.safety import DeletedRecords
from destination_maileon.config.targets import Kind
from destination_maileon.maileon.contact import Contact, Preference
from destination_maileon.maileon.contact_xml import without_forbidden
from destination_maileon.maileon.sync_options import Permission, is_not_set
from destination_maileon.mapping.contact_encoder import (
    Column,
    ContactRemoval,
    MappingRules,
    Reason,
    Refusal,
    _without_identifier,
)
from destination_maileon.mapping.converters import (
    as_boolean,
    as_identifier,
    as_maileon_id,
    as_text,
)
from destination_maileon.mapping.deletions import REMOVAL_FORMS, RemovalColumns
from destination_maileon.mapping.preferences import (
    _PREFERENCES_FORM,
    BadPreferencesError,
    _entries,
    _name,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

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


def add_listed(
    value: object,
    preferences: dict[tuple[str, str], Preference],
    *,
    clean: Callable[[object], object],
) -> None:
    """Adds the listed preferences, each text cleaned. One whose value is null is left out.

    Raises:
        BadPreferencesError: without anything of the value in it.

    """
    for entry in _entries(value):
        if not isinstance(entry, dict):
            raise BadPreferencesError(_PREFERENCES_FORM)
        key = (_name(entry.get("category"), clean), _name(entry.get("name"), clean))
        given = clean(entry.get("value"))
        text = None if given is None else as_boolean(given)
        if text is not None:
            source = clean(entry.get("source"))
            source_text = None if source is None else as_text(source)
            preferences[key] = Preference(text, source_text, has_source="source" in entry)

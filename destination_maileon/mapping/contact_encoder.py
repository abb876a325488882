"""A record -> its `<contact>` and the contact's keys, or a removal, or a rejection: one way.

This module alone decides what a record's columns become. It knows no account and sends nothing;
whether a column has a target was decided before. What can be decided once for a stream is compiled
from its columns: what stands before a value, how a value is converted, what a null writes. Each
record walks them once, and becomes the finished pieces of its element.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from itertools import chain
from typing import Any, TypeAlias

from msgspec import UNSET, Struct

from destination_maileon.config.model import DeletedRecords
from destination_maileon.config.targets import DELETED_AT_COLUMN, Kind
from destination_maileon.maileon.contact import IdentifierMode
from destination_maileon.maileon.contact_xml import (
    escape_markup,
    field_head,
    preference_head,
    source_element,
    without_forbidden,
)
from destination_maileon.maileon.sync_options import Permission, is_not_set
from destination_maileon.mapping.columns import Column
from destination_maileon.mapping.converters import Converter, as_text, truncated
from destination_maileon.mapping.identifiers import (
    Identifiers,
    contact_of_pieces,
    without_identifier,
)
from destination_maileon.mapping.mapped_record import ContactRemoval, Reason, Refusal, Written
from destination_maileon.mapping.preferences import BadPreferencesError, listed, preference_value
from destination_maileon.mapping.removal_columns import RemovalColumns, unclear_advice
from destination_maileon.mapping.rows import Field, Rows, Section, WriteFields, field_writer
from destination_maileon.mapping.summary import Notice, Notices
from destination_maileon.protocol.messages import Texts

# A look-up in an enumeration takes as long as three in a module.
_PLAIN, _, _ANYTHING = Texts
_TRUNCATED = Notice.TRUNCATED

Mapped: TypeAlias = Written | ContactRemoval | Refusal


@dataclass(frozen=True, slots=True)
class MappingRules:
    """What holds for every record of a stream, whatever its columns.

    `preferences` are those of the account: no other may be sent, and only their names may be shown.
    None: the account was not asked, or did not tell.
    """

    identifier_mode: IdentifierMode
    deleted_records: DeletedRecords = DeletedRecords.IGNORE
    truncate_long_text: bool = False
    every_record_is_deleted: bool = False
    preferences: frozenset[tuple[str, str]] | None = None
    audience: tuple[str, str] | None = None
    """The custom field that says who is in the stream, and what it holds."""


class ContactEncoder:
    """Encodes the records of one stream. Compiled anew when the stream's columns change.

    `rows` makes the rows that are encoded. What is known to be a text need not be asked: `texts`
    are columns that have held nothing else so far. `order` is that of the columns in the records:
    all of those that go somewhere, and maybe others; if it is empty, as they come.
    """

    def __init__(
        self,
        columns: Iterable[Column],
        rules: MappingRules,
        notices: Notices | None = None,
        *,
        texts: Collection[str] = (),
        order: Collection[str] = (),
    ) -> None:
        columns = list(columns)
        self._rules = rules
        self._mode = rules.identifier_mode
        self._notices = notices or Notices()
        self._seen = self._notices.seen
        self.rows = Rows(
            order or [c.name for c in columns],
            (c.name for c in columns if c.clear),
            (c.name for c in columns if c.name in texts and _holds_text(c)),
        )
        self._compile(columns)

    def _compile(self, columns: list[Column]) -> None:
        place = self.rows.place

        def of(*kinds: Kind) -> list[Column]:
            return [c for kind in kinds for c in columns if c.target.kind is kind]

        identifiers = of(Kind.EMAIL, Kind.EXTERNAL_ID, *[Kind.MAILEON_ID] * self._mode.sends_id)
        self._identifiers = Identifiers(
            self._mode,
            {c.target.kind: place(c.name) for c in identifiers},
            clean=self._cleaned,
            seen=self._seen,
        )
        marks = of(Kind.DELETED, Kind.UNSUBSCRIBE)
        marks += [c for c in columns if c.name == DELETED_AT_COLUMN and c not in marks]
        self._marks = [(c.name, place(c.name)) for c in marks]
        self._may_leave = bool(marks) or self._rules.every_record_is_deleted
        self._removals = _removals(columns, self._rules)
        sections = [
            Section(tag, [self._field(c) for c in of(kind)], self._constant(kind))
            for kind, tag in _SECTIONS.items()
        ]
        self._sections = sections
        self._write_fields = field_writer(sections)
        lists, preferences = of(Kind.PREFERENCES), of(Kind.PREFERENCE)
        permission = of(Kind.PERMISSION)
        self._lists = [(c.name, place(c.name)) for c in lists]
        self._preferences = [(place(c.name), *_preference(c)) for c in preferences]
        self.permission_column = permission[0].name if permission else ""
        self._permission = place(self.permission_column) if permission else ""
        self._has_wishes = bool(lists or preferences or permission)
        # What a null must not be taken for: who the contact is, that it has left, its consent.
        self._critical = [c.name for c in (*identifiers, *marks, *permission)]
        fields = of(Kind.STANDARD, Kind.CUSTOM)
        self._mapped = {*self._critical, *(c.name for c in (*fields, *lists, *preferences))}

    @cached_property
    def _write_cleaned_fields(self) -> WriteFields:
        """The same for rows whose texts hold what no text may. Most streams never have one."""
        return field_writer(self._sections, clean=self._cleaned)

    def _field(self, column: Column) -> Field:
        convert = column.converter
        if convert is as_text and column.target.kind is Kind.STANDARD:
            convert = self._standard_text
        if column.converter is as_text and self._rules.truncate_long_text:
            convert = partial(self._cut, convert)
        return Field(
            self.rows.place(column.name),
            column.target.name,
            convert,
            converts_texts=convert not in {as_text, self._standard_text},
            is_text=column.name in self.rows.texts,
            clears=column.clear,
        )

    def _constant(self, kind: Kind) -> str:
        """What every record has in a section: the field that says who is in the audience."""
        if kind is not Kind.CUSTOM or self._rules.audience is None:
            return ""
        name, number = self._rules.audience
        return f"{field_head(name)}<value>{number}</value></field>"

    def leave_gaps(self, row: Struct, nulled: Iterable[str]) -> Refusal | None:
        """Makes absent what the source could not deliver, or did not since it had not changed.

        `nulled` are the columns that the record's `meta.changes` says so of. A refusal if who the
        contact is, its permission or its removal is among them: a null would stand for a no.
        """
        nulled = self._mapped.intersection(nulled)
        missing = self.rows.unavailable(row) & self._mapped
        if nulled:
            self._seen.add(Notice.NULLED)
        if missing:
            self._seen.add(Notice.UNAVAILABLE)
        self.rows.leave_out(row, nulled | missing)
        column = next((name for name in self._critical if name in nulled | missing), None)
        if column is None:
            return None
        contact = contact_of_pieces(self._identifiers.of(row, is_clean=False)[0])
        self._notices.count()
        advice = "Look at the source's log, and sync the record again."
        return Refusal(Reason.NOT_DELIVERED, column, advice, contact)

    def encode(self, row: Struct, texts: Texts) -> Mapped:
        """What the record asks for. Null and absent columns are alike, unless nulls clear.

        `texts` says what may stand in the record's texts; it need not.
        """
        is_clean = texts is not _ANYTHING
        pieces, keys = self._identifiers.of(row, is_clean=is_clean)
        if not keys or (self._may_leave and self._is_marked(row)):
            other = self._removed_or_refused(row, pieces, is_usable=bool(keys))
            if other is not None:
                self._notices.count()
                return other
        write = self._write_fields if is_clean else self._write_cleaned_fields
        is_whole = write(row, pieces)
        if self._has_wishes:
            is_whole = False
            refusal = self._add_wishes(row, pieces)
            if refusal is not None:
                self._notices.count()
                return refusal
        pieces.append("</contact>")
        if texts is not _PLAIN:
            # To escape each text alone takes five times as long.
            pieces[1::2] = escape_markup("\0".join(pieces[1::2])).split("\0")
        if self._seen:
            self._notices.count()
        return "".join(pieces).encode(), keys, is_whole

    def permission(self, row: Struct, configured: Permission | None) -> Permission | None:
        """The permission of an encoded record, which may name none; None: none is sent."""
        value = getattr(row, self._permission)
        text = "" if value is None else as_text(value).strip()
        named = _permission(text) if text else configured
        return None if isinstance(named, Reason) else named

    def _is_marked(self, row: Struct) -> bool:
        """Whether the record may say that its contact is gone."""
        for _, place in self._marks:
            if getattr(row, place) is not None:
                return True
        return self._rules.every_record_is_deleted

    def _removed_or_refused(
        self, row: Struct, pieces: list[str], *, is_usable: bool
    ) -> ContactRemoval | Refusal | None:
        given = ((name, getattr(row, place)) for name, place in self._marks)
        marks = {name: value for name, value in given if value is not UNSET}
        contact = contact_of_pieces(pieces)
        removal = self._removals.removal(marks)
        if removal is DeletedRecords.IGNORE:
            return ContactRemoval(removal, contact)
        if not is_usable:
            return without_identifier(self._mode, contact)
        if removal is not None:
            return ContactRemoval(removal, contact)
        unclear = self._removals.unclear_column(marks)
        if unclear is None:
            return None
        return Refusal(Reason.UNCLEAR_REMOVAL, unclear, unclear_advice(unclear), contact)

    def _cleaned(self, value: Any) -> Any:  # noqa: ANN401 - what comes of a value is a value
        """A value less what no text may hold; null if it held nothing else."""
        if type(value) is not str or value.isprintable():
            return value
        clean = without_forbidden(value)
        if len(clean) == len(value):
            return value
        self._seen.add(Notice.CLEANED)
        return clean or None

    def _add_wishes(self, row: Struct, pieces: list[str]) -> Refusal | None:
        """Adds the preferences, and looks at the permission; a refusal if one cannot be read."""
        try:
            self._add_preferences(row, pieces)
        except BadPreferencesError as bad:
            field = bad.field or self._lists[0][0]
            return Refusal(bad.reason, field, str(bad), contact_of_pieces(pieces))
        value = getattr(row, self._permission) if self._permission else None
        if value is not None and _permission(as_text(value).strip()) is Reason.BAD_PERMISSION:
            contact = contact_of_pieces(pieces)
            return Refusal(Reason.BAD_PERMISSION, self.permission_column, _PERMISSIONS, contact)
        return None

    def _add_preferences(self, row: Struct, pieces: list[str]) -> None:
        found: dict[str, str] = {}
        for _, place in self._lists:
            if (value := getattr(row, place)) is not None:
                found.update(listed(value, self._cleaned, self._rules.preferences))
        for place, title, head, rest in self._preferences:
            value = getattr(row, place)
            if type(value) is bool:
                # As nearly all are: two calls less for each.
                found[head] = rest["true" if value else "false"]
            elif value is not None:
                said = preference_value(self._cleaned(value), title)
                if said is not None:
                    found[head] = rest[said]
        if found:
            elements = "".join(chain.from_iterable(found.items()))
            pieces += (f"<preferences>{elements}</preferences>", "")

    def _cut(self, written: Converter, value: object) -> str:
        text = value if type(value) is str else written(value) or ""
        cut = truncated(text)
        if len(cut) != len(text):
            self._seen.add(_TRUNCATED)
        return cut

    def _standard_text(self, value: object) -> str:
        if isinstance(value, dict | list):
            self._seen.add(Notice.NESTED)
        return as_text(value)


def _holds_text(column: Column) -> bool:
    return column.converter is as_text and column.target.kind in _SECTIONS


def _preference(column: Column) -> tuple[str, str, Mapping[str, str]]:
    """Its title, what stands before its value, and the rest for each value."""
    target = column.target
    head = preference_head(target.category, target.name)
    source = source_element(column.source) if column.has_source else ""
    rest = {said: f"<value>{said}</value>{source}</preference>" for said in ("true", "false")}
    return f"{target.category}/{target.name}", head, rest


def _removals(columns: list[Column], rules: MappingRules) -> RemovalColumns:
    return RemovalColumns(
        deleted=[c.name for c in columns if c.target.kind is Kind.DELETED],
        unsubscribe=[c.name for c in columns if c.target.kind is Kind.UNSUBSCRIBE],
        when_deleted=rules.deleted_records,
        every_record_is_deleted=rules.every_record_is_deleted,
    )


@lru_cache(maxsize=100)
def _permission(text: str) -> Permission | Reason | None:
    if not text or is_not_set(text):
        return None
    return Permission.parse(text) or Reason.BAD_PERMISSION


_PERMISSIONS = (
    f"Use one of not_set, {', '.join(permission.name.lower() for permission in Permission)}, "
    "or 1 to 6, or leave it empty."
)
_SECTIONS = {Kind.STANDARD: "standard_fields", Kind.CUSTOM: "custom_fields"}

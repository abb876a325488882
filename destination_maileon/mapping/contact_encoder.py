"""A record -> its `<contact>` and the contact's keys, or a removal, or a rejection.

This module alone decides what a record's columns become. What can be decided once for a stream is
compiled from its columns: what stands before a value, how a value is converted, what a null writes.
Each record walks them once, and becomes the finished pieces of its element.
"""

from collections.abc import Collection, Iterable, Mapping
from functools import cached_property, lru_cache, partial
from itertools import chain
from typing import Any, TypeAlias

from msgspec import UNSET, Struct

from destination_maileon.config.model import DeletedRecords
from destination_maileon.config.targets import DELETED_AT_COLUMN, IDENTIFIERS, Kind
from destination_maileon.maileon import contact_xml
from destination_maileon.maileon.sync_options import Permission, is_not_set
from destination_maileon.mapping.columns import Column, StreamColumns
from destination_maileon.mapping.converters import Converter, as_text, truncated
from destination_maileon.mapping.identifiers import Identifiers, contact_of_pieces
from destination_maileon.mapping.mapped_record import (
    ContactRemoval,
    Reason,
    Refusal,
    RefusedError,
    Written,
)
from destination_maileon.mapping.preferences import listed, preference_value
from destination_maileon.mapping.removal_columns import RemovalColumns, unclear_advice
from destination_maileon.mapping.rows import Field, Rows, WriteFields, field_writer
from destination_maileon.mapping.summary import Notice, Notices
from destination_maileon.protocol.messages import UNAVAILABLE_VALUE, Texts

# A look-up in an enumeration takes as long as three in a module.
_PLAIN, _, _ANYTHING = Texts
_TRUNCATED = Notice.TRUNCATED

_NOT_DELIVERED = "Look at the source's log, and sync the record again."
_PERMISSIONS = (
    f"Use one of not_set, {', '.join(permission.name.lower() for permission in Permission)}, "
    "or 1 to 6, or leave it empty."
)
_SECTIONS = {Kind.STANDARD: "standard_fields", Kind.CUSTOM: "custom_fields"}

Mapped: TypeAlias = Written | ContactRemoval | Refusal


class ContactEncoder:
    """Encodes the records of one stream. Compiled anew when the stream's columns change.

    `rows` makes the rows that are encoded. `texts` are columns that have held nothing but texts so
    far. `order` is that of the columns in the records: all of those that go somewhere, and maybe
    others; if it is empty, as they come.
    """

    def __init__(
        self,
        stream: StreamColumns,
        notices: Notices | None = None,
        *,
        texts: Collection[str] = (),
        order: Collection[str] = (),
    ) -> None:
        self._plan, self._config, self._account = stream.plan, stream.config, stream.account
        self._notices = notices or Notices()
        self._seen = self._notices.seen
        columns = [*stream.columns.values()]
        texts = {c.name for c in columns if c.name in texts and c.target.kind in _SECTIONS}
        self.rows = Rows(
            order or stream.columns,
            {c.name for c in columns if c.clear},
            {c.name for c in columns if c.converter is as_text}.intersection(texts),
        )
        mode = self._plan.options.identifier_mode
        unused = {Kind.SKIP} if mode.sends_id else {Kind.SKIP, Kind.MAILEON_ID}
        of = {kind: [c for c in columns if c.target.kind is kind] for kind in Kind}
        of |= {kind: [] for kind in unused}
        identifiers = [c for kind in IDENTIFIERS for c in of[kind]]
        marks = of[Kind.DELETED] + of[Kind.UNSUBSCRIBE]
        marks += [c for c in columns if c.name == DELETED_AT_COLUMN and c not in marks]
        # What a null must not be taken for: who the contact is, that it has left, its consent.
        self._critical = [c.name for c in (*identifiers, *marks, *of[Kind.PERMISSION])]
        self._mapped = {*self._critical, *(c.name for its in of.values() for c in its)}
        place = self.rows.columns
        places = {c.target.kind: place[c.name] for c in identifiers}
        self._identifiers = Identifiers(mode, places, clean=self._cleaned, seen=self._seen)
        self._marks = [(c.name, place[c.name]) for c in marks]
        self._may_leave = bool(marks) or self._plan.every_record_is_deleted
        self._removals = RemovalColumns(
            unsubscribe=[c.name for c in of[Kind.UNSUBSCRIBE]],
            when_deleted=self._config.deleted_records,
            every_record_is_deleted=self._plan.every_record_is_deleted,
        )
        self._compile_content(of)

    def _compile_content(self, of: Mapping[Kind, list[Column]]) -> None:
        """What is said of the contact: fields, preferences, permission."""
        place = self.rows.columns
        sections = {tag: [*map(self._field, of[kind])] for kind, tag in _SECTIONS.items()}
        if (name := self._plan.audience_field) is not None:
            number = str(self._plan.audience_number)
            sections["custom_fields"].append(Field("audience", name, constant=number))
        self._sections = {tag: fields for tag, fields in sections.items() if fields}
        self._write_fields = field_writer(self._sections)
        self._lists = [(c.name, place[c.name]) for c in of[Kind.PREFERENCES]]
        self._preferences = [(place[c.name], *_preference(c)) for c in of[Kind.PREFERENCE]]
        permission = of[Kind.PERMISSION]
        self.permission_column = permission[0].name if permission else None
        self._permission = place[permission[0].name] if permission else ""
        self._has_wishes = bool(self._lists or self._preferences or self._permission)

    @cached_property
    def _write_cleaned_fields(self) -> WriteFields:
        """The same for rows whose texts hold what no text may. Most streams never have one."""
        return field_writer(self._sections, clean=self._cleaned)

    def _field(self, column: Column) -> Field:
        convert = column.converter
        is_text = convert is as_text
        if is_text and column.target.kind is Kind.STANDARD:
            convert = self._standard_text
        cuts = is_text and self._config.truncate_long_text
        return Field(
            self.rows.columns[column.name],
            column.target.name,
            partial(self._cut, convert) if cuts else convert,
            converts_texts=cuts or not is_text,
            is_text=column.name in self.rows.texts,
            clears=column.clear,
        )

    def leave_gaps(self, row: Struct, nulled: Iterable[str]) -> Refusal | None:
        """Makes absent what the source could not deliver, or did not since it had not changed.

        `nulled` are the columns that the record's `meta.changes` says so of. A refusal if who the
        contact is, its permission or its removal is among them: a null would stand for a no.
        """
        place = self.rows.columns
        nulled = self._mapped.intersection(nulled)
        missing = {c for c in self._mapped if getattr(row, place[c]) == UNAVAILABLE_VALUE}
        if nulled:
            self._seen.add(Notice.NULLED)
        if missing:
            self._seen.add(Notice.UNAVAILABLE)
        for column in nulled | missing:
            setattr(row, place[column], getattr(self.rows.empty, place[column]))
        critical = next((c for c in self._critical if c in nulled | missing), None)
        if critical is None:
            return None
        pieces, _ = self._identifiers.of(row, is_clean=False)
        self._notices.count()
        return self._refusal(RefusedError(Reason.NOT_DELIVERED, _NOT_DELIVERED, critical), pieces)

    def encode(self, row: Struct, texts: Texts) -> Mapped:
        """What the record asks for. Null and absent columns are alike, unless nulls clear.

        `texts` says what may stand in the record's texts; it need not.
        """
        is_clean = texts is not _ANYTHING
        pieces, keys = self._identifiers.of(row, is_clean=is_clean)
        write = self._write_fields if is_clean else self._write_cleaned_fields
        try:
            if self._may_leave or not keys:
                removal = self._removal(row, pieces, is_usable=bool(keys))
                if removal is not None:
                    return ContactRemoval(removal, contact_of_pieces(pieces))
            is_whole = write(row, pieces)
            if self._has_wishes:
                is_whole = False
                self._add_preferences(row, pieces)
                if self._permission:
                    self.permission(row, None)
        except RefusedError as refused:
            return self._refusal(refused, pieces)
        finally:
            if self._seen:
                self._notices.count()
        pieces.append("</contact>")
        if texts is not _PLAIN:
            # To escape each text alone takes five times as long.
            pieces[1::2] = contact_xml.escape_markup("\0".join(pieces[1::2])).split("\0")
        return "".join(pieces).encode(), keys, is_whole

    def permission(self, row: Struct, configured: Permission | None) -> Permission | None:
        """The permission of a record, which may name none; None: none is sent.

        Raises RefusedError if it names another, which an encoded one does not.
        """
        value = getattr(row, self._permission)
        text = "" if value is None else as_text(value).strip()
        named = _permission(text) if text else configured
        if isinstance(named, Reason):
            raise RefusedError(named, _PERMISSIONS, self.permission_column)
        return named

    def _refusal(self, refused: RefusedError, pieces: list[str]) -> Refusal:
        # In a list of preferences nothing is named that the account does not have.
        field = self._lists[0][0] if refused.field is None else refused.field
        return Refusal(refused.reason, field, refused.advice, contact_of_pieces(pieces))

    def _removal(self, row: Struct, pieces: list[str], *, is_usable: bool) -> DeletedRecords | None:
        """What becomes of the contact if it is gone, usable if it can be recognised."""
        given = [(name, getattr(row, place)) for name, place in self._marks]
        marks = {name: value for name, value in given if value is not None and value is not UNSET}
        if is_usable and not marks and not self._plan.every_record_is_deleted:
            return None
        removal = self._removals.removal(marks)
        if not is_usable and removal is not DeletedRecords.IGNORE:
            raise self._identifiers.missing(pieces)
        unclear = None if removal else self._removals.unclear_column(marks)
        if unclear is not None:
            raise RefusedError(Reason.UNCLEAR_REMOVAL, unclear_advice(unclear), unclear)
        return removal

    def _add_preferences(self, row: Struct, pieces: list[str]) -> None:
        found: dict[str, str] = {}
        for _, place in self._lists:
            if (value := getattr(row, place)) is not None:
                found.update(listed(value, self._cleaned, self._account.known_preferences))
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

    def _cleaned(self, value: Any) -> Any:  # noqa: ANN401 - what comes of a value is a value
        """A value less what no text may hold; null if it held nothing else."""
        if type(value) is not str or value.isprintable():
            return value
        clean = contact_xml.without_forbidden(value)
        if len(clean) == len(value):
            return value
        self._seen.add(Notice.CLEANED)
        return clean or None

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


def _preference(column: Column) -> tuple[str, str, Mapping[str, str]]:
    """Its title, what stands before its value, and the rest for each value."""
    target = column.target
    head = contact_xml.preference_head(target.category, target.name)
    source = "" if column.source is None else contact_xml.source_element(column.source)
    rest = {said: f"<value>{said}</value>{source}</preference>" for said in ("true", "false")}
    return f"{target.category}/{target.name}", head, rest


@lru_cache(maxsize=100)
def _permission(text: str) -> Permission | Reason | None:
    if is_not_set(text):
        return None
    return Permission.parse(text) or Reason.BAD_PERMISSION

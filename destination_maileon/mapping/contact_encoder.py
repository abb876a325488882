"""A record -> its `<contact>` and the contact's keys, or a removal, or a rejection.

What can be decided once is compiled from the columns of a stream: what stands before a value, how a
value is converted, what a null writes. Each record walks them once.
"""

from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from itertools import chain
from typing import Any, TypeAlias

from msgspec import UNSET, Struct

from destination_maileon.config.spec import DeletedRecords
from destination_maileon.config.targets import DELETED_AT_COLUMN, IDENTIFIERS, Kind
from destination_maileon.maileon import contact_xml
from destination_maileon.maileon.sync_options import Permission, is_not_set
from destination_maileon.mapping.columns import Column, StreamColumns
from destination_maileon.mapping.converters import as_text, truncated
from destination_maileon.mapping.identifiers import Identifiers, contact_of_pieces
from destination_maileon.mapping.mapped_record import (
    ContactRemoval,
    EncodedContact,
    Reason,
    Refusal,
)
from destination_maileon.mapping.preferences import listed, preference_value
from destination_maileon.mapping.removal_columns import RemovalColumns
from destination_maileon.mapping.rows import Field, Rows, field_writer
from destination_maileon.mapping.summary import Notice, Notices
from destination_maileon.protocol.messages import UNAVAILABLE_VALUE, Texts

# A look-up in an enumeration takes as long as three in a module.
_PLAIN, _, _ANYTHING = Texts
_LEAVING = {Kind.DELETED, Kind.UNSUBSCRIBE}
_SECTIONS = {Kind.STANDARD: "standard_fields", Kind.CUSTOM: "custom_fields"}
Mapped: TypeAlias = EncodedContact | ContactRemoval | Refusal


class ContactEncoder:
    """Encodes the records of one stream. Compiled anew when the stream's columns change.

    `rows` makes the rows that are encoded. `texts` are columns that have held nothing but texts so
    far, `order` has the columns as in the records: all that go somewhere, and maybe others.
    """

    def __init__(
        self,
        stream: StreamColumns,
        notices: Notices | None = None,
        *,
        texts: Collection[str] = (),
        order: Collection[str] = (),
    ) -> None:
        self._account, self._notices = stream.account, notices or Notices()
        self._seen = self._notices.seen
        columns = [*stream.columns.values()]
        clearing = {c.name for c in columns if c.clear}
        plain = {c.name for c in columns if c.target.kind in _SECTIONS and c.converter is as_text}
        self.rows = Rows(order or stream.columns, clearing, plain.intersection(texts))
        place = self.rows.columns
        mode = stream.plan.options.identifier_mode
        unused = {Kind.SKIP} if mode.sends_id else {Kind.SKIP, Kind.MAILEON_ID}
        marks = [c for c in columns if c.name == DELETED_AT_COLUMN or c.target.kind in _LEAVING]
        used = [c for c in columns if c in marks or c.target.kind not in unused]
        of = {kind: [c for c in used if c.target.kind is kind] for kind in Kind}
        identifiers = [c for kind in IDENTIFIERS for c in of[kind]]
        # What a null must not be taken for: who the contact is, that it has left, its consent.
        self._critical = [c.name for c in (*identifiers, *marks, *of[Kind.PERMISSION])]
        self._mapped = {c.name for c in used}
        # Marks are judged as they are, and cleaned only where one is written.
        self._texts = [place[c.name] for c in used if c not in marks]
        self._writes_a_mark = any(c.target.kind in _SECTIONS for c in marks)
        places = {c.target.kind: place[c.name] for c in identifiers}
        self._identifiers = Identifiers(mode, places, self._seen)
        self._marks = [(c.name, place[c.name]) for c in marks]
        self._all_leave = stream.plan.every_record_is_deleted
        self._may_leave = bool(marks) or self._all_leave
        leaving = [c.name for c in of[Kind.UNSUBSCRIBE]]
        self._removals = RemovalColumns(leaving, stream.config.deleted_records, self._all_leave)
        self._compile_content(stream, of)

    def _compile_content(self, stream: StreamColumns, of: Mapping[Kind, list[Column]]) -> None:
        """What is said of the contact: fields, preferences, permission."""
        place, self._cuts = self.rows.columns, stream.config.truncate_long_text
        sections = {tag: [*map(self._field, of[kind])] for kind, tag in _SECTIONS.items()}
        if (name := stream.plan.audience_field) is not None:
            number = str(stream.plan.audience_number)
            sections["custom_fields"].append(Field("audience", name, constant=number))
        self._write_fields = field_writer({tag: some for tag, some in sections.items() if some})
        self._lists = [(c.name, place[c.name]) for c in of[Kind.PREFERENCES]]
        self._preferences = [(place[c.name], *_preference(c)) for c in of[Kind.PREFERENCE]]
        permission = of[Kind.PERMISSION]
        self.permission_column = permission[0].name if permission else None
        self._permission = place[permission[0].name] if permission else ""
        self._has_wishes = bool(self._lists or self._preferences or permission)

    def _field(self, column: Column) -> Field:
        convert = self._cut if self._cuts and column.converter is as_text else column.converter
        return Field(
            self.rows.columns[column.name],
            column.target.name,
            convert,
            is_text=column.name in self.rows.texts,
            clears=column.clear,
        )

    def leave_gaps(self, row: Struct, nulled: Iterable[str]) -> Refusal | None:
        """Makes absent what did not change, and the `nulled` that the source could not deliver.

        A refusal if one decides who the contact is, its permission or its removal.
        """
        place = self.rows.columns
        nulled = self._mapped.intersection(nulled)
        unchanged = {c for c in self._mapped if getattr(row, place[c]) == UNAVAILABLE_VALUE}
        if nulled:
            self._seen.add(Notice.NULLED)
        if unchanged:
            self._seen.add(Notice.UNAVAILABLE)
        lacking = nulled | unchanged
        for column in lacking:
            setattr(row, place[column], getattr(self.rows.empty, place[column]))
        if (critical := next((c for c in self._critical if c in lacking), None)) is None:
            return None
        self._clean(row)
        pieces, _ = self._identifiers.of(row)
        self._notices.count()
        advice = "Look at the source's log, and sync the record again."
        return Refusal(Reason.NOT_DELIVERED, advice, critical, contact_of_pieces(pieces))

    def encode(self, row: Struct, texts: Texts) -> Mapped:
        """What the record asks for; `texts` says what may stand in its texts, and need not."""
        try:
            return self._encoded(row, texts)
        finally:
            if self._seen:
                self._notices.count()

    def _encoded(self, row: Struct, texts: Texts) -> Mapped:
        is_clean = texts is not _ANYTHING or not (self._clean(row) or self._writes_a_mark)
        pieces, keys = self._identifiers.of(row)
        try:
            if (self._may_leave or not keys) and (removal := self._gone(row, pieces, keys)):
                return removal
            is_whole = self._write_fields(row, pieces)
            if self._has_wishes:
                is_whole = False
                self._add_wishes(row, pieces)
        except Refusal as refusal:
            refusal.contact = contact_of_pieces(pieces)
            # In a list of preferences nothing is named that the account does not have.
            refusal.field = self._lists[0][0] if refusal.field is None else refusal.field
            # Its traceback would keep the row alive, and cost a tenth where many are rejected.
            return refusal.with_traceback(None)
        pieces.append("</contact>")
        if texts is not _PLAIN:
            said = pieces[1::2]
            if not is_clean:
                said = [self._cleaned(text) or "" for text in said]
            # To escape each text alone takes five times as long.
            pieces[1::2] = contact_xml.escape_markup("\0".join(said)).split("\0")
        return "".join(pieces).encode(), keys, is_whole

    def permission(self, row: Struct, configured: Permission | None) -> Permission | None:
        """The record's permission, or the configured one; None: none is sent. May raise Refusal."""
        value = getattr(row, self._permission)
        text = "" if value is None else as_text(value).strip()
        named = _permission(text) if text else configured
        if isinstance(named, Reason):
            raise Refusal(named, _PERMISSIONS, self.permission_column)
        return named

    def _gone(self, row: Struct, pieces: list[str], keys: tuple[str, ...]) -> ContactRemoval | None:
        """The removal of a contact that is gone; without keys Maileon cannot recognise it."""
        marks = {}
        for name, place in self._marks:
            value = getattr(row, place)
            if value is not None and value is not UNSET:
                marks[name] = value
        if not marks and keys and not self._all_leave:
            return None
        removal = self._removals.removal(marks)
        if not keys and removal is not DeletedRecords.IGNORE:
            raise self._identifiers.missing(pieces)
        return ContactRemoval(removal, contact_of_pieces(pieces)) if removal else None

    def _add_wishes(self, row: Struct, pieces: list[str]) -> None:
        """Adds the preferences. Raises Refusal if these or the permission cannot be understood."""
        if self._permission:
            self.permission(row, None)
        found: dict[str, str] = {}
        for _, place in self._lists:
            if (value := getattr(row, place)) is not None:
                found.update(listed(value, self._cleaned, self._account.known_preferences))
        for place, title, head, rest in self._preferences:
            value = getattr(row, place)
            if type(value) is bool:
                # As nearly all are: two calls less for each.
                found[head] = rest["true" if value else "false"]
            elif value is not None and (said := preference_value(value, title)) is not None:
                found[head] = rest[said]
        if found:
            pieces += (f"<preferences>{''.join(chain(*found.items()))}</preferences>", "")

    def _clean(self, row: Struct) -> bool:
        """Takes from the row's texts what none may hold; whether it has objects, which may, too."""
        has_objects = False
        for place in self._texts:
            value = getattr(row, place)
            if type(value) is not str:
                has_objects = has_objects or isinstance(value, dict | list)
            elif not value.isprintable():
                setattr(row, place, self._cleaned(value))
        return has_objects

    def _cleaned(self, value: Any) -> Any:  # noqa: ANN401 - what comes of a value is a value
        """A value less what no text may hold; null if it held nothing else."""
        if type(value) is not str or value.isprintable():
            return value
        clean = contact_xml.without_forbidden(value)
        if len(clean) != len(value):
            self._seen.add(Notice.CLEANED)
        return clean or None

    def _cut(self, value: object) -> str:
        text = value if type(value) is str else as_text(value)
        cut = truncated(text)
        if len(cut) != len(text):
            self._seen.add(Notice.TRUNCATED)
        return cut


def _preference(column: Column) -> tuple[str, str, Mapping[str, str]]:
    """Its title, what stands before its value, and the rest for each value."""
    target = column.target
    head = contact_xml.preference_head(target.category, target.name)
    rest = {said: contact_xml.preference_rest(said, column.source) for said in ("true", "false")}
    return f"{target.category}/{target.name}", head, rest


_NAMES = ", ".join(Permission.__members__).lower()
_PERMISSIONS = f"Use one of not_set, {_NAMES}, or 1 to 6, or leave it empty."


@lru_cache(maxsize=100)
def _permission(text: str) -> Permission | Reason | None:
    return None if is_not_set(text) else Permission.parse(text) or Reason.BAD_PERMISSION

"""A record -> its `<contact>` and the contact's keys, or a removal, or a rejection: one way.

This module alone decides what a record's columns become. It knows no account and sends nothing;
whether a column has a target was decided before. What can be decided once for a stream is compiled
from its columns: what stands before a value, how a value is converted, what a null writes. Each
record walks them once, and becomes the finished pieces of its element.

A function generated for each stream, as attrs makes for classes, takes as long as texts that are
put into a template at once, and is harder to read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from operator import itemgetter
from types import NoneType
from typing import Any, TypeAlias

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import astuple

from destination_maileon.config.model import DeletedRecords
from destination_maileon.config.targets import DELETED_AT_COLUMN, Kind
from destination_maileon.maileon.contact import Contact
from destination_maileon.maileon.contact_xml import (
    escape,
    field_head,
    has_forbidden,
    preference_head,
    source_element,
    without_forbidden,
)
from destination_maileon.maileon.sync_options import Permission, is_not_set
from destination_maileon.mapping.converters import Converter, as_text, truncated
from destination_maileon.mapping.deletions import REMOVAL_FORMS, RemovalColumns
from destination_maileon.mapping.field_section import FieldSection
from destination_maileon.mapping.identifiers import Identifiers, without_identifier
from destination_maileon.mapping.mapped_record import Written
from destination_maileon.mapping.notices import Notice, Notices
from destination_maileon.mapping.preferences import BadPreferencesError, listed, preference_value
from destination_maileon.mapping.rows import Rows
from destination_maileon.mapping.rules import (
    Column,
    ContactRemoval,
    MappingRules,
    Reason,
    Refusal,
)
from destination_maileon.protocol.messages import Texts

Values: TypeAlias = tuple[Any, ...]

# A look-up in an enumeration takes as long as three in a module.
_PLAIN, _MARKUP, _ANYTHING = Texts
_TEXT_OR_NONE = frozenset({str, NoneType, UnsetType})

Mapped: TypeAlias = Written | ContactRemoval | Refusal


class ContactEncoder:
    """Encodes the records of one stream. Compiled anew when the stream's columns change.

    `rows` makes the rows that are encoded.
    """

    def __init__(
        self, columns: Iterable[Column], rules: MappingRules, notices: Notices | None = None
    ) -> None:
        columns = list(columns)
        self._rules = rules
        self._mode = rules.identifier_mode
        self._notices = notices or Notices()
        self._seen = self._notices.seen
        self.rows = Rows((c.name for c in columns), (c.name for c in columns if _clears(c)))
        self._compile_walk(columns)

    def _compile_walk(self, columns: list[Column]) -> None:
        """Puts the values of a row in the order in which they are walked."""
        picked: list[Column] = []

        def pick(*kinds: Kind) -> slice:
            start = len(picked)
            picked.extend(c for kind in kinds for c in columns if c.target.kind is kind)
            return slice(start, len(picked))

        pick(Kind.EMAIL, Kind.EXTERNAL_ID, *[Kind.MAILEON_ID] * self._mode.sends_id)
        kinds = [column.target.kind for column in picked]
        self._identifiers = Identifiers(self._mode, kinds, clean=self._cleaned, seen=self._seen)
        marks = pick(Kind.DELETED, Kind.UNSUBSCRIBE)
        picked.extend(c for c in columns if c.name == DELETED_AT_COLUMN and c not in picked)
        self._marks = slice(marks.start, len(picked))
        self._mark_names = [column.name for column in picked[self._marks]]
        # Where every record is deleted, no record is without a mark.
        is_open = not self._rules.every_record_is_deleted
        self._no_marks = (None,) * len(self._mark_names) if is_open else None
        self._removals = _removals(columns, self._rules)
        self._sections = [
            self._section(tag, picked[at], values=at)
            for kind, tag in _SECTIONS.items()
            if (at := pick(kind)).start < at.stop or (kind is Kind.CUSTOM and self._rules.audience)
        ]
        self._lists = pick(Kind.PREFERENCES)
        self._list_names = [column.name for column in picked[self._lists]]
        self._preferences = pick(Kind.PREFERENCE)
        self._preference_pieces = [_preference(column) for column in picked[self._preferences]]
        self._permission = pick(Kind.PERMISSION)
        self._has_wishes = self._lists.start < self._permission.stop
        names = [column.name for column in picked[self._permission]]
        self.permission_column = names[0] if names else ""
        self._mapped = {column.name for column in picked}
        self._critical = [c.name for c in picked if _is_critical(c)]
        places = {column.name: place for place, column in enumerate(columns)}
        self._values = _picker([places[column.name] for column in picked], out_of=len(columns))

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
        contact = _contact(self._identifiers.of(self._values(row), is_clean=False)[0])
        self._notices.count()
        advice = "Look at the source's log, and sync the record again."
        return Refusal(Reason.NOT_DELIVERED, column, advice, contact)

    def encode(self, row: Struct, texts: Texts) -> Mapped:
        """What the record asks for. Null and absent columns are alike, unless nulls clear.

        `texts` says what may stand in the record's texts; it need not.
        """
        values = self._values(row)
        if texts is _ANYTHING and not _may_be_dirty(values):
            texts = _MARKUP
        mapped = self._encoded(values, texts)
        if self._seen:
            self._notices.count()
        return mapped

    def permission(self, row: Struct, configured: Permission | None) -> Permission | None:
        """The permission of an encoded record, which may name none; None: none is sent."""
        value = self.rows.value(row, self.permission_column)
        text = "" if value is None else as_text(value).strip()
        named = _permission(text) if text else configured
        return None if isinstance(named, Reason) else named

    def _encoded(self, values: Values, texts: Texts) -> Mapped:
        identity, keys = self._identifiers.of(values, is_clean=texts is not _ANYTHING)
        if values[self._marks] != self._no_marks or not self._identifiers.are_usable(identity):
            other = self._removed_or_refused(values, identity)
            if other is not None:
                return other
        pieces = ["<contact>"]
        for tag, text in identity.items():
            pieces.append(f"<{tag}>{text if texts is _PLAIN else escape(text)}</{tag}>")
        pieces += [self._fields(section, values, texts) for section in self._sections]
        if self._has_wishes:
            refusal = self._add_wishes(values, identity, pieces)
            if refusal is not None:
                return refusal
        pieces.append("</contact>")
        return "".join(pieces).encode(), keys

    def _removed_or_refused(
        self, values: Values, identity: dict[str, str]
    ) -> ContactRemoval | Refusal | None:
        given = zip(self._mark_names, values[self._marks], strict=True)
        marks = {name: value for name, value in given if value is not UNSET}
        contact = _contact(identity)
        removal = self._removals.removal(marks)
        if removal is DeletedRecords.IGNORE:
            return ContactRemoval(removal, contact)
        if not self._identifiers.are_usable(identity):
            return without_identifier(self._mode, contact)
        if removal is not None:
            return ContactRemoval(removal, contact)
        unclear = self._removals.unclear_column(marks)
        if unclear is None:
            return None
        return Refusal(Reason.UNCLEAR_REMOVAL, unclear, REMOVAL_FORMS, contact)

    def _fields(self, section: FieldSection, values: Values, texts: Texts) -> str:
        """A section. Here a record spends its time: texts that need nothing are not looked at."""
        given = [*values[section.values]]
        if texts is _ANYTHING:
            given = [self._cleaned(value) for value in given]
        for place, convert in section.converted:
            value = given[place]
            if value is not None and value is not UNSET:
                given[place] = convert(value)
        if texts is _ANYTHING:
            # An object may hold it, too, and is a text only now.
            given = [self._cleaned(value) for value in given]
        try:
            return section.assembled(given, escapes=texts is not _PLAIN)
        except TypeError:
            # A column of texts has another value: from now on it is converted, too.
            known = {place for place, _ in section.converted}
            more = [n for n, v in enumerate(given) if type(v) not in _TEXT_OR_NONE]
            section.converted += [(n, section.converters[n]) for n in more if n not in known]
            if known.issuperset(more):
                raise
        return self._fields(section, values, texts)

    def _cleaned(self, value: Any) -> Any:  # noqa: ANN401 - what comes of a value is a value
        """A value less what no text may hold; null if it held nothing else."""
        if type(value) is not str or value.isprintable():
            return value
        clean = without_forbidden(value)
        if len(clean) == len(value):
            return value
        self._seen.add(Notice.CLEANED)
        return clean or None

    def _add_wishes(
        self, values: Values, identity: dict[str, str], pieces: list[str]
    ) -> Refusal | None:
        """Adds the preferences, and looks at the permission; a refusal if one cannot be read."""
        try:
            self._add_preferences(values, pieces)
        except BadPreferencesError as bad:
            field = bad.field or self._list_names[0]
            return Refusal(bad.reason, field, str(bad), _contact(identity))
        for value in values[self._permission]:
            if value is not None and _permission(as_text(value).strip()) is Reason.BAD_PERMISSION:
                return _bad_permission(self.permission_column, _contact(identity))
        return None

    def _add_preferences(self, values: Values, pieces: list[str]) -> None:
        found: dict[str, tuple[str, str]] = {}
        for value in values[self._lists]:
            if value is not None:
                for head, text, source in listed(value, self._cleaned, self._rules.preferences):
                    found[head] = text, source
        for (title, head, source), value in zip(
            self._preference_pieces, values[self._preferences], strict=True
        ):
            if value is not None:
                said = preference_value(self._cleaned(value), title)
                if said is not None:
                    found[head] = said, source
        if found:
            elements = [
                f"{head}<value>{text}</value>{source}</preference>"
                for head, (text, source) in found.items()
            ]
            pieces += ("<preferences>", *elements, "</preferences>")

    def _section(self, tag: str, columns: list[Column], *, values: slice) -> FieldSection:
        member = ""
        if tag == _SECTIONS[Kind.CUSTOM] and self._rules.audience is not None:
            name, number = self._rules.audience
            member = f"{field_head(name)}<value>{number}</value></field>"
        section = FieldSection(tag, columns, values=values, constant=member)
        for place, column in enumerate(columns):
            convert = column.converter
            cuts = convert is as_text and self._rules.truncate_long_text
            if cuts or convert is not as_text:
                convert = self._cut if cuts else convert
                section.converted.append((place, convert))
            is_standard = column.target.kind is Kind.STANDARD
            section.converters.append(self._noticing_nested(convert) if is_standard else convert)
        return section

    def _cut(self, value: object) -> str:
        text = as_text(value)
        cut = truncated(text)
        if len(cut) != len(text):
            self._seen.add(Notice.TRUNCATED)
        return cut

    def _noticing_nested(self, convert: Converter) -> Converter:
        def converted(value: object) -> str | None:
            if isinstance(value, dict | list):
                self._seen.add(Notice.NESTED)
            return convert(value)

        return converted


def _may_be_dirty(values: Values) -> bool:
    """Whether a text may hold what XML forbids: one look at all of them together."""
    texts = [value for value in values if type(value) is str]
    if len(texts) < len(values) and any(isinstance(value, dict | list) for value in values):
        return True
    return has_forbidden("".join(texts))


def _contact(identity: Mapping[str, str]) -> Contact:
    get = identity.get
    return Contact(email=get("email"), external_id=get("external_id"), id=get("id"))


def _clears(column: Column) -> bool:
    return column.clear and column.target.kind in _SECTIONS


def _is_critical(column: Column) -> bool:
    return column.target.kind in _CRITICAL or column.name == DELETED_AT_COLUMN


def _preference(column: Column) -> tuple[str, str, str]:
    target = column.target
    head = preference_head(target.category, target.name)
    title = f"{target.category}/{target.name}"
    return title, head, source_element(column.source) if column.has_source else ""


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


_CRITICAL = frozenset(
    {
        Kind.EMAIL,
        Kind.EXTERNAL_ID,
        Kind.MAILEON_ID,
        Kind.PERMISSION,
        Kind.DELETED,
        Kind.UNSUBSCRIBE,
    }
)
"""What a null must not be taken for: who the contact is, its consent, that it has left."""
_SECTIONS = {Kind.STANDARD: "standard_fields", Kind.CUSTOM: "custom_fields"}

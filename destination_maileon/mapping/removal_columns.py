"""Record -> whether it says that its contact is gone, and what becomes of the contact then.

This module alone decides which values of which columns say so. A record that Airbyte marks as
deleted is never written as a contact, wherever the mapping sends the column that marks it.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal

from destination_maileon.config.model import DeletedRecords
from destination_maileon.config.targets import DELETED_AT_COLUMN
from destination_maileon.mapping.converters import (
    FALSE_WORDS,
    ISO_DATE,
    NUMBER,
    TRUE_WORDS,
    ZONE,
    as_text,
)

NULL_WORDS = frozenset({"", "null", "none"})
_MONTH = "(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
_WEEKDAY = "(mon|tue|wed|thu|fri|sat|sun)[a-z]*"
# Days that no standard knows, and sources write nevertheless: 31/12/2024, 5 May 2024, May 5, 2024,
# May  1 2024 10:00AM (SQL Server), Wed May 01 2024 10:00:00 GMT+0200 (JavaScript). Without a year
# of four digits it may as well be a version, so that it is none.
_OTHER_DATE = re.compile(
    rf"({_WEEKDAY},?\s+)?([0-9]{{4}}[./-][0-9]{{1,2}}[./-][0-9]{{1,2}}"
    rf"|[0-9]{{1,2}}[./-][0-9]{{1,2}}[./-][0-9]{{4}}"
    rf"|[0-9]{{1,2}}[ -]{_MONTH}[ -][0-9]{{4}}|{_MONTH}\s+[0-9]{{1,2}}(,\s*|\s+)[0-9]{{4}})"
    rf"([T ]+[0-9]{{1,2}}:[0-9]{{2}}(:[0-9]{{2}})?([.,:][0-9]+)?( ?[ap]m)?)?"
    rf"\s*(GMT|UTC)?{ZONE}(\s*\([^()]*\))?",
    re.IGNORECASE,
)
_YEAR = re.compile("[0-9]{4}")
_YEARS = range(1971, 2100)
"""Outside of these nobody left: year 1, 1900 and the epoch stand for never, 9999 for ever valid."""
_END = 4_102_444_800
"""The second in which 2100 begins, since 1970."""
_YEAR_10000 = 253_402_300_800
"""The same of year 10000: more in seconds is no date, so from here on they are milliseconds."""
_MOMENTS = (
    (19_710_101, 21_000_101),
    (100_000_000, _END),
    (_YEAR_10000, _END * 10**3),
    (19_710_101_000_000, 21_000_101_000_000),
    (_YEAR_10000 * 10**3, _END * 10**6),
    (_YEAR_10000 * 10**6, _END * 10**9),
)
"""First and end of the numbers that are a day (20240501), a time in seconds, in milliseconds, a day
with its time (20240501103000), a time in microseconds, in nanoseconds."""

REMOVAL_FORMS = "Use true, false or a time, or leave it empty."


@dataclass(frozen=True, slots=True)
class RemovalColumns:
    """What the columns of a stream mean that say that a contact is gone.

    They say that it is deleted, but for those that `unsubscribe`; `when_deleted` is configured.
    `marks` below are what these columns hold in a record, by name.
    """

    unsubscribe: Collection[str]
    when_deleted: DeletedRecords
    every_record_is_deleted: bool = False

    def removal(self, marks: Mapping[str, object]) -> DeletedRecords | None:
        """What the record asks for; None if its contact stays. A deletion comes first."""
        true = [column for column, value in marks.items() if self._is_set(column, value)]
        gone = self.every_record_is_deleted or any(c not in self.unsubscribe for c in true)
        if gone and self.when_deleted is not DeletedRecords.IGNORE:
            return self.when_deleted
        if any(column in self.unsubscribe for column in true):
            return DeletedRecords.UNSUBSCRIBE
        return self.when_deleted if gone else None

    def unclear_column(self, marks: Mapping[str, object]) -> str | None:
        """The first column that says neither yes nor no: nobody is removed or written by guess."""
        unclear = (c for c, value in marks.items() if self._is_set(c, value) is None)
        return next(unclear, None)

    def _is_set(self, column: str, value: object) -> bool | None:
        """Whether the column says so; Airbyte's mark does by its mere presence.

        With a value that says no, as no CDC source sets one, the mark says neither.
        """
        if column != DELETED_AT_COLUMN or column in self.unsubscribe:
            return is_set(value)
        # As in any column of a time, an empty text counts as null.
        if value is None or (isinstance(value, str) and not value.strip()):
            return False
        return None if is_set(value) is False else True


def unclear_advice(column: str) -> str:
    """What a person must know of a column that says neither yes nor no."""
    forms = REMOVAL_FORMS
    if column == DELETED_AT_COLUMN:
        forms = "Write the time of the deletion there, or leave it empty."
    return f"Until then this person stays in Maileon and may be written to. {forms}"


def is_set(value: object) -> bool | None:
    """Whether a `deleted` or `unsubscribe` column says yes: a true value or a time.

    None if it says neither yes nor no: a small number counts something, a link leads somewhere,
    a time before 1971 or from 2100 on is none in which somebody left. Zeros alone say no (MySQL's
    `0000-00-00`).
    """
    if value is None or isinstance(value, bool):
        return bool(value)
    word = "?" if isinstance(value, dict | list) else as_text(value).strip().lower()
    if word in TRUE_WORDS:
        return True
    if word in FALSE_WORDS or word in NULL_WORDS:
        return False
    return _is_time(word)


def _is_time(word: str) -> bool | None:
    """Whether it is a time in which somebody left; False if it is zero, None if neither."""
    if NUMBER.fullmatch(word):
        number = Decimal(word)
        is_time = number == 1 or any(first <= number < end for first, end in _MOMENTS)
        return is_time or (False if number == 0 else None)
    if not (ISO_DATE.fullmatch(word) or _OTHER_DATE.fullmatch(word)):
        return None
    if not any(character in "123456789" for character in word):
        return False
    year = _YEAR.search(word)
    return True if year and int(year[0]) in _YEARS else None

"""Record -> whether it says that its contact is gone, and what becomes of the contact then.

A record that Airbyte marks as deleted is never written as a contact, wherever its mark is mapped.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal

from destination_maileon.config.spec import DeletedRecords
from destination_maileon.config.targets import DELETED_AT_COLUMN
from destination_maileon.mapping import converters
from destination_maileon.mapping.converters import as_text
from destination_maileon.mapping.mapped_record import Reason, Refusal

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
    rf"\s*(GMT|UTC)?{converters.ZONE}(\s*\([^()]*\))?",
    re.IGNORECASE,
)
_YEAR, _NOT_ZERO = re.compile("[0-9]{4}"), re.compile("[1-9]")
_YEARS = range(1971, 2100)
"""Outside of these nobody left: year 1, 1900 and the epoch stand for never, 9999 for ever valid."""
_MOMENTS = (
    (19_710_101, 21_000_101),
    (100_000_000, 4_102_444_800),
    (253_402_300_800, 4_102_444_800_000),
    (19_710_101_000_000, 21_000_101_000_000),
    (253_402_300_800_000, 4_102_444_800_000_000),
    (253_402_300_800_000_000, 4_102_444_800_000_000_000),
)
"""First and end of the numbers that are a day (20240501), seconds since 1970, milliseconds, a day
with its time (20240501103000), micro-, nanoseconds: from year 10000 on of the next smaller unit."""

YES_OR_NO_FORMS = "Use true, false or a time, or leave it empty."
_MARK_FORMS = "Write the time of the deletion there, or leave it empty."


@dataclass(frozen=True, slots=True)
class RemovalColumns:
    """The columns that say that a contact is deleted, or, those of `unsubscribe`, that it left.

    `when_deleted` is configured: what becomes of a contact that is deleted.
    """

    unsubscribe: Collection[str]
    when_deleted: DeletedRecords
    every_record_is_deleted: bool = False

    def removal(self, marks: Mapping[str, object]) -> DeletedRecords | None:
        """What these columns of a record ask for; None if its contact stays.

        Raises Refusal if none says yes, and one neither yes nor no: nobody leaves by guess.
        """
        said = {column: self._is_set(column, value) for column, value in marks.items()}
        leaves, gone = DeletedRecords.UNSUBSCRIBE, self.when_deleted
        wishes = {leaves if c in self.unsubscribe else gone for c, yes in said.items() if yes}
        if self.every_record_is_deleted:
            wishes.add(gone)
        unclear = next((column for column, yes in said.items() if yes is None), None)
        if unclear is not None and not wishes:
            forms = _MARK_FORMS if unclear == DELETED_AT_COLUMN else YES_OR_NO_FORMS
            advice = f"Until then this person stays in Maileon and may be written to. {forms}"
            raise Refusal(Reason.UNCLEAR_REMOVAL, advice, unclear)
        order = (DeletedRecords.DELETE, leaves, DeletedRecords.IGNORE)
        return next((removal for removal in order if removal in wishes), None)

    def _is_set(self, column: str, value: object) -> bool | None:
        if column != DELETED_AT_COLUMN or column in self.unsubscribe:
            return says_yes(value)
        # Airbyte's mark says yes by its mere presence. No source sets one that says no: unclear.
        if value is None or (isinstance(value, str) and not value.strip()):
            return False
        return None if says_yes(value) is False else True


def says_yes(value: object) -> bool | None:
    """Whether a `deleted` or `unsubscribe` column says yes: a true value or a time.

    None if it says neither yes nor no: a small number counts something, and nobody left before
    1971 or from 2100 on. Zeros alone say no (MySQL's `0000-00-00`).
    """
    if value is None or isinstance(value, bool):
        return bool(value)
    word = "?" if isinstance(value, dict | list) else as_text(value).strip().lower()
    if word in converters.TRUE_WORDS:
        return True
    if word in converters.FALSE_WORDS or word in NULL_WORDS:
        return False
    is_number = converters.NUMBER.fullmatch(word)
    if not (is_number or converters.ISO_DATE.fullmatch(word) or _OTHER_DATE.fullmatch(word)):
        return None
    if is_number:
        number = Decimal(word)
        is_time = number == 1 or any(first <= number < end for first, end in _MOMENTS)
        return is_time or (None if number else False)
    if not _NOT_ZERO.search(word):
        return False
    year = _YEAR.search(word)
    return (year is not None and int(year[0]) in _YEARS) or None

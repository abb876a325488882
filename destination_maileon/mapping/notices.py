"""What a person should know of a stream's values, counted by records and said once.

This module alone words it. Nothing here changes what is sent, and no value is shown.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from enum import Enum

from destination_maileon.config.model import titled
from destination_maileon.mapping.mapped_record import EXTERNAL_ID_KEY

INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0]"
)
"""Characters that nobody sees (Unicode: Default_Ignorable_Code_Point), of the first plane."""

MANY_ADDRESSES = 10
MAX_TRACKED_IDS = 64
"""So many ids are looked at at once: one that comes with many addresses comes often."""


class Notice(Enum):
    """What was noticed in a record, and the words that follow the number of records."""

    # That of an enumeration is written in Python, and each of many texts that are cut asks for it.
    __hash__ = object.__hash__

    CLEANED = "held characters that XML 1.0 does not allow: they were removed."
    TRUNCATED = (
        "held a text of more than 255 characters: it was cut, as "
        f"{titled('truncate_long_text')} says."
    )
    UNAVAILABLE = (
        "held __debezium_unavailable_value, which stands for a value that did not change: those "
        "columns were left out."
    )
    NULLED = "held a value that the source could not deliver: those columns were left out."
    INVISIBLE = (
        "held an identifier with a character that nobody sees, such as a zero-width space: Maileon "
        "takes it for another contact, or refuses it. Remove such characters at the source."
    )
    NESTED = (
        "held an object or a list where a standard field takes a text: it was written as JSON. Map "
        "the column to skip, or let the source flatten it."
    )


class Notices:
    """The notices of one stream. `seen` are those of the record at hand."""

    def __init__(self) -> None:
        self.seen: set[Notice] = set()
        self.counts: Counter[Notice] = Counter()

    def count(self) -> None:
        """The record at hand is done."""
        for notice in self.seen:
            self.counts[notice] += 1
        self.seen.clear()


class SharedIds:
    """Whether one external id comes with many addresses: Maileon takes them for one contact.

    Of any number of ids the most frequent ones are kept (Misra and Gries, 1982: when there is no
    room, each of those kept loses one).
    """

    def __init__(self) -> None:
        self._addresses: dict[str, set[str]] = {}
        self.is_found = False

    def look(self, keys: tuple[str, ...]) -> bool:
        """Takes in the keys of a contact; true once, when the first such id is found."""
        if self.is_found:
            return False
        for key in keys[1:]:
            if key[0] == EXTERNAL_ID_KEY:
                self.is_found = self._has_many(key, keys[0])
                return self.is_found
        return False

    def _has_many(self, key: str, address: str) -> bool:
        known = self._addresses.get(key)
        if known is not None:
            known.add(address)
            return len(known) >= MANY_ADDRESSES
        if len(self._addresses) < MAX_TRACKED_IDS:
            self._addresses[key] = {address}
        else:
            for addresses in self._addresses.values():
                addresses.pop()
            self._addresses = {k: kept for k, kept in self._addresses.items() if kept}
        return False


def told(counts: Counter[Notice]) -> Iterator[tuple[int, str]]:
    """The number of records and the words for each notice, in the order of the table."""
    for notice in Notice:
        if counts[notice]:
            yield counts[notice], notice.value

"""How a person is named in a log line, and what is taken out of a text before it is shown.

This module alone decides what of a contact may be seen. Invariant: with masked identifiers no value
of a record is in what it returns, but for an identifier's first letter and its domain's ending.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from destination_maileon.maileon.contact import Contact
    from destination_maileon.maileon.identifier import IdentifierMode

HIDDEN = "***"
_ADDRESS = re.compile(r"[^\s@<>\"'(),;:]+@[^\s@<>\"'(),;:]+")
_ENDING = re.compile(r"\.[A-Za-z]{2,12}\Z")
_MIN_REMOVED_ANYWHERE = 3
"""Characters."""


class IdentifiersInLogs(StrEnum):
    """How identifiers are shown in log lines."""

    MASKED = "masked"
    FULL = "full"


def contact_name(contact: Contact, mode: IdentifierMode, style: IdentifiersInLogs) -> str:
    """The contact for a log line, such as `email m***@***.com`."""
    kind, identifier = mode.identify(contact)
    if not identifier:
        return "without an identifier"
    shown = identifier if style is IdentifiersInLogs.FULL else masked(identifier)
    return f"{kind} {shown}"


def masked(identifier: str) -> str:
    """The first letter, and of an address the ending of its domain."""
    name, at, domain = identifier.rpartition("@")
    if not at:
        return identifier[:1] + HIDDEN
    ending = _ENDING.search(domain)
    return f"{name[:1]}{HIDDEN}@{HIDDEN}{ending[0] if ending else ''}"


def without_values(text: str, contact: Contact) -> str:
    """The text less every value of the contact and everything that looks like an address.

    A value is found whatever its case and white space, and cut off at the text's end, too. Very
    short ones are taken out only where they stand alone: no word would be left otherwise.
    """
    shown = text.casefold()
    values = [words for value in set(_values(contact)) if (words := _words(value))]
    found = [
        words for words in values if _length(words) <= len(shown) and words[0].casefold() in shown
    ]
    patterns = [_pattern(words) for words in sorted(found, key=_length, reverse=True)]
    if patterns:
        text = re.sub("|".join(patterns), HIDDEN, text, flags=re.IGNORECASE)
    return _ADDRESS.sub(HIDDEN, _without_cut_off(text, values))


def _words(value: str) -> list[str]:
    """What is left of a value where everything that cannot be printed became space."""
    return "".join(c if c.isprintable() else " " for c in value).split()


def _length(words: list[str]) -> int:
    return sum(map(len, words))


def _pattern(words: list[str]) -> str:
    # What parted the words may have become a space, or nothing, or it is still there. It never
    # holds what the next word begins with, so that there is one way to match, and not millions.
    first, *others = words
    pattern = re.escape(first) + "".join(
        rf"[^\w{re.escape(word[0])}]*+{re.escape(word)}" for word in others
    )
    if _length(words) < _MIN_REMOVED_ANYWHERE:
        return rf"(?<!\w){pattern}(?!\w)"
    return pattern


def _without_cut_off(text: str, values: list[list[str]]) -> str:
    """The text less the beginning of a value at its end, where somebody cut it."""
    lower = text.lower()
    cut = max((_overlap(lower, " ".join(words).lower()) for words in values), default=0)
    return text[: len(text) - cut] + HIDDEN if cut >= _MIN_REMOVED_ANYWHERE else text


def _overlap(text: str, value: str) -> int:
    """How many characters at the text's end are the value's first ones, and not all of it."""
    lengths = range(min(len(value) - 1, len(text)), 0, -1)
    return next((length for length in lengths if text.endswith(value[:length])), 0)


def _values(contact: Contact) -> Iterator[str]:
    yield from filter(None, (contact.email, contact.external_id, contact.id))
    yield from filter(None, contact.standard_fields.values())
    yield from filter(None, contact.custom_fields.values())
    for preference in contact.preferences.values():
        yield preference.value
        yield from filter(None, (preference.source,))

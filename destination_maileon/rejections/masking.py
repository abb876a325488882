"""What others say of a contact -> what of it may be shown.

This module alone decides. Invariant: no value of the contacts that it is given is left, whatever
its case, its accents and its white space, but for very short ones inside of words.

A text can also quote contacts that nobody knows of here: whatever looks like a value goes, too.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from destination_maileon.rejections.folding import Folded
from destination_maileon.rejections.naming import HIDDEN

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from destination_maileon.maileon.contact import Contact

_NO_ADDRESS = r"\s@<>\"'(),;:"
_ADDRESS = re.compile(
    rf"[^{_NO_ADDRESS}]+(?:@|%40|&#0*64;|&commat;)[^{_NO_ADDRESS}]+", re.IGNORECASE
)
_QUOTED = re.compile(r"(?<!\w)([\"'`])(.+?)\1(?!\w)|([„“«»])([^„“”«»]+)[“”«»]")
_LONG_NUMBER = re.compile(r"\d[\d ./-]*\d{3,}|\d{4,}")
"""Telephone numbers, customer numbers, dates. Limits and positions are shorter, mostly."""

_MIN_REMOVED_ANYWHERE = 3
_MIN_BEGINNING = 5
"""Characters."""
_MAX_TIMES_THE_TEXT = 4
"""Folded, a value may be shorter."""


def without_values(text: str, *contacts: Contact, known_names: Collection[str] = ()) -> str:
    """The text less every value of the contacts, and whatever else looks like a value.

    A value is found however its letters are written, and cut off, too. Very short ones are taken
    out only where they stand alone: no word would be left otherwise. Names of fields stay, those of
    preferences only if they are known: others may stand in a record's list alone, as its values do.
    """
    names = set(known_names)
    for contact in contacts:
        text = _without_values_of(contact, text, known_names)
        names |= {*contact.standard_fields, *contact.custom_fields}
    return _without_lookalikes(text, names)


def _without_lookalikes(text: str, names: Iterable[str]) -> str:
    """Less addresses, long numbers, and quotations other than the name of a field."""
    known = {name.casefold() for name in names} | {HIDDEN}

    def hidden(quoted: re.Match[str]) -> str:
        inside = quoted[2] or quoted[4]
        return quoted[0] if inside.casefold() in known else quoted[0].replace(inside, HIDDEN)

    return _LONG_NUMBER.sub(HIDDEN, _ADDRESS.sub(HIDDEN, _QUOTED.sub(hidden, text)))


def _without_values_of(contact: Contact, text: str, known_names: Collection[str]) -> str:
    shown = Folded(text)
    # Of what is much longer than the text, only the beginning can be in it.
    most = _MAX_TIMES_THE_TEXT * len(text)
    whole = {value[:most] for value in _values(contact, known_names)}
    spelled = {spelling for value in whole for spelling in _spellings(value)}
    values = [words for value in spelled if (words := _words(value))]
    found = [w for w in values if _length(w) <= len(shown.folded) and w[0] in shown.folded]
    patterns = [_pattern(words) for words in sorted(found, key=_length, reverse=True)]
    if patterns:
        found_at = re.finditer("|".join(patterns), shown.folded)
        shown = Folded(shown.without(match.span() for match in found_at))
    shown = Folded(_without_cut_off(shown, values))
    return _without_beginnings(shown, values)


def _spellings(value: str) -> Iterator[str]:
    """As it is, and as JSON quotes it; some programs escape slashes there, too."""
    quoted = json.dumps(value, ensure_ascii=False)[1:-1]
    yield from (value, quoted, quoted.replace("/", r"\/"))


def _words(value: str) -> list[str]:
    """What is left of a value where everything that cannot be printed became space; folded."""
    printable = "".join(c if c.isprintable() else " " for c in value)
    return [folded for word in printable.split() if (folded := Folded(word).folded)]


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


def _without_cut_off(shown: Folded, values: list[list[str]]) -> str:
    """The text less the beginning of a value at its end, where somebody cut it."""
    cut = max((_overlap(shown.folded, " ".join(words)) for words in values), default=0)
    if cut < _MIN_REMOVED_ANYWHERE:
        return shown.text
    return shown.without([(len(shown.folded) - cut, len(shown.folded))])


def _without_beginnings(shown: Folded, values: list[list[str]]) -> str:
    """The text less the beginnings of values in it: somebody cut them, and said more."""
    for words in values:
        value = " ".join(words)
        beginning = value[:_MIN_BEGINNING]
        if len(value) > _MIN_BEGINNING and sum(map(str.isalnum, beginning)) >= _MIN_BEGINNING - 1:
            spans = [*_beginnings(shown.folded, value)]
            shown = Folded(shown.without(spans)) if spans else shown
    return shown.text


def _beginnings(text: str, value: str) -> Iterator[tuple[int, int]]:
    beginning, end = value[:_MIN_BEGINNING], 0
    while (start := text.find(beginning, end)) >= 0:
        length = _MIN_BEGINNING
        while length < len(value) and text.startswith(value[: length + 1], start):
            length += 1
        end = start + len(text[start : start + length].rstrip())
        if not (start > 0 and text[start - 1].isalnum()):
            yield start, end


def _overlap(text: str, value: str) -> int:
    """How many characters at the text's end are the value's first ones, and not all of it."""
    lengths = range(min(len(value) - 1, len(text)), 0, -1)
    return next((length for length in lengths if text.endswith(value[:length])), 0)


def _values(contact: Contact, known_names: Collection[str]) -> Iterator[str]:
    yield from filter(None, (contact.email, contact.external_id, contact.id))
    yield from filter(None, contact.standard_fields.values())
    yield from filter(None, contact.custom_fields.values())
    for listed, preference in contact.preferences.items():
        yield from (name for name in listed if name not in known_names)
        yield preference.value
        yield from filter(None, (preference.source,))

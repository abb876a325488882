"""What of a person, and of a text that a server wrote, may be shown.

Invariants: a masked identifier shows its first letter and the ending of its domain; no value of the
given contacts is left in a server's text, whatever its case, but very short ones inside of words.
"""

import json
import re
from collections.abc import Collection, Iterator

from destination_maileon.config.spec import IdentifiersInLogs
from destination_maileon.maileon.contact import Contact, IdentifierMode
from destination_maileon.maileon.statuses import one_line

HIDDEN = "***"
_ENDING = re.compile(r"\.[A-Za-z]{2,12}\Z")
_NO_ADDRESS = r"\s@<>\"'(),;:"
_ADDRESS = re.compile(rf"(?i)[^{_NO_ADDRESS}]+(?:@|%40|&#0*64;|&commat;)[^{_NO_ADDRESS}]+")
_QUOTED = re.compile(r"(?<!\w)([\"'`])(.+?)\1(?!\w)|([„“«»])([^„“”«»]+)[“”«»]")
_LONG_NUMBER = re.compile(r"\d[\d ./-]*\d{3,}|\d{4,}")
"""Telephone numbers, customer numbers, dates. Limits and positions are shorter, mostly."""

_MIN_REMOVED_ANYWHERE = 3
"""Characters. Shorter values are hidden only where they stand alone: no word would be left."""


def contact_name(contact: Contact, mode: IdentifierMode, style: IdentifiersInLogs) -> str:
    """The contact for a log line, such as `email m***@***.com`."""
    kind, identifier = mode.identify(contact)
    if not identifier:
        return "without an identifier"
    return f"{kind} {identifier if style is IdentifiersInLogs.FULL else masked(identifier)}"


def masked(identifier: str) -> str:
    """The first letter, and of an address the ending of its domain."""
    name, at, domain = identifier.rpartition("@")
    if not at:
        # One character would be all of it.
        return identifier[: len(identifier) > 1] + HIDDEN
    ending = _ENDING.search(domain)
    return f"{name[:1]}{HIDDEN}@{HIDDEN}{ending[0] if ending else ''}"


def without_values(text: str, *contacts: Contact, known_names: Collection[str] = ()) -> str:
    """The text on one line, less every value of the contacts and whatever else looks like one.

    That is addresses, long numbers and quotations: others may be quoted, too. Names of fields stay;
    those of preferences only if they are known, since a list in a record may have brought them.
    """
    text = one_line(text)
    values = {value for contact in contacts for value in _values(contact, known_names)}
    spellings = {s for value in values if len(value) <= len(text) for s in _spellings(value)}
    found = {s for s in spellings if s and s.casefold() in text.casefold()}
    for spelling in sorted(found, key=len, reverse=True):
        pattern = re.escape(spelling)
        if len(spelling) < _MIN_REMOVED_ANYWHERE:
            pattern = rf"(?<!\w){pattern}(?!\w)"
        text = re.sub(pattern, HIDDEN, text, flags=re.IGNORECASE)
    # Some letters have an upper case of two letters, and are still there.
    if any(s.casefold() in text.casefold() for s in found if len(s) >= _MIN_REMOVED_ANYWHERE):
        return HIDDEN
    fields = {name for c in contacts for name in (*c.standard_fields, *c.custom_fields)}
    shown = {name.casefold() for name in (*fields, *known_names, HIDDEN)}

    def hidden(quoted: re.Match[str]) -> str:
        inside = quoted[2] or quoted[4]
        return quoted[0] if inside.casefold() in shown else quoted[0].replace(inside, HIDDEN)

    return _LONG_NUMBER.sub(HIDDEN, _ADDRESS.sub(HIDDEN, _QUOTED.sub(hidden, text)))


def _spellings(value: str) -> set[str]:
    """On one line with and without what cannot be printed, and as JSON quotes it."""
    quoted = json.dumps(value, ensure_ascii=False)[1:-1]
    spelled = (value, quoted, quoted.replace("/", r"\/"))
    return {one_line(text, instead=instead) for text in spelled for instead in (" ", "")}


def _values(contact: Contact, known_names: Collection[str]) -> Iterator[str]:
    fields = (*contact.standard_fields.values(), *contact.custom_fields.values())
    said = [text for one in contact.preferences.values() for text in (one.value, one.source)]
    yield from filter(None, (contact.email, contact.external_id, contact.id, *fields, *said))
    yield from (name for path in contact.preferences for name in path if name not in known_names)

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
_ENDING = re.compile(r"\.[A-Za-z]{2,12}$")
_MAX_REPLACED = 1_000


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
    """The text less every value of the contact and everything that looks like an address."""
    for value in sorted(set(_values(contact)), key=len, reverse=True)[:_MAX_REPLACED]:
        text = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", HIDDEN, text, flags=re.IGNORECASE)
    return _ADDRESS.sub(HIDDEN, text)


def _values(contact: Contact) -> Iterator[str]:
    yield from filter(None, (contact.email, contact.external_id, contact.id))
    yield from filter(None, contact.standard_fields.values())
    yield from filter(None, contact.custom_fields.values())
    for preference in contact.preferences.values():
        yield preference.value
        yield from filter(None, (preference.source,))

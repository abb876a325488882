"""How a person is named in a log line.

This module alone decides what of a contact may be seen. Invariant: with masked identifiers no value
of a record is in what it returns, but for an identifier's first letter and its domain's ending.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from destination_maileon.config.model import IdentifiersInLogs

if TYPE_CHECKING:
    from destination_maileon.maileon.contact import Contact
    from destination_maileon.maileon.identifier import IdentifierMode

HIDDEN = "***"
_ENDING = re.compile(r"\.[A-Za-z]{2,12}\Z")


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
        # One character would be all of it.
        return identifier[: len(identifier) > 1] + HIDDEN
    ending = _ENDING.search(domain)
    return f"{name[:1]}{HIDDEN}@{HIDDEN}{ending[0] if ending else ''}"

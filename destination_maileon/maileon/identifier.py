"""Everything that differs between the three ways in which Maileon recognises a contact.

This module alone asks for the mode; everywhere else a mode is asked what it wants
(Maileon docs, Synchronize Contacts: use_external_id, prefer_maileon_id). It also decides how text
becomes a part of a URL's path: a path that a server might read as another one is never requested.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from urllib.parse import quote, unquote

from destination_maileon.maileon.contact import Contact

_MAX_ID = 2**63 - 1
_UP = frozenset({".", ".."})


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where one contact is addressed: the path below the base URL, and the query."""

    path: str
    query: Mapping[str, str]

    @property
    def is_usable(self) -> bool:
        """Whether it leads to this contact alone: not all identifiers can be part of a path."""
        return is_addressable(self.path)


class IdentifierMode(Enum):
    """How Maileon recognises a contact. The value is the name in configurations."""

    EMAIL = "email"
    EXTERNAL_ID = "external_id"
    MAILEON_ID = "maileon_id"

    @property
    def parameters(self) -> Mapping[str, str]:
        """The two flags of the query. Both true, which Maileon refuses, cannot be said."""
        return {
            "use_external_id": "true" if self is IdentifierMode.EXTERNAL_ID else "false",
            "prefer_maileon_id": "true" if self is IdentifierMode.MAILEON_ID else "false",
        }

    @property
    def columns(self) -> frozenset[str]:
        """The targets of which a stream needs at least one. Maileon falls back from id to email."""
        return frozenset({self.value, "email"} if self.sends_id else {self.value})

    @property
    def sends_id(self) -> bool:
        """Whether the contact's Maileon id is sent: elsewhere the API has no use for it."""
        return self is IdentifierMode.MAILEON_ID

    def identify(self, contact: Contact) -> tuple[str, str]:
        """What a contact is called in messages: which identifier, and its value, empty if none."""
        if self is IdentifierMode.EXTERNAL_ID and contact.external_id:
            return "external id", contact.external_id
        if self is IdentifierMode.MAILEON_ID and contact.id:
            return "Maileon id", contact.id
        if contact.email:
            return "email", contact.email
        return ("external id", contact.external_id) if contact.external_id else ("", "")

    def endpoint(self, contact: Contact) -> Endpoint:
        """Where the contact is read (`GET`) and deleted (`DELETE`)."""
        if self is IdentifierMode.EXTERNAL_ID:
            return _by("externalid", contact.external_id)
        if self is IdentifierMode.MAILEON_ID and contact.id:
            return Endpoint("/contacts/contact", {"id": contact.id})
        # No address has space around it; taken at its word, it would be of nobody, who is "gone".
        return _by("email", (contact.email or "").strip())


def is_maileon_id(text: str) -> bool:
    """Whether the text can be a Maileon id: a whole number from 1 to 2^63 - 1, a Java long."""
    return text.isascii() and text.isdigit() and 0 < int(text[:20]) <= _MAX_ID


def _by(kind: str, identifier: str | None) -> Endpoint:
    return Endpoint(f"/contacts/{kind}/{segment(identifier or '')}", {})


def segment(text: str) -> str:
    """The text as one segment. Left bare, "." and ".." would be taken out by HTTP clients."""
    quoted = quote(text, safe="")
    return quoted.replace(".", "%2E") if quoted in _UP else quoted


def is_addressable(path: str) -> bool:
    """Whether no segment is empty or, decoded, has a part that a server may take for "up"."""
    segments = [unquote(segment) for segment in path.removeprefix("/").split("/")]
    parts = [part for segment in segments for part in segment.replace("\\", "/").split("/")]
    return all(segment.strip(". ") for segment in segments) and not _UP & set(parts)

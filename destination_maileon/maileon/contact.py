"""What a contact is to Maileon: identifiers, standard fields, custom fields, preferences.

Standard fields: Maileon docs, Standard Contact Fields; two more are read-only there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum

_MAX_ID = 2**63 - 1


class FieldType(StrEnum):
    """As the API names them; GENDER and LOCALE are strings to it, with rules of their own.

    TIMESTAMP fields can no longer be created; old accounts have some (Maileon docs, code 27).
    """

    STRING = "string"
    INTEGER = "integer"
    FLOAT = "float"
    DATE = "date"
    TIMESTAMP = "timestamp"
    BOOLEAN = "boolean"
    GENDER = "gender"
    LOCALE = "locale"


STANDARD_FIELDS: Mapping[str, FieldType] = {
    "ADDRESS": FieldType.STRING,
    "BIRTHDAY": FieldType.DATE,
    "CITY": FieldType.STRING,
    "COUNTRY": FieldType.STRING,
    "FIRSTNAME": FieldType.STRING,
    "FULLNAME": FieldType.STRING,
    "GENDER": FieldType.GENDER,
    "HNR": FieldType.STRING,
    "LASTNAME": FieldType.STRING,
    "LOCALE": FieldType.LOCALE,
    "NAMEDAY": FieldType.DATE,
    "ORGANIZATION": FieldType.STRING,
    "REGION": FieldType.STRING,
    "SALUTATION": FieldType.STRING,
    "STATE": FieldType.STRING,
    "TITLE": FieldType.STRING,
    "ZIP": FieldType.STRING,
}


@dataclass(frozen=True, slots=True)
class Preference:
    """`source`: None keeps the stored one, an empty one deletes it (Maileon docs)."""

    value: str
    source: str | None = None


@dataclass(slots=True)
class Contact:
    """A field that is None clears what Maileon has stored; one that is absent keeps it."""

    email: str | None = None
    external_id: str | None = None
    id: str | None = None
    standard_fields: dict[str, str | None] = field(default_factory=dict)
    custom_fields: dict[str, str | None] = field(default_factory=dict)
    preferences: dict[tuple[str, str], Preference] = field(default_factory=dict)


class IdentifierMode(Enum):
    """How Maileon recognises a contact. The value is the name in configurations."""

    EMAIL = "email"
    EXTERNAL_ID = "external_id"
    MAILEON_ID = "maileon_id"

    @property
    def columns(self) -> frozenset[str]:
        """The targets of which a stream needs one. Maileon falls back from id to email."""
        return frozenset({self.value, "email"} if self.sends_id else {self.value})

    @property
    def sends_id(self) -> bool:
        """Whether the contact's Maileon id is sent: in other modes the API has no use for it."""
        return self is IdentifierMode.MAILEON_ID

    def identify(self, contact: Contact) -> tuple[str, str]:
        """The kind and the value of the identifier that messages show; empty if it has none."""
        if self is IdentifierMode.EXTERNAL_ID and contact.external_id:
            return "external id", contact.external_id
        if self is IdentifierMode.MAILEON_ID and contact.id:
            return "Maileon id", contact.id
        if contact.email:
            return "email", contact.email
        return ("external id", contact.external_id) if contact.external_id else ("", "")


def is_maileon_id(text: str) -> bool:
    """Whether the text can be a Maileon id: a whole number from 1 to 2^63 - 1, a Java long."""
    return text.isascii() and text.isdigit() and 0 < int(text[:20]) <= _MAX_ID

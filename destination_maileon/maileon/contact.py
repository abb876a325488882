"""What a contact is to Maileon: identifiers, standard fields, custom fields, preferences.

This module alone decides which standard fields can be written, and of which type each is
(Maileon docs, Standard Contact Fields). PERMISSION_STATUS and SENDOUT_STATUS are read-only there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class FieldType(StrEnum):
    """The type of a field, as `POST /contacts/fields/custom/{name}?type=` names it.

    GENDER and LOCALE are strings to Maileon, with rules of their own. TIMESTAMP fields can no
    longer be created; old accounts have some (Maileon docs, error code 27).
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
    """What is said of one preference.

    `has_source` false sends no `<source>` (the stored one stays); true with `source` None or empty
    sends an empty one (the stored one is deleted); otherwise it is set
    (Maileon docs, Synchronize Contacts, "Contact Preferences").
    """

    value: str
    source: str | None = None
    has_source: bool = False


@dataclass(slots=True)
class Contact:
    """One contact as it is sent.

    A field that is None clears what Maileon has stored; one that is absent keeps it.
    """

    email: str | None = None
    external_id: str | None = None
    id: str | None = None
    standard_fields: dict[str, str | None] = field(default_factory=dict)
    custom_fields: dict[str, str | None] = field(default_factory=dict)
    preferences: dict[tuple[str, str], Preference] = field(default_factory=dict)

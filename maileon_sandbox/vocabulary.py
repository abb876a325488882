"""The constants and enumerations of the Maileon API, as the sandbox understands them.

Sources: Maileon docs, Synchronize Contacts; Synchronize Contacts Error Codes; standard and custom
contact field pages. Codes 22 to 27 come from a third party's copy of the error code page.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum

API_PREFIX = "/1.0"
SYNCHRONIZE_PATH = "/1.0/contacts"
XML_TYPE = "application/vnd.maileon.api+xml"
JSON_TYPE = "application/vnd.maileon.api+json"

MAX_TEXT_CHARACTERS = 255
MAX_PAGE_SIZE = 1000
DEFAULT_PAGE_SIZE = 100
MAX_PREFERENCES_PER_CATEGORY = 20


class Permission(IntEnum):
    """What a contact has agreed to (Maileon docs, Synchronize Contacts, `permission`)."""

    NONE = 1
    SINGLE_OPT_IN = 2
    CONFIRMED_OPT_IN = 3
    DOUBLE_OPT_IN = 4
    DOUBLE_OPT_IN_PLUS = 5
    OTHER = 6


class SyncMode(IntEnum):
    """What happens to contacts that exist (Maileon docs, Synchronize Contacts, `sync_mode`)."""

    UPDATE = 1
    IGNORE = 2


class FieldType(StrEnum):
    """Types of custom fields. `double` and `timestamp` have error codes but cannot be created."""

    STRING = "string"
    INTEGER = "integer"
    FLOAT = "float"
    DATE = "date"
    BOOLEAN = "boolean"
    DOUBLE = "double"
    TIMESTAMP = "timestamp"


CREATABLE_TYPES = frozenset(FieldType) - {FieldType.DOUBLE, FieldType.TIMESTAMP}


class ErrorCode(IntEnum):
    """Why a contact is invalid. 1 to 27 are documented; 28 and above are the sandbox's own."""

    MISSING_EXTERNAL_ID = 1
    MISSING_EMAIL = 2
    INVALID_EMAIL = 3
    DUPLICATE_EXTERNAL_ID = 4
    DUPLICATE_EMAIL = 5
    ILLEGAL_ADDRESS = 6
    ILLEGAL_CITY = 7
    ILLEGAL_FIRSTNAME = 8
    ILLEGAL_FULLNAME = 9
    ILLEGAL_HNR = 10
    ILLEGAL_LASTNAME = 11
    ILLEGAL_ORGANIZATION = 12
    ILLEGAL_REGION = 13
    ILLEGAL_STATE = 14
    ILLEGAL_TITLE = 15
    ILLEGAL_ZIP = 16
    ILLEGAL_BIRTHDAY = 17
    ILLEGAL_NAMEDAY = 18
    ILLEGAL_GENDER = 19
    ILLEGAL_LOCALE = 20
    NO_SUCH_CUSTOM_FIELD = 21
    ILLEGAL_BOOLEAN = 22
    ILLEGAL_FLOAT = 23
    ILLEGAL_DOUBLE = 24
    ILLEGAL_INTEGER = 25
    ILLEGAL_STRING = 26
    ILLEGAL_TIMESTAMP = 27
    # No code is documented for these errors; a client must cope with unknown codes.
    ILLEGAL_OTHER_TEXT = 28
    NO_SUCH_STANDARD_FIELD = 29
    NO_SUCH_PREFERENCE = 30
    ILLEGAL_PREFERENCE_VALUE = 31
    DUPLICATE_ID = 32


STANDARD_FIELDS = frozenset({
    "ADDRESS", "BIRTHDAY", "CITY", "COUNTRY", "FIRSTNAME", "FULLNAME", "GENDER", "HNR", "LASTNAME",
    "LOCALE", "NAMEDAY", "ORGANIZATION", "REGION", "SALUTATION", "STATE", "TITLE", "ZIP",
})  # fmt: skip

# Maileon docs, standard contact fields: "can only be retrieved, not set".
READ_ONLY_FIELDS = frozenset({"PERMISSION_STATUS", "SENDOUT_STATUS"})

# Maileon docs, Adding Unsubscription Reason: the types of reasons.
UNSUBSCRIPTION_REASONS = frozenset({
    "change_of_channel", "change_of_interest", "no_demand", "other", "technical_reasons",
    "too_many_messages",
})  # fmt: skip

# Maileon docs, custom contact fields: names that a custom field must not have.
RESERVED_NAMES = frozenset({
    "created", "external_id", "id", "local_part", "permission_status", "permission_type",
    "sendout_status", "updated",
})  # fmt: skip

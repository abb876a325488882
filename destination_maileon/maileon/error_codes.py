"""Error code -> what it means, and what a person can do about it.

This module alone decides how a code is explained. The meanings are Maileon's (Maileon docs,
Synchronize Contacts Error Codes; 22 to 27 by a client that copied an earlier state of that page).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from destination_maileon.maileon.contact import STANDARD_FIELDS, FieldType

# The identifier belongs to another contact, in the same call or in the account.
DUPLICATE_EXTERNAL_ID, DUPLICATE_EMAIL = 4, 5
DUPLICATE_CODES = frozenset({DUPLICATE_EXTERNAL_ID, DUPLICATE_EMAIL})
NO_SUCH_CUSTOM_FIELD = 21

_NUMBER = "Send a number, or map the column to a text field."
_SHORTEN = (
    'Shorten the value to 255 characters, or switch on "Truncate Long Text" (truncate_long_text).'
)
_DATE = (
    "Send a date as yyyy-MM-dd or yyyy-MM-dd HH:mm:ss, in SQL for example "
    "to_char(day, 'YYYY-MM-DD')."
)
_GENDER = (
    "Send m, f or d, in SQL for example CASE gender WHEN 'Frau' THEN 'f' WHEN 'Herr' THEN 'm' END."
)


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """One code. `field` is the target it is about; empty where the error_field names it."""

    meaning: str
    advice: str
    field: str = ""


def meaning(code: int | None) -> ErrorCode:
    """The row of a code; of one that is not documented, a row that says so."""
    text = "unknown error code" if code is not None else "an error without a readable code"
    unknown = ErrorCode(text, "Look it up in Maileon's documentation, or ask Maileon's support.")
    return ERROR_CODES.get(code or 0, unknown)


def _standard(name: str, advice: str = _SHORTEN) -> ErrorCode:
    return ErrorCode(f"illegal standard field value: {name.lower()}", advice, name)


def _custom(kind: str, advice: str) -> ErrorCode:
    return ErrorCode(f"illegal custom field {kind} value", advice)


ERROR_CODES: Mapping[int, ErrorCode] = {
    1: ErrorCode(
        "missing external id",
        "Give the contact an external id, or choose another way to identify contacts.",
        "external_id",
    ),
    2: ErrorCode(
        "missing email",
        "Give the contact an email address; a contact that is new to Maileon needs one.",
        "email",
    ),
    3: ErrorCode("invalid email address", "Correct the email address.", "email"),
    DUPLICATE_EXTERNAL_ID: ErrorCode(
        "duplicate external id",
        "Give each contact an external id of its own; another one has this already.",
        "external_id",
    ),
    DUPLICATE_EMAIL: ErrorCode(
        "duplicate email",
        "Give each contact an email address of its own; another one has this already.",
        "email",
    ),
    6: _standard("ADDRESS"),
    7: _standard("CITY"),
    8: _standard("FIRSTNAME"),
    9: _standard("FULLNAME"),
    10: _standard("HNR"),
    11: _standard("LASTNAME"),
    12: _standard("ORGANIZATION"),
    13: _standard("REGION"),
    14: _standard("STATE"),
    15: _standard("TITLE"),
    16: _standard("ZIP"),
    17: _standard("BIRTHDAY", _DATE),
    18: _standard("NAMEDAY", _DATE),
    19: _standard("GENDER", _GENDER),
    20: _standard("LOCALE", "Send a language such as de, or language and country such as de_DE."),
    NO_SUCH_CUSTOM_FIELD: ErrorCode(
        "no such custom field",
        "Create the custom field in Maileon, or map the column to another target.",
    ),
    22: _custom("boolean", "Send true or false, or map the column to a text field."),
    23: _custom("float", _NUMBER),
    24: _custom("double", _NUMBER),
    25: _custom(
        "integer", "Send a whole number of at most 32 bits, or map the column to a text field."
    ),
    26: _custom("string", _SHORTEN),
    27: _custom(
        "timestamp",
        "Send yyyy-MM-dd or yyyy-MM-dd HH:mm:ss, or map the column to a text field.",
    ),
}

STANDARD_FIELD_CODES: Mapping[str, int] = {
    row.field: code for code, row in ERROR_CODES.items() if row.field in STANDARD_FIELDS
}
"""COUNTRY and SALUTATION have no documented code of their own."""

CUSTOM_FIELD_CODES: Mapping[FieldType, int] = {
    FieldType.BOOLEAN: 22,
    FieldType.FLOAT: 23,
    FieldType.INTEGER: 25,
    FieldType.STRING: 26,
    FieldType.DATE: 27,
    FieldType.TIMESTAMP: 27,
}

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
ILLEGAL_TIMESTAMP = 27

_NUMBER = "Send a number, or map the column to a text field."
_INTEGER = "Send a whole number of at most 32 bits, or map the column to a text field."
_TIMESTAMP = "Send yyyy-MM-dd or yyyy-MM-dd HH:mm:ss, or map the column to a text field."
_FLAG = "Send true or false, or map the column to a text field."
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
    """One code. `field` is the target it is about; None where the report's error_field names it.

    `field_type` is that of the custom fields which the code is about.
    """

    code: int | None
    meaning: str
    advice: str
    field: str | None = None
    field_type: FieldType | None = None


def meaning(code: int | None) -> ErrorCode:
    """The row of a code; of one that is not documented, a row that says so."""
    row = ERROR_CODES.get(code) if code is not None else None
    if row is not None:
        return row
    text = "unknown error code" if code is not None else "an error without a readable code"
    return ErrorCode(code, text, "Look it up in Maileon's documentation, or ask Maileon's support.")


def _standard(code: int, name: str, advice: str = _SHORTEN) -> ErrorCode:
    return ErrorCode(code, f"illegal standard field value: {name.lower()}", advice, name)


def _custom(code: int, kind: str, advice: str, *, field_type: FieldType | None = None) -> ErrorCode:
    return ErrorCode(code, f"illegal custom field {kind} value", advice, field_type=field_type)


_ROWS = (
    ErrorCode(
        1,
        "missing external id",
        "Give the contact an external id, or choose another way to identify contacts.",
        "external_id",
    ),
    ErrorCode(
        2,
        "missing email",
        "Give the contact an email address; a contact that is new to Maileon needs one.",
        "email",
    ),
    ErrorCode(3, "invalid email address", "Correct the email address.", "email"),
    ErrorCode(
        DUPLICATE_EXTERNAL_ID,
        "duplicate external id",
        "Give each contact an external id of its own; another one has this already.",
        "external_id",
    ),
    ErrorCode(
        DUPLICATE_EMAIL,
        "duplicate email",
        "Give each contact an email address of its own; another one has this already.",
        "email",
    ),
    _standard(6, "ADDRESS"),
    _standard(7, "CITY"),
    _standard(8, "FIRSTNAME"),
    _standard(9, "FULLNAME"),
    _standard(10, "HNR"),
    _standard(11, "LASTNAME"),
    _standard(12, "ORGANIZATION"),
    _standard(13, "REGION"),
    _standard(14, "STATE"),
    _standard(15, "TITLE"),
    _standard(16, "ZIP"),
    _standard(17, "BIRTHDAY", _DATE),
    _standard(18, "NAMEDAY", _DATE),
    _standard(19, "GENDER", _GENDER),
    _standard(20, "LOCALE", "Send a language such as de, or language and country such as de_DE."),
    ErrorCode(
        NO_SUCH_CUSTOM_FIELD,
        "no such custom field",
        "Create the custom field in Maileon, or map the column to another target.",
    ),
    _custom(22, "boolean", _FLAG, field_type=FieldType.BOOLEAN),
    _custom(23, "float", _NUMBER, field_type=FieldType.FLOAT),
    _custom(24, "double", _NUMBER),
    _custom(25, "integer", _INTEGER, field_type=FieldType.INTEGER),
    _custom(26, "string", _SHORTEN, field_type=FieldType.STRING),
    _custom(ILLEGAL_TIMESTAMP, "timestamp", _TIMESTAMP, field_type=FieldType.DATE),
)
ERROR_CODES: Mapping[int, ErrorCode] = {row.code: row for row in _ROWS if row.code}
STANDARD_FIELD_CODES: Mapping[str, int] = {
    row.field: row.code for row in _ROWS if row.code and row.field and row.field in STANDARD_FIELDS
}
"""COUNTRY and SALUTATION have no documented code of their own."""

CUSTOM_FIELD_CODES: Mapping[FieldType, int] = {
    row.field_type: row.code for row in _ROWS if row.code and row.field_type
} | {FieldType.TIMESTAMP: ILLEGAL_TIMESTAMP}

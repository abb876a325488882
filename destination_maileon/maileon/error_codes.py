"""Error code -> what it means, what is at fault, and what a person can do about it.

This module alone decides how a rejection is explained. The meanings are Maileon's (Maileon docs,
Synchronize Contacts Error Codes; 22 to 27 by a client that copied an earlier state of that page).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from destination_maileon.maileon.contact import STANDARD_FIELDS, FieldType

# The identifier belongs to another contact, in the same call or in the account.
DUPLICATE_EXTERNAL_ID, DUPLICATE_EMAIL = 4, 5
DUPLICATE_CODES = frozenset({DUPLICATE_EXTERNAL_ID, DUPLICATE_EMAIL})
NO_SUCH_CUSTOM_FIELD = 21
ILLEGAL_TIMESTAMP = 27

_NUMBER = "Send a number, or map the column to a text field."
_FLAG = "Send true or false, or map the column to a text field."
_SHORTEN = (
    'Shorten the value to 255 characters, or switch on "Truncate Long Text" (truncate_long_text).'
)
_DATE = (
    "Send a date as yyyy-MM-dd or yyyy-MM-dd HH:mm:ss, in SQL for example "
    "to_char(day, 'YYYY-MM-DD')."
)


class Fault(StrEnum):
    """Where a correction is due."""

    DATA = "data"
    ACCOUNT = "account"


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """One code. `field` is the target it is about; None where the report's error_field names it.

    `fault` is None where nothing is known of the code; `field_type` is that of the custom fields
    which the code is about.
    """

    code: int | None
    meaning: str
    advice: str
    fault: Fault | None
    field: str | None
    field_type: FieldType | None = None


def meaning(code: int | None) -> ErrorCode:
    """The row of a code; of one that is not documented, a row that says so."""
    row = ERROR_CODES.get(code) if code is not None else None
    if row is not None:
        return row
    return ErrorCode(
        code,
        "unknown error code" if code is not None else "an error without a readable code",
        "Look it up in Maileon's documentation, or ask Maileon's support.",
        fault=None,
        field=None,
    )


def _data(code: int, text: str, *, advice: str, field: str | None = None) -> ErrorCode:
    return ErrorCode(code, text, advice, fault=Fault.DATA, field=field)


def _standard(code: int, name: str, *, advice: str = _SHORTEN) -> ErrorCode:
    return _data(code, f"illegal standard field value: {name.lower()}", advice=advice, field=name)


def _custom(code: int, kind: str, field_type: FieldType | None, *, advice: str) -> ErrorCode:
    text = f"illegal custom field {kind} value"
    return ErrorCode(code, text, advice, fault=Fault.DATA, field=None, field_type=field_type)


_ROWS = (
    _data(
        1,
        "missing external id",
        advice="Give the contact an external id, or choose another way to identify contacts.",
        field="external_id",
    ),
    _data(
        2,
        "missing email",
        advice="Give the contact an email address; a contact that is new to Maileon needs one.",
        field="email",
    ),
    _data(3, "invalid email address", advice="Correct the email address.", field="email"),
    _data(
        4,
        "duplicate external id",
        advice="Give each contact an external id of its own; another one has this already.",
        field="external_id",
    ),
    _data(
        5,
        "duplicate email",
        advice="Give each contact an email address of its own; another one has this already.",
        field="email",
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
    _standard(17, "BIRTHDAY", advice=_DATE),
    _standard(18, "NAMEDAY", advice=_DATE),
    _standard(
        19,
        "GENDER",
        advice="Send m, f or d, in SQL for example CASE gender WHEN 'Frau' THEN 'f' WHEN 'Herr' "
        "THEN 'm' END.",
    ),
    _standard(
        20, "LOCALE", advice="Send a language such as de, or language and country such as de_DE."
    ),
    ErrorCode(
        NO_SUCH_CUSTOM_FIELD,
        "no such custom field",
        "Create the custom field in Maileon, or map the column to another target.",
        fault=Fault.ACCOUNT,
        field=None,
    ),
    _custom(22, "boolean", FieldType.BOOLEAN, advice=_FLAG),
    _custom(23, "float", FieldType.FLOAT, advice=_NUMBER),
    _custom(24, "double", None, advice=_NUMBER),
    _custom(
        25,
        "integer",
        FieldType.INTEGER,
        advice="Send a whole number of at most 32 bits, or map the column to a text field.",
    ),
    _custom(26, "string", FieldType.STRING, advice=_SHORTEN),
    _custom(
        27,
        "timestamp",
        FieldType.DATE,
        advice="Send yyyy-MM-dd or yyyy-MM-dd HH:mm:ss, or map the column to a text field.",
    ),
)
ERROR_CODES: Mapping[int, ErrorCode] = {row.code: row for row in _ROWS if row.code}
STANDARD_FIELD_CODES: Mapping[str, int] = {
    row.field: row.code for row in _ROWS if row.code and row.field and row.field in STANDARD_FIELDS
}
"""COUNTRY and SALUTATION have no documented code of their own."""

CUSTOM_FIELD_CODES: Mapping[FieldType, int] = {
    row.field_type: row.code for row in _ROWS if row.code and row.field_type
} | {FieldType.TIMESTAMP: ILLEGAL_TIMESTAMP}

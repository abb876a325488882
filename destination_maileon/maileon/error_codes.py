"""Error code -> what it means, and what a person can do about it.

The meanings are Maileon's (Maileon docs, Synchronize Contacts Error Codes; 22 to 27 by a client
that copied an earlier state of that page).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from destination_maileon.maileon.contact import FieldType

# The identifier belongs to another contact, in the same call or in the account.
DUPLICATE_EXTERNAL_ID, DUPLICATE_EMAIL = 4, 5
DUPLICATE_CODES = frozenset({DUPLICATE_EXTERNAL_ID, DUPLICATE_EMAIL})
NO_SUCH_CUSTOM_FIELD = 21

_OWN = "Give each contact {} of its own; another one has this already."
_OR_TEXT = "or map the column to a text field."
_SHORTEN = (
    'Shorten the value to 255 characters, or switch on "Truncate Long Text" (truncate_long_text).'
)
_STANDARD: Mapping[str, str] = {
    **dict.fromkeys(("ADDRESS", "CITY", "FIRSTNAME", "FULLNAME", "HNR", "LASTNAME"), _SHORTEN),
    **dict.fromkeys(("ORGANIZATION", "REGION", "STATE", "TITLE", "ZIP"), _SHORTEN),
    **dict.fromkeys(
        ("BIRTHDAY", "NAMEDAY"),
        "Send a date as yyyy-MM-dd or yyyy-MM-dd HH:mm:ss, in SQL for example "
        "to_char(day, 'YYYY-MM-DD').",
    ),
    "GENDER": "Send m, f or d, in SQL for example "
    "CASE gender WHEN 'Frau' THEN 'f' WHEN 'Herr' THEN 'm' END.",
    "LOCALE": "Send a language such as de, or language and country such as de_DE.",
}
"""Advice by field, in the order of the codes from 6 on. COUNTRY and SALUTATION have no code."""

STANDARD_FIELD_CODES: Mapping[str, int] = {name: code for code, name in enumerate(_STANDARD, 6)}
CUSTOM_FIELD_CODES: Mapping[FieldType, int] = {
    FieldType.BOOLEAN: 22,
    FieldType.FLOAT: 23,
    FieldType.INTEGER: 25,
    FieldType.STRING: 26,
    FieldType.DATE: 27,
    FieldType.TIMESTAMP: 27,
}


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


def _custom(kind: str, advice: str) -> ErrorCode:
    return ErrorCode(f"illegal custom field {kind} value", advice)


ERROR_CODES: Mapping[int, ErrorCode] = {
    1: ErrorCode(
        "missing external id",
        "Give the contact an external id, or choose another way to identify contacts.",
        "external_id",
    ),
    2: ErrorCode(
        "missing email", "Give the contact an email address; a new contact needs one.", "email"
    ),
    3: ErrorCode("invalid email address", "Correct the email address.", "email"),
    4: ErrorCode("duplicate external id", _OWN.format("an external id"), "external_id"),
    5: ErrorCode("duplicate email", _OWN.format("an email address"), "email"),
    **{
        code: ErrorCode(f"illegal standard field value: {name.lower()}", _STANDARD[name], name)
        for name, code in STANDARD_FIELD_CODES.items()
    },
    21: ErrorCode(
        "no such custom field", "Create the custom field in Maileon, or map the column elsewhere."
    ),
    22: _custom("boolean", f"Send true or false, {_OR_TEXT}"),
    23: _custom("float", f"Send a number, {_OR_TEXT}"),
    24: _custom("double", f"Send a number, {_OR_TEXT}"),
    25: _custom("integer", f"Send a whole number of at most 32 bits, {_OR_TEXT}"),
    26: _custom("string", _SHORTEN),
    27: _custom("timestamp", f"Send yyyy-MM-dd or yyyy-MM-dd HH:mm:ss, {_OR_TEXT}"),
}

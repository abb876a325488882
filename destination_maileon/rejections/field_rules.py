"""Contact -> the rules for values that it breaks, of which Maileon is the judge.

Maileon docs, Standard and Custom Contact Fields; Synchronize Contacts Error Codes.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from math import isfinite

from destination_maileon.maileon import error_codes
from destination_maileon.maileon.contact import STANDARD_FIELDS, Contact, FieldType
from destination_maileon.mapping.converters import truncated

_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
_DATE = re.compile(r"[0-9]{4}(-[0-9]{2}){2}( ([01][0-9]|2[0-3])(:[0-9]{2}){2})?")
_INTEGER = re.compile(r"([+-]?)0*([0-9]{1,10})")
_FLOAT = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")


def violations(
    contact: Contact, custom_types: Mapping[str, FieldType]
) -> Iterator[tuple[int | None, str]]:
    """Error code (None: undocumented) and target of everything that breaks a documented rule.

    Preferences break none: only what is a yes or a no is written into a contact.
    """
    # Sent as it is: space around it is a part of it to whoever judges it.
    if contact.email and not _EMAIL.fullmatch(contact.email):
        yield 3, "email"
    for name, value in contact.standard_fields.items():
        if value and not _RULES[STANDARD_FIELDS[name]](value):
            yield error_codes.STANDARD_FIELD_CODES.get(name), name
    for name, value in contact.custom_fields.items():
        field_type = custom_types.get(name)
        if field_type is None:
            yield error_codes.NO_SUCH_CUSTOM_FIELD, name
        elif value and not _RULES[field_type](value):
            yield error_codes.CUSTOM_FIELD_CODES[field_type], name


def _is_date(value: str) -> bool:
    """A day that exists, with or without a time: `yyyy-MM-dd`, `yyyy-MM-dd HH:mm:ss`."""
    try:
        return _DATE.fullmatch(value) is not None and bool(datetime.fromisoformat(value))
    except ValueError:
        return False


def _is_integer(value: str) -> bool:
    whole = _INTEGER.fullmatch(value)
    return whole is not None and -(2**31) <= int(whole[1] + whole[2]) < 2**31


_RULES: Mapping[FieldType, Callable[[str], object]] = {
    FieldType.STRING: lambda value: truncated(value) == value,
    FieldType.INTEGER: _is_integer,
    FieldType.FLOAT: lambda value: _FLOAT.fullmatch(value) and isfinite(float(value)),
    FieldType.DATE: _is_date,
    FieldType.TIMESTAMP: _is_date,
    FieldType.BOOLEAN: re.compile("[01]|true|false").fullmatch,
    FieldType.GENDER: re.compile("[mfd]").fullmatch,
    FieldType.LOCALE: re.compile("[a-z]{2}(_[A-Z]{2})?").fullmatch,
}
"""By type, what returns something true of a value that keeps the rule."""

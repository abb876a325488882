"""Contact -> the documented rules that it breaks.

This module alone knows Maileon's rules for values (Maileon docs, Standard and Custom Contact
Fields; Synchronize Contacts Error Codes). It never decides whether a contact is sent, Maileon
judges that: it finds what else is wrong with a rejected contact, and what a dry run can foresee.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from math import isfinite
from typing import TypeAlias

from destination_maileon.maileon.contact import STANDARD_FIELDS, Contact, FieldType
from destination_maileon.maileon.error_codes import (
    CUSTOM_FIELD_CODES,
    NO_SUCH_CUSTOM_FIELD,
    STANDARD_FIELD_CODES,
)
from destination_maileon.mapping.converters import truncated

Violation: TypeAlias = tuple[int | None, str]

_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
_LOCALE = re.compile(r"[a-z]{2}(_[A-Z]{2})?")
_DATE = re.compile(r"[0-9]{4}(-[0-9]{2}){2}( ([01][0-9]|2[0-3])(:[0-9]{2}){2})?")
_INTEGER = re.compile(r"([+-]?)0*([0-9]{1,10})")
_INTEGER_RANGE = range(-(2**31), 2**31)
_FLOAT = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")


def violations(contact: Contact, custom_types: Mapping[str, FieldType]) -> Iterator[Violation]:
    """Error code (None: undocumented) and target of everything that breaks a documented rule.

    Preferences break none: only what is a yes or a no is written into a contact.
    """
    # Sent as it is: space around it is a part of it to whoever judges it.
    if contact.email and not _EMAIL.fullmatch(contact.email):
        yield 3, "email"
    for name, value in contact.standard_fields.items():
        if value and not _RULES[STANDARD_FIELDS[name]](value):
            yield STANDARD_FIELD_CODES.get(name), name
    for name, value in contact.custom_fields.items():
        field_type = custom_types.get(name)
        if field_type is None:
            yield NO_SUCH_CUSTOM_FIELD, name
        elif value and not _RULES[field_type](value):
            yield CUSTOM_FIELD_CODES[field_type], name


def _is_date(value: str) -> bool:
    """A day that exists, with or without a time: `yyyy-MM-dd`, `yyyy-MM-dd HH:mm:ss`."""
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return _DATE.fullmatch(value) is not None


def _is_integer(value: str) -> bool:
    whole = _INTEGER.fullmatch(value)
    return whole is not None and int(whole[1] + whole[2]) in _INTEGER_RANGE


_RULES: Mapping[FieldType, Callable[[str], bool]] = {
    FieldType.STRING: lambda value: truncated(value) == value,
    FieldType.INTEGER: _is_integer,
    FieldType.FLOAT: lambda value: _FLOAT.fullmatch(value) is not None and isfinite(float(value)),
    FieldType.DATE: _is_date,
    FieldType.TIMESTAMP: _is_date,
    FieldType.BOOLEAN: lambda value: value in {"0", "1", "true", "false"},
    FieldType.GENDER: lambda value: value in {"m", "f", "d"},
    FieldType.LOCALE: lambda value: _LOCALE.fullmatch(value) is not None,
}

"""The rules for values, and the form in which they are stored.

They give the error codes 3 and 6 to 31. Sources: Maileon docs, Synchronize Contacts Error Codes,
standard and custom contact field pages.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, time
from math import isfinite

from maileon_sandbox.account.account import Account
from maileon_sandbox.contacts.report import Rejection
from maileon_sandbox.contacts.sent_contacts import SentContact, SentField, SentPreference
from maileon_sandbox.rules import DEFAULT_RULES, Rules
from maileon_sandbox.vocabulary import MAX_TEXT_CHARACTERS, STANDARD_FIELDS, ErrorCode, FieldType

# Maps a value to its stored form, or to None if it is illegal.
Rule = Callable[[str], str | None]

_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
_DATE = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?: ([0-9]{2}:[0-9]{2}:[0-9]{2}))?")
_LOCALE = re.compile(r"[a-z]{2}(_[A-Z]{2})?")
_INTEGER = re.compile(r"[+-]?[0-9]{1,20}")
_FLOAT = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


def is_email(value: str) -> bool:
    """Whether it is text, `@`, and a domain with a dot, which the sample requires."""
    return _EMAIL.fullmatch(value) is not None


def _text(value: str) -> str | None:
    """Any text; its length is checked where the unit is known."""
    return value


def _timestamp(value: str) -> str | None:
    """`yyyy-MM-dd` or `yyyy-MM-dd HH:mm:ss`, if the day and the time exist."""
    match = _DATE.fullmatch(value)
    if not match:
        return None
    try:
        date.fromisoformat(match[1])
        time.fromisoformat(match[2] or "00:00:00")
    except ValueError:
        return None
    return value


def _date(value: str) -> str | None:
    """The time part is accepted and dropped (Maileon docs, custom contact fields)."""
    return value[:10] if _timestamp(value) else None


def _gender(value: str) -> str | None:
    return value if value in {"m", "f", "d"} else None


def _locale(value: str) -> str | None:
    return value if _LOCALE.fullmatch(value) else None


def _boolean(value: str) -> str | None:
    return {"0": "false", "1": "true", "false": "false", "true": "true"}.get(value)


def _integer(value: str) -> str | None:
    if not _INTEGER.fullmatch(value):
        return None
    number = int(value)
    return str(number) if -(2**31) <= number < 2**31 else None


def _float(value: str) -> str | None:
    if not _FLOAT.fullmatch(value):
        return None
    number = float(value)
    return repr(number) if isfinite(number) else None


_STANDARD_RULES: dict[str, tuple[Rule, ErrorCode]] = {
    name: (
        {"BIRTHDAY": _date, "NAMEDAY": _date, "GENDER": _gender, "LOCALE": _locale}.get(
            name, _text
        ),
        getattr(ErrorCode, f"ILLEGAL_{name}", ErrorCode.ILLEGAL_OTHER_TEXT),
    )
    for name in STANDARD_FIELDS
}

_CUSTOM_RULES: dict[FieldType, tuple[Rule, ErrorCode]] = {
    FieldType.BOOLEAN: (_boolean, ErrorCode.ILLEGAL_BOOLEAN),
    FieldType.FLOAT: (_float, ErrorCode.ILLEGAL_FLOAT),
    FieldType.DOUBLE: (_float, ErrorCode.ILLEGAL_DOUBLE),
    FieldType.INTEGER: (_integer, ErrorCode.ILLEGAL_INTEGER),
    FieldType.STRING: (_text, ErrorCode.ILLEGAL_STRING),
    FieldType.DATE: (_date, ErrorCode.ILLEGAL_TIMESTAMP),
    FieldType.TIMESTAMP: (_timestamp, ErrorCode.ILLEGAL_TIMESTAMP),
}


class IllegalValueError(Exception):
    """The first value of a contact that breaks a rule."""

    def __init__(self, code: ErrorCode, field: str) -> None:
        super().__init__(code, field)
        self.field = field
        self.rejection = Rejection(code, field)


@dataclass(frozen=True, slots=True)
class Values:
    """Values in their stored form; None clears the field."""

    standard_fields: Mapping[str, str | None]
    custom_fields: Mapping[str, str | None]
    preferences: list[SentPreference]


def values_of(sent: SentContact, account: Account, rules: Rules = DEFAULT_RULES) -> Values:
    """Validates standard fields, custom fields and preferences, each in the order sent.

    Raises IllegalValueError for the first illegal value; the report has one error per contact.
    """
    return Values(
        {field.name: _standard_value(field, rules) for field in sent.standard_fields},
        {field.name: _custom_value(field, account, rules) for field in sent.custom_fields},
        [_preference(preference, account) for preference in sent.preferences],
    )


def _standard_value(field: SentField, rules: Rules) -> str | None:
    rule_and_code = _STANDARD_RULES.get(field.name)
    if not rule_and_code:
        raise IllegalValueError(ErrorCode.NO_SUCH_STANDARD_FIELD, field.name)
    return _value(field, rule_and_code, rules)


def _custom_value(field: SentField, account: Account, rules: Rules) -> str | None:
    """Names are case sensitive, values must match the type (Maileon docs, Update Contact)."""
    field_type = account.custom_fields.get(field.name)
    if not field_type:
        raise IllegalValueError(ErrorCode.NO_SUCH_CUSTOM_FIELD, field.name)
    return _value(field, _CUSTOM_RULES[field_type], rules)


def _value(field: SentField, rule_and_code: tuple[Rule, ErrorCode], rules: Rules) -> str | None:
    rule, code = rule_and_code
    if field.value is None:
        return None
    if field.value == "" and rule is not _text and _empty_clears(code, rules):
        return None
    stored = rule(field.value)
    if stored is None or (rule is _text and _length(stored, rules) > MAX_TEXT_CHARACTERS):
        raise IllegalValueError(code, field.name)
    return stored


def _empty_clears(code: ErrorCode, rules: Rules) -> bool:
    if rules.accepts_empty == "gender":
        return code is ErrorCode.ILLEGAL_GENDER
    return rules.accepts_empty == "everything"


def _length(text: str, rules: Rules) -> int:
    return len(text) if rules.length_unit == "code_points" else len(text.encode("utf-16-le")) // 2


def _preference(preference: SentPreference, account: Account) -> SentPreference:
    if preference.name not in account.preferences.get(preference.category, {}):
        raise IllegalValueError(ErrorCode.NO_SUCH_PREFERENCE, preference.name)
    if preference.value not in {"true", "false"}:
        raise IllegalValueError(ErrorCode.ILLEGAL_PREFERENCE_VALUE, preference.name)
    return preference

"""JSON value -> the text that Maileon gets, by the type of the target.

A value is converted where nothing is lost, else it passes as text, for Maileon to judge; None means
null. Every converter takes any JSON value except null, and numbers that no double holds as Decimal.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any, TypeAlias

from destination_maileon.maileon.contact import FieldType
from destination_maileon.protocol import exact_json

Clean: TypeAlias = Callable[[Any], Any]
"""A value -> the same less what no text may hold; None if it held nothing else."""
Converter: TypeAlias = Callable[[object], str | None]

MAX_TEXT_CHARACTERS = 255
"""Maileon docs, Standard and Custom Contact Fields: a string holds at most 255 characters."""
_MAX_PLAIN_EXPONENT = 5000
"""Beyond this a number keeps its exponent: written out it could be gigabytes of zeros."""

TRUE_WORDS = frozenset({"true", "t", "yes", "y", "on", "1"})
FALSE_WORDS = frozenset({"false", "f", "no", "n", "off", "0"})
_BOOLEANS = dict.fromkeys(TRUE_WORDS, "true") | dict.fromkeys(FALSE_WORDS, "false")
_GENDERS = {
    **dict.fromkeys(("m", "male", "männlich", "maennlich"), "m"),
    **dict.fromkeys(("f", "female", "w", "weiblich"), "f"),
    **dict.fromkeys(("d", "diverse", "divers"), "d"),
}
"""Maileon docs, Standard Contact Fields; English and German words."""
_INTEGER = re.compile(r"[+-]?[0-9]+")
NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,4})?")
_LOCALE = re.compile(r"([A-Za-z]{2})[-_]([A-Za-z]{2})")
ZONE = r"(Z|UTC|GMT|[+\-\u2212][0-9]{2}(:?[0-9]{2}(:?[0-9]{2})?)?)?(\[[^\[\]]+\])*"
# Next to the usual form: calendar dates without hyphens, weeks with a day, days of the year.
ISO_DATE = re.compile(
    r"((?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"|(?P<other>[0-9]{8}|[0-9]{4}(-W[0-9]{2}-|W[0-9]{2})[1-7]|[0-9]{4}-[0-9]{3}))"
    r"([T ](?P<hour>[01][0-9]|2[0-4])(:?(?P<minute>[0-5][0-9])(:?(?P<second>[0-5][0-9]|60))?)?"
    rf"([.,][0-9]+)?)?\s*{ZONE}",
    re.IGNORECASE,
)
# Parts of 2024-05-01 10:30:00. No other form of a date has a hyphen at index 7. Made once, they
# save a fifth of the conversion.
_DAY, _HYPHEN, _SEPARATOR = slice(10), slice(7, 8), slice(10, 11)
_TIME_OF_DAY, _COLONS = slice(11, 19), slice(13, 17, 3)
_parse = datetime.fromisoformat


def as_text(value: object) -> str:
    """Any value as text: numbers plain and exact, objects and lists as compact JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        # A boolean is one, too.
        return str(value).lower()
    if isinstance(value, float):
        value = Decimal(repr(value))
    return _decimal_text(value) if isinstance(value, Decimal) else exact_json.text(value)


def as_integer(value: object) -> str | None:
    """A whole number without a fraction; what is no whole number passes as it is."""
    if isinstance(value, int):
        # The sign makes a number of a boolean, in less time than `int` does.
        return str(+value)
    text = as_text(value).strip()
    if not (text.isdigit() or _INTEGER.fullmatch(text)) and NUMBER.fullmatch(text):
        plain = _decimal_text(Decimal(text))
        return plain if _INTEGER.fullmatch(plain) else text
    return text or None


def as_float(value: object) -> str | None:
    """A number without exponent."""
    if isinstance(value, int):
        return str(+value)
    if isinstance(value, Decimal):
        return _decimal_text(value)
    text = as_text(value).strip()
    has_exponent = "e" in text.lower() and NUMBER.fullmatch(text)
    return _decimal_text(Decimal(text)) if has_exponent else text or None


def as_date(value: object) -> str | None:
    """`yyyy-MM-dd`: the date as written, no time zone arithmetic.

    What may be read in two ways is Maileon's to refuse, and never guessed: numbers (20240501 may be
    seconds since 1970), 31.12.1990, 1/2/2024.
    """
    if type(value) is str and _is_usual(value):
        return value[_DAY]
    text = as_text(value).strip()
    iso = ISO_DATE.fullmatch(text) if isinstance(value, str) else None
    if iso is None:
        return text or None
    return iso["day"] or _calendar_date(iso["other"].upper()) or text


def as_timestamp(value: object) -> str | None:
    """`yyyy-MM-dd HH:mm:ss`, or the date alone (Maileon error code 27): as written."""
    if type(value) is str and value[_COLONS] == "::" and _is_usual(value):
        return f"{value[_DAY]} {value[_TIME_OF_DAY]}"
    iso = ISO_DATE.fullmatch(value.strip()) if isinstance(value, str) else None
    if iso is None or not (iso["day"] and iso["minute"]):
        return as_date(value)
    if iso["hour"] == "24" or iso["second"] == "60":
        return iso["day"]
    return f"{iso['day']} {iso['hour']}:{iso['minute']}:{iso['second'] or '00'}"


def _is_usual(text: str) -> bool:
    """Whether it is a day as 2024-05-01, perhaps with a time: told in a fifth of the time."""
    try:
        # BigQuery's times end so.
        _parse(text.removesuffix(" UTC"))
    except ValueError:
        return False
    return text[_HYPHEN] == "-" and text[_SEPARATOR] in "T "


def _calendar_date(text: str) -> str | None:
    """Of a date without hyphens, a week's day or a year's day; None if there is no such day."""
    is_day_of_year = len(text) == len("2024-122") and "-" in text
    try:
        day = datetime.strptime(text, "%Y-%j") if is_day_of_year else _parse(text)  # noqa: DTZ007
    except ValueError:
        return None
    # Day 366 of a year without one would be the next year's first.
    return None if is_day_of_year and day.year != int(text[:4]) else day.date().isoformat()


def _word(words: Mapping[str, str], value: object) -> str | None:
    text = as_text(value).strip()
    return words.get(text.lower(), text) or None


as_boolean = partial(_word, _BOOLEANS)
"""`true` or `false` for the usual spellings of either."""


def as_locale(value: object) -> str | None:
    """`xx` or `xx_XX` (Maileon docs, Standard Contact Fields)."""
    text = as_text(value).strip()
    parts = _LOCALE.fullmatch(text)
    return f"{parts[1].lower()}_{parts[2].upper()}" if parts else text or None


def truncated(text: str) -> str:
    """Text cut at 255 UTF-16 units, as Java counts characters, and never within a character."""
    if text.isascii() or len(text) <= MAX_TEXT_CHARACTERS // 2:
        return text[:MAX_TEXT_CHARACTERS]
    # More characters are more units in any case.
    units = text[: MAX_TEXT_CHARACTERS + 1].encode("utf-16-le", "surrogatepass")
    most = 2 * MAX_TEXT_CHARACTERS
    return text if len(units) <= most else units[:most].decode("utf-16-le", "ignore")


def _decimal_text(value: Decimal) -> str:
    if not value:
        return "0"
    text = str(value)
    if "E" in text:
        if abs(value.adjusted()) > _MAX_PLAIN_EXPONENT + len(value.as_tuple().digits):
            return text
        text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


CONVERTERS: Mapping[FieldType, Converter] = {
    FieldType.STRING: as_text,
    FieldType.INTEGER: as_integer,
    FieldType.FLOAT: as_float,
    FieldType.DATE: as_date,
    FieldType.TIMESTAMP: as_timestamp,
    FieldType.BOOLEAN: as_boolean,
    FieldType.GENDER: partial(_word, _GENDERS),
    FieldType.LOCALE: as_locale,
}

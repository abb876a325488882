"""JSON value -> the text that Maileon gets, by the type of the target.

This module alone decides how a value is written. A value is converted where nothing is lost,
else it passes as text, for Maileon to judge; None means null. Every converter takes any JSON
value except null, numbers beyond a double's range as `Decimal`.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import TYPE_CHECKING, TypeAlias

import orjson

from destination_maileon.maileon.contact import FieldType
from destination_maileon.maileon.contacts_xml import without_forbidden

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Converter: TypeAlias = Callable[[object], str | None]

MAX_TEXT_CHARACTERS = 255
"""Maileon docs, Standard and Custom Contact Fields: a string holds at most 255 characters."""

_MAX_PLAIN_EXPONENT = 5000
"""Beyond this a number keeps its exponent: written out it could be gigabytes of zeros."""

_TRUE_WORDS = frozenset({"true", "t", "yes", "y", "on", "1"})
_FALSE_WORDS = frozenset({"false", "f", "no", "n", "off", "0"})
_GENDERS = {"male": "m", "female": "f", "diverse": "d", "m": "m", "f": "f", "d": "d"}
_INTEGER = re.compile(r"[+-]?[0-9]+")
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,4})?")
_ISO_DATE = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"([T ][0-9]{2}:?[0-9]{2}(:?[0-9]{2}([.,][0-9]+)?)?\s*(Z|UTC|[+-][0-9]{2}(:?[0-9]{2})?)?|Z)?",
    re.IGNORECASE,
)
_LOCALE = re.compile(r"([A-Za-z]{2})[-_]([A-Za-z]{2})")


def as_text(value: object) -> str:
    """Any value as text: numbers plain and exact, objects and lists as compact JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _float_text(value)
    if isinstance(value, Decimal):
        return _decimal_text(value)
    return _json_text(value)


def as_boolean(value: object) -> str | None:
    """`true` or `false` for the usual spellings of either."""
    text = as_text(value)
    word = text.strip().lower()
    if word in _TRUE_WORDS:
        return "true"
    if word in _FALSE_WORDS:
        return "false"
    return text or None


def as_integer(value: object) -> str | None:
    """A whole number without a fraction; what is no whole number passes as it is."""
    if isinstance(value, bool):
        return "1" if value else "0"
    text = as_text(value)
    bare = text.strip()
    if _INTEGER.fullmatch(bare):
        return bare
    if _NUMBER.fullmatch(bare):
        return _decimal_text(Decimal(bare))
    return text or None


def as_float(value: object) -> str | None:
    """A number without exponent."""
    if isinstance(value, bool):
        return "1" if value else "0"
    text = as_text(value)
    bare = text.strip()
    if "e" in bare.lower() and _NUMBER.fullmatch(bare):
        return _decimal_text(Decimal(bare))
    return (bare if _NUMBER.fullmatch(bare) else text) or None


def as_date(value: object) -> str | None:
    """`yyyy-MM-dd`: the date as written, no time zone arithmetic."""
    text = as_text(value)
    iso = _ISO_DATE.fullmatch(text.strip())
    return iso[1] if iso else text or None


def as_gender(value: object) -> str | None:
    """`m`, `f`, `d` (Maileon docs, Standard Contact Fields)."""
    text = as_text(value)
    return _GENDERS.get(text.strip().lower(), text) or None


def as_locale(value: object) -> str | None:
    """`xx` or `xx_XX` (Maileon docs, Standard Contact Fields)."""
    text = as_text(value)
    parts = _LOCALE.fullmatch(text.strip())
    return f"{parts[1].lower()}_{parts[2].upper()}" if parts else text or None


def as_identifier(value: object) -> str | None:
    """An email address or an id, less what XML forbids; blank counts as absent."""
    text = as_text(value)
    if not text.isprintable():
        text = without_forbidden(text)
    return text if text.strip() else None


def truncated_text(value: object) -> str:
    """Text cut at 255 characters: characters, not bytes."""
    return as_text(value)[:MAX_TEXT_CHARACTERS]


def is_set(value: object) -> bool:
    """Whether the value of a `deleted` or `unsubscribe` column says yes: a true value or a timestamp."""
    if value is None or value is False:
        return False
    word = as_text(value).strip().lower()
    return word not in _FALSE_WORDS and word != "" and word not in {"null", "none"}


CONVERTERS: Mapping[FieldType, Converter] = {
    FieldType.STRING: as_text,
    FieldType.INTEGER: as_integer,
    FieldType.FLOAT: as_float,
    FieldType.DATE: as_date,
    FieldType.BOOLEAN: as_boolean,
    FieldType.GENDER: as_gender,
    FieldType.LOCALE: as_locale,
}


def _float_text(value: float) -> str:
    if value.is_integer():
        return str(int(value))
    text = repr(value)
    return _decimal_text(Decimal(text)) if "e" in text else text


def _decimal_text(value: Decimal) -> str:
    if abs(value.adjusted()) > _MAX_PLAIN_EXPONENT + len(value.as_tuple().digits):
        return str(value)
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text


def _json_text(value: object) -> str:
    try:
        return orjson.dumps(value, default=_json_number).decode()
    except (orjson.JSONEncodeError, UnicodeEncodeError):
        # A lone surrogate, which orjson refuses to write: the characters go later, with the other forbidden ones.
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)


def _json_number(value: object) -> orjson.Fragment:
    if isinstance(value, Decimal):
        return orjson.Fragment(str(value))
    raise TypeError

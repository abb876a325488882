"""JSON schema or value -> the type that a custom field created for it gets.

This module alone guesses types. What no type of Maileon's holds without loss becomes a string, but
for times of day: a timestamp becomes a date, as fields for timestamps can no longer be created.
Airbyte's types: the `airbyte_type` and `format` of a property beside its JSON type.
"""

from collections.abc import Iterator
from decimal import Decimal
from math import isfinite

from destination_maileon.maileon.contact import FieldType

_TYPES = {
    "boolean": FieldType.BOOLEAN,
    "integer": FieldType.INTEGER,
    "number": FieldType.FLOAT,
    "date": FieldType.DATE,
    "date-time": FieldType.DATE,
    "timestamp_with_timezone": FieldType.DATE,
    "timestamp_without_timezone": FieldType.DATE,
    "time_with_timezone": FieldType.STRING,
    "time_without_timezone": FieldType.STRING,
    "big_integer": FieldType.STRING,
    "big_number": FieldType.STRING,
}
"""By Airbyte's type, else by the format of a text, else by the JSON type; else a string."""
_NUMBERS = {FieldType.INTEGER, FieldType.FLOAT}
_MAX_DEPTH = 20


def type_of_schema(schema: object) -> FieldType:
    """The type for a property; of several the one that holds them all."""
    types = set(_types(schema))
    if len(types) == 1:
        return types.pop()
    return FieldType.FLOAT if types and types <= _NUMBERS else FieldType.STRING


def has_time(schema: object) -> bool:
    """Whether a property holds a date with its time of day."""
    return any(
        one.get("format") == "date-time" or str(one.get("airbyte_type")).startswith("timestamp_")
        for one in _alternatives(schema, _MAX_DEPTH)
    )


def is_undecided(schema: object) -> bool:
    """Whether a value says more of the type: Airbyte's integers have 64 bits, Maileon's have 32."""
    return type_of_schema(schema) is FieldType.INTEGER


def type_of_value(value: object, schema: object = None) -> FieldType | None:
    """The type for a column of which a value is known, and at best its schema.

    None for null without a schema, which tells nothing.
    """
    if schema is not None:
        fits = not isinstance(value, int | float | Decimal) or _fits_integer(value)
        return type_of_schema(schema) if fits or not is_undecided(schema) else FieldType.STRING
    if value is None:
        return None
    if isinstance(value, bool):
        return FieldType.BOOLEAN
    if isinstance(value, int):
        return FieldType.INTEGER if _fits_integer(value) else FieldType.STRING
    if isinstance(value, Decimal):
        return FieldType.FLOAT if _is_double(value) else FieldType.STRING
    return FieldType.FLOAT if isinstance(value, float) else FieldType.STRING


def _fits_integer(value: float | Decimal) -> bool:
    return -(2**31) <= value < 2**31


def _is_double(value: Decimal) -> bool:
    """Whether the number only came exact because another one of its record had to."""
    nearest = float(value)
    return isfinite(nearest) and Decimal(repr(nearest)) == value


def _alternatives(schema: object, depth: int) -> Iterator[dict[str, object]]:
    """The schemas of which a value may have any, the given one last."""
    if not isinstance(schema, dict) or not depth:
        return
    for alternatives in (schema.get("oneOf"), schema.get("anyOf")):
        if isinstance(alternatives, list):
            for alternative in alternatives:
                yield from _alternatives(alternative, depth - 1)
    yield schema


def _types(schema: object) -> Iterator[FieldType]:
    for one in _alternatives(schema, _MAX_DEPTH):
        json_types = one.get("type")
        names = json_types if isinstance(json_types, list) else [json_types]
        for name in names:
            if name is not None and name != "null":
                yield _type(name, one)


def _type(name: object, schema: dict[str, object]) -> FieldType:
    words = (schema.get("airbyte_type"), schema.get("format") if name == "string" else None, name)
    known = (_TYPES[word] for word in words if isinstance(word, str) and word in _TYPES)
    return next(known, FieldType.STRING)

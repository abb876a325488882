"""JSON schema or value -> the type that a custom field created for it gets.

This module alone guesses types. What no type of Maileon's holds without loss becomes a string, but
for times of day: a timestamp becomes a date, as fields for timestamps can no longer be created.
Airbyte's types: the `airbyte_type` and `format` of a property beside its JSON type.
"""

from collections.abc import Iterator
from decimal import Decimal

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
_TYPES_OF_VALUES: dict[type, FieldType] = {
    bool: FieldType.BOOLEAN,
    int: FieldType.INTEGER,
    float: FieldType.FLOAT,
}
_NUMBERS = {FieldType.INTEGER, FieldType.FLOAT}
_INTEGERS = -(2**31), 2**31
"""The first of Maileon's integers, and the end of them."""


def type_of_schema(schema: object) -> FieldType:
    """The type for a property; of several the one that holds them all."""
    types = {*_types(schema)}
    if len(types) == 1:
        return types.pop()
    return FieldType.FLOAT if types and types <= _NUMBERS else FieldType.STRING


def type_of_value(value: object, schema: object = None) -> FieldType | None:
    """The type for a column of which a value is known, and at best its schema.

    None for null without a schema, which tells nothing.
    """
    if schema is not None:
        found = type_of_schema(schema)
    elif value is None:
        return None
    elif isinstance(value, Decimal):
        # Of more digits than a float has, or of another range.
        return FieldType.FLOAT if Decimal(repr(float(value))) == value else FieldType.STRING
    else:
        found = _TYPES_OF_VALUES.get(type(value), FieldType.STRING)
    if found is FieldType.INTEGER and isinstance(value, int | float | Decimal):
        first, end = _INTEGERS
        return FieldType.INTEGER if first <= value < end else FieldType.STRING
    return found


def _types(schema: object) -> Iterator[FieldType]:
    """The types of the values that it allows, and of all its alternatives."""
    if not isinstance(schema, dict):
        return
    for alternatives in (schema.get("oneOf"), schema.get("anyOf")):
        for alternative in alternatives if isinstance(alternatives, list) else ():
            yield from _types(alternative)
    json_types = schema.get("type")
    for name in json_types if isinstance(json_types, list) else (json_types,):
        if name is not None and name != "null":
            yield _type(name, schema)


def _type(name: object, schema: dict[str, object]) -> FieldType:
    words = (schema.get("airbyte_type"), schema.get("format") if name == "string" else None, name)
    known = (_TYPES[word] for word in words if isinstance(word, str) and word in _TYPES)
    return next(known, FieldType.STRING)

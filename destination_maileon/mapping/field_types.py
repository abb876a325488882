"""JSON schema or value -> the type that a custom field created for it gets.

A timestamp becomes a date: fields for timestamps can no longer be created. Else nothing is lost.
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
"""By the `airbyte_type`, else by the `format` of a text, else by the JSON type; else a string."""
_TYPES_OF_VALUES = {bool: FieldType.BOOLEAN, int: FieldType.INTEGER, float: FieldType.FLOAT}


def type_of_schema(schema: object) -> FieldType:
    """The type for a property; of several the one that holds them all."""
    types = {*_types(schema)}
    if types == {FieldType.INTEGER, FieldType.FLOAT}:
        return FieldType.FLOAT
    return types.pop() if len(types) == 1 else FieldType.STRING


def type_of_value(value: object, schema: object = None) -> FieldType | None:
    """The type for a column by its schema, and by a value; None for null without a schema."""
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
        # Maileon's integers have 32 bits.
        return found if -(2**31) <= value < 2**31 else FieldType.STRING
    return found


def _types(schema: object) -> Iterator[FieldType]:
    """The types of the values that it allows, and of all its alternatives."""
    if not isinstance(schema, dict):
        return
    for alternatives in (schema.get("oneOf"), schema.get("anyOf")):
        for alternative in alternatives if isinstance(alternatives, list) else ():
            yield from _types(alternative)
    names = schema.get("type")
    for name in names if isinstance(names, list) else (names,):
        if name is not None and name != "null":
            text_format = schema.get("format") if name == "string" else None
            words = (schema.get("airbyte_type"), text_format, name)
            known = (_TYPES[word] for word in words if isinstance(word, str) and word in _TYPES)
            yield next(known, FieldType.STRING)

"""Which type a custom field gets that is created for a column."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given

from destination_maileon.maileon.contact import FieldType
from destination_maileon.mapping.field_types import type_of_schema, type_of_value
from unit_tests.protocol.test_exact_json import values

STRING, INTEGER, FLOAT = FieldType.STRING, FieldType.INTEGER, FieldType.FLOAT
DATE, BOOLEAN = FieldType.DATE, FieldType.BOOLEAN


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        # JSON types, alone and with null.
        ({"type": "string"}, STRING),
        ({"type": "integer"}, INTEGER),
        ({"type": "number"}, FLOAT),
        ({"type": "boolean"}, BOOLEAN),
        ({"type": "object"}, STRING),
        ({"type": "array"}, STRING),
        ({"type": ["null", "integer"]}, INTEGER),
        ({"type": ["boolean", "null"]}, BOOLEAN),
        ({"type": ["null"]}, STRING),
        ({"type": "null"}, STRING),
        ({"type": []}, STRING),
        # Formats count for text alone.
        ({"type": "string", "format": "date"}, DATE),
        ({"type": ["null", "string"], "format": "date-time"}, DATE),
        ({"type": "string", "format": "time"}, STRING),
        ({"type": "string", "format": "email"}, STRING),
        ({"type": "integer", "format": "date"}, INTEGER),
        # Airbyte's types come before both.
        ({"type": "number", "airbyte_type": "integer"}, INTEGER),
        ({"type": "string", "airbyte_type": "big_integer"}, STRING),
        ({"type": "integer", "airbyte_type": "big_integer"}, STRING),
        ({"type": "number", "airbyte_type": "big_number"}, STRING),
        (
            {
                "type": ["null", "string"],
                "format": "date-time",
                "airbyte_type": "timestamp_with_timezone",
            },
            DATE,
        ),
        ({"type": "string", "airbyte_type": "timestamp_without_timezone"}, DATE),
        ({"type": "string", "format": "date", "airbyte_type": "time_with_timezone"}, STRING),
        ({"type": "string", "airbyte_type": "time_without_timezone"}, STRING),
        ({"type": "integer", "airbyte_type": "unheard_of"}, INTEGER),
        ({"type": "integer", "airbyte_type": ["integer"]}, INTEGER),
        # Of several types the one that holds them all.
        ({"type": ["integer", "number"]}, FLOAT),
        ({"type": ["integer", "string"]}, STRING),
        ({"type": ["boolean", "integer"]}, STRING),
        ({"type": ["string", "boolean", "null"], "format": "date"}, STRING),
        ({"oneOf": [{"type": "integer"}, {"type": "null"}]}, INTEGER),
        ({"anyOf": [{"type": "integer"}, {"type": "number"}]}, FLOAT),
        (
            {
                "oneOf": [
                    {"type": "string", "format": "date"},
                    {"type": "string", "format": "date-time"},
                ]
            },
            DATE,
        ),
        ({"oneOf": [{"type": "string", "format": "date"}, {"type": "string"}]}, STRING),
        ({"oneOf": [{"type": "integer"}], "anyOf": [{"type": "boolean"}]}, STRING),
        ({"type": "integer", "oneOf": [{"type": "number"}]}, FLOAT),
        ({"oneOf": [{"anyOf": [{"type": ["null", "boolean"]}]}]}, BOOLEAN),
        # What is no schema.
        ({}, STRING),
        (None, STRING),
        (True, STRING),
        ("integer", STRING),
        ([{"type": "integer"}], STRING),
        ({"type": 5}, STRING),
        ({"type": [["integer"]]}, STRING),
        ({"type": "unheard_of"}, STRING),
        ({"oneOf": {"type": "integer"}}, STRING),
        ({"oneOf": ["integer", None]}, STRING),
        ({"type": "string", "format": ["date"]}, STRING),
    ],
)
def test_a_schema_names_the_type(schema: object, expected: FieldType) -> None:
    assert type_of_schema(schema) is expected


@pytest.mark.parametrize(
    ("schema", "value", "expected"),
    [
        ({"type": "integer"}, 5, INTEGER),
        ({"type": "integer"}, 5.0, INTEGER),
        ({"type": ["null", "integer"]}, None, INTEGER),
        ({"type": "integer"}, "5", INTEGER),
        ({"type": "integer"}, 2**31, STRING),
        ({"type": "integer"}, -(2**31) - 1, STRING),
        ({"type": "integer"}, 1.7e12, STRING),
        ({"type": "integer"}, Decimal(123456789012345678901), STRING),
        ({"type": "number", "airbyte_type": "integer"}, 1_700_000_000_000, STRING),
        ({"type": "number"}, 2**40, FLOAT),
        ({"type": "boolean"}, 2**40, BOOLEAN),
        ({}, 5, STRING),
    ],
)
def test_a_value_shows_whether_an_integer_of_the_schema_is_too_large(
    schema: object, value: object, expected: FieldType
) -> None:
    assert type_of_value(value, schema) is expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, BOOLEAN),
        (False, BOOLEAN),
        (0, INTEGER),
        (2**31 - 1, INTEGER),
        (2**31, STRING),
        (-(2**31), INTEGER),
        (-(2**31) - 1, STRING),
        (1.0, FLOAT),
        (1.5, FLOAT),
        (Decimal("1.5"), FLOAT),
        (Decimal("0.1"), FLOAT),
        (Decimal("0.1000000000000000000001"), STRING),
        (Decimal("1e400"), STRING),
        (Decimal("1e999999999999999999"), STRING),
        ("text", STRING),
        ("2024-05-01", STRING),
        ("5", STRING),
        ("", STRING),
        ([], STRING),
        ({}, STRING),
    ],
)
def test_a_value_names_the_type_that_holds_it(value: object, expected: FieldType | None) -> None:
    assert type_of_value(value) is expected


@given(values)
def test_any_value_has_a_type_that_can_be_created(value: object) -> None:
    assert type_of_value(value) in {None, STRING, INTEGER, FLOAT, BOOLEAN}
    assert type_of_schema(value) in {STRING, INTEGER, FLOAT, DATE, BOOLEAN}

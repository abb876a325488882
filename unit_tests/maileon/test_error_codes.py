from __future__ import annotations

import pytest

from destination_maileon.maileon.contact import STANDARD_FIELDS
from destination_maileon.maileon.error_codes import (
    DUPLICATE_CODES,
    ERROR_CODES,
    NO_SUCH_CUSTOM_FIELD,
    meaning,
)

# Maileon docs, Synchronize Contacts Error Codes.
_STANDARD = {
    6: "ADDRESS",
    7: "CITY",
    8: "FIRSTNAME",
    9: "FULLNAME",
    10: "HNR",
    11: "LASTNAME",
    12: "ORGANIZATION",
    13: "REGION",
    14: "STATE",
    15: "TITLE",
    16: "ZIP",
    17: "BIRTHDAY",
    18: "NAMEDAY",
    19: "GENDER",
    20: "LOCALE",
}
_MEANINGS = {
    1: "missing external id",
    2: "missing email",
    3: "invalid email address",
    4: "duplicate external id",
    5: "duplicate email",
    **{code: f"illegal standard field value: {name.lower()}" for code, name in _STANDARD.items()},
    21: "no such custom field",
    22: "illegal custom field boolean value",
    23: "illegal custom field float value",
    24: "illegal custom field double value",
    25: "illegal custom field integer value",
    26: "illegal custom field string value",
    27: "illegal custom field timestamp value",
}
_FIELDS = {1: "external_id", 2: "email", 3: "email", 4: "external_id", 5: "email", **_STANDARD}


def test_the_table_has_the_documented_codes_and_meanings() -> None:
    assert {code: row.meaning for code, row in ERROR_CODES.items()} == _MEANINGS


@pytest.mark.parametrize("code", range(1, 28))
def test_every_row_says_what_it_is_about_and_what_to_do(code: int) -> None:
    row = meaning(code)
    assert row is ERROR_CODES[code]
    assert row.field == _FIELDS.get(code, "")
    assert row.advice[0].isupper()
    assert row.advice.endswith(".")
    assert ". " not in row.advice


def test_a_field_of_the_table_is_an_identifier_or_a_standard_field() -> None:
    fields = {row.field for row in ERROR_CODES.values()} - {""}
    assert fields <= {"email", "external_id", *STANDARD_FIELDS}


@pytest.mark.parametrize("code", [0, -1, 28, 999_999])
def test_an_unknown_code_is_shown_as_such(code: int) -> None:
    row = meaning(code)
    assert (row.meaning, row.field) == ("unknown error code", "")
    assert row.advice


def test_a_code_that_cannot_be_read_is_shown_as_that() -> None:
    assert meaning(None).meaning == "an error without a readable code"


def test_the_codes_with_names_are_those_of_the_table() -> None:
    assert {ERROR_CODES[code].meaning.split()[0] for code in DUPLICATE_CODES} == {"duplicate"}
    assert ERROR_CODES[NO_SUCH_CUSTOM_FIELD].meaning == "no such custom field"

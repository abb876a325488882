"""Every documented rule, kept and broken."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from destination_maileon.maileon.contact import STANDARD_FIELDS, Contact, FieldType
from destination_maileon.maileon.error_codes import CUSTOM_FIELD_CODES, STANDARD_FIELD_CODES
from destination_maileon.mapping.converters import as_date, as_float, as_integer
from destination_maileon.rejections.field_rules import violations
from unit_tests.support.builders import a_contact

STRING, INTEGER, FLOAT, DATE, TIMESTAMP, BOOLEAN, GENDER, LOCALE = FieldType
DATES = ["2024-05-01", "2024-02-29", "2024-05-01 23:59:59", "0001-01-01", "9999-12-31"]
NO_DATES = [
    "2023-02-29", "2024-13-01", "2024-05-01T10:00:00", "2024-05-01 24:00:00", "2024-05-01 10:00",
    "2024-5-1", "01.05.2024", "2024-05-01 ", "today", "٢٠٢٤-05-01", "0000-00-00", " ",
]  # fmt: skip
KEPT: dict[FieldType, list[str]] = {
    STRING: ["x", "a" * 255, "😀" * 127, " "],
    INTEGER: ["0", "-0", "+5", "007", "2147483647", "-2147483648", "0" * 300 + "1"],
    FLOAT: ["0", "-1.5", "+.5", "5.", "1e308", "1.5E-3", "1e-999"],
    DATE: DATES,
    TIMESTAMP: DATES,
    BOOLEAN: ["0", "1", "true", "false"],
    GENDER: ["m", "f", "d"],
    LOCALE: ["de", "de_DE", "en_GB"],
}
BROKEN: dict[FieldType, list[str]] = {
    STRING: ["a" * 256, "😀" * 128],
    INTEGER: ["2147483648", "-2147483649", "1.0", "1e3", "x", "+-1", "1_0", " 1", "٣", "9" * 5000],
    FLOAT: ["1e309", "-1e999", "NaN", "Infinity", "1,5", "x", ".", "1e", " 1"],
    DATE: NO_DATES,
    TIMESTAMP: NO_DATES,
    BOOLEAN: ["TRUE", "yes", "2", " true", "x"],
    GENDER: ["M", "male", "x", "mf"],
    LOCALE: ["DE", "de-DE", "de_de", "deu", "de_DE_1", "de_"],
}
ALL = [
    (field_type, value, is_kept)
    for table, is_kept in ((KEPT, True), (BROKEN, False))
    for field_type, row in table.items()
    for value in row
]


def broken(contact: Contact, **types: FieldType) -> list[tuple[int | None, str]]:
    return list(violations(contact, types))


@pytest.mark.parametrize("field_type", CUSTOM_FIELD_CODES)
@pytest.mark.parametrize("text", ["1" * 1_000_000 + "x", "1." * 500_000, "a@" + "b." * 500_000])
def test_no_value_takes_more_than_linear_time(field_type: FieldType, text: str) -> None:
    # In quadratic time a value of this length would take most of an hour.
    contact = Contact(email=text, custom_fields={"f": text})
    assert (CUSTOM_FIELD_CODES.get(field_type), "f") in broken(contact, f=field_type)


def test_a_standard_field_keeps_or_breaks_the_rule_of_its_type() -> None:
    for (field_type, value, is_kept), (name, of_type) in product(ALL, STANDARD_FIELDS.items()):
        if of_type is field_type:
            expected = [] if is_kept else [(STANDARD_FIELD_CODES.get(name), name)]
            assert broken(Contact(standard_fields={name: value})) == expected, (name, value)


def test_a_custom_field_keeps_or_breaks_the_rule_of_its_type() -> None:
    for field_type, value, is_kept in ALL:
        if field_type in CUSTOM_FIELD_CODES:
            expected = [] if is_kept else [(CUSTOM_FIELD_CODES[field_type], "x")]
            assert broken(a_contact(custom={"x": value}), x=field_type) == expected, value


def test_the_codes_are_those_of_the_documentation() -> None:
    assert sorted(STANDARD_FIELD_CODES.values()) == list(range(6, 21))
    assert {*STANDARD_FIELDS} - {*STANDARD_FIELD_CODES} == {"COUNTRY", "SALUTATION"}
    assert {*STANDARD_FIELD_CODES} < {*STANDARD_FIELDS}
    assert CUSTOM_FIELD_CODES == {
        BOOLEAN: 22,
        FLOAT: 23,
        INTEGER: 25,
        STRING: 26,
        DATE: 27,
        TIMESTAMP: 27,
    }


@pytest.mark.parametrize("value", [None, ""])
def test_a_field_without_a_value_breaks_no_rule(value: str | None) -> None:
    contact = Contact("a@b.de", custom_fields={"x": value})
    contact.standard_fields.update(dict.fromkeys(STANDARD_FIELDS, value))
    for field_type in CUSTOM_FIELD_CODES:
        assert broken(contact, x=field_type) == []


@pytest.mark.parametrize("value", [None, "", "x"])
def test_a_custom_field_that_the_account_lacks_is_named(value: str | None) -> None:
    assert broken(a_contact(custom={"X": value}), x=STRING) == [(21, "X")]


@pytest.mark.parametrize(
    ("email", "is_kept"),
    [
        (None, True),
        ("ada@example.com", True),
        (" ada@example.com ", False),
        ("ada+1@mail.example.museum", True),
        ("zoë@exämple.de", True),
        ("ada", False),
        ("ada@example", False),
        ("max.mustermann.3@xqueue", False),
        ("@example.com", False),
        ("ada@", False),
        ("a@b@c.de", False),
        ("ada @example.com", False),
        ("ada@example..com", False),
        ("ada@example.com.", False),
    ],
)
def test_an_address_has_a_name_and_a_domain(email: str | None, is_kept: bool) -> None:
    assert broken(a_contact(email, external_id="x")) == ([] if is_kept else [(3, "email")])


def test_everything_that_is_wrong_is_found() -> None:
    contact = a_contact(
        "ada",
        FIRSTNAME="a" * 256,
        CITY="London",
        COUNTRY="a" * 256,
        GENDER="x",
        custom={"AGE": "old", "SIZE": "1", "GONE": "x"},
    )
    assert broken(contact, AGE=INTEGER, SIZE=FLOAT) == [
        (3, "email"), (8, "FIRSTNAME"), (None, "COUNTRY"), (19, "GENDER"), (25, "AGE"),
        (21, "GONE"),
    ]  # fmt: skip


@given(
    st.integers(-(2**31), 2**31 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.datetimes(),
)
def test_what_is_converted_keeps_the_rules(number: int, real: float, when: object) -> None:
    custom = {"i": as_integer(number), "f": as_float(real), "d": as_date(str(when))}
    assert broken(a_contact(custom=custom), i=INTEGER, f=FLOAT, d=DATE) == []

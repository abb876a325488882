"""Every JSON value as every type of target, cell by cell."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from destination_maileon.maileon.contact import FieldType
from destination_maileon.mapping.converters import (
    CONVERTERS,
    as_date,
    as_text,
    as_timestamp,
    truncated,
)
from destination_maileon.protocol import exact_json
from unit_tests.protocol.test_exact_json import exact, numbers, values

SAME = "~"
COLUMNS = (
    FieldType.STRING,
    FieldType.INTEGER,
    FieldType.FLOAT,
    FieldType.DATE,
    FieldType.BOOLEAN,
    FieldType.GENDER,
    FieldType.LOCALE,
)
WIDE = 2**200 + 1
ONE_AND_A_BIT = Decimal("1.00000000000000000001")

# The value; as text, `~` if it is text already; then as an integer, a float, a date, a boolean, a
# gender and a locale, `~` where each is the text unchanged.
Row: TypeAlias = tuple[object, str, *tuple[str | None, ...]]
TABLE: list[Row]
TABLE = [
    # Booleans: `true` and `false`, and the numbers that a numeric field holds for them.
    (True, "true", "1", "1", "~", "~", "~", "~"),
    (False, "false", "0", "0", "~", "~", "~", "~"),
    # Whole numbers of any size, exactly.
    (0, "0", "~", "~", "~", "false", "~", "~"),
    (1, "1", "~", "~", "~", "true", "~", "~"),
    (-7, "-7", "~", "~", "~", "~", "~", "~"),
    (2**53 + 1, "9007199254740993", "~", "~", "~", "~", "~", "~"),
    (WIDE, str(WIDE), "~", "~", "~", "~", "~", "~"),
    # Numbers: without a fraction where there is none, and without exponent.
    (1.0, "1", "~", "~", "~", "true", "~", "~"),
    (-0.0, "0", "~", "~", "~", "false", "~", "~"),
    (1.5, "1.5", "~", "~", "~", "~", "~", "~"),
    (0.1, "0.1", "~", "~", "~", "~", "~", "~"),
    (1e16, "10000000000000000", "~", "~", "~", "~", "~", "~"),
    (1e22, "1" + "0" * 22, "~", "~", "~", "~", "~", "~"),
    (1.5e-7, "0.00000015", "~", "~", "~", "~", "~", "~"),
    (5e-324, "0." + "0" * 323 + "5", "~", "~", "~", "~", "~", "~"),
    (20240501, "20240501", "~", "~", "~", "~", "~", "~"),
    (20240501.0, "20240501", "~", "~", "~", "~", "~", "~"),
    # Numbers that no double holds.
    (Decimal("5.00"), "5", "~", "~", "~", "~", "~", "~"),
    (Decimal("0E+9"), "0", "~", "~", "~", "false", "~", "~"),
    (Decimal("-0.0"), "0", "~", "~", "~", "false", "~", "~"),
    (Decimal("1E+2"), "100", "~", "~", "~", "~", "~", "~"),
    (ONE_AND_A_BIT, str(ONE_AND_A_BIT), "~", "~", "~", "~", "~", "~"),
    (Decimal("1e400"), "1" + "0" * 400, "~", "~", "~", "~", "~", "~"),
    (Decimal("1E+9999999"), "1E+9999999", "~", "~", "~", "~", "~", "~"),
    # Text: empty and blank.
    ("", "~", None, None, None, None, None, None),
    (" ", "~", None, None, None, None, None, None),
    (" \t\u00a0", "~", None, None, None, None, None, None),
    (" Ada ", "~", "Ada", "Ada", "Ada", "Ada", "Ada", "Ada"),
    ("Ada", "~", "~", "~", "~", "~", "~", "~"),
    # Text that is a number.
    ("007", "~", "~", "~", "~", "~", "~", "~"),
    (" 42 ", "~", "42", "42", "42", "42", "42", "42"),
    ("42.0", "~", "42", "~", "~", "~", "~", "~"),
    ("42.50", "~", "~", "~", "~", "~", "~", "~"),
    ("1e3", "~", "1000", "1000", "~", "~", "~", "~"),
    ("-1.5E-3", "~", "~", "-0.0015", "~", "~", "~", "~"),
    ("1e9999", "~", "~", "1E+9999", "~", "~", "~", "~"),
    ("1e99999", "~", "~", "~", "~", "~", "~", "~"),
    ("1,5", "~", "~", "~", "~", "~", "~", "~"),
    ("1_000", "~", "~", "~", "~", "~", "~", "~"),
    ("٣", "~", "~", "~", "~", "~", "~", "~"),
    # Text that is a boolean.
    ("TRUE", "~", "~", "~", "~", "true", "~", "~"),
    (" yes ", "~", "yes", "yes", "yes", "true", "yes", "yes"),
    ("off", "~", "~", "~", "~", "false", "~", "~"),
    ("N", "~", "~", "~", "~", "false", "~", "~"),
    ("maybe", "~", "~", "~", "~", "~", "~", "~"),
    # Text that is a date: the day as it is written, whatever the zone.
    ("2024-05-01", "~", "~", "~", "~", "~", "~", "~"),
    ("2024-05-01T23:59:59Z", "~", "~", "~", "2024-05-01", "~", "~", "~"),
    ("2024-05-01T00:30:00+14:00", "~", "~", "~", "2024-05-01", "~", "~", "~"),
    ("2024-05-01 23:00:00.123456 -0800", "~", "~", "~", "2024-05-01", "~", "~", "~"),
    ("2024-05-01t10:00z", "~", "~", "~", "2024-05-01", "~", "~", "~"),
    ("2024-05-01 10:00:00 UTC", "~", "~", "~", "2024-05-01", "~", "~", "~"),
    ("2024-05-01T10:00:00", "~", "~", "~", "2024-05-01", "~", "~", "~"),
    ("2024-05-01T10:00+02:00[Europe/Berlin]", "~", "~", "~", "2024-05-01", "~", "~", "~"),
    (" 2024-05-01 ", "~", *["2024-05-01"] * 6),
    ("2024-05-01+02:00", "~", "~", "~", "2024-05-01", "~", "~", "~"),
    ("20240501", "~", "~", "~", "2024-05-01", "~", "~", "~"),
    ("20240501T100000Z", "~", "~", "~", "2024-05-01", "~", "~", "~"),
    ("20241340", "~", "~", "~", "~", "~", "~", "~"),
    ("2024-W18-3", "~", "~", "~", "2024-05-01", "~", "~", "~"),
    ("2024w183", "~", "~", "~", "2024-05-01", "~", "~", "~"),
    ("2024-122", "~", "~", "~", "2024-05-01", "~", "~", "~"),
    ("2024-366", "~", "~", "~", "2024-12-31", "~", "~", "~"),
    ("2023-366", "~", "~", "~", "~", "~", "~", "~"),
    ("9999-366", "~", "~", "~", "~", "~", "~", "~"),
    ("2024-05-01T25:00:00Z", "~", "~", "~", "~", "~", "~", "~"),
    ("01.05.2024", "~", "~", "~", "~", "~", "~", "~"),
    ("31.12.1990", "~", "~", "~", "~", "~", "~", "~"),
    ("1/2/2024", "~", "~", "~", "~", "~", "~", "~"),
    ("2024-05", "~", "~", "~", "~", "~", "~", "~"),
    # Words for a gender, and languages.
    ("Male", "~", "~", "~", "~", "~", "m", "~"),
    ("FEMALE ", "~", "FEMALE", "FEMALE", "FEMALE", "FEMALE", "f", "FEMALE"),
    ("diverse", "~", "~", "~", "~", "~", "d", "~"),
    ("F", "~", "~", "~", "~", "false", "f", "~"),
    ("w", "~", "~", "~", "~", "~", "f", "~"),
    ("Weiblich", "~", "~", "~", "~", "~", "f", "~"),
    ("männlich", "~", "~", "~", "~", "~", "m", "~"),
    ("MAENNLICH", "~", "~", "~", "~", "~", "m", "~"),
    ("divers", "~", "~", "~", "~", "~", "d", "~"),
    ("Herr", "~", "~", "~", "~", "~", "~", "~"),
    ("other", "~", "~", "~", "~", "~", "~", "~"),
    ("de ", "~", "de", "de", "de", "de", "de", "de"),
    ("de-DE", "~", "~", "~", "~", "~", "~", "de_DE"),
    ("DE_de", "~", "~", "~", "~", "~", "~", "de_DE"),
    ("de", "~", "~", "~", "~", "~", "~", "~"),
    ("zh-Hans-CN", "~", "~", "~", "~", "~", "~", "~"),
    # Objects and lists: compact JSON, exact, and no character escaped that need not be.
    ([], "[]", "~", "~", "~", "~", "~", "~"),
    ({}, "{}", "~", "~", "~", "~", "~", "~"),
    ({"a": [1, True, None]}, '{"a":[1,true,null]}', "~", "~", "~", "~", "~", "~"),
    (["Zoë/日本", "<&>", "😀"], '["Zoë/日本","<&>","😀"]', "~", "~", "~", "~", "~", "~"),
    ([WIDE, "Zoë 😀"], f'[{WIDE},"Zoë 😀"]', "~", "~", "~", "~", "~", "~"),
    ([ONE_AND_A_BIT], f"[{ONE_AND_A_BIT}]", "~", "~", "~", "~", "~", "~"),
    (['"\\\n\u007f'], '["\\"\\\\\\n\u007f"]', "~", "~", "~", "~", "~", "~"),
    ([WIDE, "\\u00e9"], f'[{WIDE},"\\\\u00e9"]', "~", "~", "~", "~", "~", "~"),
]
CELLS = [
    (value, field_type, (value if text == SAME else text) if cell == SAME else cell)
    for value, text, *others in TABLE
    for field_type, cell in zip(COLUMNS, [SAME, *others], strict=True)
]


def test_the_table_has_a_column_for_each_type() -> None:
    assert {*COLUMNS, FieldType.TIMESTAMP} == set(FieldType) == set(CONVERTERS)


def test_a_value_is_written_as_its_target_wants_it() -> None:
    for value, field_type, expected in CELLS:
        assert CONVERTERS[field_type](value) == expected, (value, field_type)


@given(st.integers())
def test_whole_numbers_are_exact_whatever_their_size(number: int) -> None:
    for field_type in (FieldType.STRING, FieldType.INTEGER, FieldType.FLOAT):
        assert CONVERTERS[field_type](number) == str(number)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_keeps_its_value_and_has_no_exponent(number: float) -> None:
    text = as_text(number)
    assert float(text) == number
    assert not set(text) - set("-.0123456789")


@given(
    st.recursive(
        st.none() | st.booleans() | numbers | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=20,
    )
)
def test_objects_and_lists_are_read_back_as_they_were(value: object) -> None:
    assert exact_json.loads(as_text([value]).encode()) == [exact(value)]


@given(values.filter(lambda value: value is not None))
def test_every_converter_takes_every_value_and_writes_text(value: object) -> None:
    for convert in CONVERTERS.values():
        assert isinstance(convert(value), str | None)


def test_a_lone_surrogate_in_an_object_is_left_as_it_is() -> None:
    assert as_text(["😀", "\ud83d"]) == '["😀","\ud83d"]'


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("2024-05-01T10:30:15.123Z", "2024-05-01 10:30:15"),
        ("2024-05-01 10:30", "2024-05-01 10:30:00"),
        (" 2024-05-01T10:30:15+02:00[Europe/Berlin] ", "2024-05-01 10:30:15"),
        ("2024-05-01 10:30:15", "2024-05-01 10:30:15"),
        ("2024-05-01", "2024-05-01"),
        ("20240501", "2024-05-01"),
        ("2024-05-01T25:00:00", "2024-05-01T25:00:00"),
        ("01.05.2024 10:30", "01.05.2024 10:30"),
        (1714521600, "1714521600"),
        (" ", None),
    ],
)
def test_a_field_with_a_time_of_day_keeps_it_as_it_is_written(
    value: object, text: str | None
) -> None:
    assert CONVERTERS[FieldType.TIMESTAMP](value) == text


@pytest.mark.parametrize(
    ("given_text", "kept"),
    [
        ("a" * 255, "a" * 255),
        ("a" * 256, "a" * 255),
        ("ä" * 256, "ä" * 255),
        ("😀" * 127, "😀" * 127),
        ("😀" * 128, "😀" * 127),
        ("a" * 254 + "😀", "a" * 254),
        ("a" * 253 + "😀!", "a" * 253 + "😀"),
        ("a" * 255 + "\ud800", "a" * 255),
        ("", ""),
    ],
)
def test_text_is_cut_at_255_utf_16_units_and_never_within_a_character(
    given_text: str, kept: str
) -> None:
    assert truncated(given_text) == kept


ZONES = ("", "Z", " UTC", "+02:00", "-0330", "+01", "[Europe/Berlin]")
FRACTIONS = ("", ".1", ",123", ".123456", ".123456789")


@given(
    st.datetimes(),
    st.sampled_from(["%Y-%m-%d", "%Y%m%d", "%G-W%V-%u"]),
    st.sampled_from(["", "T%H", " %H:%M", "T%H:%M:%S", " %H%M%S"]),
    st.sampled_from(FRACTIONS),
    st.sampled_from(ZONES),
)
def test_the_usual_form_of_a_time_is_told_like_any_other(
    at: datetime, day: str, time_of_day: str, fraction: str, zone: str
) -> None:
    written = at.replace(year=max(at.year, 1000)).strftime(day + time_of_day)
    text = f"{written}{fraction if time_of_day else ''}{zone}"
    # With space around it is read by the expressions for all forms.
    assert as_date(text) == as_date(f" {text}")
    assert as_timestamp(text) == as_timestamp(f" {text}")


@given(st.text(max_size=300))
def test_no_text_that_was_cut_is_too_long_and_none_is_cut_too_early(text: str) -> None:
    cut = truncated(text)
    assert len(cut.encode("utf-16-le")) <= 510
    assert text.startswith(cut)
    left = text[len(cut) :]
    assert not left or len((cut + left[0]).encode("utf-16-le")) > 510

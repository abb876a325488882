"""Rows of records: each column in its place, whatever its name."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from msgspec import UNSET

from destination_maileon.maileon.contact_xml import escape_markup, without_forbidden
from destination_maileon.mapping.converters import Converter, as_integer, as_text
from destination_maileon.mapping.rows import Field, Rows, field_writer

PLAIN = ("email", "", "a b", "ü", "c0", "\u2028", "\x7f")
ESCAPED = ('"quoted"', "back\\slash", "two\nlines", "\x00")


@pytest.mark.parametrize("column", PLAIN)
def test_a_value_is_read_into_the_place_of_its_column(column: str) -> None:
    rows = Rows(["other", column])
    row = rows.decode(json.dumps({column: "x"}).encode())
    assert getattr(row, rows.columns[column]) == "x"


@pytest.mark.parametrize("column", ESCAPED)
def test_a_name_that_is_escaped_in_json_has_its_place_and_no_column_is_one_of_texts(
    column: str,
) -> None:
    rows = Rows(["c1", column], clearing=[column], texts=["c1", column])
    given = {"c1": 7, column: Decimal("1.50")}
    row = rows.decode(f'{{"c1":0,{json.dumps(column)}:1.50,"c1":7}}'.encode())
    for read in (row, rows.of({**given, "unknown": "z"})):
        assert [getattr(read, rows.columns[name]) for name in given] == [*given.values()]
    assert getattr(rows.decode(b"{}"), rows.columns[column]) is UNSET
    assert rows.texts == set()
    for unusual in ({"unknown": "z"}, ["c1"], None):
        with pytest.raises(msgspec.ValidationError):
            rows.decode(json.dumps(unusual).encode())


@pytest.mark.parametrize("value", [1, True, ["x"], {"a": "x"}])
@pytest.mark.parametrize("clearing", [[], ["c1"]])
def test_a_column_of_texts_takes_texts_and_nulls_alone(value: object, clearing: list[str]) -> None:
    rows = Rows(["c1", "c2"], clearing=clearing, texts=["c1"])
    for taken in ({"c1": "x", "c2": value}, {"c1": None}, {}):
        rows.decode(json.dumps(taken).encode())
    with pytest.raises(msgspec.ValidationError):
        rows.decode(json.dumps({"c1": value}).encode())


NAMES = ["A", "B & <b>", 'C"{}\\ \n']
allowed = st.text().map(without_forbidden)


def write(
    pieces: list[str],
    values: Sequence[object],
    *,
    clears: bool = False,
    convert: Converter = as_text,
    constant: str = "",
) -> bool:
    """Writes the section that these values make; UNSET is an absent one."""
    rows = Rows(NAMES, NAMES if clears else [])
    fields = [Field(rows.columns[name], name, convert, clears=clears) for name in NAMES]
    if constant:
        fields.append(Field("constant", "X", constant=constant))
    writer = field_writer({"custom_fields": fields})
    row = rows.of({n: v for n, v in zip(NAMES, values, strict=True) if v is not UNSET})
    return writer(row, pieces)


def written(values: Sequence[object], **how: Any) -> str:
    """The section, its texts escaped."""
    pieces: list[str] = []
    write(pieces, values, **how)
    pieces[1::2] = map(escape_markup, pieces[1::2])
    return "".join(pieces)


def read(section: str) -> dict[str | None, str | None]:
    """The fields by name; None is one that is cleared."""
    if not section:
        return {}
    root = etree.fromstring(section)
    assert root.tag == "custom_fields"
    values = {field.findtext("name"): field.find("value") for field in root}
    return {
        name: None if value is None or value.get("nil") == "true" else value.text or ""
        for name, value in values.items()
    }


@pytest.mark.parametrize("clears", [False, True])
@given(values=st.lists(st.none() | allowed | st.just(UNSET), min_size=3, max_size=3))
def test_what_is_put_in_is_read_back(clears: bool, values: list[object]) -> None:
    expected = {
        name: value
        for name, value in zip(NAMES, values, strict=True)
        if value is not UNSET and (clears or value is not None)
    }
    assert read(written(values, clears=clears)) == expected


@pytest.mark.parametrize("constant", ["", "1"])
@pytest.mark.parametrize("values", [[None] * 3, [UNSET] * 3])
def test_without_a_value_there_is_no_section_unless_every_record_has_a_field(
    values: list[object], constant: str
) -> None:
    assert read(written(values, constant=constant)) == ({"X": "1"} if constant else {})


def test_a_field_that_every_record_has_stands_after_the_others() -> None:
    assert [*read(written(["a", None, "c"], constant="1"))] == [NAMES[0], NAMES[2], "X"]


def test_what_is_no_text_is_converted() -> None:
    values = [1, True, ["x", "y"]]
    expected = dict(zip(NAMES, ("1", "true", '["x","y"]'), strict=True))
    assert read(written(values)) == expected


@pytest.mark.parametrize("clears", [False, True])
def test_a_text_that_a_converter_takes_for_null_is_written_as_null(clears: bool) -> None:
    read_back = read(written([" ", "1.0", 2], clears=clears, convert=as_integer))
    assert read_back == {**({NAMES[0]: None} if clears else {}), NAMES[1]: "1", NAMES[2]: "2"}


@pytest.mark.parametrize("constant", ["", "1"])
@given(values=st.lists(st.none() | allowed | st.just(UNSET), min_size=3, max_size=3))
@pytest.mark.parametrize("clears", [False, True])
def test_a_row_is_whole_if_it_has_something_for_every_field(
    values: list[object], constant: str, clears: bool
) -> None:
    pieces: list[str] = []
    is_whole = write(pieces, values, clears=clears, constant=constant)
    assert is_whole is ("".join(pieces).count("<name>") == len(NAMES) + bool(constant))

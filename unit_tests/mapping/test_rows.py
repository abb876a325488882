"""Rows of records: each column in its place, whatever its name."""

from __future__ import annotations

import json

import msgspec
import pytest

from destination_maileon.mapping.rows import Rows

PLAIN = ("email", "", "a b", "ü", "c0", "\u2028", "\x7f")
ESCAPED = ('"quoted"', "back\\slash", "two\nlines", "\x00")


@pytest.mark.parametrize("column", PLAIN)
def test_a_value_is_read_into_the_place_of_its_column(column: str) -> None:
    rows = Rows(["other", column], clearing=[])
    row = rows.decode(json.dumps({column: "x"}).encode())
    assert getattr(row, rows.place(column)) == "x"


@pytest.mark.parametrize("column", ESCAPED)
def test_a_name_that_is_escaped_in_json_has_its_place_for_data_that_was_decoded_otherwise(
    column: str,
) -> None:
    rows = Rows(["c1", column], clearing=[])
    with pytest.raises(msgspec.ValidationError):
        rows.decode(json.dumps({"c1": "y"}).encode())
    row = rows.of({column: "x", "c1": "y", "unknown": "z"})
    assert (getattr(row, rows.place(column)), getattr(row, rows.place("c1"))) == ("x", "y")


@pytest.mark.parametrize("value", [1, True, ["x"], {"a": "x"}])
@pytest.mark.parametrize("clearing", [[], ["c1"]])
def test_a_column_of_texts_takes_texts_and_nulls_alone(value: object, clearing: list[str]) -> None:
    rows = Rows(["c1", "c2"], clearing=clearing, texts=["c1"])
    for taken in ({"c1": "x", "c2": value}, {"c1": None}, {}):
        rows.decode(json.dumps(taken).encode())
    with pytest.raises(msgspec.ValidationError):
        rows.decode(json.dumps({"c1": value}).encode())

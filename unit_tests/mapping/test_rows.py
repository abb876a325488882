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
    assert rows.value(rows.decode(json.dumps({column: "x"}).encode()), column) == "x"


@pytest.mark.parametrize("column", ESCAPED)
def test_a_name_that_is_escaped_in_json_has_its_place_for_data_that_was_decoded_otherwise(
    column: str,
) -> None:
    rows = Rows(["c1", column], clearing=[])
    with pytest.raises(msgspec.ValidationError):
        rows.decode(json.dumps({"c1": "y"}).encode())
    row = rows.of({column: "x", "c1": "y", "unknown": "z"})
    assert (rows.value(row, column), rows.value(row, "c1")) == ("x", "y")

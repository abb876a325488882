"""Texts become a section of the element, with what a null writes and without what is absent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from msgspec import UNSET

from destination_maileon.maileon.contact_xml import escape_markup, without_forbidden
from destination_maileon.mapping.converters import as_integer, as_text
from destination_maileon.mapping.field_writer import Field, Section, field_writer
from destination_maileon.mapping.rows import Rows

NAMES = ["A", "B & <b>", 'C"\n{}\\']
allowed = st.text().map(without_forbidden)


def written(
    values: Sequence[object],
    *,
    clears: bool = False,
    convert: Converter = as_text,
    constant: str = "",
    escapes: bool = True,
) -> str:
    """The section that these values make; UNSET is an absent one."""
    rows = Rows(NAMES, NAMES if clears else [])
    fields = [
        Field(rows.place(name), name, convert, converts_texts=convert is not as_text, clears=clears)
        for name in NAMES
    ]
    write = field_writer([Section("custom_fields", fields, constant)])
    row = rows.of({n: v for n, v in zip(NAMES, values, strict=True) if v is not UNSET})
    pieces: list[str] = []
    write(row, pieces, escape_markup if escapes else None, None)
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


@pytest.mark.parametrize("clear", [False, True])
@given(values=st.lists(st.none() | allowed | st.just(UNSET), min_size=3, max_size=3))
def test_what_is_put_in_is_read_back(clear: bool, values: list[object]) -> None:
    if not clear:
        values = [None if value is UNSET else value for value in values]
    kept = [
        (name, value)
        for name, value in zip(NAMES, values, strict=True)
        if value is not UNSET and (clear or value is not None)
    ]
    assert read(a_section(clear=clear).assembled(values, escapes=True)) == dict(kept)


def test_without_a_value_there_is_no_section() -> None:
    assert a_section().assembled([None, None, None], escapes=False) == ""


def test_texts_that_need_no_escape_are_written_as_they_are() -> None:
    section = a_section().assembled(["x", "ü", ""], escapes=False)
    assert read(section) == {"A": "x", "B & <b>": "ü", "C": ""}


@pytest.mark.parametrize("escapes", [False, True])
@pytest.mark.parametrize("value", [1, True, ["x"], {"a": 1}])
@pytest.mark.parametrize("beside", ["x", None])
def test_what_is_no_text_is_not_written(escapes: bool, value: object, beside: object) -> None:
    with pytest.raises(TypeError):
        a_section().assembled(["x", value, beside], escapes=escapes)


@given(st.text())
def test_what_xml_forbids_is_found_wherever_it_stands(text: str) -> None:
    assert has_forbidden(text) is (without_forbidden(text) != text)

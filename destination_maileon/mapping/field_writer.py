"""The columns of a stream's fields -> the function that writes a record's into its element.

This module alone decides how fields and what stands around them are put together. The function is
generated for the columns, as attrs and dataclasses make theirs for a class: it goes straight
through the row, and asks nothing that is known since the stream began. Without it, where lists of
columns are walked and all texts are put into a template at once, encoding takes 1.2 times as long
for ten columns, and 1.5 times for fifty of which most are null (`make bench`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

from msgspec import UNSET, Struct

from destination_maileon.maileon.contact_xml import field_head
from destination_maileon.mapping.converters import Converter

Clean: TypeAlias = Callable[[Any], Any]
"""A value -> the same less what no text may hold; None if it held nothing else."""

WriteFields: TypeAlias = Callable[[Struct, list[str]], bool]
"""Adds the pieces of a row's sections: by turns what stands before a text, and the text. Whether
the row has something for every field."""


class Field(NamedTuple):
    """One column: `place` is its attribute of a row, `name` the field that it fills.

    `converts_texts`: texts are converted, too. `is_text`: it has no other value than texts.
    `clears`: a null clears the stored value.
    """

    place: str
    name: str
    convert: Converter
    converts_texts: bool = False
    is_text: bool = False
    clears: bool = False


class Section(NamedTuple):
    """Standard or custom fields. `constant` is an element that every record has after them."""

    tag: str
    fields: Sequence[Field]
    constant: str = ""


def field_writer(sections: Sequence[Section], *, clean: Clean | None = None) -> WriteFields:
    """The function that writes the fields of these sections.

    Without `clean` no text of the rows may hold what none may hold.
    """
    # No name of a column or a field stands in its source: none can be taken for code.
    names: dict[str, Any] = {"UNSET": UNSET, "clean": clean}
    lines = ["def write(row, pieces):", " put = pieces.append", " before = len(pieces)"]
    sections = [section for section in sections if section.fields or section.constant]
    for number, section in enumerate(sections):
        names[f"opening_{number}"] = opening = f"<{section.tag}>"
        names[f"closing_{number}"] = closing = f"{_END}{section.constant}</{section.tag}>"
        names[f"alone_{number}"] = f"{opening}{closing.removeprefix(_END)}"
        lines.append(" start = len(pieces)")
        for field in section.fields:
            names |= _names(field)
            lines += _lines(field, cleans=clean is not None)
        lines += [
            " if len(pieces) > start:",
            f"  pieces[start] = opening_{number} + pieces[start][{len(_END)}:]",
            f"  put(closing_{number}); put('')",
        ]
        if section.constant:
            lines.append(f" else: put(alone_{number}); put('')")
    most = 2 * sum(len(section.fields) + 1 for section in sections)
    lines.append(f" return len(pieces) - before == {most}")
    exec("\n".join(lines), names)  # noqa: S102 - of numbers, and of the words below
    write: WriteFields = names["write"]
    return write


def _names(field: Field) -> dict[str, Any]:
    head = f"{_END}{field_head(field.name)}"
    return {
        f"head_{field.place}": f"{head}<value>",
        f"null_{field.place}": f'{head}<value nil="true">',
        f"convert_{field.place}": field.convert,
    }


def _lines(field: Field, *, cleans: bool) -> list[str]:
    place = field.place
    lines = [f" value = row.{place}"]
    is_given = "value is not None and value is not UNSET" if field.clears else "value is not None"
    if field.converts_texts:
        lines += [" value = clean(value)"] * cleans
        lines += [f" if {is_given} and (value := convert_{place}(value)) is not None:"]
    else:
        lines += [f" if {is_given}:"]
        if not field.is_text:
            lines += [f"  if type(value) is not str: value = convert_{place}(value)"]
    # An object may hold what no text may, too, and is a text only now.
    test = "if (value := clean(value)) is not None: " if cleans else ""
    lines += [f"  {test}put(head_{place}); put(value)"]
    return [*lines, f" if value is None: put(null_{place}); put('')"] if field.clears else lines


_END = "</value></field>"
"""Each head begins with that of the field before: a piece less for each value."""

"""A stream's rows: the JSON of a record's data -> a row -> the fields of its element.

This module alone decides how a record's values are read: numbers exactly, of a name that comes
twice the last value, and a null told from an absent column where nulls clear. It also decides how
fields and what stands around them are put together. Both, the class of the rows and the function
that writes their fields, are made for the columns of the stream, as attrs and dataclasses make
theirs: they ask nothing that is known since the stream began. Where lists of columns are walked
instead, encoding takes 1.2 times as long for ten columns, and 1.5 times for fifty of which most are
null (`make bench`).
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple, TypeAlias

import msgspec
from msgspec import UNSET, Struct

from destination_maileon.maileon.contact_xml import field_head
from destination_maileon.mapping.converters import Clean, Converter, as_boolean, as_integer
from destination_maileon.protocol.messages import UNAVAILABLE_VALUE

_ESCAPED_IN_JSON = re.compile(r'[\\"\x00-\x1f]')
"""msgspec finds no name that holds one of these (its docs, Structs, Renaming Fields)."""

WriteFields: TypeAlias = Callable[[Struct, list[str]], bool]
"""Adds the pieces of a row's sections: by turns what stands before a text, and the text. Whether
the row has something for every field."""


class Rows:
    """The rows of one stream. Those of `clearing` columns are UNSET and not None if absent.

    `decode` raises `msgspec.ValidationError` at a column that is not known, and at what is neither
    a text nor null in one of the `texts`: none, if the name of a column is escaped in JSON.
    """

    def __init__(
        self, columns: Iterable[str], clearing: Iterable[str], texts: Iterable[str] = ()
    ) -> None:
        clearing = {*clearing}
        self._places = {column: f"c{n}" for n, column in enumerate(columns)}
        self._defaults = {c: UNSET if c in clearing else None for c in self._places}
        is_escaped = any(map(_ESCAPED_IN_JSON.search, self._places))
        self.texts = set() if is_escaped else {*texts}
        fields = [
            (
                place,
                str | None if column in self.texts else Any,
                msgspec.field(name=None if is_escaped else column, default=self._defaults[column]),
            )
            for column, place in self._places.items()
        ]
        self._row: type[Struct] = msgspec.defstruct(
            "Row", fields, gc=False, forbid_unknown_fields=True
        )
        decoder = msgspec.json.Decoder(self._row, float_hook=Decimal)
        self.columns = self._places.keys()
        self.decode: Callable[[bytes], Struct] = self._decoded if is_escaped else decoder.decode

    def _decoded(self, data: bytes) -> Struct:
        """The same for any names, in three times the time."""
        read = _decode(data)
        if not read.keys() <= self.columns:
            raise msgspec.ValidationError
        return self.of(read)

    def of(self, data: Mapping[str, object]) -> Struct:
        """The row of a record that was decoded otherwise, less its unknown columns."""
        places = self._places
        return self._row(**{places[name]: v for name, v in data.items() if name in places})

    def place(self, column: str) -> str:
        """The attribute of a row that holds the column's value."""
        return self._places[column]

    def unavailable(self, row: Struct) -> set[str]:
        """The columns whose value the source did not send."""
        return {n for n, c in self._places.items() if getattr(row, c) == UNAVAILABLE_VALUE}

    def leave_out(self, row: Struct, columns: Iterable[str]) -> None:
        """Makes these columns absent."""
        for column in columns:
            setattr(row, self._places[column], self._defaults[column])


_decode = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal).decode


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
    lines = ["def write(row, pieces):", " before = len(pieces)"]
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
            f"  {_put(f'closing_{number}')}",
        ]
        if section.constant:
            lines.append(f" else: {_put(f'alone_{number}')}")
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
    written = _WITHOUT_CALL.get(field.convert, "{}").format(f"convert_{place}(value)")
    is_given = "value is not None and value is not UNSET" if field.clears else "value is not None"
    if field.converts_texts:
        lines += [" value = clean(value)"] * cleans
        lines += [f" if {is_given} and (value := {written}) is not None:"]
    else:
        lines += [f" if {is_given}:"]
        if not field.is_text:
            lines += [f"  if type(value) is not str: value = convert_{place}(value)"]
    # An object may hold what no text may, too, and is a text only now.
    test = "if (value := clean(value)) is not None: " if cleans else ""
    lines += [f"  {test}{_put(f'head_{place}', 'value')}"]
    null = _put(f"null_{place}")
    return [*lines, f" if value is None: {null}"] if field.clears else lines


def _put(head: str, text: str = "''") -> str:
    # Python calls a list's own `append` in two thirds of the time of one that has a name.
    return f"pieces.append({head}); pieces.append({text})"


# The values that nearly every record has. A call for each takes twice as long.
_WITHOUT_CALL: Mapping[Converter, str] = {
    as_integer: "str(value) if type(value) is int else {}",
    as_boolean: "('true' if value else 'false') if type(value) is bool else {}",
}
_END = "</value></field>"
"""Each head begins with that of the field before: a piece less for each value."""

"""A stream's rows: the JSON of a record's data -> a row -> the fields of its element.

Their class and the function that writes them are made for the columns, as dataclasses make theirs:
to walk lists of columns takes 1.2 times as long for ten, 1.5 times for fifty, most of them null.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET, Struct

from destination_maileon.maileon.contact_xml import field_head
from destination_maileon.mapping.converters import Converter, as_boolean, as_integer, as_text

_ESCAPED_IN_JSON = re.compile('[\\\\"\x00-\x1f\ud800-\udfff]')
"""msgspec finds no name that holds one of these (its docs, Structs, Renaming Fields)."""
_decode = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal).decode


class Rows:
    """The rows of one stream. Those of `clearing` columns are UNSET and not None if absent.

    `columns` has each column, and the attribute of a row that holds its value; in the `empty` row
    all are absent. `decode` raises `msgspec.ValidationError` at a column that is not known, and at
    what is neither a text nor null in one of the `texts`: none, if a name is escaped in JSON.
    """

    def __init__(
        self, columns: Iterable[str], clearing: Collection[str] = (), texts: Iterable[str] = ()
    ) -> None:
        self.columns = {column: f"c{n}" for n, column in enumerate(columns)}
        is_escaped = any(map(_ESCAPED_IN_JSON.search, self.columns))
        self.texts = set() if is_escaped else {*texts}
        fields = []
        for column, place in self.columns.items():
            name = None if is_escaped else column
            default = msgspec.field(name=name, default=UNSET if column in clearing else None)
            fields.append((place, str | None if column in self.texts else Any, default))
        self._row = msgspec.defstruct("Row", fields, gc=False, forbid_unknown_fields=True)
        self.empty = self._row()
        decoder = msgspec.json.Decoder(self._row, float_hook=Decimal)
        self.decode: Callable[[bytes], Struct] = self._decoded if is_escaped else decoder.decode

    def _decoded(self, data: bytes) -> Struct:
        """The same for any names, in three times the time."""
        read = _decode(data)
        if not read.keys() <= self.columns.keys():
            raise msgspec.ValidationError
        return self.of(read)

    def of(self, data: Mapping[str, object]) -> Struct:
        """The row of a record that was decoded otherwise, less its unknown columns."""
        given = {place: data[name] for name, place in self.columns.items() if name in data}
        return self._row(**given)


class Field(NamedTuple):
    """One column: `place` is its attribute of a row, `name` the field that it fills.

    `is_text`: it has no other value than texts. `clears`: a null clears the stored value. Instead
    of a column's value every record may have a `constant`, which is XML.
    """

    place: str
    name: str
    convert: Converter = as_text
    is_text: bool = False
    clears: bool = False
    constant: str = ""


def field_writer(sections: Mapping[str, list[Field]]) -> Callable[[Struct, list[str]], bool]:
    """The function that writes a row's fields of these sections, by their elements' names.

    It adds their pieces to others: by turns what stands before a text, and the text. It returns
    whether the row has something for every field.
    """
    # In its source stands no name of a column or a field, which could be taken for code.
    names: dict[str, Any] = {"UNSET": UNSET}
    lines = ["def write(row, pieces):", " before = len(pieces)"]
    for section, fields in sections.items():
        lines.append(" start = len(pieces)")
        for field in fields:
            head = f"{_END}{field_head(field.name)}<value"
            names[f"head_{field.place}"] = f"{head}>{field.constant}"
            names[f"null_{field.place}"] = f'{head} nil="true">'
            names[f"convert_{field.place}"] = field.convert
            lines += _lines(field)
        lines += [
            " if len(pieces) > start:",
            f"  pieces[start] = '<{section}>' + pieces[start][{len(_END)}:]",
            "  " + _PUT.format(f"'{_END}</{section}>'", "''"),
        ]
    most = 2 * sum(len(fields) + 1 for fields in sections.values())
    lines.append(f" return len(pieces) - before == {most}")
    exec("\n".join(lines), names)  # noqa: S102 - of numbers, and of the words below
    write: Callable[[Struct, list[str]], bool] = names["write"]
    return write


def _lines(field: Field) -> list[str]:
    place, lines = field.place, [f" value = row.{field.place}"]
    if field.constant:
        return [" " + _PUT.format(f"head_{place}", "''")]
    is_given = "value is not None" + " and value is not UNSET" * field.clears
    if field.convert is as_text:
        lines += [f" if {is_given}:"]
        if not field.is_text:
            lines += [f"  if type(value) is not str: value = convert_{place}(value)"]
    else:
        written = _WITHOUT_CALL.get(field.convert, "{}").format(f"convert_{place}(value)")
        lines += [f" if {is_given} and (value := {written}) is not None:"]
    lines += ["  " + _PUT.format(f"head_{place}", "value")]
    return lines + [" if value is None: " + _PUT.format(f"null_{place}", "''")] * field.clears


# Python calls a list's own `append` in two thirds of the time of one that has a name.
_PUT = "pieces.append({}); pieces.append({})"
# The values that nearly every record has. A call for each takes twice as long.
_WITHOUT_CALL: Mapping[Converter, str] = {
    as_integer: "str(value) if type(value) is int else {}",
    as_boolean: "('true' if value else 'false') if type(value) is bool else {}",
}
_END = "</value></field>"
"""Each head begins with that of the field before: a piece less for each value."""

"""The JSON of a record's data -> a row with a place for each column of its stream.

This module alone decides how a record's values are read: numbers exactly, of a name that comes
twice the last value, and a null told from an absent column where nulls clear.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import UNSET, Struct

UNAVAILABLE_VALUE = "__debezium_unavailable_value"
"""Stands for a value that is stored apart and did not change (Debezium docs, Postgres, toasted
values)."""

_ESCAPED_IN_JSON = re.compile(r'[\\"\x00-\x1f]')
"""msgspec finds no name that holds one of these (its docs, Structs, Renaming Fields)."""


class Rows:
    """The rows of one stream. Those of `clearing` columns are UNSET and not None if absent.

    `decode` raises `msgspec.ValidationError` at a column that is not known, at what is neither a
    text nor null in one of the `texts`, and always if the name of a column is escaped in JSON.
    """

    def __init__(
        self, columns: Iterable[str], clearing: Iterable[str], texts: Iterable[str] = ()
    ) -> None:
        clearing = {*clearing}
        self.texts = {*texts}
        self._places = {column: f"c{n}" for n, column in enumerate(columns)}
        self._defaults = {c: UNSET if c in clearing else None for c in self._places}
        is_escaped = any(map(_ESCAPED_IN_JSON.search, self._places))
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
        self.decode: Callable[[bytes], Struct] = _refuse if is_escaped else decoder.decode
        self.columns = self._places.keys()

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


def _refuse(_data: bytes) -> Struct:
    raise msgspec.ValidationError

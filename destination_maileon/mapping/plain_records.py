"""A record without anything special -> its `<contact>` element and its keys, by the short way.

Nearly every record is plain: text, numbers and nulls in the columns of fields, identifiers of the
usual form, nothing to be escaped. Records of the same columns whose values have the same types
share a template, in which only the texts are missing. Invariant: what comes out is, byte by byte,
what `RecordMapper.map`, `contact_bytes` and `contact_keys` make of the record. Whatever needs a
second look gets None here, and goes the long way.

The long way takes about five times as long for ten columns of text (`make bench`), which is why
there are two ways.
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import itemgetter
from types import NoneType
from typing import TYPE_CHECKING, Any, TypeAlias

import orjson

from destination_maileon.config.targets import DELETED_AT_COLUMN, Kind
from destination_maileon.mapping.converters import as_text, converter_for
from destination_maileon.mapping.plain_places import keys_in_order, places_of, template

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from destination_maileon.mapping.contact_encoder import Column, MappingRules
    from destination_maileon.mapping.converters import Converter
    from destination_maileon.mapping.mapped_record import Written
    from destination_maileon.mapping.plain_places import KeyOf, Place

    Values: TypeAlias = tuple[object, ...]
    Pick: TypeAlias = Callable[[Values], Sequence[Any]]

MAX_SHAPES = 4_000
"""So many templates are kept, in some 5 MB for 30 columns; records of further shapes go the long
way. Layouts likewise."""

MAX_COLUMNS = 250_000
"""So many columns have all templates and layouts of a stream together, in some 15 to 25 MB."""

MAX_REMEMBERED = 4_000
"""So many combinations of types are remembered with their shape, and then all are forgotten."""

_QUOTES = len('""')
_MOST_CHARACTERS = 1_000_000
_PLAIN_TYPES = frozenset({str, int, float, bool})
_MUST_BE_NULL = frozenset({Kind.DELETED, Kind.UNSUBSCRIBE, Kind.PREFERENCES})


@dataclass(frozen=True, slots=True)
class _Shape:
    """What records of a layout have in common whose mapped values have the same types.

    `pick` picks the values that are written; `converters` and `keys` go by their index there.
    """

    template: list[str]
    pick: Pick
    converters: list[tuple[int, Converter]]
    keys: list[tuple[int, KeyOf]]

    def texts(self, values: Values) -> Sequence[str] | None:
        """The texts to write; None if one of the values is none after all."""
        picked = self.pick(values)
        if not self.converters:
            return picked
        texts = [*picked]
        for index, convert in self.converters:
            text = convert(texts[index])
            if text is None:
                return None
            texts[index] = text
        return texts


@dataclass(frozen=True, slots=True)
class _Layout:
    """What records of the same columns, in the same order, have in common.

    `indices` are those of `places` among all columns, and after them of those that must be null.
    `shapes` go by the types there alone, `remembered` by those of all columns, so that nothing has
    to be picked from a usual record to find its shape.
    """

    columns: int
    places: list[Place]
    indices: list[int]
    shapes: dict[tuple[type, ...], _Shape | None]
    remembered: dict[tuple[type, ...], _Shape | None]


class PlainRecords:
    """The short way for the records of one stream, compiled from its columns."""

    def __init__(self, columns: Iterable[Column], rules: MappingRules) -> None:
        columns = list(columns)
        self._is_open = not rules.every_record_is_deleted
        self.known_columns = {column.name for column in columns}
        self._places = places_of(columns, rules)
        self._must_be_null = {c.name for c in columns if c.target.kind in _MUST_BE_NULL}
        self._must_be_null.add(DELETED_AT_COLUMN)
        self._layouts: dict[tuple[str, ...], _Layout] = {}
        self._shapes = 0
        self._kept_columns = 0
        self._remembered = 0

    def element(
        self, data: Mapping[str, object], types: tuple[type, ...], *, is_clean: bool
    ) -> Written | None:
        """The element in UTF-8 and the contact's keys; None: the record is not plain.

        `types` are those of the values; `is_clean` tells that none of them has anything special.
        """
        layout = self._layouts.get(tuple(data)) or self._new_layout(data)
        if layout is None:
            return None
        shape = layout.remembered.get(types) or self._recalled(layout, types)
        if shape is None:
            return None
        texts = shape.texts(tuple(data.values()))
        if texts is None or not (is_clean or _are_clean(texts)):
            return None
        keys = tuple([key_of(texts[index]) for index, key_of in shape.keys])
        if "" in keys:
            return None
        # A `%` in the template would take more than twice as long (`make bench`).
        pieces = shape.template.copy()
        pieces[1::2] = texts
        return "".join(pieces).encode(), keys

    def _new_layout(self, data: Mapping[str, object]) -> _Layout | None:
        is_known = data.keys() <= self.known_columns
        if not (self._is_open and is_known and self._has_room(len(self._layouts), len(data))):
            return None
        names = tuple(data)
        places = [place for place in self._places if place.column in data]
        wanted = [*(place.column for place in places), *(self._must_be_null & data.keys())]
        layout = _Layout(len(names), places, [names.index(name) for name in wanted], {}, {})
        self._layouts[names] = layout
        return layout

    def _recalled(self, layout: _Layout, types: tuple[type, ...]) -> _Shape | None:
        wanted = tuple([types[index] for index in layout.indices])
        shape = layout.shapes.get(wanted) or self._new_shape(layout, wanted)
        if self._remembered >= MAX_REMEMBERED or self._remembered * layout.columns > MAX_COLUMNS:
            self._remembered = 0
            for each in self._layouts.values():
                each.remembered.clear()
        self._remembered += 1
        layout.remembered[types] = shape
        return shape

    def _new_shape(self, layout: _Layout, types: tuple[type, ...]) -> _Shape | None:
        if types in layout.shapes or not self._has_room(self._shapes, len(types)):
            return None
        self._shapes += 1
        layout.shapes[types] = shape = _compiled(layout, types)
        return shape

    def _has_room(self, kept: int, columns: int) -> bool:
        """For one more of which so many are kept; then its columns count."""
        if kept >= MAX_SHAPES or self._kept_columns + columns > MAX_COLUMNS:
            return False
        self._kept_columns += columns
        return True


def _compiled(layout: _Layout, types: tuple[type, ...]) -> _Shape | None:
    places = layout.places
    own, others = types[: len(places)], types[len(places) :]
    if {*others} - {NoneType} or {*own} - _PLAIN_TYPES - {NoneType}:
        return None
    indices = [index for index, kind in enumerate(own) if kind is not NoneType]
    written = [places[index] for index in indices]
    kinds = [own[index] for index in indices]
    if not any(place.suffices for place in written):
        return None
    return _Shape(
        template(places, own),
        _picker([layout.indices[index] for index in indices], out_of=layout.columns),
        [
            (index, converter_for(kind, place.convert))
            for index, (place, kind) in enumerate(zip(written, kinds, strict=True))
            if kind is not str or place.convert is not as_text
        ],
        keys_in_order(written),
    )


def _are_clean(texts: Sequence[str]) -> bool:
    """Whether nothing in them would be escaped or removed; in doubt, no.

    Control characters grow when they are written as JSON, and so do quotes and backslashes. orjson
    looks for them sixteen at a time: a regular expression takes ten times as long.
    """
    text = "".join(texts)
    if len(text) > _MOST_CHARACTERS:  # without memory for it, orjson would end the process
        return False
    try:
        written = orjson.dumps(text)
    except TypeError:  # a lone surrogate
        return False
    if len(written) != len(text.encode()) + _QUOTES or "&" in text or "<" in text or ">" in text:
        return False
    return not ("\ufffe" in text or "\uffff" in text)


def _picker(indices: list[int], *, out_of: int) -> Pick:
    if indices == [*range(out_of)]:
        return tuple
    if len(indices) > 1:
        return itemgetter(*indices)
    # Of one index, itemgetter gives no tuple.
    return itemgetter(slice(indices[0], indices[0] + 1) if indices else slice(0))

"""A record without anything special -> its `<contact>` element and its keys, by the short way.

Nearly every record is plain: text, numbers and nulls in the columns of fields, identifiers of the
usual form, nothing to be escaped. Records of the same columns whose values have the same types
share a template, in which only the texts are missing. Invariant: what comes out is, byte by byte,
what `RecordMapper.map`, `contact_bytes` and `contact_keys` make of the record. Whatever needs a
second look gets None here, and goes the long way.

Took about a third of the long way's time for ten columns of text, which is why there are two ways.
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import itemgetter
from types import NoneType
from typing import TYPE_CHECKING, TypeAlias

import orjson

from destination_maileon.plain_places import keys_in_order, places_of, template
from destination_maileon.targets import DELETED_AT_COLUMN, Kind
from destination_maileon.values import as_text, converter_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from destination_maileon.mapping import Column, MappingRules
    from destination_maileon.plain_places import KeyOf, Place
    from destination_maileon.values import Converter

    Written: TypeAlias = tuple[bytes, tuple[str, ...]]
    Values: TypeAlias = tuple[object, ...]
    Pick: TypeAlias = Callable[[Values], Values]

MAX_SHAPES = 1_000
"""So many templates are kept; records of further shapes go the long way. Layouts likewise."""

_QUOTES = len('""')
_MOST_CHARACTERS = 1_000_000
_PLAIN_TYPES = frozenset({str, int, float, bool})
_MUST_BE_NULL = frozenset({Kind.DELETED, Kind.UNSUBSCRIBE, Kind.PREFERENCES})


@dataclass(frozen=True, slots=True)
class _Shape:
    """What records of a layout have in common whose values have the same types.

    `texts` picks the values that are written; `converters` and `keys` go by their index there.
    """

    template: list[str]
    texts: Pick
    converters: list[tuple[int, Converter]]
    keys: list[tuple[int, KeyOf]]


@dataclass(frozen=True, slots=True)
class _Layout:
    """What records of the same columns, in the same order, have in common.

    `pick` picks the values of `places`, and after them those that must be null.
    """

    places: list[Place]
    pick: Pick
    shapes: dict[tuple[type, ...], _Shape | None]


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

    def element(self, data: Mapping[str, object]) -> Written | None:
        """The element in UTF-8 and the contact's keys; None: the record is not plain."""
        layout = self._layouts.get(tuple(data)) or self._new_layout(data)
        if layout is None:
            return None
        values = layout.pick(tuple(data.values()))
        types = tuple(map(type, values))
        shape = layout.shapes.get(types) or self._new_shape(layout, types)
        if shape is None:
            return None
        texts: list[str] = [*shape.texts(values)]  # type: ignore[list-item]  # converted below
        for index, convert in shape.converters:
            text = convert(texts[index])
            if text is None:
                return None
            texts[index] = text
        if _has_special("".join(texts)):
            return None
        keys = []
        for index, key_of in shape.keys:
            key = key_of(texts[index])
            if key is None:
                return None
            keys.append(key)
        # Half the time of a `%` in the template.
        pieces = shape.template.copy()
        pieces[1::2] = texts
        return "".join(pieces).encode(), tuple(keys)

    def _new_layout(self, data: Mapping[str, object]) -> _Layout | None:
        is_known = data.keys() <= self.known_columns
        if not (self._is_open and is_known and len(self._layouts) < MAX_SHAPES):
            return None
        names = tuple(data)
        places = [place for place in self._places if place.column in data]
        picked = [*(place.column for place in places), *(self._must_be_null & data.keys())]
        layout = _Layout(places, _picker([names.index(name) for name in picked]), {})
        self._layouts[names] = layout
        return layout

    def _new_shape(self, layout: _Layout, types: tuple[type, ...]) -> _Shape | None:
        if types in layout.shapes or self._shapes >= MAX_SHAPES:
            return None
        self._shapes += 1
        layout.shapes[types] = shape = _compiled(layout.places, types)
        return shape


def _compiled(places: list[Place], types: tuple[type, ...]) -> _Shape | None:
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
        _picker(indices),
        [
            (index, converter_for(kind, place.convert))
            for index, (place, kind) in enumerate(zip(written, kinds, strict=True))
            if kind is not str or place.convert is not as_text
        ],
        keys_in_order(written),
    )


def _has_special(text: str) -> bool:
    """Whether anything in it would be escaped or removed; in doubt, yes.

    Control characters grow when they are written as JSON, and so do quotes and backslashes. orjson
    looks for them sixteen at a time: a fourth of what a regular expression costs.
    """
    if len(text) > _MOST_CHARACTERS:  # without memory for it, orjson would end the process
        return True
    try:
        written = orjson.dumps(text)
    except TypeError:  # a lone surrogate
        return True
    if len(written) != len(text.encode()) + _QUOTES or "&" in text or "<" in text or ">" in text:
        return True
    return "\ufffe" in text or "\uffff" in text


def _picker(indices: list[int]) -> Pick:
    if len(indices) > 1:
        return itemgetter(*indices)
    # Of one index, itemgetter gives no tuple.
    return itemgetter(slice(indices[0], indices[0] + 1) if indices else slice(0))

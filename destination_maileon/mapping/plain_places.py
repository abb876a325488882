"""A stream's columns -> their places in the `<contact>` element, for the short way.

This module alone decides what stands around a value there, and which key an identifier makes: the
same as `contacts_xml` and `merging` write the long way.
"""

from __future__ import annotations

from dataclasses import dataclass
from sys import intern
from types import NoneType
from typing import TYPE_CHECKING, TypeAlias

from destination_maileon.config.targets import Kind
from destination_maileon.maileon.contact_xml import escape
from destination_maileon.maileon.identifier import is_maileon_id
from destination_maileon.mapping.converters import as_boolean, as_text
from destination_maileon.mapping.mapped_record import EMAIL_KEY, EXTERNAL_ID_KEY, ID_KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from destination_maileon.mapping.contact_encoder import Column, MappingRules
    from destination_maileon.mapping.converters import Converter

    KeyOf: TypeAlias = Callable[[str], str]

_SECTIONS = {
    Kind.STANDARD: "standard_fields",
    Kind.CUSTOM: "custom_fields",
    Kind.PREFERENCE: "preferences",
}


@dataclass(frozen=True, slots=True)
class Place:
    """A column's place in the element. `key` makes a key of an identifier's text, if it is usual.

    `null` is what stands for a null, nothing if it is empty.
    """

    column: str
    section: str
    head: str
    tail: str
    convert: Converter
    null: str = ""
    key: KeyOf | None = None
    suffices: bool = False


def places_of(columns: list[Column], rules: MappingRules) -> list[Place]:
    """The places of all columns that are written, in the order in which they are."""
    return [*_identifiers(columns, rules), *_fields(columns, rules)]


def template(places: Sequence[Place], types: Sequence[type]) -> list[str]:
    """The element of records with values of these types, with an empty text for each value.

    The texts belong at the odd indices. What stands around them, nulls included, is at the others.
    """
    pieces = ["<contact>"]
    open_section = ""
    for place, kind in zip(places, types, strict=True):
        is_text = kind is not NoneType
        if (is_text or place.null) and place.section != open_section:
            pieces[-1] += f"{_closing(open_section)}<{place.section}>"
            open_section = place.section
        if is_text:
            pieces[-1] += place.head
            pieces += ("", place.tail)
        else:
            pieces[-1] += place.null
    pieces[-1] += f"{_closing(open_section)}</contact>"
    # Most of them stand in other templates, too.
    return [intern(piece) for piece in pieces]


def keys_in_order(places: Sequence[Place]) -> list[tuple[int, KeyOf]]:
    """The identifiers among the places, as `contact_keys` has them: the Maileon id comes last."""
    keys = [(index, place.key) for index, place in enumerate(places) if place.key is not None]
    return sorted(keys, key=lambda key: key[1] is _maileon_key)


def _identifiers(columns: list[Column], rules: MappingRules) -> Iterator[Place]:
    mode = rules.identifier_mode
    names = {column.target.kind: column.name for column in columns}
    for kind, (element, key) in _IDENTIFIERS.items():
        if kind in names and (kind is not Kind.MAILEON_ID or mode.sends_id):
            yield Place(
                names[kind],
                section="",
                head=f"<{element}>",
                tail=f"</{element}>",
                convert=as_text,
                key=key,
                suffices=kind in mode.columns,
            )


def _fields(columns: list[Column], rules: MappingRules) -> Iterator[Place]:
    for kind, section in _SECTIONS.items():
        for column in columns:
            if column.target.kind is kind:
                if kind is Kind.PREFERENCE:
                    yield _preference(column, section)
                else:
                    yield _field(column, section, convert=rules.converter(column.type))


def _field(column: Column, section: str, *, convert: Converter) -> Place:
    head = f"<field><name>{escape(column.target.name)}</name>"
    return Place(
        column.name,
        section,
        head=f"{head}<value>",
        tail="</value></field>",
        convert=convert,
        null=f'{head}<value nil="true"/></field>' if column.clear else "",
    )


def _preference(column: Column, section: str) -> Place:
    target = column.target
    source = f"<source>{escape(column.source or '')}</source>" if column.has_source else ""
    head = f"<preference><name>{escape(target.name)}</name>"
    return Place(
        column.name,
        section,
        head=f"{head}<category>{escape(target.category)}</category><value>",
        tail=f"</value>{source}</preference>",
        convert=as_boolean,
    )


def _closing(section: str) -> str:
    return f"</{section}>" if section else ""


def _email_key(text: str) -> str:
    return f"{EMAIL_KEY}{text.lower()}" if text and text.strip() == text else ""


def _external_key(text: str) -> str:
    return f"{EXTERNAL_ID_KEY}{text}" if text and text.strip() == text else ""


def _maileon_key(text: str) -> str:
    return f"{ID_KEY}{text.lstrip('0')}" if is_maileon_id(text) else ""


_IDENTIFIERS: Mapping[Kind, tuple[str, KeyOf]] = {
    Kind.MAILEON_ID: ("id", _maileon_key),
    Kind.EMAIL: ("email", _email_key),
    Kind.EXTERNAL_ID: ("external_id", _external_key),
}
"""Element and key, in the order in which they are written."""

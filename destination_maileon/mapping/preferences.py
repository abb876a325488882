"""The `preferences` column: a list of `{"category", "name", "value", "source"?}` -> preferences.

This module alone decides which forms of that column are understood.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from destination_maileon.maileon.contact_xml import preference_head, source_element
from destination_maileon.mapping.converters import as_boolean, as_text
from destination_maileon.protocol import exact_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Clean = Callable[[object], object]


class BadPreferencesError(ValueError):
    """The value has another form; the message says which is understood."""


def listed(value: object, clean: Clean) -> Iterator[tuple[str, str, str]]:
    """Each preference's head, value and source element, cleaned; one without a value is left out.

    Raises:
        BadPreferencesError: without anything of the value in it.

    """
    for entry in _entries(value):
        if not isinstance(entry, dict):
            raise BadPreferencesError(_PREFERENCES_FORM)
        head = preference_head(_name(entry.get("category"), clean), _name(entry.get("name"), clean))
        given = clean(entry.get("value"))
        text = None if given is None else as_boolean(given)
        if text is not None:
            yield head, text, _source(entry, clean) if "source" in entry else ""


def _source(entry: dict[str, object], clean: Clean) -> str:
    source = clean(entry["source"])
    return source_element(None if source is None else as_text(source))


def _name(given: object, clean: Clean) -> str:
    if given is None or isinstance(given, bool | dict | list):
        raise BadPreferencesError(_PREFERENCES_FORM)
    name = as_text(clean(given))
    if not name.strip():
        raise BadPreferencesError(_PREFERENCES_FORM)
    return name


def _entries(value: object) -> list[object]:
    """The list itself, or the list in a JSON string: warehouses store JSON as text."""
    if isinstance(value, str):
        value = _decoded(value) if value.strip() else None
    if value is None:
        return []
    if not isinstance(value, list):
        raise BadPreferencesError(_PREFERENCES_FORM)
    return value


def _decoded(text: str) -> object:
    try:
        return exact_json.loads(text.encode())
    except (ValueError, RecursionError, ArithmeticError):
        raise BadPreferencesError(_PREFERENCES_FORM) from None


_PREFERENCES_FORM = 'Write it as a list of {"category", "name", "value", "source" (optional)}.'

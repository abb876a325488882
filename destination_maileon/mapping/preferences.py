"""The `preferences` column: a list of `{"category", "name", "value", "source"?}` -> preferences.

This module alone decides which forms of that column are understood.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from destination_maileon.maileon.contact import Preference
from destination_maileon.mapping.converters import as_boolean, as_text
from destination_maileon.protocol import exact_json

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping

    Clean = Callable[[object], object]


class BadPreferencesError(ValueError):
    """The value has another form; the message says which is understood."""


def add_listed(
    value: object, preferences: MutableMapping[tuple[str, str], Preference], *, clean: Clean
) -> None:
    """Adds the listed preferences, each text cleaned. One whose value is null is left out.

    Raises:
        BadPreferencesError: without anything of the value in it.

    """
    for entry in _entries(value):
        if not isinstance(entry, dict):
            raise BadPreferencesError(_PREFERENCES_FORM)
        key = (_name(entry.get("category"), clean), _name(entry.get("name"), clean))
        given = clean(entry.get("value"))
        text = None if given is None else as_boolean(given)
        if text is not None:
            source = clean(entry.get("source"))
            source_text = None if source is None else as_text(source)
            preferences[key] = Preference(text, source_text, has_source="source" in entry)


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

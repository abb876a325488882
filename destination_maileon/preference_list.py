"""The `preferences` column: a list of `{"category", "name", "value", "source"?}` -> preferences.

This module alone decides which forms of that column are understood.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from destination_maileon.maileon.contact import Preference
from destination_maileon.values import as_boolean, as_text

if TYPE_CHECKING:
    from collections.abc import MutableMapping


class BadPreferencesError(ValueError):
    """The value has another form; the message says which is understood."""


def add_listed(value: object, preferences: MutableMapping[tuple[str, str], Preference]) -> None:
    """Adds the listed preferences. A preference whose value is null is left out.

    Raises:
        BadPreferencesError: without anything of the value in it.
    """
    for entry in _entries(value):
        if not isinstance(entry, dict) or not entry.get("category") or not entry.get("name"):
            raise BadPreferencesError(_PREFERENCES_FORM)
        if entry.get("value") is None or (text := as_boolean(entry["value"])) is None:
            continue
        source = entry.get("source")
        key = (as_text(entry["category"]), as_text(entry["name"]))
        preferences[key] = Preference(
            text, None if source is None else as_text(source), "source" in entry
        )


def _entries(value: object) -> list[object]:
    """The list itself, or the list in a JSON string: warehouses store JSON as text."""
    if value is None or value == "":
        return []
    if isinstance(value, str):
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError:
            raise BadPreferencesError(_PREFERENCES_FORM) from None
    if value is None:
        return []
    if not isinstance(value, list):
        raise BadPreferencesError(_PREFERENCES_FORM)
    return value


_PREFERENCES_FORM = 'write it as a list of {"category", "name", "value", "source" (optional)}'

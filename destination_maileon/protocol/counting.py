"""A number and what it counts, as a person says it: `1 record`, `2 records`."""

from __future__ import annotations

_PLURALS = {"person": "people"}


def pluralize(number: int, one: str) -> str:
    """The number, and the noun in the form that goes with it."""
    return f"{number} {one if number == 1 else _PLURALS.get(one, f'{one}s')}"


def were_rejected(number: int) -> str:
    return f"{pluralize(number, 'record')} {'was' if number == 1 else 'were'} rejected"

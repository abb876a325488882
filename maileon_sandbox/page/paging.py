"""Splits a list into pages. A page number that does not exist shows the nearest page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Self, TypeVar

PAGE_SIZE = 50

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[Item]):
    """The items `shown` of `total`, from `first` on; pages count from 1."""

    shown: Sequence[Item]
    number: int
    pages: int
    total: int

    @classmethod
    def of(cls, items: Sequence[Item], query: Mapping[str, str]) -> Self:
        pages = max(1, -(-len(items) // PAGE_SIZE))
        number = min(max(1, _number(query.get("page", ""))), pages)
        shown = items[(number - 1) * PAGE_SIZE : number * PAGE_SIZE]
        return cls(shown=shown, number=number, pages=pages, total=len(items))

    @property
    def first(self) -> int:
        return (self.number - 1) * PAGE_SIZE + 1

    @property
    def last(self) -> int:
        return self.first + len(self.shown) - 1


def _number(text: str) -> int:
    """The number in the text; 1 if it is none, or too long for Python."""
    try:
        return int(text)
    except ValueError:
        return 1

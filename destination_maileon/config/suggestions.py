"""A name that fits nothing -> the one that was most likely meant.

This module alone decides when two names are alike: they differ in case, in `_`, `-` and spaces, or
by a slip of one or two letters.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

MAX_SHOWN_CHARACTERS = 60
MAX_COMPARISONS = 5_000_000
"""Pairs that one index compares, in about a second; after that it suggests nothing."""


def shown(name: object) -> str:
    """A name or value from the configuration, quoted and of bearable length."""
    text = str(name).encode("utf-8", "replace").decode()
    dots = "..." if len(text) > MAX_SHOWN_CHARACTERS else ""
    return f'"{text[:MAX_SHOWN_CHARACTERS]}{dots}"'


def did_you_mean(name: str, names: Collection[str] | NameIndex) -> str:
    """A hint to put before a sentence's full stop: ` (did you mean "..."?)`, or nothing."""
    if isinstance(names, NameIndex):
        nearest = names.nearest(name)
    else:
        nearest = NameIndex(names).nearest(name, half_will_do=True)
    return "" if nearest is None else f" (did you mean {shown(nearest)}?)"


class NameIndex:
    """Names, in the order in which they came, found again also if they are misspelt."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._by_lower: dict[str, list[str]] = {}
        self._bare: dict[str, str] = {}
        self._comparisons = 0
        for name in names:
            self.add(name)

    def add(self, name: str) -> None:
        if name not in self._bare:
            self._by_lower.setdefault(name.lower(), []).append(name)
            self._bare[name] = bare(name)

    def unambiguous(self, name: str) -> str | None:
        """The name itself if it is there, else the only one that differs in nothing but case."""
        alike = [name] if name in self._bare else self._by_lower.get(name.lower(), [])
        return alike[0] if len(alike) == 1 else None

    def nearest(self, name: str, *, half_will_do: bool = False) -> str | None:
        """The name that was most likely meant, other than itself; the first of several.

        Two letters may be wrong, too many, missing or swapped; one in a name of 3 to 5 letters,
        none in a shorter one. Digits must agree: last year's table is not a slip for this year's.
        `half_will_do` also takes names that are 60 % alike.
        """
        from rapidfuzz import fuzz, process  # noqa: PLC0415 - 15 ms, and most misspell nothing
        from rapidfuzz.distance import OSA  # noqa: PLC0415 - the same

        self._comparisons += len(self._bare)
        if self._comparisons > MAX_COMPARISONS:
            return None
        wanted, compare = bare(name), OSA.distance
        # Thousands of names are compared with each other in C: the nearest come first.
        alike = process.extract(wanted, self._bare, scorer=compare, score_cutoff=2, limit=None)
        for spelt, slips, other in alike:
            is_slip = slips <= max(len(wanted), len(spelt)) // 3
            if is_slip and other != name and _digits(wanted) == _digits(spelt):
                return other
        others = [other for other in self._bare if other != name] if half_will_do else []
        half = process.extractOne(name, others, scorer=fuzz.ratio, score_cutoff=60)
        return half[0] if half else None


def bare(name: str) -> str:
    """The name without what people spell differently: case, `_`, `-` and spaces."""
    return name.replace("_", "").replace("-", "").replace(" ", "").lower()


def _digits(name: str) -> list[str]:
    return [*filter(str.isdigit, name)]

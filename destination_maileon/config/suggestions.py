"""A name that fits nothing -> the one that was most likely meant.

This module alone decides when two names are alike: they differ in case, in `_`, `-` and spaces, or
by a slip of one or two letters.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from difflib import get_close_matches

MAX_SHOWN_CHARACTERS = 60
MAX_COMPARISONS = 5_000_000
"""Of pairs of names, by one index: from there on, after a second, no name is called near."""

MAX_SLIPS = 2
_ALLOWED_SLIPS = ((6, MAX_SLIPS), (3, 1), (0, 0))
"""From so many letters on, of the longer name."""


def shown(name: object) -> str:
    """A name or value from the configuration, quoted and of bearable length."""
    text = str(name).encode("utf-8", "replace").decode()
    is_long = len(text) > MAX_SHOWN_CHARACTERS
    return f'"{text[:MAX_SHOWN_CHARACTERS] + "..." if is_long else text}"'


def did_you_mean(name: str, names: Collection[str] | NameIndex) -> str:
    """A hint to put before a sentence's full stop: ` (did you mean "..."?)`, or nothing."""
    if isinstance(names, NameIndex):
        nearest = names.nearest(name)
    else:
        # A few names of our own: half of one may do, too.
        others = [other for other in names if other != name]
        alike = get_close_matches(name[:MAX_SHOWN_CHARACTERS], others, n=1)
        nearest = NameIndex(names).nearest(name) or (alike[0] if alike else None)
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
        """A name more; one that is there already changes nothing."""
        if name not in self._bare:
            self._by_lower.setdefault(name.lower(), []).append(name)
            self._bare[name] = bare(name)

    def unambiguous(self, name: str) -> str | None:
        """The name itself if it is there, else the only one that differs in nothing but case."""
        if name in self._bare:
            return name
        alike = self._by_lower.get(name.lower(), [])
        return alike[0] if len(alike) == 1 else None

    def nearest(self, name: str) -> str | None:
        """The name that was most likely meant, other than itself; the first of several."""
        from rapidfuzz import process  # noqa: PLC0415 - most syncs misspell nothing
        from rapidfuzz.distance import OSA  # noqa: PLC0415 - the same

        self._comparisons += len(self._bare)
        if self._comparisons > MAX_COMPARISONS:
            return None
        wanted = bare(name)
        # Thousands of names are compared with each other in C: the nearest come first.
        alike = process.extract(
            wanted, self._bare, scorer=OSA.distance, score_cutoff=MAX_SLIPS, limit=None
        )
        others = (other for spelt, _, other in alike if other != name and is_slip(wanted, spelt))
        return next(others, None)


def bare(name: str) -> str:
    """The name without what people spell differently: case, `_`, `-` and spaces."""
    return name.replace("_", "").replace("-", "").replace(" ", "").lower()


def is_slip(one: str, other: str) -> bool:
    """Whether so few letters are wrong, too many, missing or swapped that one name was meant.

    Two such slips make names alike, in one of up to five letters one, in one of two none: leads are
    no deals. Digits tell names apart: last year's table is not a slip for this year's.
    """
    from rapidfuzz.distance import OSA  # noqa: PLC0415 - most syncs misspell nothing

    longest = max(len(one), len(other))
    allowed = next(slips for letters, slips in _ALLOWED_SLIPS if longest >= letters)
    if OSA.distance(one, other, score_cutoff=allowed) > allowed:
        return False
    return [*filter(str.isdigit, one)] == [*filter(str.isdigit, other)]

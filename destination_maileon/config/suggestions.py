"""A name that fits nothing -> the one that was most likely meant.

This module alone decides when two names are alike: they differ in case, in `_`, `-` and spaces, or
by a slip of one or two letters. Invariant: many names that fit nothing cost time in proportion to
their number, not to its square.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from difflib import get_close_matches

MAX_SHOWN_CHARACTERS = 60
MAX_SLIPS = 2
_MAX_COMPARISONS = 300_000
"""Of pairs of names, by one index. Only hundreds of slips among a thousand names reach it; from
there on names count as alike only if they are so but for case, `_`, `-` and spaces."""


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
        alike = get_close_matches(name[:MAX_SHOWN_CHARACTERS], names, n=1)
        nearest = NameIndex(names).nearest(name) or (alike[0] if alike else None)
    return "" if nearest is None else f" (did you mean {shown(nearest)}?)"


class NameIndex:
    """Names, in the order in which they came, found again also if they are misspelt."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._by_lower: dict[str, list[str]] = {}
        self._by_bare: dict[str, list[str]] = {}
        self._by_length: dict[int, list[str]] = {}
        self._comparisons = 0
        for name in names:
            self.add(name)

    def add(self, name: str) -> None:
        """A name more; one that is there already changes nothing."""
        alike = self._by_lower.setdefault(name.lower(), [])
        if name in alike:
            return
        alike.append(name)
        self._by_bare.setdefault(bare(name), []).append(name)
        self._by_length.setdefault(len(bare(name)), []).append(name)

    def unambiguous(self, name: str) -> str | None:
        """The name itself if it is there, else the only one that differs in nothing but case."""
        alike = self._by_lower.get(name.lower(), [])
        if name in alike:
            return name
        return alike[0] if len(alike) == 1 else None

    def nearest(self, name: str) -> str | None:
        """The name that was most likely meant, other than itself; the first of several."""
        alike = [*self._by_lower.get(name.lower(), []), *self._by_bare.get(bare(name), [])]
        others = (other for other in alike if other != name)
        return next(others, None) or self._nearest_slip(bare(name))

    def _nearest_slip(self, name: str) -> str | None:
        lengths = range(len(name) - MAX_SLIPS, len(name) + MAX_SLIPS + 1)
        found: tuple[int, str] | None = None
        for length in sorted(lengths, key=lambda length: abs(length - len(name))):
            for other in self._by_length.get(length, ()):
                self._comparisons += 1
                if self._comparisons > _MAX_COMPARISONS:
                    return None
                slips = slips_between(name, bare(other))
                if slips is not None and (found is None or slips < found[0]):
                    found = slips, other
        return found and found[1]


def bare(name: str) -> str:
    """The name without what people spell differently: case, `_`, `-` and spaces."""
    return name.replace("_", "").replace("-", "").replace(" ", "").lower()


def slips_between(one: str, other: str) -> int | None:
    """How many letters are wrong, too many, missing or swapped; None if the names are not alike.

    Two such slips make names alike, in one of up to five letters one, in one of two none: leads are
    no deals. Digits tell names apart: last year's table is not a slip for this year's.
    """
    longest = max(len(one), len(other))
    allowed = next(slips for letters, slips in _ALLOWED_SLIPS if longest >= letters)
    if abs(len(one) - len(other)) > allowed or len(set(one) ^ set(other)) > 2 * allowed:
        return None
    if [*filter(str.isdigit, one)] != [*filter(str.isdigit, other)]:
        return None
    slips = _distance(one, other)
    return slips if slips <= allowed else None


_ALLOWED_SLIPS = ((6, MAX_SLIPS), (3, 1), (0, 0))
"""From so many letters on; the longer name counts."""


def _distance(one: str, other: str) -> int:
    """Damerau and Levenshtein's, of adjacent letters."""
    two_above: list[int] = []
    above = list(range(len(other) + 1))
    for at, letter in enumerate(one, start=1):
        row = [at]
        for place, another in enumerate(other, start=1):
            cost = min(above[place] + 1, row[place - 1] + 1, above[place - 1] + (letter != another))
            if at > 1 < place and letter == other[place - 2] and one[at - 2] == another:
                cost = min(cost, two_above[place - 2] + 1)
            row.append(cost)
        two_above, above = above, row
    return above[-1]

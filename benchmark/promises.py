"""What is promised of the cost, beside what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmark.table import show


@dataclass(frozen=True, slots=True)
class Promise:
    """One figure and its limit, from above or (`is_least`) from below."""

    name: str
    measured: float
    limit: float
    is_least: bool = False

    @property
    def is_kept(self) -> bool:
        """Whether the figure is within the limit."""
        if self.is_least:
            return self.measured >= self.limit
        return self.measured <= self.limit


def show_promises(promises: Sequence[Promise]) -> None:
    """Prints them side by side."""
    rows = [
        (
            promise.name,
            f"{promise.measured:.2f}",
            f"at {'least' if promise.is_least else 'most'} {promise.limit:g}",
            "kept" if promise.is_kept else "BROKEN",
        )
        for promise in promises
    ]
    show("Promises", ("promise", "measured", "limit", ""), rows)

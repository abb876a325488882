"""How much may be rejected before the sync fails.

This module alone judges it: records, and from some on their share. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

JUDGED_FROM_RECORDS = 100
"""`max_rejected_percent` is judged from so many settled records on, and at the end."""


@dataclass(frozen=True, slots=True)
class RejectionLimits:
    """What the configuration allows; None: no limit. `is_strict`: nothing."""

    records: int | None = None
    percent: float | None = None
    is_strict: bool = False

    def excess(self, rejected: int, *, settled: int, is_end: bool) -> str | None:
        """In words, what is too much; None if so many of the settled records may be rejected."""
        if self.records is not None and rejected > self.records:
            return _words(f"{rejected} records", f'"max_rejected_records" ({self.records})')
        if self.percent is None or (settled < JUDGED_FROM_RECORDS and not is_end):
            return None
        if 100 * rejected <= self.percent * settled:
            return None
        return _words(
            f"{rejected} of {settled} records", f'"max_rejected_percent" ({self.percent:g})'
        )


def _words(how_many: str, allowed: str) -> str:
    return f"{how_many} were rejected, which is more than {allowed} allows"

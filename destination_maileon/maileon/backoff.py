"""Exponential backoff with full jitter: of many that failed at once, few come back at once."""

from collections.abc import Callable
from dataclasses import dataclass

FIRST_WAIT_SECONDS = 0.5
MAX_WAIT_SECONDS = 30.0
_MAX_DOUBLINGS = 10


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long one call is tried again: `max_retry_seconds` from its first attempt on."""

    max_retry_seconds: float

    def delay(
        self, attempt: int, spent: float, *, retry_after: float | None, random: Callable[[], float]
    ) -> float | None:
        """Seconds until the next attempt, at least `retry_after` if time is left; None gives up.

        `attempt` counts those made, from 1, in `spent` seconds; `random` gives numbers from 0 to 1.
        """
        left = self.max_retry_seconds - spent
        if left <= 0:
            return None
        ceiling = FIRST_WAIT_SECONDS * 2.0 ** min(attempt, _MAX_DOUBLINGS)
        wait = random() * min(MAX_WAIT_SECONDS, ceiling)
        return min(max(wait, retry_after or 0), left)

"""(attempt, answer) -> how long to wait before the next attempt, or to give up.

This module alone decides how patient the client is. Pure: time and randomness are arguments.
Exponential backoff with full jitter: of many callers that failed at once, few come back at once.
"""

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
        self,
        attempt: int,
        elapsed_seconds: float,
        *,
        retry_after: float | None,
        random: Callable[[], float],
    ) -> float | None:
        """Seconds until the next attempt; None gives up.

        `attempt` counts the attempts made, from 1. `retry_after` is what the service asked for, and
        is honoured as far as the time that is left allows. `random` gives numbers from 0 to 1.
        """
        left = self.max_retry_seconds - elapsed_seconds
        if left <= 0:
            return None
        ceiling = FIRST_WAIT_SECONDS * 2.0 ** min(attempt, _MAX_DOUBLINGS)
        wait = random() * min(MAX_WAIT_SECONDS, ceiling)
        if retry_after is not None:
            wait = max(wait, retry_after)
        return min(wait, left)

"""A call that keeps failing while no other succeeds: whether it is cut, to find out why.

This module alone decides. Either the service is ill, and smaller calls would only burden it, or a
contact, or the size of the call, is too much for it, which only a smaller call can show. So when
half of its patience is used up, one call is cut. If a piece is accepted, the service is well, and
the search goes on as it does while others succeed. If all pieces fail, too, one of them is cut.

Invariant: between two successes one call is cut, and of its pieces one at a time, after all of them
were tried: a call of n records into at most 1 + log2 n pieces. They wait no longer than the call
would have, or half as long again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from destination_maileon.delivery.division import halves

if TYPE_CHECKING:
    from destination_maileon.delivery.request import Request
    from destination_maileon.maileon.backoff import Backoff

OVERLOADS_BEFORE_HALVING = 5
"""So often a call may be too much for the service, while others succeed."""

OVERLOADS_BEFORE_PROBING = 2
"""Once may be chance. More would take too long where each time is a timeout of minutes."""


@dataclass(eq=False, slots=True)
class Probing:
    """The search of one sync."""

    patience: Backoff
    _newest: set[Request] = field(default_factory=set, init=False)
    _untried: set[Request] = field(default_factory=set, init=False)
    _successes: int | None = field(default=None, init=False)

    def answered(self, call: Request) -> None:
        """A call was answered, whatever the answer."""
        self._untried.discard(call)

    def is_due(self, call: Request, now: float, *, successes: int) -> bool:
        """Whether to cut this call, which failed; `successes` are those of the sync so far."""
        if call.overloads < OVERLOADS_BEFORE_PROBING:
            return False
        elapsed = now - call.first_attempt_at
        if successes == self._successes:
            has_time = elapsed < self.patience.max_retry_seconds
            return has_time and call in self._newest and not self._untried
        return elapsed >= self._half_patience

    def pieces(self, call: Request, now: float, *, successes: int) -> list[list[Request]]:
        """The halves of the call, in groups, which go on where it stopped."""
        # Only the first cut gives more time: else a service that is gone would get it at each.
        is_first = successes != self._successes
        since = now - self._half_patience if is_first else call.first_attempt_at
        groups = halves(call)
        self._newest = {piece for group in groups for piece in group}
        # Whoever stands behind another in a group waits until that one is settled, and begins then.
        self._untried = {group[0] for group in groups}
        for piece in self._untried:
            piece.goes_on(call, since=max(call.first_attempt_at, since))
            # It need not prove again what the whole call has shown: once more is enough.
            piece.overloads = max(call.overloads, OVERLOADS_BEFORE_HALVING - 1)
        self._successes = successes
        return groups

    @property
    def _half_patience(self) -> float:
        return self.patience.max_retry_seconds / 2

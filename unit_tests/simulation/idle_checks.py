"""What must hold whenever the loop has nothing to do but to wait."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from unit_tests.simulation.every_moment import A_TICK_SECONDS, insist

if TYPE_CHECKING:
    from unit_tests.simulation.trial import Trial


@dataclass(frozen=True, slots=True)
class IdleChecks:
    """Looks at a sync that waits. A record waits `flush_seconds` for others at most."""

    trial: Trial
    flush_seconds: float

    def at(self, now: float, until: float) -> None:
        """The loop waits from now until something happens, or that time has come."""
        insist(not self.trial.holds_a_true_state(), "a true STATE is held back")
        watch = self.trial.watch
        if not self.trial.may_end_at_once() and len(watch.in_flight) < watch.limit:
            latest = watch.next_attempt_by()
            is_soon = latest is None or until <= max(now, latest) + A_TICK_SECONDS
            insist(is_soon, "a call waits though its time has come")
        if not watch.in_flight and not watch.failing:
            self._no_record_waits_too_long(now, until)

    def _no_record_waits_too_long(self, now: float, until: float) -> None:
        # Not those that were sent: who was refused alone may have to wait for a verdict.
        received_at, sent = self.trial.spy.received_at, self.trial.watch.sent
        since = next((at for place, at in received_at.items() if place not in sent), None)
        latest = now if since is None else max(now, since + self.flush_seconds)
        insist(since is None or until <= latest + A_TICK_SECONDS, "a record waits too long")

"""Checks made whenever the loop waits."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from destination_maileon.delivery.progress import EVERY_SECONDS
from unit_tests.simulation.every_moment import A_TICK_SECONDS, insist

if TYPE_CHECKING:
    from unit_tests.simulation.trial import Trial


@dataclass(frozen=True, slots=True)
class IdleChecks:
    """Checks a sync that waits. A record waits at most `flush_seconds` for its batch to fill."""

    trial: Trial
    flush_seconds: float

    def at(self, now: float, until: float) -> None:
        """Checks a wait from `now` until an event comes or the time `until` is reached."""
        insist(not self.trial.holds_a_true_state(), "a true STATE is held back")
        self._nothing_waits_too_long(now, until)
        latest = max(now, self.trial.told_at + EVERY_SECONDS)
        insist(until <= latest + A_TICK_SECONDS, "nothing is told for too long")

    def _nothing_waits_too_long(self, now: float, until: float) -> None:
        watch = self.trial.watch
        if watch.in_flight:
            return
        # Calls after a removal that is one too many are not sent any more.
        ends_before = min(watch.one_too_many, default=math.inf)
        failing = [by for call, by in watch.failing.items() if call.position < ends_before]
        if not watch.failing:
            self._no_record_waits_too_long(now, until)
        elif failing and not self.trial.may_end_at_once():
            latest = max(now, min(failing))
            insist(until <= latest + A_TICK_SECONDS, "a call waits though its time has come")

    def _no_record_waits_too_long(self, now: float, until: float) -> None:
        """Checks that no record waits too long for its batch to fill or, if held, for a pass."""
        trial = self.trial
        refused = [p for p in trial.spy.received_at if trial.server.verdicts.get(p, 0) is None]
        held_since = [trial.watch.contested_at] if trial.held() else []
        since = [at for p, at in trial.spy.received_at.items() if p not in trial.watch.sent_at][:1]
        # A record that was refused alone waits for a verdict, and others may wait behind it.
        if refused or not (since or held_since):
            return
        latest = max(now, max(*since, *held_since, 0.0) + self.flush_seconds)
        insist(until <= latest + A_TICK_SECONDS, "a record waits too long")

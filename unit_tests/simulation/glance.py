"""What must hold whenever the loop has nothing to do but to wait."""

from __future__ import annotations

from dataclasses import dataclass

from destination_maileon.dispatch import Dispatch
from unit_tests.simulation.watch import A_TICK_SECONDS, SpyLedger, Watch, insist


@dataclass(frozen=True, slots=True)
class Glance:
    """Looks at a sync that waits. A record waits `flush_seconds` for others at most."""

    spy: SpyLedger
    watch: Watch
    dispatch: Dispatch
    flush_seconds: float

    def at(self, now: float, until: float) -> None:
        """The loop waits from now until something happens, or that time has come."""
        can_store = not self.spy._is_store_lost
        insist(not (can_store and self.spy.checkpoint.can_release), "a true STATE is held back")
        if not self.dispatch.is_idle:
            return
        # Not those that were sent: who was refused alone may have to wait for a verdict.
        waiting = (at for place, at in self.spy.received_at.items() if place not in self.watch.sent)
        since = next(waiting, None)
        latest = now if since is None else max(now, since + self.flush_seconds)
        insist(since is None or until <= latest + A_TICK_SECONDS, "a record waits too long")

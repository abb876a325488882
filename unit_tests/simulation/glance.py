"""What must hold whenever the loop has nothing to do but to wait."""

from __future__ import annotations

from dataclasses import dataclass

from destination_maileon.pipeline import SyncPipeline
from unit_tests.simulation.watch import A_TICK_SECONDS, SpyLedger, Watch, insist


@dataclass(frozen=True, slots=True)
class Glance:
    """Looks at a sync that waits. A record waits `flush_seconds` for others at most."""

    spy: SpyLedger
    watch: Watch
    writer: SyncPipeline
    flush_seconds: float

    def at(self, now: float, until: float) -> None:
        """The loop waits from now until something happens, or that time has come."""
        can_store = not self.spy._is_store_lost
        insist(not (can_store and self.spy.checkpoint.can_release), "a true STATE is held back")
        self._no_call_waits_too_long(now, until)
        if self.writer.dispatch.is_idle:
            self._no_record_waits_too_long(now, until)

    def _no_call_waits_too_long(self, now: float, until: float) -> None:
        # When the sync ends at once, nothing more is sent.
        if len(self.watch.flying) >= self.watch.limit or self.writer._failure is not None:
            return
        orders = [call.order for call in self.writer.dispatch._waiting]
        latest = min((o.not_before for o in orders if not o.blockers), default=until)
        insist(until <= max(now, latest) + A_TICK_SECONDS, "a call waits though its time has come")

    def _no_record_waits_too_long(self, now: float, until: float) -> None:
        # Not those that were sent: who was refused alone may have to wait for a verdict.
        waiting = (at for place, at in self.spy.received_at.items() if place not in self.watch.sent)
        since = next(waiting, None)
        latest = now if since is None else max(now, since + self.flush_seconds)
        insist(since is None or until <= latest + A_TICK_SECONDS, "a record waits too long")

"""Logs the progress of a sync, and what it waits for.

This module alone decides how often: every 30 seconds, also while the loop is blocked by a step it
cannot continue without; when Maileon makes the sync wait for more than a few seconds; and when
Maileon answers again.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import TypeVar

from destination_maileon.accounting.ledger import Ledger
from destination_maileon.delivery.request import Request
from destination_maileon.delivery.scheduler import RequestScheduler
from destination_maileon.maileon.errors import RetriableError
from destination_maileon.protocol.messages import StreamKey
from destination_maileon.protocol.output import Level, Logger, pluralize

Result = TypeVar("Result")

EVERY_SECONDS = 30.0
WORTH_TELLING_SECONDS = 5.0


class Progress:
    """The progress of one sync. `wall_clock` gives seconds since 1970, `now` those of the loop."""

    def __init__(
        self, outbox: Logger, *, now: Callable[[], float], wall_clock: Callable[[], float]
    ) -> None:
        self._outbox = outbox
        self._now = now
        self._wall_clock = wall_clock
        self._started_at = self._told_at = now()
        self.next_at = self._started_at + EVERY_SECONDS
        self._records_before = 0
        self._waits: dict[StreamKey, str] = {}
        self._limited: set[StreamKey] = set()

    def waits(self, call: Request, trouble: RetriableError, seconds: float) -> None:
        """Notes that a call will be tried again after this many seconds."""
        stream = call.partition_key.plan.key
        if seconds < WORTH_TELLING_SECONDS:
            return
        if stream not in self._waits:
            self._outbox(
                Level.WARN,
                f"Stream {call.partition_key.plan.title}: {trouble} Trying again in "
                f"{seconds:.0f} seconds.",
            )
        self._waits[stream] = str(trouble.reason)
        if trouble.is_throttled or trouble.retry_after is not None:
            self._limited.add(stream)
            reset_ms = int((self._wall_clock() + seconds) * 1000)
            self._outbox.rate_limited(stream, reset_ms)

    def flows(self, call: Request) -> None:
        """Notes that a call of the stream was answered."""
        stream = call.partition_key.plan.key
        if self._waits.pop(stream, None) is not None:
            self._outbox(
                Level.INFO, f"Stream {call.partition_key.plan.title}: Maileon answers again."
            )
        if stream in self._limited:
            self._limited.discard(stream)
            self._outbox.running(stream)

    def report(self, ledger: Ledger, scheduler: RequestScheduler, now: float) -> None:
        """Logs one line if 30 seconds have passed since the last."""
        if now < self.next_at:
            return
        records = ledger.records
        rate = (records - self._records_before) / (now - self._told_at)
        self._records_before, self._told_at = records, now
        self.next_at = now + EVERY_SECONDS
        reasons = ", ".join(sorted(set(self._waits.values())))
        waiting = f", waiting for Maileon ({reasons})" if reasons else ""
        self._outbox(
            Level.INFO,
            f"{now - self._started_at:.0f} seconds: {pluralize(records, 'record')} read "
            f"({rate:.0f} a second), {ledger.rejected_records} rejected, "
            f"{pluralize(scheduler.in_flight, 'call')} in flight{waiting}.",
        )

    def during(self, doing: str, step: Callable[[], Result]) -> Result:
        """Runs a step for which the loop has to wait, and logs what it is doing meanwhile.

        Returns or raises what the step does. Its thread does not keep the process from ending.
        """
        outcome: Future[Result] = Future()
        threading.Thread(target=_run, args=(step, outcome), name="step", daemon=True).start()
        while True:
            is_done = wait([outcome], max(0.0, self.next_at - self._now())).done
            if (now := self._now()) >= self.next_at:
                self.next_at = now + EVERY_SECONDS
                self._outbox(Level.INFO, f"{now - self._started_at:.0f} seconds: {doing}.")
                self._outbox.flush()
            if is_done:
                return outcome.result()


def _run(step: Callable[[], Result], outcome: Future[Result]) -> None:
    try:
        outcome.set_result(step())
    except BaseException as failure:  # noqa: BLE001 - raised again where the result is wanted
        outcome.set_exception(failure)

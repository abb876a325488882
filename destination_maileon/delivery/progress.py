"""Logs the progress of a sync, and what it waits for.

Every 30 seconds, also while the loop is blocked by a step it cannot continue without; when Maileon
makes the sync wait for more than a few seconds; and when Maileon answers again.
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
from destination_maileon.streams.account import WORTH_TELLING_SECONDS

Result = TypeVar("Result")

EVERY_SECONDS = 30.0


class Progress:
    """The progress of one sync. `wall_clock` gives seconds since 1970, `now` those of the loop."""

    def __init__(
        self, logger: Logger, *, now: Callable[[], float], wall_clock: Callable[[], float]
    ) -> None:
        self._logger = logger
        self._now = now
        self._wall_clock = wall_clock
        self._started_at = self._told_at = now()
        self.next_at = self._started_at + EVERY_SECONDS
        self._records_before = 0
        self._waits: dict[StreamKey, str] = {}
        self._limited: set[StreamKey] = set()

    def waits(self, call: Request, trouble: RetriableError, seconds: float) -> None:
        """Notes that a call will be tried again after this many seconds."""
        plan = call.partition_key.plan
        if seconds < WORTH_TELLING_SECONDS:
            return
        if plan.key not in self._waits:
            told = f"Stream {plan.title}: {trouble} Trying again in {seconds:.0f} seconds."
            self._logger(Level.WARN, told)
        self._waits[plan.key] = str(trouble.reason)
        if trouble.is_throttled or trouble.retry_after is not None:
            self._limited.add(plan.key)
            self._logger.rate_limited(plan.key, int((self._wall_clock() + seconds) * 1000))

    def flows(self, call: Request) -> None:
        """Notes that a call of the stream was answered."""
        plan = call.partition_key.plan
        if self._waits.pop(plan.key, None) is not None:
            self._logger(Level.INFO, f"Stream {plan.title}: Maileon answers again.")
        if plan.key in self._limited:
            self._limited.discard(plan.key)
            self._logger.running(plan.key)

    def report(self, ledger: Ledger, scheduler: RequestScheduler, now: float) -> None:
        """Logs one line if 30 seconds have passed since the last."""
        if now < self.next_at:
            return
        records = ledger.records
        rate = (records - self._records_before) / (now - self._told_at)
        self._records_before, self._told_at = records, now
        reasons = ", ".join(sorted(set(self._waits.values())))
        waiting = f", waiting for Maileon ({reasons})" if reasons else ""
        read = f"{pluralize(records, 'record')} read ({rate:.0f} a second)"
        calls = f"{pluralize(scheduler.in_flight, 'call')} in flight{waiting}"
        self._tell(f"{read}, {ledger.rejected_records} rejected, {calls}", now)

    def during(self, doing: str, step: Callable[[], Result]) -> Result:
        """Returns or raises what a step does for which the loop has to wait; logs it meanwhile."""
        outcome: Future[Result] = Future()
        # A daemon does not keep the process from ending.
        threading.Thread(target=_run, args=(step, outcome), name="step", daemon=True).start()
        while True:
            is_done = wait([outcome], max(0.0, self.next_at - self._now())).done
            if (now := self._now()) >= self.next_at:
                self._tell(doing, now)
                self._logger.flush()
            if is_done:
                return outcome.result()

    def _tell(self, what: str, now: float) -> None:
        self.next_at = now + EVERY_SECONDS
        self._logger(Level.INFO, f"{now - self._started_at:.0f} seconds: {what}.")


def _run(step: Callable[[], Result], outcome: Future[Result]) -> None:
    try:
        outcome.set_result(step())
    except BaseException as failure:  # noqa: BLE001 - raised again where the result is wanted
        outcome.set_exception(failure)

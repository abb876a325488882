"""Every record of a sync, accounted for: read = written + rejected + left out before sending.

This module alone counts. What is settled here goes to the checkpoint, to the rejected-records
store and to the log; what the limits on rejections allow is judged here, too.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from destination_maileon.checkpoint import Checkpoint
from destination_maileon.output import Level
from destination_maileon.problems import ConfigError, SyncError
from destination_maileon.stream_counts import StreamCounts

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence

    from destination_maileon.catalog import StreamPlan
    from destination_maileon.checkpoint import Release
    from destination_maileon.maileon.report import SynchronizationReport
    from destination_maileon.merging import Entry, Part
    from destination_maileon.messages import StateMessage
    from destination_maileon.reconciliation import Reading
    from destination_maileon.rejected_store import RejectedStore
    from destination_maileon.rejections import Rejection, RejectionLog

    Log: TypeAlias = Callable[[Level, str], None]

STATISTICS = ("created", "existing", "unsubscribed", "merged")
"""What the STATEs say besides records, in `additionalStats`."""

JUDGED_FROM_RECORDS = 100
"""`max_rejected_percent` is judged from so many settled records on, and at the end."""


@dataclass(frozen=True, slots=True)
class RejectionLimits:
    """How much may be rejected before the sync fails; None: no limit."""

    records: int | None = None
    percent: float | None = None
    is_strict: bool = False


class Ledger:
    """The accounts of one sync."""

    def __init__(
        self,
        plans: Iterable[StreamPlan],
        *,
        limits: RejectionLimits,
        rejections: RejectionLog,
        store: RejectedStore | None,
        log: Log,
    ) -> None:
        self._limits = limits
        self._rejections = rejections
        self._store = store
        self._is_store_lost = False
        self._is_over_limit = False
        self._log = log
        self.checkpoint: Checkpoint[StateMessage] = Checkpoint(STATISTICS)
        self.counts = {plan: StreamCounts() for plan in plans}
        self.strangers = 0

    @property
    def keeps_messages(self) -> bool:
        """Whether rejected records are stored, so that their messages must be kept until then."""
        return self._store is not None

    @property
    def records(self) -> int:
        """How many records were read."""
        return sum(counts.read for counts in self.counts.values()) + self.strangers

    @property
    def rejected_records(self) -> int:
        """How many records were rejected."""
        return sum(counts.rejected for counts in self.counts.values())

    def stranger(self, stream: Hashable) -> None:
        """A record of a stream that is not in the catalog: left out, and counted."""
        self.checkpoint.settle(self.checkpoint.record(), stream, written=1)
        self.strangers += 1

    def received(self, plan: StreamPlan, now: float) -> tuple[int, int]:
        """A record was read: its segment between two STATEs, and its number in its stream."""
        counts = self.counts[plan]
        if not counts.read:
            counts.started_at = now
        counts.read += 1
        return self.checkpoint.record(), counts.read

    def written(self, plan: StreamPlan, entries: Sequence[Entry]) -> None:
        """The records of these contacts reached the account, or were left out as told."""
        segments = Counter([part.segment for entry in entries for part in entry.parts])
        for segment, records in segments.items():
            self.checkpoint.settle(segment, plan.key, written=records)
        records = segments.total()
        merged = records - len(entries)
        counts = self.counts[plan]
        counts.written += records
        counts.merged += merged
        self.checkpoint.count(merged=merged)

    def removed(self, plan: StreamPlan, entry: Entry, *, was_there: bool) -> None:
        """A contact was deleted or unsubscribed, or is gone already, which is no error."""
        self.counts[plan].removed += 1
        self.counts[plan].gone += not was_there
        self.written(plan, [entry])

    def left_out(self, plan: StreamPlan, segment: int) -> None:
        """A deleted record, which the configuration says to ignore."""
        self.counts[plan].deleted_ignored += 1
        self.counts[plan].written += 1
        self.checkpoint.settle(segment, plan.key, written=1)

    def rejected(self, plan: StreamPlan, part: Part, rejection: Rejection) -> None:
        """A record was refused.

        Raises:
            ConfigError: if no more may be rejected.
        """
        if (line := self._rejections.line(plan, part, rejection)) is not None:
            self._log(Level.WARN, line)
        self.counts[plan].rejected += 1
        if self._limits.is_strict:
            raise ConfigError(
                f"A record of stream {plan.title} was rejected: {rejection.label}. "
                f'{rejection.advice} Since "ignore_invalid_contacts" is false, that ends the sync; '
                "set it to true to write the others."
            )
        self._keep_promise(lambda store: store.add(plan, part, rejection))
        self.checkpoint.settle(part.segment, plan.key, rejected=1)
        self._judge(at_end=False)

    def answered(self, plan: StreamPlan, report: SynchronizationReport, reading: Reading) -> None:
        """A call was answered whose contacts no earlier report has counted."""
        # A report that counts more than was sent is warned of; here it cannot spoil the sums.
        existing = min(report.existing, reading.sent)
        unsubscribed = min(report.unsubscribed, reading.sent)
        counts = self.counts[plan]
        counts.existing += existing
        counts.unsubscribed += unsubscribed
        counts.left_out += reading.left_out
        self.checkpoint.count(existing=existing, unsubscribed=unsubscribed)
        self.answered_again(plan, report, reading)

    def answered_again(
        self, plan: StreamPlan, report: SynchronizationReport, reading: Reading
    ) -> None:
        """The same, of contacts that were counted: new is only who was not taken in before."""
        created = min(report.new, reading.sent)
        self.counts[plan].created += created
        self.checkpoint.count(created=created)

    def called(self, plan: StreamPlan, now: float) -> None:
        """A call of the stream ended, well or not."""
        self.counts[plan].calls += 1
        self.counts[plan].ended_at = now

    def release(self) -> Iterator[Release[StateMessage]]:
        """Every STATE that is true now; the rejections before it are stored first.

        Raises:
            SyncError: once, if they cannot be stored; from then on no STATE leaves.
        """
        if self.checkpoint.can_release:
            self._keep_promise(lambda store: store.flush())
        if not self._is_store_lost:
            yield from self.checkpoint.release()

    def close(self) -> None:
        """Judges the whole sync.

        Raises:
            ConfigError: if more was rejected than allowed.
        """
        self._keep_promise(lambda store: store.flush())
        self._judge(at_end=True)

    def summarize(self, words: Callable[[StreamCounts], str]) -> None:
        """One line per stream, and one more with the reasons if anything was rejected."""
        for plan, counts in self.counts.items():
            self._log(Level.INFO, f"Stream {plan.title}: {words(counts)}.")
            if reasons := self._rejections.totals(plan):
                self._log(
                    Level.WARN,
                    f"Stream {plan.title}: {counts.rejected} records were rejected: {reasons}.",
                )

    def _keep_promise(self, step: Callable[[RejectedStore], None]) -> None:
        """A STATE says that the rejections before it are stored: if they cannot be, none leaves."""
        if self._store is None or self._is_store_lost:
            return
        try:
            step(self._store)
        except SyncError:
            self._is_store_lost = True
            raise

    def _judge(self, *, at_end: bool) -> None:
        if self._is_over_limit:
            return
        rejected = self.rejected_records
        settled = sum(counts.settled for counts in self.counts.values())
        if self._limits.records is not None and rejected > self._limits.records:
            self._fail(f"{rejected} records", f'"max_rejected_records" ({self._limits.records})')
        percent = self._limits.percent
        if percent is None or not settled or (settled < JUDGED_FROM_RECORDS and not at_end):
            return
        if 100 * rejected > percent * settled:
            self._fail(f"{rejected} of {settled} records", f'"max_rejected_percent" ({percent:g})')

    def _fail(self, how_many: str, allowed: str) -> None:
        # Once: the calls in flight are still settled, so that every STATE that is true leaves.
        self._is_over_limit = True
        raise ConfigError(
            f"{how_many} were rejected, which is more than {allowed} allows: "
            f"{self._rejections.all_totals()}. Correct the records or the mapping, or allow more."
        )

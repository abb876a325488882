"""Every record of a sync, accounted for: read = written + left out + removed + rejected.

This module alone counts. What is settled here goes to the checkpoint, to the rejected-records
store and to the log. A reason to stop is kept until `heed` raises it, so that no step is cut off
in its middle.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

from destination_maileon.accounting.checkpoint import Checkpoint, ReadyState
from destination_maileon.accounting.stream_stats import LeftOut, StreamStats
from destination_maileon.config.model import DeletedRecords
from destination_maileon.errors import StopSync, SyncError
from destination_maileon.maileon.report import SynchronizationReport
from destination_maileon.maileon.sync_options import SynchronizationMode
from destination_maileon.mapping.mapped_record import NO_CONTACT, BatchEntry, MappedRecord, Written
from destination_maileon.protocol.messages import StateMessage
from destination_maileon.protocol.output import Level, Log, were_rejected
from destination_maileon.rejections.dead_letter_queue import (
    DeadLetterQueue,
    run_report,
    where_stored,
)
from destination_maileon.rejections.rejection import (
    Rejection,
    RejectionLimits,
    RejectionLog,
    one_rejected,
)
from destination_maileon.streams.catalog import StreamPlan

_NOT_IN_CATALOG = Rejection(
    "its stream is not in the catalog", "Refresh the connection's schema in Airbyte."
)
STATISTICS = ("created", "existing", "unsubscribed", "merged", "left_out", "removed")
"""What the STATEs say besides records, in `additionalStats`."""


class Ledger:
    """The accounts of one sync."""

    def __init__(  # noqa: PLR0913 - what a sync's accounts depend on
        self,
        plans: Iterable[StreamPlan],
        *,
        limits: RejectionLimits,
        rejections: RejectionLog,
        store: DeadLetterQueue | None,
        log: Log,
        is_dry_run: bool = False,
    ) -> None:
        self._limits = limits
        self._rejections = rejections
        self._store = store
        # Rejected records are stored, so that their messages must be kept until then.
        self.keeps_messages = store is not None
        self._unstored_from: int | None = None
        self._is_store_lost = False
        self._is_over_limit = False
        self._noted: Exception | None = None
        self._log = log
        self.checkpoint: Checkpoint[StateMessage] = Checkpoint(STATISTICS)
        self.counts = {plan: StreamStats() for plan in plans}
        self.records = 0
        self.unknown_streams = 0
        self.completed: set[StreamPlan] = set()
        """The streams of which the source has sent all."""
        self._is_dry_run = is_dry_run
        self._staying: dict[StreamPlan, set[str]] = {p: set() for p in self.counts if p.overwrites}

    @property
    def rejected_records(self) -> int:
        return sum(counts.rejected for counts in self.counts.values()) + self.unknown_streams

    def unknown_stream(self, plan: StreamPlan, line: bytes) -> None:
        """A record came of a stream that is not in the catalog: rejected. `line` is its own."""
        self.records += 1
        self.unknown_streams += 1
        checkpoint_id = self.checkpoint.record()
        part = MappedRecord(
            self.records,
            self.unknown_streams,
            checkpoint_id,
            identity_keys=(),
            payload=b"",
            message=line,
            message_bytes=len(line),
        )
        self._end_rejected(plan, part, _NOT_IN_CATALOG)

    def received(
        self, plan: StreamPlan, now: float, contact: Written = NO_CONTACT, *, line: bytes = b""
    ) -> MappedRecord:
        """A record was read that makes this contact: numbered, and open until it is settled."""
        counts = self.counts[plan]
        if not counts.read:
            counts.started_at = now
        counts.read += 1
        self.records += 1
        payload, keys, is_whole = contact
        checkpoint_id = self.checkpoint.record()
        part = MappedRecord(self.records, counts.read, checkpoint_id, keys, payload, is_whole)
        if self.keeps_messages:
            part.message, part.message_bytes = line, len(line)
        return part

    def stays(self, plan: StreamPlan, keys: Iterable[str]) -> bool:
        """Whether a contact with these identifiers must not leave the stream's audience.

        Its record was rejected, so that its number is an older one, or nothing was sent at all.
        """
        return not self._staying[plan].isdisjoint(keys)

    def names_anybody(self, plan: StreamPlan) -> bool:
        """Whether a settled record of a stream that overwrites says of whom it is."""
        return self.counts[plan].settled_well > 0 or bool(self._staying[plan])

    def written(self, plan: StreamPlan, entries: Sequence[BatchEntry]) -> None:
        """The records of these contacts reached the account, or were left out as told."""
        if self._is_dry_run and plan in self._staying:
            self._staying[plan].update(key for entry in entries for key in entry.identity_keys)
        segments = Counter([entry.first.checkpoint_id for entry in entries])
        for entry in entries:
            if entry.later is not None:
                segments.update([part.checkpoint_id for part in entry.later])
        for checkpoint_id, records in segments.items():
            self.checkpoint.settle(checkpoint_id, plan.key, written=records)
        records = segments.total()
        merged = records - len(entries)
        counts = self.counts[plan]
        counts.settled_well += records
        counts.merged += merged
        # Where existing contacts are ignored the first record of a contact stands.
        repeated = merged * (plan.options.sync_mode is SynchronizationMode.IGNORE)
        counts.left_out[LeftOut.REPEATED] += repeated
        self.checkpoint.count(merged=merged, left_out=repeated)

    def removed(
        self, plan: StreamPlan, entry: BatchEntry, *, was_there: bool, is_marked: bool = False
    ) -> None:
        """A contact was deleted or unsubscribed, or was not there, which is no error."""
        counts, contact_removal = self.counts[plan], entry.contact_removal
        is_deletion = (
            contact_removal is not None and contact_removal.removal is DeletedRecords.DELETE
        )
        counts.deleted += is_deletion
        counts.opted_out += not is_deletion
        counts.gone += not was_there
        counts.marked += is_marked
        self.checkpoint.count(removed=1)
        self.written(plan, [entry])

    def skipped(self, plan: StreamPlan, part: MappedRecord) -> None:
        """A deleted record, which the configuration says to ignore."""
        counts = self.counts[plan]
        counts.left_out[LeftOut.DELETED] += 1
        counts.settled_well += 1
        self.checkpoint.count(left_out=1)
        self.checkpoint.settle(part.checkpoint_id, plan.key, written=1)

    def rejected(self, plan: StreamPlan, part: MappedRecord, rejection: Rejection) -> None:
        """A record was refused: told, counted and stored, whatever follows from it."""
        if (line := self._rejections.line(plan, part, rejection)) is not None:
            self._log(Level.WARN, line)
        self.counts[plan].rejected += 1
        if plan in self._staying:
            self._staying[plan].update(part.identity_keys)
        self._end_rejected(plan, part, rejection)

    def _end_rejected(self, plan: StreamPlan, part: MappedRecord, rejection: Rejection) -> None:
        """Has a rejected record stored, settles it, and looks at what follows."""
        if self._store is not None:
            unstored = part.checkpoint_id if self._unstored_from is None else self._unstored_from
            self._unstored_from = min(unstored, part.checkpoint_id)
            self._keep_promise(lambda store: store.add(plan, part, rejection))
        if self._limits.is_strict:
            self._note(one_rejected(plan, part, rejection))
            return
        self.checkpoint.settle(part.checkpoint_id, plan.key, rejected=1)
        self._judge(part.position)

    def heed(self) -> None:
        """Nothing, if the sync may go on.

        Raises:
            StopSync: if no more may be rejected.
            Exception: if rejections cannot be stored.
        """
        noted, self._noted = self._noted, None
        if noted is not None:
            raise noted

    def answered(
        self, plan: StreamPlan, report: SynchronizationReport, *, sent: int, left_out: int
    ) -> None:
        """A call was answered whose contacts no earlier report has counted."""
        # A report that counts more than was sent is warned of; here it cannot spoil the sums.
        existing = min(report.existing, sent)
        unsubscribed = min(report.unsubscribed, sent)
        options = plan.options
        is_ignored = options.sync_mode is SynchronizationMode.IGNORE
        # A dry run does not know who exists.
        is_known = options.update_only and not self._is_dry_run
        skipped = {
            LeftOut.UNSUBSCRIBED: unsubscribed,
            LeftOut.EXISTING: existing if is_ignored else 0,
            LeftOut.NOT_EXISTING if is_known else LeftOut.UNTOLD: left_out,
        }
        counts = self.counts[plan]
        counts.existing += existing
        counts.unsubscribed += unsubscribed
        counts.left_out.update(skipped)
        self.checkpoint.count(
            existing=existing, unsubscribed=unsubscribed, left_out=sum(skipped.values())
        )
        self.answered_again(plan, report, sent=sent)

    def answered_again(self, plan: StreamPlan, report: SynchronizationReport, *, sent: int) -> None:
        """The same, of contacts that were counted: new is only who was not taken in before."""
        created = min(report.new, sent)
        self.counts[plan].created += created
        self.checkpoint.count(created=created)

    def called(self, plan: StreamPlan, now: float) -> None:
        """A call of the stream ended, well or not."""
        counts = self.counts[plan]
        if not (counts.read or counts.calls):
            # Without a record to begin with: only an audience is looked at.
            counts.started_at = now
        counts.calls += 1
        counts.ended_at = now

    def release(self) -> Iterator[ReadyState[StateMessage]]:
        """Every STATE that is true now; the rejections before it are stored first.

        If they cannot be, those STATEs leave that no such rejection precedes.
        """
        yield from self.checkpoint.release(before=self._unstored_from)
        if self.checkpoint.can_release:
            self.store_all()
            yield from self.checkpoint.release(before=self._unstored_from)

    def store_all(self) -> None:
        """Stores what was rejected so far."""
        if self._unstored_from is not None and self._keep_promise(lambda store: store.flush()):
            self._unstored_from = None

    def judge(self) -> None:
        """Judges the whole sync.

        Raises:
            StopSync: if more was rejected than allowed.
        """
        self._judge(None)
        self.heed()

    def summarize(self, words: Callable[[StreamStats], str]) -> None:
        """One line per stream, and one more with the reasons if anything was rejected."""
        for plan, counts in self.counts.items():
            self._log(Level.INFO, f"Stream {plan.title}: {words(counts)}.")
            if reasons := self._rejections.totals(plan):
                told = f"Stream {plan.title}: {were_rejected(counts.rejected)}: {reasons}."
                self._log(Level.WARN, f"{told} {self._where_stored(plan)}")
        self._store_report()

    def _where_stored(self, plan: StreamPlan) -> str:
        if self._is_dry_run:
            return "A dry run stores no rejected records."
        if self._is_store_lost:
            return "The rejected records could not all be stored."
        return where_stored(self._store, plan)

    def _store_report(self) -> None:
        plan = next(iter(self.counts), None)
        if self._store is None or self._is_store_lost or not self.rejected_records or plan is None:
            return
        counted = ((one, counts.numbers()) for one, counts in self.counts.items())
        report = run_report(counted, self._rejections, self.unknown_streams)
        try:
            self._store.store_report(plan, report)
        except SyncError as lost:
            # The records themselves are stored: that is what a STATE says.
            self._log(Level.WARN, f"The report of the sync could not be stored: {lost}")

    def _keep_promise(self, step: Callable[[DeadLetterQueue], None]) -> bool:
        """A STATE says that the rejections before it are stored. Whether the store did the step."""
        if self._store is None or self._is_store_lost:
            return False
        try:
            step(self._store)
        except Exception as lost:  # noqa: BLE001 - whatever it is, true STATEs leave before it is raised
            self._is_store_lost = True
            self._note(lost)
            return False
        return True

    def _note(self, reason: Exception) -> None:
        self._noted = self._noted or reason

    def _judge(self, position: int | None) -> None:
        """After the rejection at this place of the input; None: at the end.

        Until then whoever is on the way counts as accepted: a record that is rejected before it is
        sent is settled at once, and thousands that stood before it are not yet.
        """
        if self._is_over_limit or not self._limits.are_set:
            return
        is_end = position is None
        records = sum(c.settled if is_end else c.read for c in self.counts.values())
        records += self.unknown_streams
        excess = self._limits.excess(self.rejected_records, records=records, is_end=is_end)
        if excess is None:
            return
        # Once: what came before is still sent, and every STATE that is true leaves.
        self._is_over_limit = True
        others = {_NOT_IN_CATALOG.reason_key: self.unknown_streams}
        why = f"{excess}: {self._rejections.all_totals(others)}."
        advice = "Correct the records or the mapping, or allow more; the log's summary counts all."
        self._note(StopSync(f"{why} {advice}", position=position))

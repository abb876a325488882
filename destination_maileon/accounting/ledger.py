"""Accounts for every record of a sync: read = written + left out + removed + rejected.

What is settled goes to the checkpoint, to the store of rejected records and to the log. A reason to
stop is kept until `raise_stop_reason` raises it, so that no step is interrupted halfway.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

from destination_maileon.accounting.checkpoint import Checkpoint, ReadyState
from destination_maileon.accounting.stream_stats import LeftOut, StreamStats
from destination_maileon.config.spec import Config, DeletedRecords, titled
from destination_maileon.errors import StopSync, SyncError
from destination_maileon.maileon.report import SynchronizationReport
from destination_maileon.mapping.mapped_record import BatchEntry, EncodedContact, MappedRecord
from destination_maileon.protocol.output import Level, Log, were_rejected
from destination_maileon.rejections.dead_letter_queue import DeadLetterQueue
from destination_maileon.rejections.rejection import Rejection, RejectionLog, excess
from destination_maileon.streams.catalog import StreamPlan

_NOT_IN_CATALOG = Rejection(
    "its stream is not in the catalog", "Refresh the connection's schema in Airbyte."
)


class Ledger:
    """The accounts of one sync.

    `completed`: the streams that the source has sent completely. `staying`: the identifiers of the
    contacts that stay in an audience with an older number, since their records were rejected; in a
    dry run those of all.
    """

    def __init__(
        self,
        plans: Iterable[StreamPlan],
        config: Config,
        *,
        store: DeadLetterQueue | None,
        log: Log,
    ) -> None:
        self._config = config
        self._rejections = RejectionLog(config.identifiers_in_logs)
        self._store = store
        # A rejected record is stored as its message, which is kept until the record is settled.
        self.keeps_messages = store is not None
        self._unstored_from = math.inf
        self._has_limit = (config.max_rejected_records, config.max_rejected_percent) != (None, None)
        self._noted: Exception | None = None
        self._log = log
        self.checkpoint = Checkpoint()
        self.counts = {plan: StreamStats() for plan in plans}
        self.records = 0
        self.unknown_streams = 0
        self.completed: set[StreamPlan] = set()
        self.staying: dict[StreamPlan, set[str]] = {p: set() for p in self.counts if p.overwrites}

    @property
    def rejected_records(self) -> int:
        return sum(counts.rejected for counts in self.counts.values()) + self.unknown_streams

    def unknown_stream(self, plan: StreamPlan, line: bytes) -> None:
        """Rejects a record of a stream that is not in the catalog; `line` is its message."""
        self.records += 1
        self.unknown_streams += 1
        self._rejections.counts[plan][_NOT_IN_CATALOG] += 1
        segment, number = self.checkpoint.record(), self.unknown_streams
        part = MappedRecord(self.records, number, segment, (), b"", message=line)
        self._end_rejected(plan, part, _NOT_IN_CATALOG)

    def received(
        self, plan: StreamPlan, now: float, contact: EncodedContact, *, line: bytes
    ) -> MappedRecord:
        """Numbers a record that makes this contact; the record is open until it is settled."""
        counts = self.counts[plan]
        if counts.started_at is None:
            counts.started_at = now
        counts.read += 1
        self.records += 1
        payload, keys, is_whole = contact
        checkpoint_id = self.checkpoint.record()
        part = MappedRecord(self.records, counts.read, checkpoint_id, keys, payload, is_whole)
        if self.keeps_messages:
            part.message, part.message_bytes = line, len(line)
        return part

    def written(self, plan: StreamPlan, entries: Sequence[BatchEntry]) -> None:
        """Settles the records of these contacts, which were written, or left out as reported."""
        if self._config.dry_run and plan in self.staying:
            self.staying[plan].update(key for entry in entries for key in entry.identity_keys)
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
        # Where existing contacts are ignored, the first record of a contact is the one that counts.
        repeated = 0 if plan.options.updates else merged
        counts.left_out[LeftOut.REPEATED] += repeated
        self.checkpoint.count(merged=merged, left_out=repeated)

    def removed(
        self, plan: StreamPlan, entry: BatchEntry, *, was_there: bool, is_marked: bool = False
    ) -> None:
        """Settles a removal; it is no error if the contact was not in Maileon."""
        counts, asked = self.counts[plan], entry.contact_removal
        is_deletion = asked is not None and asked.removal is DeletedRecords.DELETE
        counts.deleted += is_deletion
        counts.opted_out += not is_deletion
        counts.gone += not was_there
        counts.marked += is_marked
        self.checkpoint.count(removed=1)
        self.written(plan, [entry])

    def skipped(self, plan: StreamPlan, part: MappedRecord) -> None:
        """Settles a deleted record that the configuration says to ignore."""
        counts = self.counts[plan]
        counts.left_out[LeftOut.DELETED] += 1
        counts.settled_well += 1
        self.checkpoint.count(left_out=1)
        self.checkpoint.settle(part.checkpoint_id, plan.key, written=1)

    def rejected(self, plan: StreamPlan, part: MappedRecord, rejection: Rejection) -> None:
        """Logs, counts and stores a rejected record."""
        if (line := self._rejections.line(plan, part, rejection)) is not None:
            self._log(Level.WARN, line)
        self.counts[plan].rejected += 1
        if plan in self.staying:
            self.staying[plan].update(part.identity_keys)
        self._end_rejected(plan, part, rejection)

    def _end_rejected(self, plan: StreamPlan, part: MappedRecord, rejection: Rejection) -> None:
        """Stores a rejected record, settles it, and checks the limits."""
        if self.keeps_messages:
            self._unstored_from = min(self._unstored_from, part.checkpoint_id)
            self._succeeds(lambda store: store.add(plan, part, rejection))
        if self._config.ignore_invalid_contacts:
            self.checkpoint.settle(part.checkpoint_id, plan.key, rejected=1)
            self.judge(part.position)
            return
        words = (
            f"Record {part.number} of stream {plan.title} was rejected: {rejection.reason_key}. "
            f"{rejection.advice} Since {titled('ignore_invalid_contacts')} is false, that ends the "
            "sync; set it to true to write the others."
        )
        self._noted = self._noted or StopSync(words, position=part.position)

    def judge(self, position: int | None = None) -> None:
        """Checks the limits after the rejection at this position of the input.

        None: at the end, where it raises what `raise_stop_reason` does. Before that every open
        record counts as accepted: one rejected before it is sent is settled at once, thousands may
        still be open.
        """
        if not self._has_limit:
            return
        is_end = position is None
        records = sum(c.settled if is_end else c.read for c in self.counts.values())
        records += self.unknown_streams
        told = excess(self._config, self.rejected_records, records, is_end=is_end)
        if told is None:
            return
        # Checked only once: earlier records are still sent, and every true STATE is released.
        self._has_limit = False
        why = self._rejections.totals(*self._rejections.counts, most=5)
        advice = "Correct the records or the mapping, or allow more; the log's summary counts all."
        self._noted = self._noted or StopSync(f"{told}: {why}. {advice}", position=position)
        if is_end:
            self.raise_stop_reason()

    def raise_stop_reason(self) -> None:
        """Raises the first reason to stop since the last time: StopSync, or the store's error."""
        noted, self._noted = self._noted, None
        if noted is not None:
            raise noted

    def answered(
        self, plan: StreamPlan, report: SynchronizationReport, *, sent: int, left_out: int
    ) -> None:
        """Counts the report of a call whose contacts no earlier report has counted."""
        # A report that counts more than was sent causes a warning elsewhere; here it is capped.
        existing, unsubscribed = min(report.existing, sent), min(report.unsubscribed, sent)
        # A dry run does not know who exists.
        is_known = plan.options.update_only and not self._config.dry_run
        skipped = {
            LeftOut.UNSUBSCRIBED: unsubscribed,
            LeftOut.EXISTING: 0 if plan.options.updates else existing,
            LeftOut.NOT_EXISTING if is_known else LeftOut.UNTOLD: left_out,
        }
        counts = self.counts[plan]
        counts.existing += existing
        counts.unsubscribed += unsubscribed
        counts.left_out.update(skipped)
        left_out = sum(skipped.values())
        self.checkpoint.count(existing=existing, unsubscribed=unsubscribed, left_out=left_out)
        self.answered_again(plan, report, sent=sent)

    def answered_again(self, plan: StreamPlan, report: SynchronizationReport, *, sent: int) -> None:
        """Counts a further report of contacts already counted: only new ones are added."""
        created = min(report.new, sent)
        self.counts[plan].created += created
        self.checkpoint.count(created=created)

    def called(self, plan: StreamPlan, now: float) -> None:
        """Counts a call of the stream that ended, successfully or not."""
        counts = self.counts[plan]
        if counts.started_at is None:
            counts.started_at = now
        counts.calls += 1
        counts.ended_at = now

    def release(self) -> Iterator[ReadyState]:
        """Yields every STATE that may be written now and before which all rejections are stored."""
        yield from self.checkpoint.release(before=self._unstored_from)
        if self.checkpoint.can_release:
            self.store_all()
            yield from self.checkpoint.release(before=self._unstored_from)

    def store_all(self) -> None:
        """Stores the records rejected so far."""
        if self._succeeds(lambda store: store.flush()):
            self._unstored_from = math.inf

    def _succeeds(self, step: Callable[[DeadLetterQueue], None]) -> bool:
        """Runs a step of the store, on which STATEs depend; once one fails, there is no store."""
        try:
            if self._store is not None:
                step(self._store)
        except Exception as lost:  # noqa: BLE001 - raised only after every true STATE was released
            self._store, self._noted = None, self._noted or lost
        return self._store is not None

    def summarize(self) -> None:
        """Logs one line per stream, and another one with the reasons if records were rejected."""
        for plan, counts in self.counts.items():
            words = counts.words(is_dry_run=self._config.dry_run)
            self._log(Level.INFO, f"Stream {plan.title}: {words}.")
            if reasons := self._rejections.totals(plan):
                told = f"Stream {plan.title}: {were_rejected(counts.rejected)}: {reasons}."
                self._log(Level.WARN, f"{told} {self._where_stored(plan)}")
        self._store_report()

    def _where_stored(self, plan: StreamPlan) -> str:
        if self._config.dry_run:
            return "A dry run stores no rejected records."
        if self._store is not None:
            where = self._store.location(plan)
            return f"The rejected records are in {where}, as messages that can be sent again."
        if self.keeps_messages:
            return "The rejected records could not all be stored."
        choice = f"choose S3 under {titled('object_storage_config')}"
        return f"The rejected records are not stored: to have them, {choice}."

    def _store_report(self) -> None:
        """Stores the counts by stream, and of rejections by reason; they name no person."""
        if self._store is None or not self.rejected_records:
            return
        streams = []
        for plan, counts in self.counts.items():
            reasons = [
                {"error_code": r.code, "reason": r.reason, "field": r.field or None, "records": n}
                for r, n in self._rejections.counts[plan].most_common()
            ]
            name = {"namespace": plan.key[0], "name": plan.key[1]}
            streams.append({**name, **counts.numbers(), "rejections": reasons})
        report = {"streams": streams, "records_not_in_catalog": self.unknown_streams}
        try:
            self._store.store_report(next(iter(self._rejections.counts)), report)
        except SyncError as lost:
            # A STATE only promises the records themselves, and those are stored.
            self._log(Level.WARN, f"The report of the sync could not be stored: {lost}")

"""The accounts of a sync for tests: records are received and rejected, and STATEs follow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from destination_maileon.accounting.ledger import Ledger
from destination_maileon.errors import TransientError
from destination_maileon.mapping.mapped_record import BatchEntry, MappedRecord
from destination_maileon.rejections.dead_letter_queue import DeadLetterQueue
from destination_maileon.rejections.rejection import Rejection
from destination_maileon.streams.catalog import StreamPlan
from unit_tests.support.builders import a_config, a_plan
from unit_tests.support.rooms import PARTITION, Heard, a_rejection, an_entry, someone

PLAN = PARTITION.plan
OTHER = a_plan(key=("north", "leads"))


class OutcomeLedger(Ledger):
    """Remembers what became of each record, by its place."""

    outcomes: dict[int, str]
    settled_twice: list[int]

    def written(self, plan: StreamPlan, entries: Sequence[BatchEntry]) -> None:
        super().written(plan, entries)
        for entry in entries:
            for part in entry.parts:
                self._remember(part, "written")

    def rejected(self, plan: StreamPlan, part: MappedRecord, rejection: Rejection) -> None:
        super().rejected(plan, part, rejection)
        self._remember(part, "rejected")

    def _remember(self, part: MappedRecord, outcome: str) -> None:
        if part.position in self.outcomes:
            self.settled_twice.append(part.position)
        self.outcomes[part.position] = outcome


class MemoryStore(DeadLetterQueue):
    """Stores places instead of lines, or fails."""

    def __init__(self, *, fails: bool = False) -> None:
        self.stored: set[int] = set()
        self.report: Mapping[str, object] = {}
        self._waiting: list[int] = []
        self._fails = fails

    def add(self, plan: StreamPlan, part: MappedRecord, rejection: Rejection) -> None:
        del plan, rejection
        assert part.message is not None
        self._waiting.append(part.position)

    def location(self, plan: StreamPlan) -> str:
        return f"the memory of {plan.title}"

    def store_report(self, plan: StreamPlan, report: Mapping[str, object]) -> None:
        del plan
        if self._fails:
            raise TransientError("the bucket is gone")
        self.report = report

    def flush(self) -> None:
        if self._fails:
            raise TransientError("the bucket is gone")
        self.stored.update(self._waiting)
        self._waiting.clear()


def a_ledger(
    *plans: StreamPlan,
    log: Heard | None = None,
    store: DeadLetterQueue | None = None,
    **config: Any,
) -> OutcomeLedger:
    """The accounts of a sync of these streams, or of one."""
    ledger = OutcomeLedger(plans or (PLAN,), a_config(**config), store=store, log=log or Heard())
    ledger.outcomes, ledger.settled_twice = {}, []
    return ledger


def count_in(ledger: Ledger, plan: StreamPlan, now: float) -> MappedRecord:
    """A record of which only that it came matters."""
    return ledger.received(plan, now, (b"", (), False), line=b"")


def receive(ledger: Ledger, number: int = 1, plan: StreamPlan = PLAN) -> list[BatchEntry]:
    """So many records, each of a contact of its own."""
    entries = []
    for _ in range(number):
        part = count_in(ledger, plan, 5.0)
        message = b'{"type":"RECORD","record":{"stream":"contacts"}}'
        record = someone(
            part.position, number=part.number, checkpoint_id=part.checkpoint_id, message=message
        )
        entries.append(an_entry(record))
    return entries


def reject(ledger: Ledger, *entries: BatchEntry) -> None:
    """Each of these contacts' first record is rejected."""
    for entry in entries:
        ledger.rejected(PLAN, entry.parts[0], a_rejection())


def state(ledger: Ledger, name: str = "s", plan: StreamPlan | None = PLAN) -> None:
    """A STATE of a stream, or of all."""
    scope = None if plan is None else plan.key
    ledger.checkpoint.state(name.encode(), scope)


def released(ledger: Ledger) -> list[tuple[int, int, dict[str, int]]]:
    """Of each STATE that leaves now: records, rejected ones, and its statistics."""
    return [(written, rejected, told) for _, written, rejected, told in ledger.release()]

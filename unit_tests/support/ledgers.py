"""The accounts of a sync for tests: records are received and rejected, and states follow."""

from __future__ import annotations

from destination_maileon.accounting.ledger import Ledger
from destination_maileon.mapping.mapped_record import BatchEntry
from destination_maileon.protocol.messages import StateMessage
from unit_tests.support.builders import a_plan
from unit_tests.support.rooms import a_rejection, someone

PLAN = a_plan()
OTHER = a_plan(key=("north", "leads"))


def receive(ledger: Ledger, number: int = 1, plan: object = PLAN) -> list[BatchEntry]:
    """So many records, each of a contact of its own."""
    entries = []
    for _ in range(number):
        part = ledger.received(PLAN if plan is PLAN else OTHER, now=5.0)
        message = b'{"type":"RECORD","record":{"stream":"contacts"}}'
        entries.append(BatchEntry(someone(part.number, segment=part.segment, message=message)))
    return entries


def reject(ledger: Ledger, *entries: BatchEntry) -> None:
    for entry in entries:
        ledger.rejected(PLAN, entry.parts[0], a_rejection())


def state(ledger: Ledger, name: str = "s") -> None:
    ledger.checkpoint.state(StateMessage(name.encode(), PLAN.key), PLAN.key, 10)


def released(ledger: Ledger) -> list[tuple[int, int, dict[str, int]]]:
    return [(r.tally.written, r.tally.rejected, r.statistics) for r in ledger.release()]

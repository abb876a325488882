"""Lanes, calls, reports and ledgers for tests, with all that a test does not name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from destination_maileon.accounting.ledger import Ledger
from destination_maileon.accounting.rejection_limits import RejectionLimits
from destination_maileon.config.model import DeletedRecords, IdentifiersInLogs
from destination_maileon.delivery.accumulator import Batch
from destination_maileon.delivery.request import Request
from destination_maileon.maileon.report import InvalidContact, SynchronizationReport
from destination_maileon.maileon.sync_options import Permission, SynchronizationMode
from destination_maileon.mapping.mapped_record import BatchEntry, MappedRecord
from destination_maileon.mapping.rules import ContactRemoval
from destination_maileon.protocol.output import Level
from destination_maileon.rejections.dead_letter_queue import DeadLetterQueue
from destination_maileon.rejections.rejection import Rejection, RejectionLog
from destination_maileon.streams.catalog import PartitionKey, StreamPlan
from unit_tests.support.builders import a_contact, a_part, a_plan

UPDATE = SynchronizationMode.UPDATE


class Heard:
    """A log that remembers."""

    def __init__(self) -> None:
        self.said: list[tuple[Level, str]] = []

    def __call__(self, level: Level, message: str) -> None:
        self.said.append((level, message))

    @property
    def warnings(self) -> list[str]:
        return [message for level, message in self.said if level is Level.WARN]


def a_lane(plan: StreamPlan | None = None, permission: Permission | None = None) -> PartitionKey:
    """What the calls of a stream have in common."""
    return PartitionKey(plan or a_plan(), permission)


def someone(place: int, name: object = None, **changes: Any) -> MappedRecord:
    """The record of a person, of whom nothing is known but an address."""
    return a_part(place, a_contact(f"{place if name is None else name}@example.com"), **changes)


def a_call(
    *entries: BatchEntry | MappedRecord | Sequence[MappedRecord],
    lane: PartitionKey | None = None,
    **of: Any,
) -> Request:
    """A call of these contacts; several records in a row are one contact."""
    return Request(lane or a_lane(), [_entry(entry) for entry in entries], **of)


def _entry(entry: BatchEntry | MappedRecord | Sequence[MappedRecord]) -> BatchEntry:
    if isinstance(entry, BatchEntry):
        return entry
    return BatchEntry(entry) if isinstance(entry, MappedRecord) else BatchEntry.of(entry, UPDATE)


def a_batch(
    *entries: BatchEntry | MappedRecord | Sequence[MappedRecord], lane: PartitionKey | None = None
) -> Batch:
    """A closed batch of these contacts."""
    made = [_entry(entry) for entry in entries]
    places = [part.place for entry in made for part in entry.parts]
    batch = Batch(lane or a_lane(), 0.0, oldest=min(places), newest=max(places))
    for entry in made:
        batch.append(entry)
    return batch


def a_farewell(
    removal: DeletedRecords = DeletedRecords.DELETE, email: str = "1@example.com"
) -> ContactRemoval:
    """A contact that leaves."""
    return ContactRemoval(removal, a_contact(email))


def a_report(
    contacts: int, invalid_contacts: Iterable[InvalidContact] = (), **counts: int
) -> SynchronizationReport:
    """All contacts are new, less those that the counts say otherwise of."""
    named = tuple(invalid_contacts)
    invalid = counts.pop("invalid", len({(n.email, n.external_id) for n in named}))
    others = invalid + counts.get("existing", 0) + counts.get("unsubscribed", 0)
    known = {"new": contacts - others, "existing": 0, "unsubscribed": 0, **counts}
    return SynchronizationReport(
        contacts=contacts, invalid=invalid, invalid_contacts=named, **known
    )


def invalid(email: str | None, code: int | None = 8, field: str | None = None) -> InvalidContact:
    """One finding of a report."""
    return InvalidContact(email, external_id=None, code=code, error_field=field)


def a_rejection(reason: str = "too long", field: str = "CITY") -> Rejection:
    """Why a record is not in the account."""
    return Rejection(reason, "Shorten it.", field)


def a_ledger(
    *plans: StreamPlan,
    log: Heard | None = None,
    limits: RejectionLimits | None = None,
    store: DeadLetterQueue | None = None,
    kind: type[Ledger] = Ledger,
) -> Ledger:
    """The accounts of a sync of these streams."""
    return kind(
        plans,
        limits=limits or RejectionLimits(),
        rejections=RejectionLog(IdentifiersInLogs.MASKED),
        store=store,
        log=log or Heard(),
    )

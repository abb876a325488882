"""Records, contacts, requests, reports and logs for tests, with all that a test does not name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from destination_maileon.config.spec import DeletedRecords
from destination_maileon.delivery.request import Purpose, Request
from destination_maileon.maileon.report import InvalidContact, SynchronizationReport
from destination_maileon.maileon.sync_options import Permission
from destination_maileon.mapping.mapped_record import BatchEntry, ContactRemoval, MappedRecord
from destination_maileon.protocol.output import Level
from destination_maileon.rejections.rejection import Rejection
from destination_maileon.streams.catalog import PartitionKey, StreamPlan
from unit_tests.support.builders import a_contact, a_part, a_plan


class Heard:
    """A log that remembers."""

    def __init__(self) -> None:
        self.said: list[tuple[Level, str]] = []

    def __call__(self, level: Level, message: str) -> None:
        self.said.append((level, message))

    @property
    def warnings(self) -> list[str]:
        return [message for level, message in self.said if level is Level.WARN]


def a_partition_key(
    plan: StreamPlan | None = None, permission: Permission | None = None
) -> PartitionKey:
    """What the calls of a stream have in common."""
    return PartitionKey(plan or a_plan(), permission)


PARTITION = a_partition_key()


def someone(position: int, name: object = None, **changes: Any) -> MappedRecord:
    """The record of a person, of whom nothing is known but an address."""
    return a_part(
        position, a_contact(f"{position if name is None else name}@example.com"), **changes
    )


def an_entry(*parts: MappedRecord, partition_key: PartitionKey = PARTITION) -> BatchEntry:
    """The contact of these records, ready to be sent."""
    return BatchEntry.of_record(parts[0], partition_key, 0.0).of_parts(parts)


def a_request(
    *contacts: MappedRecord | Sequence[MappedRecord],
    partition_key: PartitionKey = PARTITION,
    **of: Any,
) -> Request:
    """A request with these contacts; several records in a row are one contact."""
    groups = [[one] if isinstance(one, MappedRecord) else one for one in contacts]
    return Request(
        partition_key, [an_entry(*parts, partition_key=partition_key) for parts in groups], **of
    )


def a_removal(
    removal: DeletedRecords = DeletedRecords.DELETE, email: str | None = "1@example.com"
) -> ContactRemoval:
    """What is to be done to a contact that is to be removed."""
    return ContactRemoval(removal, a_contact(email, external_id=None if email else "x"))


def a_removal_request(
    position: int = 1,
    removal: DeletedRecords = DeletedRecords.DELETE,
    *,
    email: str | None = "1@example.com",
    purpose: Purpose = Purpose.REMOVE,
) -> Request:
    """A request that removes a contact."""
    return a_request(someone(position), contact_removal=a_removal(removal, email), purpose=purpose)


def places(requests: Iterable[Request]) -> list[list[list[int]]]:
    """Of each request, of each of its contacts: the records."""
    return [[[part.position for part in entry.parts] for entry in r.entries] for r in requests]


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

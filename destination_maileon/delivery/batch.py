"""Contacts that wait to be sent in one call, and when there are enough of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from destination_maileon.maileon.contact_xml import ENVELOPE_BYTES
from destination_maileon.mapping import mapped_record

if TYPE_CHECKING:
    from destination_maileon.mapping.mapped_record import BatchEntry
    from destination_maileon.streams.catalog import PartitionKey

RECORDS_PER_CONTACT = 10
"""A batch is also full at this many records for each contact that it may hold."""


@dataclass(slots=True)
class Limits:
    """When a batch is full: contacts, bytes of the body, seconds since its first record."""

    contacts: int
    body_bytes: int
    age_seconds: float

    @property
    def contact_bytes(self) -> int:
        """How large one contact may be to fit a call."""
        return self.body_bytes - ENVELOPE_BYTES

    @property
    def records(self) -> int:
        """How many records a call may carry."""
        return RECORDS_PER_CONTACT * self.contacts


@dataclass(eq=False, slots=True)
class Batch:
    """Contacts that wait to be sent in one call.

    `size` is never less than the bytes of the body: where records are merged, it is the sum of what
    each alone would take. `held_bytes` counts what else is kept of them, too.
    """

    partition_key: PartitionKey
    opened_at: float
    oldest: int
    entries: list[BatchEntry] = field(default_factory=list)
    size: int = ENVELOPE_BYTES
    held_bytes: int = 0
    records: int = 0


def recognised_by(entry: BatchEntry) -> tuple[str, ...]:
    """The keys by which Maileon recognises the contact."""
    mode = entry.partition_key.plan.options.identifier_mode
    return mapped_record.recognised_by(entry.identity_keys, mode)

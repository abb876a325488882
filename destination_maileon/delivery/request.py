"""One call to Maileon: a batch while it waits, a request until the last of its records is settled.

This module alone says how much a call may carry, and how a request is split: between contacts
first, which are independent of each other, then between the records of one contact, which keep
their order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from destination_maileon.maileon.client import MaileonClient
from destination_maileon.maileon.contact_xml import ENVELOPE_BYTES
from destination_maileon.mapping.mapped_record import BatchEntry, ContactRemoval
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


class Purpose(StrEnum):
    """What a request is for, as messages call it."""

    WRITE = "calls"
    REMOVE = "deletions and unsubscriptions"
    MARK = "unsubscription markers"
    """Of a person whom Maileon does not have: nobody may write to them once somebody adds them."""
    LOOK_UP = "questions whether a contact exists"
    """Asked before somebody is removed, if nobody more may be."""
    ASK = "questions"
    """What the account holds: the request has a job of its own."""


@dataclass(frozen=True, slots=True)
class Job:
    """What a request does that carries no record: `send` asks Maileon, in a thread of its own.

    `answered` takes what that returned, or the RequestRejected that it raised; of one that only
    spares calls whatever it raised, and the sync goes on.
    """

    send: Callable[[MaileonClient], object]
    answered: Callable[[Any], None]
    only_spares_calls: bool = False


@dataclass(eq=False, slots=True)
class Request:
    """Contacts to write, or one contact to remove.

    `position` is that of its oldest record in the input, `bytes` is what its contacts take. `then`
    is sent once nothing of this one is left to do. `is_already_counted` says that an earlier report
    has counted its contacts, `is_barrier` that it waits until everything older is settled, and
    `was_oldest` that this was so when it was sent, `is_doubted` that it was answered with 403, for
    which its records may be to blame or the key. With a `job` it carries no record. Times in
    seconds.
    """

    partition_key: PartitionKey
    entries: list[BatchEntry]
    contact_removal: ContactRemoval | None = None
    purpose: Purpose = Purpose.WRITE
    then: Request | None = None
    is_already_counted: bool = False
    is_barrier: bool = False
    was_oldest: bool = False
    is_doubted: bool = False
    job: Job | None = None
    position: int = 0
    bytes: int = 0
    attempts: int = 0
    overloads: int = 0
    first_attempt_at: float = 0.0
    sent_at: float = 0.0
    not_before: float = 0.0
    successes_before: int = 0

    def __post_init__(self) -> None:
        self.position = min([entry.first.position for entry in self.entries], default=0)
        self.bytes = sum([len(entry.payload) for entry in self.entries])

    @property
    def is_divisible(self) -> bool:
        """Whether it carries more than one record to write."""
        is_write = self.purpose is Purpose.WRITE
        return is_write and (len(self.entries) > 1 or self.entries[0].records > 1)

    def halves(self) -> list[Request]:
        """Two requests for one; of the records of one contact the second waits for the first."""
        if len(self.entries) > 1:
            return self.pieces(-(-len(self.entries) // 2))
        return [self.record_halves(self.entries[0], is_already_counted=self.is_already_counted)]

    def pieces(self, contacts: int) -> list[Request]:
        """Requests with so many contacts each at most, in the order of the input."""
        entries = sorted(self.entries, key=lambda entry: entry.position)
        starts = range(0, len(entries), contacts)
        counted = self.is_already_counted
        return [
            self.with_contacts(entries[at : at + contacts], is_already_counted=counted)
            for at in starts
        ]

    def with_contacts(
        self, entries: list[BatchEntry], *, is_already_counted: bool = False
    ) -> Request:
        return Request(self.partition_key, entries, is_already_counted=is_already_counted)

    def record_halves(self, entry: BatchEntry, *, is_already_counted: bool = False) -> Request:
        """For the first half of the records that were merged into a contact, then for the rest."""
        middle = len(entry.parts) // 2
        first, rest = (
            self.with_contacts([entry.of_parts(parts)], is_already_counted=is_already_counted)
            for parts in (entry.parts[:middle], entry.parts[middle:])
        )
        first.then = rest
        return first

    @property
    def last(self) -> Request:
        """The last of those that follow it; itself if none does."""
        request = self
        while request.then is not None:
            request = request.then
        return request

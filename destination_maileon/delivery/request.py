"""Batches of contacts, and the requests that carry them to Maileon.

A request is split between its contacts, which are independent, then between the records of one.
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
"""A batch is also full when it has this many records for each contact that it may hold."""


@dataclass(slots=True)
class Limits:
    """When a batch is full: contacts, bytes of the body, and seconds since its first record."""

    contacts: int
    body_bytes: int
    age_seconds: float

    @property
    def contact_bytes(self) -> int:
        return self.body_bytes - ENVELOPE_BYTES

    @property
    def records(self) -> int:
        return RECORDS_PER_CONTACT * self.contacts


@dataclass(eq=False, slots=True)
class Batch:
    """Contacts that wait to be sent in one call.

    `size` bounds the body's bytes: merged records count with what each would take alone.
    """

    partition_key: PartitionKey
    opened_at: float
    oldest: int
    entries: list[BatchEntry] = field(default_factory=list)
    size: int = ENVELOPE_BYTES
    records: int = 0


class Purpose(StrEnum):
    """What a request is for, in the words of log messages.

    A marker keeps the opt-out of a person who is not in Maileon. A look-up takes the place of a
    removal once the limit of removals is reached.
    """

    WRITE = "calls"
    REMOVE = "deletions and unsubscriptions"
    MARK = "unsubscription markers"
    LOOK_UP = "questions whether a contact exists"
    ASK = "questions"


@dataclass(frozen=True, slots=True)
class Job:
    """The work of a request without records: `send` asks Maileon, in a worker thread.

    `answered` takes what `send` returned, or the RequestRejected it raised. If the answer
    `only_spares_calls`, `answered` takes any error as well, and the sync goes on.
    """

    send: Callable[[MaileonClient], object]
    answered: Callable[[Any], None]
    only_spares_calls: bool = False


@dataclass(eq=False, slots=True)
class Request:
    """Contacts to write, one contact to remove, or a job without records. Times in seconds.

    `position` is the input position of its oldest record, `bytes` the size of its contacts. `then`
    is sent once this request is settled. `is_already_counted`: an earlier report has counted its
    contacts. `is_barrier`: it waits until everything older is settled; `was_oldest`: everything
    older was settled when it was sent. `is_doubted`: a 403 came, for its records or for the key.
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
    position: int = field(default=0, init=False)
    bytes: int = field(default=0, init=False)
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
        return self.purpose is Purpose.WRITE and sum(entry.records for entry in self.entries) > 1

    def halves(self) -> list[Request]:
        """The request in two halves; if it has one contact, the second half follows the first."""
        if len(self.entries) > 1:
            return self.pieces(-(-len(self.entries) // 2))
        return [self.record_halves(self.entries[0], is_already_counted=self.is_already_counted)]

    def pieces(self, contacts: int) -> list[Request]:
        """Requests with at most this many contacts each, in the order of the input."""
        entries = sorted(self.entries, key=lambda entry: entry.position)
        chunks = [entries[at : at + contacts] for at in range(0, len(entries), contacts)]
        counted = self.is_already_counted
        return [self.with_contacts(chunk, is_already_counted=counted) for chunk in chunks]

    def with_contacts(
        self, entries: list[BatchEntry], *, is_already_counted: bool = False
    ) -> Request:
        return Request(self.partition_key, entries, is_already_counted=is_already_counted)

    def record_halves(self, entry: BatchEntry, *, is_already_counted: bool = False) -> Request:
        """A request for the first half of a contact's records, followed by one for the rest."""
        middle = len(entry.parts) // 2
        first, rest = (
            self.with_contacts([entry.of_parts(parts)], is_already_counted=is_already_counted)
            for parts in (entry.parts[:middle], entry.parts[middle:])
        )
        first.then = rest
        return first

    @property
    def chain(self) -> list[Request]:
        """The request, and those that are sent one after another once it is settled."""
        return [self] if self.then is None else [self, *self.then.chain]

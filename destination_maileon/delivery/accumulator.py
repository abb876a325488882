"""Which contacts travel together: count and byte limits, age, merging, conflicts of identifiers.

Invariants: no batch holds one identifier twice; bytes and count never exceed the limits; every
record is in exactly one batch; batches are closed in such an order that a contact's records never
swap. Pure: time is an argument.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from destination_maileon.maileon.contact_xml import ENVELOPE_BYTES
from destination_maileon.mapping.mapped_record import BatchEntry, MappedRecord, is_named_by_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from destination_maileon.streams.catalog import PartitionKey

    NewestHeld: TypeAlias = Callable[[tuple[str, ...]], int]

RECORDS_PER_CONTACT = 10
"""A batch is also full at this many records for each contact that it may hold."""

MAX_WAITING_RECORDS = 100_000
"""All open batches together; what Python keeps of a small record is many times its bytes."""

OPEN_BATCHES_BODIES = 4
"""All open batches together hold at most this many times the bytes of a call."""


@dataclass(eq=False, slots=True)
class Batch:
    """Contacts that wait to be sent in one call.

    `size` is never less than the bytes of the body: where records are merged, it is the sum of what
    each alone would take. `held_bytes` counts what else is kept of them, too. `turn` counts how
    often contacts that are named by their Maileon id and others took turns.
    """

    lane: PartitionKey
    opened_at: float
    oldest: int
    newest: int = 0
    entries: list[BatchEntry] = field(default_factory=list)
    size: int = ENVELOPE_BYTES
    held_bytes: int = 0
    records: int = 0
    turn: int = 0
    is_by_id: bool | None = None

    @property
    def namings(self) -> tuple[bool, ...]:
        """Whether its contacts are named by their Maileon id: all, none, or some."""
        return (True, False) if self.turn > 1 else (bool(self.is_by_id),)

    def append(self, entry: BatchEntry) -> None:
        """A contact more."""
        is_by_id = is_named_by_id(entry.keys)
        if is_by_id is not self.is_by_id:
            self.turn += 1
            self.is_by_id = is_by_id
        entry.turn = self.turn
        self.entries.append(entry)

    def grow(self, part: MappedRecord) -> int:
        """Counts a record that was put in; the bytes that are kept of it."""
        size = len(part.payload)
        held = size + part.message_bytes
        self.size += size
        self.held_bytes += held
        self.records += 1
        self.newest = part.place
        return held


@dataclass(frozen=True, slots=True)
class Limits:
    """When a batch is full: contacts, bytes of the body, seconds since its first record."""

    contacts: int
    body_bytes: int
    age_seconds: float

    @property
    def contact_bytes(self) -> int:
        """How large one contact may be to fit a call."""
        return self.body_bytes - ENVELOPE_BYTES


class Accumulator:
    """The open batches of a sync.

    `newest_held` tells, for a contact's keys, the place of the newest record in the calls that
    hold one of them and are not settled; 0 if none does.
    """

    def __init__(self, limits: Limits, newest_held: NewestHeld) -> None:
        self._limits = limits
        self._newest_held = newest_held
        self._open: dict[PartitionKey, Batch] = {}
        self._waiting: dict[str, tuple[Batch, BatchEntry]] = {}
        # No batch that left has a younger record, and no farewell is younger.
        self._newest_left = 0
        self._most_bytes = OPEN_BATCHES_BODIES * limits.body_bytes
        self._held_bytes = 0
        self._records = 0

    def add(self, part: MappedRecord, lane: PartitionKey, now: float) -> list[Batch]:
        """Puts a record into its batch; the batches that this closes, in the order to send them.

        The record alone must fit: see `Limits.contact_bytes`.
        """
        keys = part.keys
        batch = self._open.get(lane)
        closed: list[Batch] = []
        # Nearly every record is spared the search: it meets nobody that waits, and nothing that
        # left is younger than its batch.
        if (
            batch is None
            or batch.oldest < self._newest_left
            or batch.size + len(part.payload) > self._limits.body_bytes
            or not self._waiting.keys().isdisjoint(keys)
        ):
            closed = self._make_room(part, lane)
            batch = self._open.setdefault(lane, Batch(lane, now, oldest=part.place))
        if keys[0] in self._waiting:
            self._waiting[keys[0]][1].parts.append(part)
        else:
            entry = BatchEntry(part)
            batch.append(entry)
            for key in keys:
                self._waiting[key] = (batch, entry)
        self._held_bytes += batch.grow(part)
        self._records += 1
        contacts = self._limits.contacts
        if len(batch.entries) >= contacts or batch.records >= RECORDS_PER_CONTACT * contacts:
            closed.append(self.close(batch))
        while self._held_bytes > self._most_bytes or self._records > MAX_WAITING_RECORDS:
            closed.append(self.close(self._in_order()[0]))
        return closed

    def part_with(self, keys: tuple[str, ...]) -> list[Batch]:
        """Closes the batches in which the contact with these keys waits, or may wait."""
        holders = {self._waiting[key][0] for key in keys if key in self._waiting}
        is_by_id = is_named_by_id(keys)
        closed = [
            self.close(batch)
            for batch in self._in_order()
            if batch in holders or (not is_by_id) in batch.namings
        ]
        # What the contact is to be sent after is younger than all that still waits.
        newest = max((batch.newest for batch in self._open.values()), default=0)
        self._newest_left = max(self._newest_left, newest + 1)
        return closed

    def close_older_than(self, place: int) -> list[Batch]:
        """Closes the batches that hold a record before this place."""
        return [self.close(batch) for batch in self._in_order() if batch.oldest < place]

    def close_expired(self, now: float) -> list[Batch]:
        """Closes the batches whose oldest record waited long enough."""
        # The sum that `next_expiry` tells: rounded otherwise, it could come and nothing be old yet.
        age = self._limits.age_seconds
        return [self.close(batch) for batch in self._in_order() if batch.opened_at + age <= now]

    def close_all(self) -> list[Batch]:
        """Closes every batch, the one with the oldest record first."""
        return [self.close(batch) for batch in self._in_order()]

    def close(self, batch: Batch) -> Batch:
        """Takes a batch out, to be sent."""
        del self._open[batch.lane]
        mode = batch.lane.plan.options.sync_mode
        for entry in batch.entries:
            if len(entry.parts) > 1:
                entry.seal(mode)
            for key in entry.keys:
                del self._waiting[key]
        self._held_bytes -= batch.held_bytes
        self._records -= batch.records
        self._newest_left = max(self._newest_left, batch.newest)
        return batch

    @property
    def next_expiry(self) -> float | None:
        """When the next batch is old enough to go out."""
        opened = min((batch.opened_at for batch in self._open.values()), default=None)
        return None if opened is None else opened + self._limits.age_seconds

    @property
    def oldest(self) -> int | None:
        """The place of the oldest record that waits in a batch."""
        return min((batch.oldest for batch in self._open.values()), default=None)

    def _in_order(self) -> list[Batch]:
        return sorted(self._open.values(), key=lambda batch: batch.oldest)

    def _make_room(self, part: MappedRecord, lane: PartitionKey) -> list[Batch]:
        """Closes what must go out before the record may wait in its lane."""
        closed = self._close_conflicts(part.keys, lane)
        own = self._open.get(lane)
        if own is not None and own.size + len(part.payload) > self._limits.body_bytes:
            closed.append(self.close(own))
        return closed

    def _close_conflicts(self, keys: tuple[str, ...], lane: PartitionKey) -> list[Batch]:
        """Closes what a contact with these keys may not share its lane with, or come before."""
        closed = []
        newest = self._newest_held(keys)
        for key in keys:
            if key in self._waiting:
                batch, entry = self._waiting[key]
                is_mergeable = batch.lane is lane and entry.keys == keys
                # Between the two may stand the same contact, named in the other way.
                if not is_mergeable or entry.turn != batch.turn:
                    closed.append(self.close(batch))
                    newest = max(newest, batch.newest)
        own = self._open.get(lane)
        # A batch must never wait for a call that holds records younger than the batch's own:
        # that call may itself wait until everything before them is settled.
        if own is not None and own.oldest < newest:
            closed.append(self.close(own))
        return closed

"""Collects contacts into batches and keeps the records of one contact in order.

Invariants: no two contacts in batches and requests share an identifier, so that requests need no
order; limits of bytes and count are never exceeded; every record is in exactly one contact.
"""

from collections import deque
from collections.abc import Callable, Iterable

from destination_maileon.config.spec import DeletedRecords
from destination_maileon.delivery.request import Batch, Limits, Purpose, Request
from destination_maileon.maileon.contact_xml import ENVELOPE_BYTES
from destination_maileon.mapping.mapped_record import BatchEntry, ContactRemoval, MappedRecord
from destination_maileon.streams.catalog import PartitionKey

OPEN_BATCHES_BODIES, MAX_WAITING_RECORDS = 4, 100_000
"""The open batches together hold at most so many times the bytes of one call's body, and so many
records: a small record takes many times its bytes in Python's memory."""

MAX_FOLLOWING_RECORDS = 10_000
"""If this many records wait behind other contacts or are held, reading pauses."""


class Accumulator:
    """The open batches of a sync, one for each stream and permission, and who waits for whom.

    A record is merged into a pending contact that has exactly its identifiers. If they share only
    some, the record waits until that contact is settled, and then joins its batch.
    """

    def __init__(self, limits: Limits, submit: Callable[[Request], None]) -> None:
        self.limits = limits
        self.following_records = 0
        self._submit = submit
        self._open: dict[PartitionKey, Batch] = {}
        self._first: dict[str, BatchEntry] = {}
        self._followers: dict[str, deque[BatchEntry]] = {}
        """By identifier: the first pending contact, and those that wait behind it, in order."""
        self._following_bytes = 0
        self._kept_bytes = 0
        self._records = 0

    def add(self, part: MappedRecord, partition_key: PartitionKey, now: float) -> bool:
        """Takes a record of at most `Limits.contact_bytes`; returns whether a batch was sent."""
        keys = part.identity_keys
        first = self._first
        for key in keys:
            if key in first:
                return self._add_to_pending(part, partition_key, now)
        size = len(part.payload)
        held = size + part.message_bytes
        entry = BatchEntry(part, partition_key, now, keys, part.payload, size, held)
        for key in keys:
            first[key] = entry
        batch = self._open.get(partition_key)
        if batch is None or batch.size + size > self.limits.body_bytes:
            return self._put(entry)
        # The common case, without the further checks of `_put`.
        entry.is_waiting = True
        batch.entries.append(entry)
        return self._grow(batch, size, held)

    def add_removal(self, contact_removal: ContactRemoval, entry: BatchEntry) -> None:
        """Queues a removal, to be sent once the contact's earlier records are settled.

        A deletion does not wait for another contact that only claims one of its identifiers, and
        may be held until the deletion frees it. An opt-out does: its address may get an
        unsubscription marker, which the next record must find.
        """
        entry.contact_removal = contact_removal
        if contact_removal.removal is DeletedRecords.DELETE:
            keys, names = entry.identity_keys, entry.recognised_by
            kept = [key for key in keys if key in names or not self._is_claimed(key, names)]
            entry.identity_keys = tuple(kept)
        if self._stand_in_line(entry):
            self.proceed(entry)

    def proceed(self, entry: BatchEntry) -> None:
        """Sends a removal, or puts a contact into its batch, that waited or was held until now."""
        self._count_follower(entry, -1)
        if entry.contact_removal is None:
            self._put(entry)
            return
        entry.seal()
        key, removal = entry.partition_key, entry.contact_removal
        self._submit(Request(key, [entry], removal, purpose=Purpose.REMOVE))

    def all_settled(self, entries: Iterable[BatchEntry]) -> None:
        self.settled([key for entry in entries for key in entry.identity_keys])

    def settled(self, keys: Iterable[str]) -> None:
        """Frees the identifiers of settled contacts, so that the contacts behind them go on."""
        first, followers = self._first, self._followers
        if not followers:
            # Nearly always.
            for key in keys:
                first.pop(key, None)
            return
        heirs: dict[int, BatchEntry] = {}
        for key in keys:
            line = followers.get(key)
            if line:
                first[key] = heir = line.popleft()
                heirs[heir.position] = heir
            else:
                first.pop(key, None)
                followers.pop(key, None)
        for _, heir in sorted(heirs.items()):
            if all(first[key] is heir for key in heir.identity_keys):
                self.proceed(heir)

    def keep_place(self, entry: BatchEntry) -> None:
        """Keeps the place of a refused contact that is held: contacts behind it go on waiting."""
        entry.is_sent = False
        for key in entry.identity_keys:
            self._first[key] = entry
        self._count_follower(entry, 1)

    def give_up(self, entry: BatchEntry) -> None:
        """Removes a contact that is rejected while it is held or waits behind others."""
        self._count_follower(entry, -1)
        own = []
        for key in entry.identity_keys:
            if self._first[key] is entry:
                own.append(key)
            else:
                self._followers[key].remove(entry)
        self.settled(own)

    def is_first(self, entry: BatchEntry, keys: Iterable[str]) -> bool:
        return all(self._first[key] is entry for key in keys)

    def followers(self, key: str) -> list[BatchEntry]:
        return [*self._followers.get(key, ())]

    @property
    def is_crowded(self) -> bool:
        """Whether too many records wait behind others, or are held, to read more."""
        is_large = self._following_bytes > OPEN_BATCHES_BODIES * self.limits.body_bytes
        return is_large or self.following_records >= MAX_FOLLOWING_RECORDS

    @property
    def has_open_batch(self) -> bool:
        return bool(self._open)

    @property
    def next_expiry(self) -> float | None:
        opened = min((batch.opened_at for batch in self._open.values()), default=None)
        return None if opened is None else opened + self.limits.age_seconds

    def oldest_unsent(self) -> int | None:
        """The position of the oldest record that is in no request."""
        batches = (batch.oldest for batch in self._open.values())
        followers = (line[0].position for line in self._followers.values() if line)
        return min((*batches, *followers), default=None)

    def flush_expired(self, now: float) -> None:
        # The sum of `next_expiry`: rounded otherwise, its time could come and no batch expire.
        age = self.limits.age_seconds
        self._send(batch for batch in self._in_order() if batch.opened_at + age <= now)

    def flush_older_than(self, position: int) -> None:
        self._send(batch for batch in self._in_order() if batch.oldest < position)

    def flush(self) -> None:
        self._send(self._in_order())

    def drop(self, *, from_position: int = 0) -> None:
        """Drops what holds no record before this position, since the sync is ending."""
        dropped = [batch for batch in self._in_order() if batch.oldest >= from_position]
        self._send(dropped, is_dropped=True)
        for key, line in [*self._followers.items()]:
            self._followers[key] = deque(one for one in line if one.position < from_position)

    def _add_to_pending(self, part: MappedRecord, partition_key: PartitionKey, now: float) -> bool:
        last = self._joinable(part, partition_key)
        if last is None:
            self._stand_in_line(BatchEntry.of_record(part, partition_key, now))
            return False
        held = last.merge(part)
        if last.is_waiting:
            return self._grow(self._open[partition_key], len(part.payload), held)
        self._following_bytes += held
        self.following_records += 1
        return False

    def _joinable(self, part: MappedRecord, partition_key: PartitionKey) -> BatchEntry | None:
        """The contact into which the record can be merged: the last one in all of its queues."""
        keys, first, lines = part.identity_keys, self._first, self._followers
        for key in keys:
            newest = lines[key][-1] if lines.get(key) else first.get(key)
            if newest is None or newest.identity_keys != keys:
                return None
            last = newest
        if last.partition_key is not partition_key or last.is_sent or last.contact_removal:
            return None
        size = self._open[partition_key].size if last.is_waiting else last.size + ENVELOPE_BYTES
        is_full = size + len(part.payload) > self.limits.body_bytes
        return None if is_full or last.records >= self.limits.records else last

    def _is_claimed(self, key: str, by_others_than: tuple[str, ...]) -> bool:
        """Whether only other contacts claim the identifier, and none is recognised by it."""
        first = self._first.get(key)
        if first is None:
            return False
        newest = (self._followers.get(key) or (first,))[-1]
        is_another = {*by_others_than}.isdisjoint(newest.identity_keys)
        return is_another and not any(key in one.recognised_by for one in (first, newest))

    def _stand_in_line(self, entry: BatchEntry) -> bool:
        """Adds a contact to the queues of its identifiers; returns whether it is first in all."""
        self._count_follower(entry, 1)
        is_first = True
        for key in entry.identity_keys:
            if self._first.setdefault(key, entry) is not entry:
                self._followers.setdefault(key, deque()).append(entry)
                is_first = False
        return is_first

    def _count_follower(self, entry: BatchEntry, more: int) -> None:
        self._following_bytes += more * entry.kept_bytes
        self.following_records += more * entry.records

    def _put(self, entry: BatchEntry) -> bool:
        """Puts a contact into its open batch; returns whether a batch was sent."""
        key, limits, records = entry.partition_key, self.limits, entry.records
        batch = self._open.get(key)
        is_sent = batch is not None and (
            batch.size + entry.size > limits.body_bytes or batch.records + records > limits.records
        )
        if batch is None or is_sent:
            self._send([batch] if batch else [])
            batch = self._open[key] = Batch(key, entry.arrived_at, entry.position)
        batch.oldest = min(batch.oldest, entry.position)
        batch.opened_at = min(batch.opened_at, entry.arrived_at)
        entry.is_waiting = True
        batch.entries.append(entry)
        return self._grow(batch, entry.size, entry.kept_bytes, records=records) or is_sent

    def _grow(self, batch: Batch, size: int, kept_bytes: int, *, records: int = 1) -> bool:
        """Counts what was added to a batch; returns whether a batch was sent because of it."""
        batch.size += size
        batch.records += records
        self._kept_bytes += kept_bytes
        self._records += records
        limits = self.limits
        is_full = batch.records >= limits.contacts and (
            len(batch.entries) >= limits.contacts or batch.records >= limits.records
        )
        if is_full:
            self._send([batch])
        most = OPEN_BATCHES_BODIES * limits.body_bytes
        while self._kept_bytes > most or self._records > MAX_WAITING_RECORDS:
            is_full = True
            self._send(self._in_order()[:1])
        return is_full

    def _send(self, batches: Iterable[Batch], *, is_dropped: bool = False) -> None:
        for batch in batches:
            del self._open[batch.partition_key]
            self._records -= batch.records
            for entry in batch.entries:
                self._kept_bytes -= entry.kept_bytes
                entry.seal()
            if not is_dropped:
                self._submit(Request(batch.partition_key, batch.entries))

    def _in_order(self) -> list[Batch]:
        return sorted(self._open.values(), key=lambda batch: batch.oldest)

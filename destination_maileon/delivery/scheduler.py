"""Which call may fly now: places in flight, order between calls of one contact, waits to retry.

Invariant: two calls that share an identifier, or in which one contact may be named in two ways,
never overlap and never swap; a call that is replaced by smaller ones keeps its place in that order
until the last of them is settled.

Pure: time is an argument, and nothing is started here.

Why nothing waits in a circle: a call waits for another because of a shared contact only if all of
its records are younger (`batching` sees to it), and a duplicate waits only for what is older, and
for that only as long as anything else can move.
"""

from __future__ import annotations

import heapq
from itertools import count
from typing import TYPE_CHECKING

from destination_maileon.delivery.request import Request
from destination_maileon.mapping.mapped_record import is_named_by_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from destination_maileon.delivery.accumulator import Batch
    from destination_maileon.mapping.mapped_record import BatchEntry
    from destination_maileon.mapping.rules import ContactRemoval
    from destination_maileon.streams.catalog import PartitionKey


class RequestScheduler:
    """The calls that are not settled. `concurrency` is the largest number in flight."""

    def __init__(self, concurrency: int) -> None:
        self._concurrency = concurrency
        self.limit = concurrency
        self._held: set[Request] = set()
        self._waiting: list[Request] = []
        self._duplicates: list[tuple[int, int, Request]] = []
        self._flying: set[Request] = set()
        self._last_holder: dict[str, Request] = {}
        self._by_naming: dict[bool, set[Request]] = {True: set(), False: set()}
        self._numbers = count()

    @property
    def has_room(self) -> bool:
        """Whether more input may be read: memory is bounded by the calls that are held here."""
        return len(self._held) <= self._concurrency

    @property
    def is_idle(self) -> bool:
        """Whether no call is in flight, and none waits to be."""
        return not (self._flying or self._waiting or self._duplicates)

    @property
    def in_flight(self) -> int:
        """How many calls are in flight."""
        return len(self._flying)

    def newest_held(self, keys: tuple[str, ...]) -> int:
        """The place of the newest record in unsettled calls that (may) hold the contact, or 0."""
        others = self._by_naming[not is_named_by_id(keys)]
        newest = max([call.order.newest for call in others]) if others else 0
        for key in keys:
            if key in self._last_holder:
                newest = max(newest, self._last_holder[key].order.newest)
        return newest

    def submit(self, batch: Batch) -> None:
        """A closed batch becomes a call, after all that came before it."""
        self._hold(Request(batch.lane, batch.entries), newest=batch.newest, namings=batch.namings)

    def submit_farewell(
        self, lane: PartitionKey, entry: BatchEntry, farewell: ContactRemoval
    ) -> None:
        """A farewell becomes a call of its own, after all that came before it."""
        namings = (is_named_by_id(entry.keys),)
        self._hold(Request(lane, [entry], farewell), newest=entry.place, namings=namings)

    def ready(self, now: float, oldest_waiting: int | None) -> Request | None:
        """The next call that may fly, which is then in flight; None if there is none.

        `oldest_waiting` is the place of the oldest record that waits in a batch.
        """
        if len(self._flying) >= self.limit:
            return None
        # A duplicate first: it is the oldest then, and others must not make it wait for ever.
        call = self._next_duplicate(now, oldest_waiting) or self._next_waiting(now)
        if call is not None:
            self._flying.add(call)
        return call

    def landed(self, call: Request) -> None:
        """The call is in flight no longer, whatever becomes of it."""
        self._flying.discard(call)

    def again(self, call: Request, *, at: float) -> None:
        """The call will be tried again, as it is, not before this time."""
        call.order.not_before = at
        self._queue(call, first=True)

    def settle(self, call: Request) -> None:
        """Nothing of the call is left to do."""
        self.replace(call, [])

    def replace(self, call: Request, groups: Iterable[Sequence[Request]]) -> None:
        """Smaller calls take the place of a call: in a group each waits for the one before."""
        waiting, self._waiting = self._waiting, []
        for group in groups:
            earlier: Request | None = None
            for child in group:
                self._adopt(call, child, after=earlier)
                earlier = child
        # The search for a bad contact goes deep before it goes wide, so that it soon meets a call
        # that is accepted: refusals alone say that no contact is to blame.
        self._waiting += waiting
        if not call.order.open_children:
            self._close(call)

    def slow_down(self) -> None:
        """The service asked for less: half as many calls in flight, at least one."""
        self.limit = max(1, self.limit // 2)

    def speed_up(self) -> None:
        """A call succeeded: one more in flight."""
        self.limit = min(self._concurrency, self.limit + 1)

    def next_attempt_at(self, oldest_waiting: int | None) -> float | None:
        """When the next call may fly, if nothing else happens; that may have been a while ago.

        Whoever waits asks: a time that has come since the last look must not be missed.
        """
        if len(self._flying) >= self.limit:
            return None
        times = [call.order.not_before for call in self._waiting if not call.order.blockers]
        if self._is_duplicate_oldest(oldest_waiting):
            times.append(self._duplicates[0][2].order.not_before)
        return min(times, default=None)

    @property
    def oldest_duplicate(self) -> int | None:
        """The place before which everything must be settled for the next duplicate to fly."""
        return self._duplicates[0][0] if self._duplicates else None

    def abandon_waiting(self, *, from_place: int = 0) -> None:
        """Forgets the calls that are not in flight and hold nothing older: the sync is to end.

        What waits for one of them for a contact's sake is younger still, and forgotten with it.
        """
        self._waiting = [call for call in self._waiting if call.place < from_place]
        self._duplicates = [row for row in self._duplicates if row[0] < from_place]
        heapq.heapify(self._duplicates)

    def _hold(self, call: Request, *, newest: int, namings: Iterable[bool]) -> None:
        order = call.order
        order.newest = newest
        order.keys = [key for entry in call.entries for key in entry.keys]
        before = {holder for key in order.keys if (holder := self._last_holder.get(key))}
        for is_by_id in namings:
            # A call with older records may itself have to wait until all of these are settled.
            others = self._by_naming[not is_by_id]
            before |= {other for other in others if other.order.newest < call.place}
        for is_by_id in namings:
            self._by_naming[is_by_id].add(call)
        for holder in before:
            holder.order.blocks.append(call)
        order.blockers = len(before)
        self._last_holder.update(dict.fromkeys(order.keys, call))
        self._held.add(call)
        self._waiting.append(call)

    def _adopt(self, parent: Request, child: Request, *, after: Request | None) -> None:
        child.order.parent = parent
        parent.order.open_children += 1
        if after is not None:
            after.order.blocks.append(child)
            child.order.blockers = 1
        self._queue(child)

    def _queue(self, call: Request, *, first: bool = False) -> None:
        if call.when_oldest:
            heapq.heappush(self._duplicates, (call.place, next(self._numbers), call))
        elif first:
            self._waiting.insert(0, call)
        else:
            self._waiting.append(call)

    def _next_waiting(self, now: float) -> Request | None:
        for index, call in enumerate(self._waiting):
            if not call.order.blockers and call.order.not_before <= now:
                return self._waiting.pop(index)
        return None

    def _next_duplicate(self, now: float, oldest_waiting: int | None) -> Request | None:
        if not self._is_duplicate_oldest(oldest_waiting):
            return None
        if self._duplicates[0][2].order.not_before > now:
            return None
        return heapq.heappop(self._duplicates)[2]

    def _is_duplicate_oldest(self, oldest_waiting: int | None) -> bool:
        """Whether everything before the next duplicate is settled, or waits for a duplicate itself.

        Of a call that names contacts in two ways the parts go one after the other. A part that
        comes later may hold a record that is older than a duplicate of an earlier part.
        """
        if not self._duplicates:
            return False
        place = self._duplicates[0][0]
        if oldest_waiting is not None and oldest_waiting < place:
            return False
        if all(call.place >= place for call in (*self._waiting, *self._flying)):
            return True
        return not self._flying and all(call.order.blockers for call in self._waiting)

    def _close(self, call: Request) -> None:
        order = call.order
        for blocked in order.blocks:
            blocked.order.blockers -= 1
        for key in order.keys:
            if self._last_holder.get(key) is call:
                del self._last_holder[key]
        self._held.discard(call)
        for calls in self._by_naming.values():
            calls.discard(call)
        if order.parent is not None:
            order.parent.order.open_children -= 1
            if not order.parent.order.open_children:
                self._close(order.parent)

"""Decides which STATE messages may be written now, and with which counts.

Invariant: a STATE is released once every record before it is settled, in the order received; all
are released if the sync ends well. The counts of a STATE are those of its stream (without a stream:
of all streams) since the previous STATE of the same scope.

The records between two STATEs form a segment; a record is known by its segment's number. There is
no I/O, and the message may be of any type.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Message = TypeVar("Message")

MAX_HELD_STATES = 10_000
MAX_HELD_BYTES = 32_000_000


@dataclass(slots=True)
class Tally:
    """How many records were settled, and how."""

    written: int = 0
    rejected: int = 0

    def add(self, other: Tally) -> None:
        self.written += other.written
        self.rejected += other.rejected


@dataclass(frozen=True, slots=True)
class ReadyState(Generic[Message]):
    """A STATE that may be written, with its counts and the statistics of the calls before it."""

    message: Message
    tally: Tally
    statistics: dict[str, int]


@dataclass(slots=True)
class _Segment(Generic[Message]):
    unsettled: int = 0
    tallies: defaultdict[Hashable, Tally] = field(default_factory=lambda: defaultdict(Tally))
    message: Message | None = None
    scope: Hashable = None
    size: int = 0


class Checkpoint(Generic[Message]):
    """The STATEs of one sync. `statistics` names what calls report besides records."""

    def __init__(
        self,
        statistics: tuple[str, ...],
        *,
        max_held_states: int = MAX_HELD_STATES,
        max_held_bytes: int = MAX_HELD_BYTES,
    ) -> None:
        self._max_held_states = max_held_states
        self._max_held_bytes = max_held_bytes
        self._newest: _Segment[Message] = _Segment()
        self._newest_number = 0
        self._segments = deque([self._newest])
        self._since_stream_state: defaultdict[Hashable, Tally] = defaultdict(Tally)
        self._since_global_state = Tally()
        self._statistics = dict.fromkeys(statistics, 0)
        self._held_bytes = 0

    def record(self) -> int:
        """Notes a received record; returns the number of its segment, which `settle` needs."""
        self._newest.unsettled += 1
        return self._newest_number

    def settle(
        self, checkpoint_id: int, stream: Hashable, *, written: int = 0, rejected: int = 0
    ) -> None:
        """Settles this many records of a segment."""
        segment = self._segments[checkpoint_id - self._newest_number - 1]
        tally = segment.tallies[stream]
        tally.written += written
        tally.rejected += rejected
        segment.unsettled -= written + rejected

    def state(self, message: Message, scope: Hashable, size: int) -> None:
        """Adds a received STATE. `scope` is its stream, None for all streams; `size` in bytes."""
        segment = self._newest
        segment.message, segment.scope, segment.size = message, scope, size
        self._held_bytes += size
        self._newest = _Segment()
        self._newest_number += 1
        self._segments.append(self._newest)

    def count(self, **statistics: int) -> None:
        """Adds the statistics of an answered call; the next STATE carries them."""
        for name, number in statistics.items():
            self._statistics[name] += number

    def release(self, *, before: int | None = None) -> Iterator[ReadyState[Message]]:
        """Yields each STATE that may be written now, in order; only those `before` this segment."""
        while self.can_release:
            if before is not None and self._newest_number + 1 - len(self._segments) >= before:
                return
            segment = self._segments.popleft()
            self._held_bytes -= segment.size
            if segment.message is not None:
                tally = self._tally(segment)
                statistics = self._statistics
                self._statistics = dict.fromkeys(statistics, 0)
                yield ReadyState(segment.message, tally, statistics)

    @property
    def can_release(self) -> bool:
        return len(self._segments) > 1 and self._segments[0].unsettled == 0

    @property
    def is_crowded(self) -> bool:
        """Whether so many STATEs wait that open batches should be sent to release them."""
        is_full = self._held_bytes > self._max_held_bytes
        return is_full or len(self._segments) > self._max_held_states

    def _tally(self, segment: _Segment[Message]) -> Tally:
        for stream, tally in segment.tallies.items():
            self._since_stream_state[stream].add(tally)
            self._since_global_state.add(tally)
        if segment.scope is None:
            tally, self._since_global_state = self._since_global_state, Tally()
            return tally
        return self._since_stream_state.pop(segment.scope, Tally())

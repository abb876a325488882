"""Decides which STATE messages may be written now, and with which counts.

Invariant: a STATE is released once every record before it is settled, in the order received. The
records between two STATEs form a segment; a record is known by its segment's number.
"""

import math
from collections import defaultdict, deque
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

MAX_HELD_STATES = 10_000
MAX_HELD_BYTES = 32_000_000

STATISTICS = ("created", "existing", "unsubscribed", "merged", "left_out", "removed")
"""The names in the `additionalStats` of a STATE."""


ReadyState: TypeAlias = tuple[bytes, int, int, dict[str, int]]
"""The line of a STATE that may be written now; how many records of its stream (without one: of all)
were written and rejected since the previous such STATE; what calls counted since any STATE."""


@dataclass(slots=True)
class _Tally:
    written: int = 0
    rejected: int = 0


@dataclass(slots=True)
class _Segment:
    unsettled: int = 0
    settled: defaultdict[Hashable, _Tally] = field(default_factory=lambda: defaultdict(_Tally))
    line: bytes = b""
    scope: Hashable = None


class Checkpoint:
    """The STATEs of one sync."""

    def __init__(self, max_held_states: int = MAX_HELD_STATES) -> None:
        self._max_held_states = max_held_states
        self._newest = _Segment()
        self._newest_number = 0
        self._segments = deque([self._newest])
        self._since_state: defaultdict[Hashable, _Tally] = defaultdict(_Tally)
        self._statistics = dict.fromkeys(STATISTICS, 0)
        self._held_bytes = 0

    def record(self) -> int:
        """Notes a received record; returns the number of its segment, which `settle` needs."""
        self._newest.unsettled += 1
        return self._newest_number

    def settle(self, number: int, stream: Hashable, *, written: int = 0, rejected: int = 0) -> None:
        """Settles this many records of the segment with this number."""
        segment = self._segments[number - self._newest_number - 1]
        tally = segment.settled[stream]
        tally.written += written
        tally.rejected += rejected
        segment.unsettled -= written + rejected

    def state(self, line: bytes, scope: Hashable) -> None:
        """Adds a received STATE. `scope` is its stream, None for all streams."""
        self._newest.line, self._newest.scope = line, scope
        self._held_bytes += len(line)
        self._newest = _Segment()
        self._newest_number += 1
        self._segments.append(self._newest)

    def count(self, **statistics: int) -> None:
        """Adds the statistics of an answered call; the next STATE carries them."""
        for name, number in statistics.items():
            self._statistics[name] += number

    def release(self, *, before: float = math.inf) -> Iterator[ReadyState]:
        """Yields each STATE that may be written now, in order; only those `before` this segment."""
        while self.can_release and self._newest_number + 1 - len(self._segments) < before:
            segment = self._segments.popleft()
            self._held_bytes -= len(segment.line)
            for stream, settled in segment.settled.items():
                for since in (self._since_state[stream], self._since_state[None]):
                    since.written += settled.written
                    since.rejected += settled.rejected
            tally = self._since_state.pop(segment.scope, _Tally())
            statistics, self._statistics = self._statistics, dict.fromkeys(STATISTICS, 0)
            yield segment.line, tally.written, tally.rejected, statistics

    @property
    def can_release(self) -> bool:
        return len(self._segments) > 1 and self._segments[0].unsettled == 0

    @property
    def is_crowded(self) -> bool:
        """Whether so many STATEs wait that open batches should be sent to release them."""
        return self._held_bytes > MAX_HELD_BYTES or len(self._segments) > self._max_held_states

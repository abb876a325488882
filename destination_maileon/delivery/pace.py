"""How many calls are in flight: as many as the service bears.

Starting with a few, one more is tried as long as calls take no longer for it, one less when they
do; half as many when the service asks for less, does not answer in time, or has refused all that it
got (vector's adaptive concurrency is the model). What calls take is judged by the median of as many
as may be in flight: the least of them says nothing where latency varies.
"""

from __future__ import annotations

from collections import defaultdict
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from destination_maileon.delivery.request import Request

CALLS_AT_FIRST = 4
BORNE = 1.3
"""Up to so many times the best median latency the service bears what it has."""
TOO_MUCH = 1.6
"""Above so many times it does not."""


class Pace:
    """Of one sync. `limit` is the number of calls in flight that is right now, at most `most`."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.limit = min(CALLS_AT_FIRST, most)
        self._latencies: defaultdict[object, list[float]] = defaultdict(list)
        self._best: dict[object, float] = {}

    def answered(self, request: Request, at: float) -> None:
        """The service answered a request at this time, in seconds of the loop's clock."""
        # Calls of one size are compared: a small one takes less time whatever else is in flight.
        kind = (request.purpose, len(request.entries).bit_length())
        latencies = self._latencies[kind]
        latencies.append(at - request.sent_at)
        if len(latencies) < self.limit:
            return
        usual = median(latencies)
        latencies.clear()
        best = self._best[kind] = min(usual, self._best.get(kind, usual))
        if usual <= BORNE * best:
            self.limit = min(self.most, self.limit + 1)
        elif usual > TOO_MUCH * best:
            self.limit = max(1, self.limit - 1)

    def slow_down(self) -> None:
        """Half as many from now on."""
        self.limit = max(1, self.limit // 2)
        self._latencies.clear()

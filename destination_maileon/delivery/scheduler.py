"""Decides which request is sent next and how many are in flight at a time; nothing is sent here.

No two pending requests share an identifier, so they may be sent in any order; only a barrier waits
until every older record is settled.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from statistics import median

from destination_maileon.delivery.request import Purpose, Request

CALLS_AT_FIRST = 4
BORNE, TOO_MUCH = 1.3, 1.6
"""The limit grows up to the first multiple of the best latency, and shrinks above the second."""

HARDLY_LESS = 0.8
"""If half as many calls still take this share of the latency or more, it is the new baseline."""

READY_AHEAD = 2
"""This many requests beyond those in flight are kept ready, so that no slot stays empty."""


class Pace:
    """The limit of calls in flight: now `limit`, never above `most`.

    It grows by one while calls do not get slower, and shrinks by one when they do (vector's
    adaptive concurrency is the model). Latency is the median of as many calls as may be in flight.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.limit = min(CALLS_AT_FIRST, most)
        self._latencies: defaultdict[object, list[float]] = defaultdict(list)
        self._best: dict[object, float] = {}
        self._too_much: dict[object, tuple[int, float]] = {}
        """The limit when calls became too slow, and their median latency then."""

    def answered(self, request: Request, at: float) -> None:
        # Only calls of similar size are compared: small calls are faster at any concurrency.
        kind = (request.purpose, len(request.entries).bit_length())
        latencies = self._latencies[kind]
        latencies.append(at - request.sent_at)
        if len(latencies) < self.limit:
            return
        usual = median(latencies)
        latencies.clear()
        best = self._best[kind] = min(usual, self._best.get(kind, usual))
        if usual > TOO_MUCH * best:
            limit, before = self._too_much.setdefault(kind, (self.limit, usual))
            if self.limit > max(1, limit // 2) or usual < HARDLY_LESS * before:
                self.limit = max(1, self.limit - 1)
                return
            best = self._best[kind] = usual
        self._too_much.pop(kind, None)
        if usual <= BORNE * best:
            self.limit = min(self.most, self.limit + 1)

    def slow_down(self) -> None:
        """Halves the limit: the service throttles, times out, or refused everything so far."""
        self.limit = max(1, self.limit // 2)
        self._latencies.clear()
        self._too_much.clear()


class RequestScheduler:
    """The requests that wait or are in flight; reading pauses above `max_bytes` of contacts."""

    def __init__(
        self, pace: Pace, max_bytes: int, may_be_sent: Callable[[Request], bool] = lambda _: True
    ) -> None:
        self.pace = pace
        self._max_bytes = max_bytes
        self._may_be_sent = may_be_sent
        self._pending: list[Request] = []
        self._in_flight: set[Request] = set()
        self._ends_at: float = math.inf

    @property
    def has_capacity(self) -> bool:
        """Whether more input may be read; this bounds the memory that requests take."""
        requests = (*self._pending, *self._in_flight)
        has_room = len(requests) < self.pace.limit + READY_AHEAD
        return has_room and sum(request.bytes for request in requests) <= self._max_bytes

    @property
    def is_idle(self) -> bool:
        return not (self._in_flight or self._pending)

    @property
    def in_flight(self) -> int:
        return len(self._in_flight)

    def has_in_flight(self, purpose: Purpose) -> bool:
        return any(request.purpose is purpose for request in self._in_flight)

    @property
    def oldest_barrier(self) -> int | None:
        """Everything before this position must be settled before a barrier request is sent."""
        return min((r.position for r in self._pending if r.is_barrier), default=None)

    def submit(self, request: Request) -> None:
        self._pending.append(request)

    def next_ready(self, now: float, oldest_unsent: Callable[[], int | None]) -> Request | None:
        """The next request to send, which is in flight from now on; None if there is none."""
        sendable = self._sendable(oldest_unsent)
        request = next((request for request in sendable if request.not_before <= now), None)
        if request is not None:
            request.was_oldest = self.is_oldest(request, oldest_unsent())
            request.is_doubted = False
            request.sent_at = now
            self._pending.remove(request)
            self._in_flight.add(request)
        return request

    def next_attempt_at(self, oldest_unsent: Callable[[], int | None]) -> float | None:
        """When the next request may be sent if no event comes first; possibly in the past."""
        return min((request.not_before for request in self._sendable(oldest_unsent)), default=None)

    def returned(self, request: Request) -> None:
        self._in_flight.discard(request)

    def requeue(self, request: Request, *, at: float) -> None:
        request.not_before = at
        self.replace([request])

    def replace(self, pieces: Sequence[Request]) -> None:
        # Depth first the search for a bad contact soon reaches a request that is accepted: as long
        # as every one is refused, no contact can be blamed.
        self._pending[:0] = [piece for piece in pieces if piece.position < self._ends_at]

    def take_larger_than(self, contacts: int) -> list[Request]:
        taken = [request for request in self._pending if len(request.entries) > contacts]
        self._pending = [r for r in self._pending if len(r.entries) <= contacts]
        return taken

    def end_at(self, position: int) -> None:
        """Drops requests without a record before this position, since the sync is ending."""
        self._ends_at = min(position, self._ends_at)
        self._pending = [r for r in self._pending if r.position < self._ends_at]

    def is_oldest(self, request: Request, oldest_unsent: int | None) -> bool:
        """Whether every record older than the request's oldest one is settled."""
        others = (r.position for r in (*self._pending, *self._in_flight) if r is not request)
        return min((*others, oldest_unsent or request.position)) >= request.position

    def _sendable(self, oldest_unsent: Callable[[], int | None]) -> Iterator[Request]:
        """The requests that wait for nothing but their time, in order."""
        if len(self._in_flight) >= self.pace.limit:
            return
        doubted = {request.purpose for request in self._pending if request.is_doubted}
        for request in self._pending:
            purpose = request.purpose
            # A doubted request is never in flight together with others of its purpose.
            if purpose in doubted and (not request.is_doubted or self.has_in_flight(purpose)):
                continue
            is_next = not request.is_barrier or self.is_oldest(request, oldest_unsent())
            if is_next and self._may_be_sent(request):
                yield request

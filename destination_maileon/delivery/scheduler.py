"""Decides which request is sent next and how many are in flight at a time; nothing is sent here.

No two pending requests share an identifier (the accumulator ensures that), so requests may be sent
in any order. There are two exceptions: a request that follows another one (`then`), and a request
that waits until every older record is settled (`is_barrier`).
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from statistics import median

from destination_maileon.delivery.request import Purpose, Request

CALLS_AT_FIRST = 4
BORNE, TOO_MUCH = 1.3, 1.6
"""The limit grows up to the first multiple of the best median latency, and shrinks above the
second."""

HARDLY_LESS = 0.8
"""If half as many in flight still take this share of the latency or more, the number of calls is
not the cause: the present latency becomes the baseline."""

READY_AHEAD = 2
"""This many requests beyond those in flight are kept ready, so that no slot stays empty."""


class Pace:
    """The limit of calls in flight: now `limit`, never above `most`.

    It starts low, grows by one while calls do not get slower, and shrinks by one when they do. It
    is halved when the service throttles, times out, or has refused everything so far (vector's
    adaptive concurrency is the model). Latency is the median of as many calls as may be in flight:
    the minimum says nothing where it varies. A slow service does not by itself shrink the limit to
    one.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.limit = min(CALLS_AT_FIRST, most)
        self._latencies: defaultdict[object, list[float]] = defaultdict(list)
        self._best: dict[object, float] = {}
        self._too_much: dict[object, tuple[int, float]] = {}
        """The limit when calls became too slow, and their median latency then."""

    def answered(self, request: Request, at: float) -> None:
        """Counts an answer that came at this time, in seconds of the loop's clock."""
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
            is_half = self.limit <= max(1, limit // 2)
            if not is_half or usual < HARDLY_LESS * before:
                self.limit = max(1, self.limit - 1)
                return
            best = self._best[kind] = usual
        self._too_much.pop(kind, None)
        if usual <= BORNE * best:
            self.limit = min(self.most, self.limit + 1)

    def slow_down(self) -> None:
        self.limit = max(1, self.limit // 2)
        self._latencies.clear()
        self._too_much.clear()


class RequestScheduler:
    """The requests that wait or are in flight; reading pauses above `max_bytes` of contacts.

    `may_be_sent` is asked before a request is sent.
    """

    def __init__(
        self, pace: Pace, max_bytes: int, may_be_sent: Callable[[Request], bool] = lambda _: True
    ) -> None:
        self.pace = pace
        self._max_bytes = max_bytes
        self._may_be_sent = may_be_sent
        self._pending: list[Request] = []
        self._in_flight: set[Request] = set()
        self._bytes = 0
        self._has_barrier = self._has_doubts = False
        self._ends_at: int | None = None

    @property
    def has_capacity(self) -> bool:
        """Whether more input may be read; this bounds the memory that requests take."""
        requests = len(self._pending) + len(self._in_flight)
        return requests < self.pace.limit + READY_AHEAD and self._bytes <= self._max_bytes

    @property
    def is_idle(self) -> bool:
        return not (self._in_flight or self._pending)

    @property
    def in_flight(self) -> int:
        return len(self._in_flight)

    @property
    def oldest_barrier(self) -> int | None:
        """Everything before this position must be settled before a barrier request is sent."""
        if not self._has_barrier:
            return None
        return min((r.position for r in self._pending if r.is_barrier), default=None)

    def submit(self, request: Request) -> None:
        """Adds a request to the end of the queue."""
        self._bytes += request.bytes
        self._pending.append(request)

    def next_ready(self, now: float, oldest_unsent: Callable[[], int | None]) -> Request | None:
        """Returns the next request to send and marks it as in flight; None if there is none.

        `oldest_unsent` returns the position of the oldest record that is in no request.
        """
        if len(self._in_flight) >= self.pace.limit:
            return None
        for index, request in enumerate(self._pending):
            if request.not_before > now or not self._may_go(request):
                continue
            request.was_oldest = self.is_oldest(request, oldest_unsent())
            if request.is_barrier and not request.was_oldest:
                continue
            self._in_flight.add(self._pending.pop(index))
            request.is_doubted = False
            request.sent_at = now
            return request
        return None

    def returned(self, request: Request) -> None:
        """Marks the request as no longer in flight."""
        self._in_flight.discard(request)
        self._bytes -= request.bytes

    def requeue(self, request: Request, *, at: float) -> None:
        """Puts the same request back in the queue, to be sent at this time or later."""
        if self._is_beyond_end(request):
            return
        request.not_before = at
        self._has_barrier = self._has_barrier or request.is_barrier
        self._has_doubts = self._has_doubts or request.is_doubted
        self._bytes += request.bytes
        self._pending.insert(0, request)

    def replace(self, pieces: Sequence[Request]) -> None:
        """Puts the pieces of a split request at the head of the queue.

        So the search for a bad contact goes depth first and soon reaches a request that is
        accepted. As long as every request is refused, no contact can be blamed.
        """
        pieces = [piece for piece in pieces if not self._is_beyond_end(piece)]
        self._bytes += sum(piece.bytes for piece in pieces)
        self._has_barrier = self._has_barrier or any(piece.is_barrier for piece in pieces)
        self._pending[:0] = pieces

    def next_attempt_at(self, oldest_unsent: Callable[[], int | None]) -> float | None:
        """When the next request may be sent if no event comes first; possibly in the past."""
        if len(self._in_flight) >= self.pace.limit:
            return None
        ready = (r for r in self._pending if self._may_go(r))
        times = (
            request.not_before
            for request in ready
            if not request.is_barrier or self.is_oldest(request, oldest_unsent())
        )
        return min(times, default=None)

    def has_in_flight(self, purpose: Purpose) -> bool:
        return any(request.purpose is purpose for request in self._in_flight)

    def _may_go(self, request: Request) -> bool:
        waits = self._has_doubts and self._waits_in_doubt(request)
        return not waits and self._may_be_sent(request)

    def _waits_in_doubt(self, request: Request) -> bool:
        """A doubted request is never in flight together with others of its purpose."""
        if request.is_doubted:
            return self.has_in_flight(request.purpose)
        return any(r.is_doubted and r.purpose is request.purpose for r in self._pending)

    def take_larger_than(self, contacts: int) -> list[Request]:
        return self._take_out(lambda request: len(request.entries) > contacts)

    def end_at(self, position: int) -> None:
        """Drops requests without a record before this position, since the sync is ending."""
        self._ends_at = position if self._ends_at is None else min(position, self._ends_at)
        self._take_out(self._is_beyond_end)

    def _is_beyond_end(self, request: Request) -> bool:
        return self._ends_at is not None and request.position >= self._ends_at

    def _take_out(self, is_meant: Callable[[Request], bool]) -> list[Request]:
        taken = [request for request in self._pending if is_meant(request)]
        self._pending = [request for request in self._pending if not is_meant(request)]
        self._bytes -= sum(request.bytes for request in taken)
        return taken

    def is_oldest(self, request: Request, oldest_unsent: int | None) -> bool:
        """Whether every record older than the request's oldest one is settled."""
        others = (r.position for r in (*self._pending, *self._in_flight) if r is not request)
        return min((*others, oldest_unsent or request.position), default=0) >= request.position

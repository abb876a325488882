"""Which request is sent next, and how many are in flight at a time.

No two requests share an identifier (`accumulator` sees to it), so that they need no order among
each other, but for one that another one is to follow (`then`), and one that waits until everything
older is settled (`is_barrier`). Pure: time is an argument, and nothing is sent here.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from statistics import median

from destination_maileon.delivery.request import Purpose, Request

CALLS_AT_FIRST = 4
BORNE, TOO_MUCH = 1.3, 1.6
"""Up to so many times the best median latency the service bears it; above the second not."""

HARDLY_LESS = 0.8
"""If with half as many in flight calls take this share of what they took, or more, they do not take
longer for their number: what they take now is usual."""

READY_AHEAD = 2
"""So many requests beyond those in flight are kept ready, so that no place stays empty."""


class Pace:
    """How many calls are in flight: as many as the service bears, `limit` now, at most `most`.

    Starting with a few, one more is tried as long as calls take no longer for it, one less when
    they do; half as many when the service asks for less, does not answer in time, or has refused
    all that it got (vector's adaptive concurrency is the model). What calls take is judged by the
    median of as many as may be in flight: the least of them says nothing where latency varies. A
    service that takes longer for reasons of its own would otherwise be sent one call at a time.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.limit = min(CALLS_AT_FIRST, most)
        self._latencies: defaultdict[object, list[float]] = defaultdict(list)
        self._best: dict[object, float] = {}
        self._too_much: dict[object, tuple[int, float]] = {}
        """How many were in flight when calls began to take too long, and what they took then."""

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
    """The requests that are not settled; their contacts take `max_bytes` together, or little more.

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
        """Whether more input may be read: memory is bounded by the requests that are held here."""
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
        """The place before which everything must be settled for a request to be sent."""
        if not self._has_barrier:
            return None
        return min((r.position for r in self._pending if r.is_barrier), default=None)

    def submit(self, request: Request) -> None:
        """A request is to be sent, after those that came before it."""
        self._bytes += request.bytes
        self._pending.append(request)

    def next_ready(self, now: float, oldest_unsent: Callable[[], int | None]) -> Request | None:
        """The next request to send, which is then in flight; None if there is none.

        `oldest_unsent` tells the place of the oldest record that is in no request.
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
        """The request is in flight no longer, whatever becomes of it."""
        self._in_flight.discard(request)
        self._bytes -= request.bytes

    def requeue(self, request: Request, *, at: float) -> None:
        """The request will be sent again, as it is, not before this time."""
        if self._is_beyond_end(request):
            return
        request.not_before = at
        self._has_barrier = self._has_barrier or request.is_barrier
        self._has_doubts = self._has_doubts or request.is_doubted
        self._bytes += request.bytes
        self._pending.insert(0, request)

    def replace(self, pieces: Sequence[Request]) -> None:
        """Smaller requests take the place of one.

        They come first: the search for a bad contact goes deep before it goes wide, so that it soon
        meets a request that is accepted. Refusals alone say that no contact is to blame.
        """
        pieces = [piece for piece in pieces if not self._is_beyond_end(piece)]
        self._bytes += sum(piece.bytes for piece in pieces)
        self._has_barrier = self._has_barrier or any(piece.is_barrier for piece in pieces)
        self._pending[:0] = pieces

    def next_attempt_at(self, oldest_unsent: Callable[[], int | None]) -> float | None:
        """When the next request may be sent, if nothing else happens; that may be in the past."""
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
        """What is in doubt waits for all of its purpose that are in flight, all others for it."""
        if request.is_doubted:
            return self.has_in_flight(request.purpose)
        return any(r.is_doubted and r.purpose is request.purpose for r in self._pending)

    def take_larger_than(self, contacts: int) -> list[Request]:
        return self._take_out(lambda request: len(request.entries) > contacts)

    def end_at(self, position: int) -> None:
        """The sync is to end: what holds no record before this place is not sent, or not again."""
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
        """Whether everything older than the request is settled."""
        others = (r.position for r in (*self._pending, *self._in_flight) if r is not request)
        return min((*others, oldest_unsent or request.position), default=0) >= request.position

"""What is known about the service: what it accepts and refuses, and which call size it handles."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from destination_maileon.delivery.explanations import Explanations
from destination_maileon.delivery.request import Purpose, Request
from destination_maileon.errors import ConfigError, StopSync
from destination_maileon.maileon.backoff import Backoff
from destination_maileon.maileon.errors import FailureReason, RequestRejected, RetriableError
from destination_maileon.mapping.mapped_record import BatchEntry

SPLIT_AFTER_OVERLOADS = 5
"""A request is split after this many timeouts or overloads while other requests succeed."""

PROBE_AFTER_OVERLOADS = 2
"""One overload may be chance; waiting for more takes too long if each is a timeout of minutes."""

MAX_REFUSED_REQUESTS = 40
"""If this many requests are refused as a whole and none is accepted, the options are wrong."""

_CLEARED_BY = {Purpose.WRITE: {Purpose.WRITE}, Purpose.REMOVE: {Purpose.WRITE, Purpose.REMOVE}}
"""Which accepted requests show that a refusal concerns the contact; removals carry no options."""


@dataclass(eq=False, slots=True)
class ServiceState:
    """The state for one sync. `largest_size`: how many contacts a call may have, None if unknown.

    While no request succeeds, either the service is down, and more requests would only burden it,
    or a contact or the size is too much for it, which only a smaller request can show. So between
    two successes one request is split, and then one of its pieces at a time, after all of them were
    tried: a request of n contacts into at most 1 + log2 n pieces.

    The size is learned when all pieces of a request that timed out, or was refused as too large
    (413), were answered: if a contact were the cause, one piece would have failed as well.
    """

    backoff: Backoff
    accepted: set[Purpose] = field(default_factory=set)
    largest_size: int | None = None
    _reports: int = 0
    _most_answered: int = 0
    """Contacts in the largest call that was answered."""
    _reports_at_probe: int | None = None
    _probes: set[Request] = field(default_factory=set)
    _untried: set[Request] = field(default_factory=set)
    _origins: dict[Request, tuple[int, int, set[Request]]] = field(default_factory=dict)
    """For a piece of a request that may have been too large: the contacts of the request and of its
    largest piece, and the pieces not answered yet."""

    def sent(self, request: Request, now: float) -> None:
        if not request.attempts:
            request.first_attempt_at, request.successes_before = now, self._reports

    def answered(self, request: Request, *, is_report: bool) -> int | None:
        """Notes an answer; returns `largest_size` if it has become smaller."""
        self._untried.discard(request)
        origin = self._origins.pop(request, None)
        if not is_report:
            return None
        self._reports += 1
        self._most_answered = max(self._most_answered, len(request.entries))
        if origin is None:
            return None
        whole, largest, unanswered = origin
        unanswered.discard(request)
        if unanswered:
            return None
        # One failure of a size that was answered before may be chance, but not the next one.
        may_be_chance = whole <= self._most_answered
        self._most_answered = largest
        if may_be_chance or largest >= (self.largest_size or whole):
            return None
        self.largest_size = largest
        return largest

    def failed(self, request: Request, *, is_overload: bool) -> None:
        request.attempts += 1
        request.overloads += is_overload
        self._untried.discard(request)

    def is_cleared(self, purpose: Purpose) -> bool:
        """Whether a refusal of such a request is certainly about its contacts."""
        return bool(self.accepted & _CLEARED_BY.get(purpose, self.accepted))

    def has_succeeded_since(self, request: Request) -> bool:
        """Whether contacts were written since the request was first sent: the service works."""
        return self._reports > request.successes_before

    def is_probe_due(self, request: Request, failure: RetriableError, now: float) -> bool:
        """Whether to split this request, which failed while no other succeeds."""
        # A service that sends Retry-After is well enough to be believed.
        if request.overloads < PROBE_AFTER_OVERLOADS or failure.retry_after is not None:
            return False
        elapsed = now - request.first_attempt_at
        if self._reports_at_probe != self._reports:
            # A service that is down seldom lets a call wait until it times out.
            is_timeout = failure.reason is FailureReason.TIMEOUT
            return is_timeout or elapsed >= self.backoff.max_retry_seconds / 2
        is_next = request in self._probes and not self._untried
        return is_next and elapsed < self.backoff.max_retry_seconds

    def was_split(self, request: Request, pieces: Sequence[Request], *, may_be_size: bool) -> None:
        # A piece that is split in turn stays unanswered, so that the whole teaches no size.
        self._origins.pop(request, None)
        if may_be_size and len(request.entries) > 1:
            largest = max(len(piece.entries) for piece in pieces)
            origin = (len(request.entries), largest, {*pieces})
            self._origins.update(dict.fromkeys(pieces, origin))

    def was_probed(self, request: Request, pieces: Sequence[Request], now: float) -> None:
        """Notes a split while no request succeeds; the pieces continue the request's retries."""
        since = request.first_attempt_at
        if self._reports_at_probe != self._reports:
            # Half of the time at least, but only once: a service that is down would always get it.
            since = max(since, now - self.backoff.max_retry_seconds / 2)
        self._reports_at_probe = self._reports
        # Pieces that wait for older requests are not part of the probe.
        self._probes = {piece for piece in pieces if not piece.is_barrier}
        self._untried = {*self._probes}
        for piece in self._probes:
            piece.attempts, piece.successes_before = request.attempts, request.successes_before
            piece.first_attempt_at = since
            # One more overload is enough, since the whole request has failed often already.
            piece.overloads = max(request.overloads, SPLIT_AFTER_OVERLOADS - 1)


@dataclass(eq=False, slots=True)
class RefusalTracker:
    """Requests refused as a whole: whether a contact is to blame or the sync's options.

    Until another request is accepted, the options may be wrong, and records that were refused alone
    are only suspects. Then they are passed to `reject`. Removals carry no options, so an accepted
    one clears no contact. Accepted contacts do clear a removal, but if so many removals were
    refused that nobody can be removed, the sync fails at its end.
    """

    service: ServiceState
    words: Explanations
    reject: Callable[[Request, BatchEntry, RequestRejected], None]
    _refused: Counter[Purpose] = field(default_factory=Counter, init=False)
    _last: dict[Purpose, tuple[Request, RequestRejected]] = field(default_factory=dict, init=False)
    _suspects: list[tuple[Request, RequestRejected]] = field(default_factory=list, init=False)

    def hold(self, request: Request, refusal: RequestRejected) -> None:
        """Keeps a record that was refused alone as a suspect."""
        self._suspects.append((request, refusal))

    def count(self, request: Request, refusal: RequestRejected) -> None:
        """Counts a refused request; raises ConfigError if too many were, StopSync for removals."""
        purpose = request.purpose
        if purpose in self.service.accepted:
            return
        self._refused[purpose] += 1
        self._last[purpose] = request, refusal
        if self.service.is_cleared(purpose) or self._refused[purpose] < MAX_REFUSED_REQUESTS:
            return
        if purpose is Purpose.WRITE:
            raise ConfigError(self._told(purpose))
        # The contacts before it are still sent: perhaps none was yet.
        if self._refused[purpose] == MAX_REFUSED_REQUESTS:
            raise StopSync(self._told(purpose), position=request.position)

    def accepted(self, purpose: Purpose) -> None:
        """Notes an accepted request: the options are right, so the suspects are rejected."""
        self.service.accepted.add(purpose)
        suspects, self._suspects = self._suspects, []
        for request, refusal in suspects:
            if self.service.is_cleared(request.purpose):
                self.reject(request, request.entries[0], refusal)
            else:
                self._suspects.append((request, refusal))

    def close(self) -> None:
        """Raises ConfigError if requests were refused as a whole, and none was accepted."""
        if self._suspects:
            raise ConfigError(self._told(self._suspects[0][0].purpose))
        is_removing = Purpose.REMOVE in self.service.accepted
        if self._refused[Purpose.REMOVE] >= MAX_REFUSED_REQUESTS and not is_removing:
            raise ConfigError(self._told(Purpose.REMOVE))

    def _told(self, purpose: Purpose) -> str:
        number, (request, refusal) = self._refused[purpose], self._last[purpose]
        requests = purpose if number == 1 else f"{number} {purpose}"
        so = " as a whole and accepted none, so the sync's options are wrong, not the contacts."
        if self.service.is_cleared(purpose):
            so = ", so nobody was removed. All else was written; these records count as rejected."
        advice = self.words.of_refusal(request.entries, refusal).advice
        return f"Maileon refused all {requests}{so} {advice}"

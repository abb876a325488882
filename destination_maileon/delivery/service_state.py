"""What is known about the service: what it accepts and refuses, and which call size it handles."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from destination_maileon.delivery.request import Purpose, Request
from destination_maileon.errors import ConfigError, StopSync
from destination_maileon.maileon.backoff import Backoff
from destination_maileon.mapping.mapped_record import BatchEntry
from destination_maileon.rejections.rejection import Rejection

PROBE_AFTER_OVERLOADS = 2
"""One overload may be chance; waiting for more takes too long if each is a timeout of minutes."""

MAX_REFUSED_REQUESTS = 40
"""If this many requests are refused as a whole and none is accepted, the options are wrong."""

_CLEARED_BY = {
    Purpose.WRITE: {Purpose.WRITE},
    Purpose.REMOVE: {Purpose.WRITE, Purpose.REMOVE},
    Purpose.MARK: set(Purpose),
    Purpose.LOOK_UP: set(Purpose),
    Purpose.ASK: set(Purpose),
}
"""Which accepted requests show that a refusal concerns the contact; removals carry no options."""


@dataclass(eq=False, slots=True)
class _Pieces:
    """The pieces of a request that may have been too large, and those not answered yet."""

    whole: int
    contacts: int
    unanswered: set[Request]


@dataclass(eq=False, slots=True)
class ServiceState:
    """The state for one sync. `bears`: the largest number of contacts per call, None if unknown.

    A request that keeps failing while no other succeeds is split to find out why. Either the
    service is down, and smaller requests would only burden it, or a contact or the size is too much
    for it, which only a smaller request can show. So between two successes one request is split,
    and then one of its pieces at a time, after all of them were tried: a request of n records into
    at most 1 + log2 n pieces.

    The size is learned when all pieces of a request that timed out, or was refused as too large
    (413), were answered: if a contact were the cause, one piece would have failed as well.
    """

    backoff: Backoff
    accepted: set[Purpose] = field(default_factory=set)
    bears: int | None = None
    _reports: int = 0
    _most_answered: int = 0
    """Contacts in the largest call that was answered."""
    _probed_at: int | None = None
    _probes: set[Request] = field(default_factory=set)
    _untried: set[Request] = field(default_factory=set)
    _origins: dict[Request, _Pieces] = field(default_factory=dict)

    def sent(self, request: Request, now: float) -> None:
        if not request.attempts:
            request.first_attempt_at, request.successes_before = now, self._reports

    def answered(self, request: Request, *, is_report: bool) -> bool:
        """Notes an answer; returns whether it taught the size that the service handles."""
        self._reports += is_report
        if is_report:
            self._most_answered = max(self._most_answered, len(request.entries))
        self._untried.discard(request)
        pieces = self._origins.pop(request, None)
        if pieces is None or not is_report:
            return False
        pieces.unanswered.discard(request)
        if pieces.unanswered:
            return False
        # One failure of a size that was answered before may be chance, but not the next one.
        may_be_chance = pieces.whole <= self._most_answered
        self._most_answered = pieces.contacts
        if may_be_chance:
            return False
        self.bears = pieces.contacts if self.bears is None else min(self.bears, pieces.contacts)
        return True

    def failed(self, request: Request, *, is_overload: bool) -> None:
        """Notes that a request failed and may be sent again."""
        request.attempts += 1
        request.overloads += is_overload
        self._untried.discard(request)

    def is_cleared(self, purpose: Purpose) -> bool:
        """Whether a refusal of such a request is certainly about its contacts."""
        return bool(self.accepted & _CLEARED_BY[purpose])

    def has_succeeded_since(self, request: Request) -> bool:
        """Whether contacts were written since the request was first sent: the service works."""
        return self._reports > request.successes_before

    def is_probe_due(self, request: Request, now: float, *, is_timeout: bool) -> bool:
        """Whether to split this request, which failed while no other succeeds.

        A timeout is reason enough: a service that is down seldom lets a call wait that long.
        """
        if request.overloads < PROBE_AFTER_OVERLOADS:
            return False
        elapsed = now - request.first_attempt_at
        if self._probed_at != self._reports:
            return is_timeout or elapsed >= self.backoff.max_retry_seconds / 2
        is_next = request in self._probes and not self._untried
        return is_next and elapsed < self.backoff.max_retry_seconds

    def was_split(self, request: Request, pieces: Sequence[Request], *, may_be_size: bool) -> None:
        """Notes that a request that failed or was refused is split into these pieces."""
        # A piece that is split in turn stays unanswered, so that the whole teaches no size.
        self._origins.pop(request, None)
        if may_be_size and len(request.entries) > 1:
            largest = max(len(piece.entries) for piece in pieces)
            made = _Pieces(len(request.entries), largest, {*pieces})
            self._origins.update(dict.fromkeys(pieces, made))

    def was_probed(self, request: Request, pieces: Sequence[Request]) -> None:
        """Notes a split while no request succeeds; the pieces continue the request's retries."""
        self._probed_at = self._reports
        self._probes = {*pieces}
        self._untried = {*pieces}
        for piece in pieces:
            piece.attempts, piece.successes_before = request.attempts, request.successes_before
            piece.first_attempt_at = request.first_attempt_at
            # One more overload is enough, since the whole request has failed often already.
            piece.overloads = max(request.overloads, 4)


@dataclass(eq=False, slots=True)
class RefusalTracker:
    """Requests refused as a whole: whether a contact is to blame or the sync's options.

    Until another request is accepted, the options may be wrong, and records that were refused alone
    are only suspects. Invariant: `reject` is called for a suspect once a request was accepted, and
    never before.

    Removals use other endpoints than contacts and carry no options: an accepted removal clears no
    contact. Accepted contacts do clear a removal: the sync goes on, and refused removals are
    rejected. But if so many were refused that nobody can be removed, the sync fails at its end.
    """

    service: ServiceState
    reject: Callable[[Request, BatchEntry, Rejection], None]
    _refused: Counter[Purpose] = field(default_factory=Counter, init=False)
    _last: dict[Purpose, Callable[[], Rejection]] = field(default_factory=dict, init=False)
    _suspects: list[tuple[Request, Rejection]] = field(default_factory=list, init=False)

    def count(self, request: Request, tell: Callable[[], Rejection]) -> None:
        """Counts a request refused as a whole; `tell` words it, called only if the sync ends.

        Raises:
            ConfigError: if too many were refused and none was accepted.
            StopSync: the same for removals. Earlier contacts are still sent: perhaps none was yet,
                as they wait for their batch to fill.
        """
        purpose = request.purpose
        if purpose in self.service.accepted:
            return
        self._refused[purpose] += 1
        self._last[purpose] = tell
        if self.service.is_cleared(purpose) or self._refused[purpose] < MAX_REFUSED_REQUESTS:
            return
        if purpose is Purpose.WRITE:
            raise ConfigError(self._nothing_gets_through(purpose))
        if self._refused[purpose] == MAX_REFUSED_REQUESTS:
            position = None if request.is_divisible else request.position
            raise StopSync(self._nothing_gets_through(purpose), position=position)

    def hold(self, request: Request, rejection: Rejection) -> None:
        """Keeps a record that was refused alone as a suspect."""
        self._suspects.append((request, rejection))

    def accepted(self, purpose: Purpose) -> None:
        """Notes an accepted request: the options are right, so the suspects are rejected."""
        self.service.accepted.add(purpose)
        self._last.pop(purpose, None)
        if not self._suspects:
            return
        suspects, self._suspects = self._suspects, []
        for request, rejection in suspects:
            if self.service.is_cleared(request.purpose):
                self.reject(request, request.entries[0], rejection)
            else:
                self._suspects.append((request, rejection))

    def close(self) -> None:
        """Checks the refusals once the last request was answered.

        Raises:
            ConfigError: if requests were refused as a whole, and none was accepted.
        """
        if self._suspects:
            raise ConfigError(self._nothing_gets_through(self._suspects[0][0].purpose))
        removals = self._refused[Purpose.REMOVE]
        if removals >= MAX_REFUSED_REQUESTS and Purpose.REMOVE not in self.service.accepted:
            raise ConfigError(
                f"Maileon refused {_all(removals, Purpose.REMOVE)}, so nobody was removed. All "
                "else was written, and these records count as rejected."
                f"{self._said(Purpose.REMOVE)}"
            )

    def _said(self, purpose: Purpose) -> str:
        tell = self._last.get(purpose)
        return f" {tell().advice}" if tell else ""

    def _nothing_gets_through(self, purpose: Purpose) -> str:
        return (
            f"Maileon refused {_all(self._refused[purpose], purpose)} as a whole and accepted "
            "none, so the options of the sync are wrong rather than the contacts."
            f"{self._said(purpose)}"
        )


def _all(number: int, purpose: Purpose) -> str:
    return f"all {'' if number == 1 else f'{number} '}{purpose}"

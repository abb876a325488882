"""What is known of the service: what it accepts, what it refuses, how large a request it bears."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from destination_maileon.delivery.request import Purpose, Request
from destination_maileon.errors import ConfigError, StopSync
from destination_maileon.maileon.backoff import Backoff
from destination_maileon.mapping.mapped_record import BatchEntry
from destination_maileon.rejections.rejection import Rejection

PROBE_AFTER_OVERLOADS = 2
"""Once may be chance; more would take too long where each time is a timeout of minutes."""

SURE_AFTER_FAILURES = 3
"""So often a size that was answered before must have failed: once or twice may be chance."""

MAX_REFUSED_REQUESTS = 40
"""So many refused as a whole, and none accepted: it is the options, not the people."""

_CLEARED_BY = {
    Purpose.WRITE: {Purpose.WRITE},
    Purpose.REMOVE: {Purpose.WRITE, Purpose.REMOVE},
    Purpose.MARK: set(Purpose),
    Purpose.LOOK_UP: set(Purpose),
    Purpose.ASK: set(Purpose),
}
"""Accepted contacts clear a removal, too: it carries none of their options."""


@dataclass(eq=False, slots=True)
class _Pieces:
    """Of a request that may have been too large: those that were not answered yet."""

    whole: int
    contacts: int
    unanswered: set[Request]


@dataclass(eq=False, slots=True)
class ServiceState:
    """Of one sync. `bears`: so many contacts in a call are known to be the most; None: unknown.

    A request that keeps failing while no other succeeds is cut, to find out why: either the service
    is ill, and smaller requests would only burden it, or a contact, or the size of the request, is
    too much for it, which only a smaller one can show. So between two successes one request is cut,
    and of its pieces one at a time, after all of them were tried: a request of n records into at
    most 1 + log2 n pieces.

    Which size it bears is learned when all pieces of a request that timed out, or was refused as
    too large (413), were answered: if a contact were to blame, one piece would have failed like the
    whole. Where calls as large were answered in this sync, it takes several such requests.
    """

    backoff: Backoff
    accepted: set[Purpose] = field(default_factory=set)
    bears: int | None = None
    _reports: int = 0
    _most_answered: int = 0
    """So many contacts had the largest call that was answered."""
    _doubts: int = 0
    """So many requests failed that were no larger, and their pieces were answered."""
    _doubted: int = 0
    """So many contacts had the last of them."""
    _probed_at: int | None = None
    _probes: set[Request] = field(default_factory=set)
    _untried: set[Request] = field(default_factory=set)
    _origins: dict[Request, _Pieces] = field(default_factory=dict)

    def sent(self, request: Request, now: float) -> None:
        if not request.attempts:
            request.first_attempt_at, request.successes_before = now, self._reports

    def answered(self, request: Request, *, is_report: bool) -> bool:
        """A request need not be sent again as it is; whether that taught which size is borne."""
        self._reports += is_report
        if is_report:
            self._most_answered = max(self._most_answered, len(request.entries))
            if len(request.entries) >= self._doubted:
                self._doubts = 0
        self._untried.discard(request)
        pieces = self._origins.pop(request, None)
        if pieces is None:
            return False
        pieces.unanswered.discard(request)
        if pieces.unanswered or not is_report:
            return False
        self._doubts, self._doubted = self._doubts + 1, pieces.whole
        if pieces.whole <= self._most_answered and self._doubts < SURE_AFTER_FAILURES:
            return False
        self._doubts, self._most_answered = 0, pieces.contacts
        self.bears = pieces.contacts if self.bears is None else min(self.bears, pieces.contacts)
        return True

    def failed(self, request: Request, *, is_overload: bool) -> None:
        """A request failed, and may be sent again."""
        request.attempts += 1
        request.overloads += is_overload
        self._untried.discard(request)

    def is_cleared(self, purpose: Purpose) -> bool:
        """Whether a refusal of such a request is known to be about its contacts."""
        return bool(self.accepted & _CLEARED_BY[purpose])

    def has_succeeded_since(self, request: Request) -> bool:
        """Whether contacts were written since the request was sent first: the service is well."""
        return self._reports > request.successes_before

    def is_probe_due(self, request: Request, now: float, *, is_timeout: bool) -> bool:
        """Whether to cut this request, which failed while none succeeds.

        A service that is ill seldom lets a call wait until it times out.
        """
        if request.overloads < PROBE_AFTER_OVERLOADS:
            return False
        elapsed = now - request.first_attempt_at
        if self._probed_at != self._reports:
            return is_timeout or elapsed >= self.backoff.max_retry_seconds / 2
        is_next = request in self._probes and not self._untried
        return is_next and elapsed < self.backoff.max_retry_seconds

    def was_split(self, request: Request, pieces: Sequence[Request], *, may_be_size: bool) -> None:
        """A request that failed, or was refused, is cut into these."""
        # A piece fails like the whole, and stays unanswered: so the whole teaches no size.
        self._origins.pop(request, None)
        if may_be_size and len(request.entries) > 1:
            largest = max(len(piece.entries) for piece in pieces)
            made = _Pieces(len(request.entries), largest, {*pieces})
            self._origins.update(dict.fromkeys(pieces, made))

    def was_probed(self, request: Request, pieces: Sequence[Request], now: float) -> None:
        """A request was cut while none succeeds; its pieces go on where it stopped."""
        # Only the first cut gives more time: else a service that is gone would get it at each.
        is_first = self._probed_at != self._reports
        half = self.backoff.max_retry_seconds / 2
        since = now - half if is_first else request.first_attempt_at
        self._probed_at = self._reports
        self._probes = {*pieces}
        self._untried = {*pieces}
        for piece in pieces:
            piece.attempts, piece.successes_before = request.attempts, request.successes_before
            piece.first_attempt_at = max(request.first_attempt_at, since)
            # It need not prove again what the whole has shown: once more is enough.
            piece.overloads = max(request.overloads, 4)


@dataclass(eq=False, slots=True)
class RefusalTracker:
    """Requests refused as a whole: whether a contact is to blame, or the options of the sync.

    A refusal says nothing of the contacts until another request was accepted: until then the
    options may be what is wrong, and records that were refused alone are only suspects.
    Invariant: a suspect is settled, as rejected by `reject`, once a request was accepted, and never
    before.

    Removals travel another way than contacts, and carry no options: that one is accepted clears no
    contact. That contacts are accepted clears a removal: the records are written on, and those
    refused are rejected. But if so many were refused that nobody can be removed, the sync fails at
    its end.
    """

    service: ServiceState
    reject: Callable[[Request, BatchEntry, Rejection], None]
    _refused: Counter[Purpose] = field(default_factory=Counter, init=False)
    _last: dict[Purpose, Callable[[], Rejection]] = field(default_factory=dict, init=False)
    _suspects: list[tuple[Request, Rejection]] = field(default_factory=list, init=False)

    def count(self, request: Request, tell: Callable[[], Rejection]) -> None:
        """A request was refused as a whole; `tell` words that, and is asked only for an end.

        Raises:
            ConfigError: if so many were, and none was accepted.
            StopSync: the same of removals. Contacts that came before are still sent: none may have
                been, as they wait for their batch to fill.
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
        """A record was refused alone, and may not be to blame."""
        self._suspects.append((request, rejection))

    def accepted(self, purpose: Purpose) -> None:
        """A request was accepted: the options are right, and the suspects to blame."""
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
        """The last request was answered.

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

"""What is known of the service: what it has accepted, and how large a request it bears.

A request that keeps failing while no other succeeds is cut, to find out why: either the service is
ill, and smaller requests would only burden it, or a contact, or the size of the request, is too
much for it, which only a smaller one can show. So between two successes one request is cut, and of
its pieces one at a time, after all of them were tried: a request of n records into at most
1 + log2 n pieces.

Which size it bears is learned when all pieces of a request that timed out were answered: if a
contact were to blame, one piece would have failed like the whole.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from destination_maileon.delivery.request import Purpose

if TYPE_CHECKING:
    from collections.abc import Sequence

    from destination_maileon.delivery.request import Request
    from destination_maileon.maileon.backoff import Backoff

PROBE_AFTER_OVERLOADS = 2
"""Once may be chance. More would take too long where each time is a timeout of minutes."""

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
    """Of a request that was too much for the service: those that were not answered yet."""

    unanswered: set[Request]
    contacts: int


@dataclass(eq=False, slots=True)
class ServiceState:
    """Of one sync. `bears`: so many contacts in a call are known to be the most; None: unknown."""

    backoff: Backoff
    accepted: set[Purpose] = field(default_factory=set)
    bears: int | None = None
    _reports: int = 0
    _probed_at: int | None = None
    _probes: set[Request] = field(default_factory=set)
    _untried: set[Request] = field(default_factory=set)
    _origins: dict[Request, _Pieces] = field(default_factory=dict)

    def sent(self, request: Request, now: float) -> None:
        """A request leaves."""
        if not request.attempts:
            request.first_attempt_at, request.successes_before = now, self._reports

    def answered(self, request: Request, *, is_report: bool) -> bool:
        """A request need not be sent again as it is; whether that taught which size is borne."""
        self._reports += is_report
        self._untried.discard(request)
        pieces = self._origins.pop(request, None)
        if pieces is None:
            return False
        pieces.unanswered.discard(request)
        if pieces.unanswered or not is_report:
            return False
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

    def was_split(self, request: Request, pieces: Sequence[Request], *, is_timeout: bool) -> None:
        """A request that failed is cut into these."""
        origin = self._origins.pop(request, None)
        if origin is not None:
            # A piece fails like the whole: what the whole was cut into says nothing of its size.
            for other in origin.unanswered:
                self._origins.pop(other, None)
        if is_timeout and len(request.entries) > 1:
            made = _Pieces({*pieces}, max(len(piece.entries) for piece in pieces))
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

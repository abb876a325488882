"""Requests refused as a whole: whether a contact is to blame, or the options of the sync.

A refusal says nothing of the contacts until another request was accepted: until then the options
may be what is wrong, and records that were refused alone are only suspects.
Invariant: a suspect is settled, as rejected, once a request was accepted, and never before.

Removals travel another way than contacts, and carry no options: that one is accepted clears no
contact. That contacts are accepted clears a removal: the records are written on, and those refused
are rejected. But if so many were refused that nobody can be removed, the sync fails at its end.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from destination_maileon.delivery.request import Purpose
from destination_maileon.errors import ConfigError, StopSync

if TYPE_CHECKING:
    from collections.abc import Callable

    from destination_maileon.delivery.request import Request
    from destination_maileon.delivery.service_state import ServiceState
    from destination_maileon.rejections.rejection import Rejection

MAX_REFUSED_REQUESTS = 40
"""So many refused as a whole, and none accepted: it is the options, not the people."""


@dataclass(eq=False, slots=True)
class RefusalTracker:
    """What is known of one sync's refused requests. `reject` settles a suspect, as rejected."""

    service: ServiceState
    reject: Callable[[Request, Rejection], None]
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
                self.reject(request, rejection)
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

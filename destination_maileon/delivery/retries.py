"""A call that failed and may succeed later: tried again, cut into smaller ones, or given up.

This module alone decides. Invariant: a call is tried again until it succeeds, is replaced by calls
with the same records, or its patience is used up, which ends the sync: nobody is rejected for it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from destination_maileon.delivery.division import halves, is_divisible
from destination_maileon.delivery.probing import OVERLOADS_BEFORE_HALVING
from destination_maileon.errors import TransientError
from destination_maileon.protocol.output import Level, pluralize
from destination_maileon.rejections.masking import contact_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from destination_maileon.config.model import IdentifiersInLogs
    from destination_maileon.delivery.probing import Probing
    from destination_maileon.delivery.request import Request
    from destination_maileon.delivery.scheduler import RequestScheduler
    from destination_maileon.maileon.backoff import Backoff
    from destination_maileon.maileon.errors import RetriableError
    from destination_maileon.protocol.output import Log

_LIKELY_CAUSE = {
    True: " Other calls succeeded meanwhile, so the cause is likely to be this record.",
    False: " No other call succeeded meanwhile, so the cause need not be this record.",
}
"""Of a contact that fails alone, by whether others succeed."""


@dataclass(eq=False, slots=True, kw_only=True)
class Retries:
    """Those of one sync. `random` gives numbers from 0 to 1."""

    dispatch: RequestScheduler
    patience: Backoff
    random: Callable[[], float]
    probing: Probing
    style: IdentifiersInLogs
    log: Log
    _successes: int = field(default=0, init=False)

    def starts(self, call: Request, now: float) -> None:
        """A call takes off."""
        if not call.attempts:
            call.first_attempt_at = now
            call.successes_before = self._successes

    def succeeds(self) -> None:
        """Contacts were written: the service is well."""
        self._successes += 1

    def ends(self, call: Request) -> None:
        """A call was answered, and need not be tried again as it is."""
        self.probing.answered(call)

    def fails(self, call: Request, trouble: RetriableError, now: float) -> float | None:
        """The seconds until the call is tried again; None if smaller ones take its place.

        Raises:
            TransientError: if it was tried long enough.
        """
        call.attempts += 1
        call.overloads += trouble.may_be_too_large
        self.probing.answered(call)
        if trouble.is_throttled:
            self.dispatch.slow_down()
        if (smaller := self._smaller(call, trouble, now)) is not None:
            self.dispatch.replace(call, smaller)
            return None
        elapsed = now - call.first_attempt_at
        wait = self.patience.delay(
            call.attempts, elapsed, retry_after=trouble.retry_after, random=self.random
        )
        if wait is None:
            raise TransientError(self._gave_up(call, trouble, elapsed))
        self.dispatch.again(call, at=now + wait)
        return wait

    def _smaller(
        self, call: Request, trouble: RetriableError, now: float
    ) -> list[list[Request]] | None:
        if not is_divisible(call):
            return None
        if self._others_succeed(call):
            return halves(call) if call.overloads >= OVERLOADS_BEFORE_HALVING else None
        # A service that says when to come again is well enough to be believed.
        may_be_the_call = trouble.may_be_too_large and trouble.retry_after is None
        if not may_be_the_call or not self.probing.is_due(call, now, successes=self._successes):
            return None
        self.log(
            Level.WARN,
            f"Stream {call.lane.plan.title}: a call with {pluralize(len(call.entries), 'contact')} "
            f"has failed {call.attempts} times, and no other succeeds. It is sent in halves, to "
            "see whether a contact makes it fail.",
        )
        return self.probing.pieces(call, now, successes=self._successes)

    def _others_succeed(self, call: Request) -> bool:
        return self._successes > call.successes_before

    def _gave_up(self, call: Request, trouble: RetriableError, elapsed: float) -> str:
        contacts = pluralize(len(call.entries), "contact")
        what = f"A call of stream {call.lane.plan.title} with {contacts}"
        likely_cause = ""
        if len(call.entries) == 1:
            contact = call.entries[0].contact
            mode = call.lane.plan.options.identifier_mode
            what = (
                f"The call for record {call.entries[0].parts[0].number} of stream "
                f"{call.lane.plan.title} ({contact_name(contact, mode, self.style)})"
            )
            likely_cause = _LIKELY_CAUSE[self._others_succeed(call)]
        return (
            f"{what} failed {call.attempts} times in {elapsed:.0f} seconds, the last time with: "
            f"{trouble}{likely_cause} Airbyte will sync again from the last saved state; if this "
            "goes on, ask Maileon's support."
        )

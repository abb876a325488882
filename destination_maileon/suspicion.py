"""Calls that are refused as a whole: whether a contact is to blame, or the options of the sync.

This module alone decides. A refusal says nothing of the contacts until another call was accepted:
until then the parameters may be what is wrong, and records that were refused alone are only
suspects. Invariant: a suspect is settled, as rejected, once a call was accepted, and never before.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from destination_maileon.problems import ConfigError

if TYPE_CHECKING:
    from destination_maileon.catalog import StreamPlan
    from destination_maileon.ledger import Ledger
    from destination_maileon.merging import Part
    from destination_maileon.rejections import Rejection

MAX_REFUSED_CALLS = 40
"""So many calls refused as a whole, and none accepted: it is the parameters, not the people."""


@dataclass(eq=False, slots=True)
class Suspicion:
    """What is known of one sync's refused calls."""

    ledger: Ledger
    _is_lifted: bool = field(default=False, init=False)
    _refused_calls: int = field(default=0, init=False)
    _last_refusal: Rejection | None = field(default=None, init=False)
    _suspects: list[tuple[StreamPlan, Part, Rejection]] = field(default_factory=list, init=False)

    def grows(self, rejection: Rejection) -> None:
        """A call was refused as a whole.

        Raises:
            ConfigError: if so many were, and none was accepted.
        """
        if self._is_lifted:
            return
        self._refused_calls += 1
        self._last_refusal = rejection
        if self._refused_calls >= MAX_REFUSED_CALLS:
            raise self._nothing_gets_through()

    def falls_on(self, plan: StreamPlan, part: Part, rejection: Rejection) -> None:
        """A record was refused alone: it is rejected if the parameters are known to be right.

        Raises:
            ConfigError: if no more may be rejected.
        """
        if self._is_lifted:
            self.ledger.rejected(plan, part, rejection)
        else:
            self._suspects.append((plan, part, rejection))

    def lifts(self) -> None:
        """A call was accepted: the parameters are right, and the suspects to blame.

        Raises:
            ConfigError: if no more may be rejected.
        """
        self._is_lifted = True
        suspects, self._suspects = self._suspects, []
        for plan, part, rejection in suspects:
            self.ledger.rejected(plan, part, rejection)

    def close(self) -> None:
        """The last call was answered.

        Raises:
            ConfigError: if calls were refused as a whole, and none was accepted.
        """
        if self._suspects:
            raise self._nothing_gets_through()

    def _nothing_gets_through(self) -> ConfigError:
        said = f" {self._last_refusal.advice}" if self._last_refusal else ""
        return ConfigError(
            f"Maileon refused all {self._refused_calls} calls as a whole and accepted none, so the "
            f"options of the sync are wrong rather than the contacts.{said}"
        )

"""Calls that are refused as a whole: whether a contact is to blame, or the options of the sync.

This module alone decides. A refusal says nothing of the contacts until another call was accepted:
until then the parameters may be what is wrong, and records that were refused alone are only
suspects. Invariant: a suspect is settled, as rejected, once a call was accepted, and never before.

Farewells travel another way than contacts, and carry no options: that one is accepted clears no
contact. That contacts are accepted clears a farewell: the records are written on, and those refused
are rejected. But if so many were refused that nobody can be removed, the sync fails at its end.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

from destination_maileon.errors import ConfigError, StopSync

if TYPE_CHECKING:
    from collections.abc import Callable

    from destination_maileon.accounting.ledger import Ledger
    from destination_maileon.delivery.request import Request
    from destination_maileon.mapping.mapped_record import MappedRecord
    from destination_maileon.rejections.rejection import Rejection
    from destination_maileon.streams.catalog import StreamPlan

    _Suspect: TypeAlias = tuple[StreamPlan, MappedRecord, Rejection]

MAX_REFUSED_CALLS = 40
"""So many calls refused as a whole, and none accepted: it is the parameters, not the people."""


class Kind(StrEnum):
    """What a call is for, as it is called in a message."""

    WRITE = "calls"
    FAREWELL = "deletions and unsubscriptions"

    @classmethod
    def of(cls, call: Request) -> Kind:
        return cls.WRITE if call.farewell is None else cls.FAREWELL


_CLEARED_BY = {Kind.WRITE: {Kind.WRITE}, Kind.FAREWELL: {Kind.WRITE, Kind.FAREWELL}}


@dataclass(eq=False, slots=True)
class RefusalTracker:
    """What is known of one sync's refused calls."""

    ledger: Ledger
    _accepted: set[Kind] = field(default_factory=set, init=False)
    _refused: Counter[Kind] = field(default_factory=Counter, init=False)
    _last_refusals: dict[Kind, Callable[[], Rejection]] = field(default_factory=dict, init=False)
    _suspects: list[tuple[Kind, _Suspect]] = field(default_factory=list, init=False)

    def grows(self, kind: Kind, tell: Callable[[], Rejection], *, place: int | None = None) -> None:
        """A call was refused as a whole; `tell` puts that into words, and is asked only for an end.

        `place` is that of its record, if it is one.

        Raises:
            ConfigError: if so many were, and none was accepted.
            StopReading: the same of farewells. Contacts that came before are still sent: none may
                have been, as they wait for their batch to fill.
        """
        if kind in self._accepted:
            return
        self._refused[kind] += 1
        self._last_refusals[kind] = tell
        if self._is_cleared(kind):
            return
        if kind is Kind.WRITE and self._are_enough(kind):
            raise ConfigError(self._nothing_gets_through(kind))
        if self._refused[kind] == MAX_REFUSED_CALLS:
            raise StopSync(self._nothing_gets_through(kind), place=place)

    def falls_on(self, call: Request, rejection: Rejection) -> None:
        """A record was refused alone: it is rejected if the parameters are known to be right."""
        suspect = (call.lane.plan, call.entries[0].parts[0], rejection)
        if self._is_cleared(Kind.of(call)):
            self.ledger.rejected(*suspect)
        else:
            self._suspects.append((Kind.of(call), suspect))

    def lifts(self, kind: Kind) -> None:
        """A call was accepted: the parameters are right, and the suspects to blame."""
        self._accepted.add(kind)
        self._last_refusals.pop(kind, None)
        cleared = [(of, who) for of, who in self._suspects if kind in _CLEARED_BY[of]]
        self._suspects = [row for row in self._suspects if row not in cleared]
        for _, suspect in cleared:
            self.ledger.rejected(*suspect)

    def close(self) -> None:
        """The last call was answered.

        Raises:
            ConfigError: if calls were refused as a whole, and none was accepted.
        """
        if self._suspects:
            kind, _ = self._suspects[0]
            raise ConfigError(self._nothing_gets_through(kind))
        if self._are_enough(Kind.FAREWELL) and Kind.FAREWELL not in self._accepted:
            raise ConfigError(
                f"Maileon refused {_all(self._refused[Kind.FAREWELL], Kind.FAREWELL)}, so nobody "
                "was removed. All else was written, and these records count as rejected."
                f"{self._said(Kind.FAREWELL)}"
            )

    def _are_enough(self, kind: Kind) -> bool:
        return self._refused[kind] >= MAX_REFUSED_CALLS

    def _is_cleared(self, kind: Kind) -> bool:
        return bool(self._accepted & _CLEARED_BY[kind])

    def _said(self, kind: Kind) -> str:
        tell = self._last_refusals.get(kind)
        return f" {tell().advice}" if tell else ""

    def _nothing_gets_through(self, kind: Kind) -> str:
        return (
            f"Maileon refused {_all(self._refused[kind], kind)} as a whole and accepted none, so "
            f"the options of the sync are wrong rather than the contacts.{self._said(kind)}"
        )


def _all(number: int, kind: Kind) -> str:
    return f"all {'' if number == 1 else f'{number} '}{kind}"

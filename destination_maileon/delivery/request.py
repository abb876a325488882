"""One call to Maileon, from the closed batch until the last of its records is settled.

This module alone says what is kept of a call; what follows from it, others decide.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from destination_maileon.mapping.mapped_record import BatchEntry
    from destination_maileon.mapping.rules import ContactRemoval
    from destination_maileon.streams.catalog import PartitionKey


@dataclass(eq=False, slots=True)
class Request:
    """One call to Maileon: contacts to write, or one farewell to carry out.

    `place` is that of its oldest record in the input. `when_oldest` lets it fly only when
    everything before it is settled. `is_recount` marks a call whose contacts an earlier report has
    counted already. `attempts` and what follows tell how it fared so far; times in seconds.
    """

    lane: PartitionKey
    entries: list[BatchEntry]
    farewell: ContactRemoval | None = None
    when_oldest: bool = False
    is_recount: bool = False
    place: int = 0
    attempts: int = 0
    overloads: int = 0
    first_attempt_at: float = 0.0
    successes_before: int = 0
    order: Order = field(init=False)

    def __post_init__(self) -> None:
        self.place = min(entry.place for entry in self.entries)
        self.order = Order()

    def goes_on(self, call: Request, *, since: float) -> None:
        """It is tried on where a larger call stopped, as if it had been since this time."""
        self.attempts, self.first_attempt_at = call.attempts, since
        self.successes_before = call.successes_before

    @property
    def records(self) -> int:
        """How many records it carries."""
        return sum(len(entry.parts) for entry in self.entries)


@dataclass(eq=False, slots=True)
class Order:
    """What `RequestScheduler` keeps of a call; nobody else writes here."""

    parent: Request | None = None
    not_before: float = 0.0
    blockers: int = 0
    blocks: list[Request] = field(default_factory=list)
    open_children: int = 0
    newest: int = 0
    keys: list[str] = field(default_factory=list)

"""What becomes of people, for every combination of the options that touch consent.

One table for two readers: `test_consent.py` provokes each row, and `scripts/documents.py` prints it
in docs/consent.md. The outcomes are what Maileon's pages say.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import product


class Person(StrEnum):
    """Who a record is about, in the words of the page."""

    NEW = "is not in Maileon"
    EXISTING = "is in Maileon"
    MARKED = "is in Maileon, and the address has an unsubscription marker"
    UNSUBSCRIBED = "has unsubscribed"
    # Not what the pages say; see `unsubscribed_keep` of the sandbox.
    UNSUBSCRIBED_KEPT = "has unsubscribed, if Maileon should still have the contact"


class Outcome(StrEnum):
    """Of one person, in the words of the page."""

    CREATED_WITHOUT = "created with the permission none"
    CREATED = "created with the permission"
    UPDATED = "updated, keeps its permission"
    REPLACED = "updated, **gets the permission**"
    LEFT_OUT = "left out"
    LEFT_OUT_MARKED = "left out, at every sync, until the marker is lifted"
    LEFT_OUT_UNSUBSCRIBED = "left out, stays unsubscribed"
    AGAIN_WITHOUT = "**added again** as a new contact with the permission none"
    AGAIN = "**added again** as a new contact **with the permission**"
    KEPT_AGAIN = "**added again**; which permission it has is not documented"
    KEPT_AGAIN_WITH = "**added again with the permission**"


@dataclass(frozen=True, slots=True)
class Options:
    """One combination. `has_permission`: one is configured, or the record names it."""

    has_permission: bool
    overrides: bool
    reimports: bool
    updates_only: bool

    @property
    def warnings(self) -> list[str]:
        """What the log says before the first record, in some of its words."""
        told = []
        if self.overrides and self.has_permission:
            told.append("the permission of existing contacts is replaced by")
        elif self.overrides:
            told.append("is set without a permission, so it is sent as false")
        if self.reimports:
            told.append("people who unsubscribed are added again")
        return told


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentRow:
    """One row of the page. An option that is None does not matter."""

    person: Person
    outcome: Outcome
    has_permission: bool | None = None
    overrides: bool | None = None
    reimports: bool | None = None
    updates_only: bool | None = None

    def covers(self, person: Person, options: Options) -> bool:
        return person is self.person and all(
            wanted is None or wanted == getattr(options, name)
            for name, wanted in self.options.items()
        )

    @property
    def options(self) -> dict[str, bool | None]:
        return {
            "reimports": self.reimports,
            "updates_only": self.updates_only,
            "overrides": self.overrides,
            "has_permission": self.has_permission,
        }


def _rows() -> Iterator[ConsentRow]:
    yes, no = True, False
    who = Person.NEW
    yield ConsentRow(person=who, updates_only=yes, outcome=Outcome.LEFT_OUT)
    for named, outcome in ((no, Outcome.CREATED_WITHOUT), (yes, Outcome.CREATED)):
        yield ConsentRow(person=who, updates_only=no, has_permission=named, outcome=outcome)
    yield from _existing(Person.EXISTING, reimports=None)
    who = Person.MARKED
    yield ConsentRow(person=who, reimports=no, outcome=Outcome.LEFT_OUT_MARKED)
    yield from _existing(who, reimports=yes)
    for who in (Person.UNSUBSCRIBED, Person.UNSUBSCRIBED_KEPT):
        yield ConsentRow(person=who, reimports=no, outcome=Outcome.LEFT_OUT_UNSUBSCRIBED)
    who = Person.UNSUBSCRIBED
    yield ConsentRow(person=who, reimports=yes, updates_only=yes, outcome=Outcome.LEFT_OUT)
    for named, outcome in ((no, Outcome.AGAIN_WITHOUT), (yes, Outcome.AGAIN)):
        yield ConsentRow(
            person=who, reimports=yes, updates_only=no, has_permission=named, outcome=outcome
        )
    who, outcome = Person.UNSUBSCRIBED_KEPT, Outcome.KEPT_AGAIN
    yield ConsentRow(person=who, reimports=yes, overrides=no, outcome=outcome)
    for named, outcome in ((no, Outcome.KEPT_AGAIN), (yes, Outcome.KEPT_AGAIN_WITH)):
        yield ConsentRow(
            person=who, reimports=yes, overrides=yes, has_permission=named, outcome=outcome
        )


def _existing(person: Person, *, reimports: bool | None) -> Iterator[ConsentRow]:
    """Of people who are there, and are written."""
    for overrides, named, outcome in (
        (False, None, Outcome.UPDATED),
        (True, False, Outcome.UPDATED),
        (True, True, Outcome.REPLACED),
    ):
        yield ConsentRow(
            person=person,
            reimports=reimports,
            overrides=overrides,
            has_permission=named,
            outcome=outcome,
        )


ROWS = tuple(_rows())
CASES = tuple(Options(*options) for options in product((False, True), repeat=4))


def outcome_of(person: Person, options: Options) -> Outcome:
    """Raise ValueError unless exactly one row is about this person and these options."""
    (row,) = (row for row in ROWS if row.covers(person, options))
    return row.outcome

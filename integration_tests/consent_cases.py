"""What becomes of a person, for every combination of the options that touch consent.

One table for two readers: `test_consent.py` provokes each row, and `scripts/documents.py` prints it
in the README. The outcomes are what Maileon's documentation of Synchronize Contacts says.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import product


class Outcome(StrEnum):
    """Of one person, in the README's words."""

    CREATED_WITHOUT = "created; none is sent, so the permission is none"
    CREATED = "created with the permission"
    UPDATED = "updated, keeps its permission"
    REPLACED = "updated, **gets the permission**"
    LEFT_OUT = "left out"
    STAYS_UNSUBSCRIBED = "left out, stays unsubscribed"
    ADDED_AGAIN = "**added again**"
    ADDED_AGAIN_WITH = "**added again with the permission**"


@dataclass(frozen=True, slots=True)
class ConsentCase:
    """One combination. `has_permission`: one is configured, or the record names it."""

    has_permission: bool
    overrides: bool
    reimports: bool
    updates_only: bool

    @property
    def new(self) -> Outcome:
        if self.updates_only:
            return Outcome.LEFT_OUT
        return Outcome.CREATED if self.has_permission else Outcome.CREATED_WITHOUT

    @property
    def existing(self) -> Outcome:
        return Outcome.REPLACED if self._replaces else Outcome.UPDATED

    @property
    def unsubscribed(self) -> Outcome:
        if not self.reimports:
            return Outcome.STAYS_UNSUBSCRIBED
        return Outcome.ADDED_AGAIN_WITH if self._replaces else Outcome.ADDED_AGAIN

    @property
    def warnings(self) -> list[str]:
        """What the log says before the first record, in its first words."""
        told = []
        if self._replaces:
            told.append("the permission of existing contacts is replaced by")
        elif self.overrides:
            told.append('"override_permission" is set without a permission')
        if self.reimports:
            told.append("people who unsubscribed are added again")
        return told

    @property
    def _replaces(self) -> bool:
        return self.overrides and self.has_permission


CASES = [ConsentCase(*options) for options in product((False, True), repeat=4)]

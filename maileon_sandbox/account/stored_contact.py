"""A contact in the account: an immutable value that each write replaces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

from maileon_sandbox.vocabulary import Permission


class StoredPreference(NamedTuple):
    """A value, `true` or `false`, and its source."""

    value: str
    source: str | None = None


def _now() -> datetime:
    return datetime.now(tz=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredContact:
    """One contact. Field values are text, as in the XML; a missing key means no value.

    `unsubscribed` is true from an unsubscription until the contact is written again; markers of
    addresses are in `Account.markers`. `preference_times` holds when each preference's value or
    source last changed; for `left_audiences` see `maileon_sandbox.account.audiences`.
    """

    id: int
    email: str | None = None
    external_id: str | None = None
    permission: Permission = Permission.NONE
    standard_fields: Mapping[str, str] = field(default_factory=dict)
    custom_fields: Mapping[str, str] = field(default_factory=dict)
    preferences: Mapping[tuple[str, str], StoredPreference] = field(default_factory=dict)
    unsubscribed: bool = False
    created_at: datetime = field(default_factory=_now)
    updated_at: datetime = field(default_factory=_now)
    updates: int = 0
    preference_times: Mapping[tuple[str, str], datetime] = field(default_factory=dict)
    left_audiences: Mapping[str, int] = field(default_factory=dict)

    def snapshot(self) -> dict[str, object]:
        """Everything but the id, the times and the counter, as plain JSON data."""
        return {
            "email": self.email,
            "external_id": self.external_id,
            "permission": int(self.permission),
            "standard_fields": dict(sorted(self.standard_fields.items())),
            "custom_fields": dict(sorted(self.custom_fields.items())),
            "preferences": [
                {"category": category, "name": name, "value": value, "source": source}
                for (category, name), (value, source) in sorted(self.preferences.items())
            ],
            "unsubscribed": self.unsubscribed,
        }

"""Applies the values of a sent contact to a stored one.

A synchronize and the calls that create or update one contact do the same: an absent field stays,
nil clears it, and any other value replaces it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from maileon_sandbox.account.stored_contact import StoredContact, StoredPreference
from maileon_sandbox.contacts.field_rules import Values
from maileon_sandbox.contacts.sent_contacts import SentContact, SentPreference

_Key = tuple[str, str]


def written(
    stored: StoredContact, sent: SentContact, *, values: Values, now: datetime
) -> StoredContact:
    """The stored contact with the values sent. A contact that is written is subscribed again."""
    # An address that differs only by case is the same one and is not overwritten.
    is_new_address = sent.email and sent.email.lower() != (stored.email or "").lower()
    preferences = _preferences(stored.preferences, values.preferences)
    changed = {key for key in preferences if preferences[key] != stored.preferences.get(key)}
    return replace(
        stored,
        email=sent.email if is_new_address else stored.email,
        external_id=sent.external_id or stored.external_id,
        standard_fields=_merged(stored.standard_fields, values.standard_fields),
        custom_fields=_merged(stored.custom_fields, values.custom_fields),
        preferences=preferences,
        preference_times={**stored.preference_times, **dict.fromkeys(changed, now)},
        unsubscribed=False,
        updated_at=now,
        updates=stored.updates + 1,
    )


def _merged(stored: Mapping[str, str], sent: Mapping[str, str | None]) -> dict[str, str]:
    merged = {**stored, **sent}
    return {name: value for name, value in merged.items() if value is not None}


def _preferences(
    stored: Mapping[_Key, StoredPreference], sent: list[SentPreference]
) -> dict[_Key, StoredPreference]:
    """The source changes only if it was sent (Maileon docs, Contact Preferences)."""
    merged = dict(stored)
    for preference in sent:
        key = (preference.category, preference.name)
        before = stored.get(key)
        source = before.source if before and not preference.has_source else preference.source
        merged[key] = StoredPreference(preference.value or "false", source)
    return merged

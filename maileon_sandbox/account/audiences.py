"""Audiences: which contacts are in one, and which have left it.

A custom field of type integer can hold an audience: contacts with a number above 0 are in it, and
each sync writes a higher number than the one before. Maileon has no such concept, only filters on
fields. The page shows audiences.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from maileon_sandbox.account.stored_contact import StoredContact


def number_in(contact: StoredContact, field: str) -> int:
    """The number in the field; 0 for no value, and for a seeded value that is no number."""
    try:
        return int(contact.custom_fields.get(field, "0"))
    except ValueError:
        return 0


def left_audiences(
    before: StoredContact | None,
    after: StoredContact,
    *,
    fields: Iterable[str],
    highest: Mapping[str, int],
) -> dict[str, int]:
    """The audiences that a contact has left, with this write or before.

    Maps each field to the highest number that any contact had in it at that time. If that number is
    still the highest, the contact left in the last sync. An unsubscribed contact has left none.
    """
    if before is None or after.unsubscribed:
        return {}
    left = {field: number for field, number in before.left_audiences.items() if field in fields}
    for field in fields:
        if number_in(after, field) > 0:
            left.pop(field, None)
        elif number_in(before, field) > 0:
            left[field] = highest.get(field, 0)
    return left


def left_in_last_sync(contact: StoredContact, field: str, highest: Mapping[str, int]) -> bool:
    return field in contact.left_audiences and (
        contact.left_audiences[field] == highest.get(field, 0)
    )

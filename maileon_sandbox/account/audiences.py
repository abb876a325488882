"""Audiences: who is in one, and who has left it.

A custom field of type integer can hold an audience: whoever has a number above 0 is in, and each
sync writes a higher number than the one before. Maileon has no such notion; it has filters on
fields. The page shows it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from maileon_sandbox.account.stored_contact import StoredContact


def number_in(contact: StoredContact, field: str) -> int:
    """0 for no value, and for a seeded one that is no number."""
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
    """The audiences that a contact is out of since a write, or was before and still is.

    Maps each field to the highest number that anybody had in it when the contact left: whoever left
    in the last sync has the one that is the highest still. Whoever unsubscribes has left nothing.
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

"""Renaming and deleting custom fields, preference categories and preferences.

A new name keeps the contacts' values, a deletion drops them (Maileon docs, Rename Custom Field,
Delete Custom Field; for preferences inferred). The caller holds the account's lock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeVar

from maileon_sandbox.account.account import Account
from maileon_sandbox.account.stored_contact import StoredContact

Key = TypeVar("Key")
Value = TypeVar("Value")
# Maps a name to its new name, or to None if it is deleted.
Renaming = Callable[[Key], Key | None]


def rename_custom_field(account: Account, old: str, new: str | None) -> None:
    """Renames a custom field; `new` None deletes it."""
    account.custom_fields = _renamed(account.custom_fields, lambda n: new if n == old else n)
    _change_contacts(
        account,
        lambda contact: replace(
            contact,
            custom_fields=_renamed(contact.custom_fields, lambda n: new if n == old else n),
        ),
    )


def rename_category(account: Account, old: str, new: str | None) -> None:
    """Renames a category; `new` None deletes it with its preferences."""

    def renamed(name: str) -> str | None:
        return new if name == old else name

    account.preferences = _renamed(account.preferences, renamed)
    account.category_descriptions = _renamed(account.category_descriptions, renamed)

    def renamed_key(key: tuple[str, str]) -> tuple[str, str] | None:
        category = renamed(key[0])
        return (category, key[1]) if category is not None else None

    _change_preferences(account, renamed_key)


def rename_preference(account: Account, key: tuple[str, str], new: str | None) -> None:
    """Renames a preference; `key` is category and name, and `new` None deletes it."""
    category, old = key
    account.preferences[category] = _renamed(
        account.preferences[category], lambda n: new if n == old else n
    )

    def renamed_key(other: tuple[str, str]) -> tuple[str, str] | None:
        if other != key:
            return other
        return (category, new) if new is not None else None

    _change_preferences(account, renamed_key)


def _renamed(values: Mapping[Key, Value], renaming: Renaming[Key]) -> dict[Key, Value]:
    """The values under their new names, in the same order."""
    names = [(renaming(name), value) for name, value in values.items()]
    return {name: value for name, value in names if name is not None}


def _change_preferences(account: Account, renaming: Renaming[tuple[str, str]]) -> None:
    _change_contacts(
        account,
        lambda contact: replace(
            contact,
            preferences=_renamed(contact.preferences, renaming),
            preference_times=_renamed(contact.preference_times, renaming),
        ),
    )


def _change_contacts(account: Account, change: Callable[[StoredContact], StoredContact]) -> None:
    for contact in account.contacts():
        changed = change(contact)
        if changed != contact:
            account.put(changed)

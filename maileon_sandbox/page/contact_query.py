"""Finds the contacts that a reader of the page asks for, and sorts them.

A search looks at identifiers, field values, and names of preferences; all words must be found,
ignoring case. It looks at each contact once, so that 100,000 take a moment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from maileon_sandbox.account.account import Account
from maileon_sandbox.account.audiences import left_in_last_sync, number_in
from maileon_sandbox.account.stored_contact import StoredContact
from maileon_sandbox.page.wording import permission_name
from maileon_sandbox.vocabulary import Permission

UNSUBSCRIBED = "unsubscribed"
LATEST_FIRST = "latest"
WHO = {
    "": "everybody",
    **{str(int(p)): f"permission {permission_name(p)}" for p in Permission},
    UNSUBSCRIBED: "unsubscribed",
}
IN_AUDIENCE = "in:"
LEFT_AUDIENCE = "left:"
ORDERS = {"": "in order of creation", LATEST_FIRST: "last written first"}


def who_choices(account: Account) -> dict[str, str]:
    """The choices for narrowing the list: their values and texts."""
    choices = dict(WHO)
    for name in account.integer_fields():
        choices[f"{IN_AUDIENCE}{name}"] = f"in audience {name} (above 0)"
        choices[f"{LEFT_AUDIENCE}{name}"] = f"left audience {name} in the last sync"
    return choices


@dataclass(frozen=True, slots=True)
class ContactQuery:
    """The query of the form above the list. An unknown choice is ignored."""

    words: tuple[str, ...] = ()
    who: str = ""
    order: str = ""

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Self:
        who, order = query.get("who", ""), query.get("order", "")
        return cls(
            tuple(query.get("search", "").lower().split()),
            who if who in WHO or who.startswith((IN_AUDIENCE, LEFT_AUDIENCE)) else "",
            order if order in ORDERS else "",
        )

    def run(self, account: Account) -> list[StoredContact]:
        contacts = _named(self.words, self._meant(account))
        if self.order == LATEST_FIRST:
            contacts.sort(key=lambda contact: contact.updated_at, reverse=True)
        return contacts

    def _meant(self, account: Account) -> list[StoredContact]:
        contacts = account.contacts()
        if self.who == UNSUBSCRIBED:
            return [contact for contact in contacts if contact.unsubscribed]
        if self.who.startswith(IN_AUDIENCE):
            field = self.who.removeprefix(IN_AUDIENCE)
            return [c for c in contacts if is_in_audience(c, field, account)]
        if self.who.startswith(LEFT_AUDIENCE):
            field = self.who.removeprefix(LEFT_AUDIENCE)
            return [c for c in contacts if left_in_last_sync(c, field, account.highest_numbers)]
        if self.who:
            permission = Permission(int(self.who))
            return [contact for contact in contacts if contact.permission is permission]
        return contacts


def is_in_audience(contact: StoredContact, field: str, account: Account) -> bool:
    return field in account.integer_fields() and number_in(contact, field) > 0


def _named(words: tuple[str, ...], contacts: list[StoredContact]) -> list[StoredContact]:
    if not words:
        return contacts
    texts = map(_text, contacts)
    return [
        contact
        for contact, text in zip(contacts, texts, strict=True)
        if all(map(text.__contains__, words))
    ]


def _text(contact: StoredContact) -> str:
    parts = [
        str(contact.id),
        contact.email or "",
        contact.external_id or "",
        *contact.standard_fields.values(),
        *contact.custom_fields.values(),
    ]
    for category_and_name in contact.preferences:
        parts += category_and_name
    return "\n".join(parts).lower()

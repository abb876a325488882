"""Which contacts a person asks for, and in which order.

Decides alone what a search looks at: identifiers, values of fields, and the names of preferences.
Every word must be found, ignoring case. Looks at each contact once, so that 100,000 take a moment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from maileon_sandbox.account import Account
from maileon_sandbox.page.wording import permission_name
from maileon_sandbox.stored_contact import StoredContact
from maileon_sandbox.vocabulary import Permission

UNSUBSCRIBED = "unsubscribed"
LATEST_FIRST = "latest"
WHO = {
    "": "everybody",
    **{str(int(p)): f"permission {permission_name(p)}" for p in Permission},
    UNSUBSCRIBED: "unsubscribed",
}
ORDERS = {"": "in order of creation", LATEST_FIRST: "last written first"}


@dataclass(frozen=True, slots=True)
class PeopleQuestion:
    """What the form above the list asks for. A choice that does not exist is none."""

    words: tuple[str, ...] = ()
    who: str = ""
    order: str = ""

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Self:
        who, order = query.get("who", ""), query.get("order", "")
        return cls(
            tuple(query.get("search", "").lower().split()),
            who if who in WHO else "",
            order if order in ORDERS else "",
        )

    def answer(self, account: Account) -> list[StoredContact]:
        contacts = _named(self.words, self._meant(account.contacts()))
        if self.order == LATEST_FIRST:
            contacts.sort(key=lambda contact: contact.updated_at, reverse=True)
        return contacts

    def _meant(self, contacts: list[StoredContact]) -> list[StoredContact]:
        if self.who == UNSUBSCRIBED:
            return [contact for contact in contacts if contact.unsubscribed]
        if self.who:
            permission = Permission(int(self.who))
            return [contact for contact in contacts if contact.permission is permission]
        return contacts


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

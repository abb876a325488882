"""The account: contacts, definitions of fields and preferences, unsubscription markers.

Code that reads or writes it holds `lock`. Ids and addresses are unique; external ids need not be.
Values are not validated: what is put in is stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import count
from threading import RLock
from typing import NamedTuple, TypedDict, Unpack

from maileon_sandbox.account.audiences import left_audiences, number_in
from maileon_sandbox.account.stored_contact import StoredContact, StoredPreference
from maileon_sandbox.rules import Kept
from maileon_sandbox.vocabulary import FieldType, Permission

# Ids start high, so that no test can mistake an id for a position.
_FIRST_ID = 10_001


class ContactDetails(TypedDict, total=False):
    """The arguments of `Account.add_contact` besides the address."""

    external_id: str
    permission: int
    standard_fields: Mapping[str, str]
    custom_fields: Mapping[str, str]
    preferences: Mapping[tuple[str, str], tuple[str, str | None]]
    unsubscribed: bool


class _Memory(NamedTuple):
    """A copy of the contacts, to restore them."""

    contacts: dict[int, StoredContact]
    ids_by_email: dict[str, int]
    ids_by_external_id: dict[str, tuple[int, ...]]
    markers: set[str]
    highest_numbers: dict[str, int]


class Account:
    """One account. `custom_fields` maps names to types, `preferences` categories to names."""

    def __init__(self) -> None:
        self.lock = RLock()
        self.custom_fields: dict[str, FieldType] = {}
        # category -> preference -> description
        self.preferences: dict[str, dict[str, str]] = {}
        self.category_descriptions: dict[str, str] = {}
        # Addresses, in lower case, that carry an unsubscription marker.
        self.markers: set[str] = set()
        # Integer field -> the highest number that was ever written to it; see `audiences`.
        self.highest_numbers: dict[str, int] = {}
        self._ids = count(_FIRST_ID)
        self._contacts: dict[int, StoredContact] = {}
        self._ids_by_email: dict[str, int] = {}
        # Not unique (Maileon docs, Contacts). In order of creation.
        self._ids_by_external_id: dict[str, tuple[int, ...]] = {}

    # Seeding

    def add_custom_field(self, name: str, type: str = "string") -> None:  # noqa: A002 - as in the API
        with self.lock:
            self.custom_fields[name] = FieldType(type)

    def add_preference_category(self, category: str, description: str = "") -> None:
        with self.lock:
            self.preferences.setdefault(category, {})
            self.category_descriptions[category] = description

    def add_preference(self, category: str, name: str, *, description: str = "") -> None:
        with self.lock:
            if category not in self.preferences:
                self.add_preference_category(category)
            self.preferences[category][name] = description

    def add_contact(
        self, email: str | None = None, **details: Unpack[ContactDetails]
    ) -> StoredContact:
        """Adds a contact as described.

        With `unsubscribed` its address gets a marker as well, and the contact keeps its data;
        `unsubscribe` does what Maileon does. Raises ValueError if another contact has the address
        or a detail is unknown.
        """
        # Seeds also come as JSON, which no type checker sees.
        if unknown := sorted(details.keys() - ContactDetails.__annotations__.keys()):
            raise ValueError(f"a contact has no {', '.join(unknown)}")
        preferences = details.get("preferences", {})
        contact = StoredContact(
            id=self.next_id(),
            email=email,
            external_id=details.get("external_id"),
            permission=Permission(details.get("permission", Permission.NONE)),
            standard_fields=dict(details.get("standard_fields", {})),
            custom_fields=dict(details.get("custom_fields", {})),
            preferences={key: StoredPreference(*value) for key, value in preferences.items()},
            unsubscribed=details.get("unsubscribed", False),
        )
        with self.lock:
            if self.by_email(email):
                raise ValueError("the address belongs to another contact")
            self.put(contact)
            if contact.unsubscribed and email:
                self.markers.add(email.lower())
        return contact

    # Finding

    def integer_fields(self) -> list[str]:
        """The fields that can hold an audience; see `audiences`."""
        with self.lock:
            return [n for n, kind in self.custom_fields.items() if kind is FieldType.INTEGER]

    def contacts(self) -> list[StoredContact]:
        """All contacts, in order of creation."""
        with self.lock:
            return list(self._contacts.values())

    def by_id(self, id: int | None) -> StoredContact | None:
        with self.lock:
            return None if id is None else self._contacts.get(id)

    def by_email(self, email: str | None) -> StoredContact | None:
        """The contact with this address, compared without case."""
        with self.lock:
            return self.by_id(self._ids_by_email.get(email.lower())) if email else None

    def by_external_id(self, external_id: str | None) -> StoredContact | None:
        """The first contact with this external id; there may be more."""
        return next(iter(self.all_by_external_id(external_id)), None)

    def all_by_external_id(self, external_id: str | None) -> list[StoredContact]:
        with self.lock:
            ids = self._ids_by_external_id.get(external_id, ()) if external_id else ()
            return [self._contacts[id_] for id_ in ids]

    # Writing

    def next_id(self) -> int:
        return next(self._ids)

    def put(self, contact: StoredContact) -> None:
        """Stores a contact, replacing the one with the same id."""
        with self.lock:
            before = self._contacts.get(contact.id)
            self._forget_identifiers(before)
            contact = self._with_audiences(before, contact)
            self._contacts[contact.id] = contact
            if contact.email:
                self._ids_by_email[contact.email.lower()] = contact.id
            if contact.external_id:
                others = self._ids_by_external_id.get(contact.external_id, ())
                self._ids_by_external_id[contact.external_id] = (*others, contact.id)

    def _with_audiences(
        self, before: StoredContact | None, contact: StoredContact
    ) -> StoredContact:
        if not contact.custom_fields and (before is None or not before.custom_fields):
            return contact
        fields = self.integer_fields()
        for field in fields:
            highest = max(self.highest_numbers.get(field, 0), number_in(contact, field))
            self.highest_numbers[field] = highest
        left = left_audiences(before, contact, fields=fields, highest=self.highest_numbers)
        return replace(contact, left_audiences=left) if left != contact.left_audiences else contact

    def remove(self, contact: StoredContact) -> None:
        """Deletes a contact. An unsubscription marker of its address stays."""
        with self.lock:
            self._forget_identifiers(contact)
            del self._contacts[contact.id]

    def _forget_identifiers(self, contact: StoredContact | None) -> None:
        if contact and contact.email:
            self._ids_by_email.pop(contact.email.lower(), None)
        if contact and contact.external_id:
            ids = self._ids_by_external_id.pop(contact.external_id, ())
            if others := tuple(id_ for id_ in ids if id_ != contact.id):
                self._ids_by_external_id[contact.external_id] = others

    def unsubscribe(self, contact: StoredContact, *, keep: Kept = "id") -> None:
        """Mark the address and take the person's data away.

        "We anonymize all data of unsubscribed contacts" (Maileon docs, Unsubscribe Contacts By
        Email); the contact "can only be found using the internal Maileon ID" (Adding Unsubscription
        Reason). That the external id goes too is inferred from that.
        """
        with self.lock:
            if contact.email:
                self.markers.add(contact.email.lower())
            self.put(
                replace(
                    contact,
                    email=contact.email if keep == "address" else None,
                    external_id=None if keep == "id" else contact.external_id,
                    permission=Permission.NONE,
                    standard_fields={},
                    custom_fields={},
                    preferences={},
                    preference_times={},
                    unsubscribed=True,
                    updates=contact.updates + 1,
                )
            )

    # Comparing

    def snapshot(self) -> dict[str, object]:
        """The account as plain data without ids and times, contacts ordered by their identifiers.

        Two accounts are the same if their snapshots are equal.
        """
        with self.lock:
            contacts = sorted(
                self._contacts.values(),
                key=lambda c: ((c.email or "").lower(), c.external_id or ""),
            )
            return {
                "contacts": [contact.snapshot() for contact in contacts],
                "custom_fields": {name: str(type_) for name, type_ in self.custom_fields.items()},
                "preferences": {c: sorted(names) for c, names in sorted(self.preferences.items())},
                "markers": sorted(self.markers),
            }

    def remember(self) -> _Memory:
        return _Memory(
            dict(self._contacts),
            dict(self._ids_by_email),
            dict(self._ids_by_external_id),
            set(self.markers),
            dict(self.highest_numbers),
        )

    def restore(self, memory: _Memory) -> None:
        """Restores what `remember` returned."""
        self._contacts, self._ids_by_email, self._ids_by_external_id = memory[:3]
        self.markers, self.highest_numbers = memory[3:]

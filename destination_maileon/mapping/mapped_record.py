"""Several records of one contact -> one contact, as their sequence would have left it.

This module alone decides how records are merged: with `update` the later value wins field by
field, with `ignore` the first record stands; of a preference, value and source are merged apart.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeAlias

from destination_maileon.maileon.contact import Contact
from destination_maileon.maileon.contact_xml import contact_bytes, contact_of
from destination_maileon.maileon.identifier import Endpoint, IdentifierMode
from destination_maileon.maileon.sync_options import SynchronizationMode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from destination_maileon.maileon.contact import Preference
    from destination_maileon.mapping.record_mapper import ContactRemoval
    from destination_maileon.streams.catalog import PartitionKey

Written: TypeAlias = tuple[bytes, tuple[str, ...]]
"""A contact as it travels, and its keys."""

NO_CONTACT: Final[Written] = (b"", ())

EMAIL_KEY, EXTERNAL_ID_KEY, ID_KEY = "exi"
"""How the key of each identifier begins, and in which order a contact's keys stand."""


@dataclass(eq=False, slots=True)
class MappedRecord:
    """A record until it is settled: where it stood, and the contact that it alone would be.

    Of the contact only the bytes are kept: thousands may wait, and few are asked for more.
    `place` is its number in the input, `number` its number in its stream, both from 1. `message`
    is kept only where rejected records are stored; `message_bytes` is its size then.
    """

    place: int
    number: int
    segment: int
    keys: tuple[str, ...]
    payload: bytes
    message: dict[str, object] | None = None
    message_bytes: int = 0

    @property
    def contact(self) -> Contact:
        """The contact, read back."""
        return contact_of(self.payload)


class BatchEntry:
    """One contact of a call, with the records that were merged into it, in order.

    `is_waiting` while it is in an open batch, `is_sent` while in a request. `size` is what
    its records would take one by one, in bytes, `held_bytes` what is kept of them. `arrived_at` is
    when its first record came. `farewell`: it is to be removed.
    """

    __slots__ = (
        "arrived_at",
        "farewell",
        "held_bytes",
        "is_sent",
        "is_waiting",
        "keys",
        "lane",
        "parts",
        "payload",
        "size",
    )

    def __init__(self, part: MappedRecord, lane: PartitionKey, arrived_at: float) -> None:
        self.payload = part.payload
        self.keys = part.keys
        self.parts = [part]
        self.lane = lane
        self.farewell: ContactRemoval | None = None
        self.size = len(part.payload)
        self.held_bytes = self.size + part.message_bytes
        self.is_waiting = False
        self.is_sent = False
        self.arrived_at = arrived_at

    def of_parts(self, parts: Sequence[MappedRecord]) -> BatchEntry:
        """The contact that these of its records make alone, ready to be sent."""
        entry = BatchEntry(parts[0], self.lane, self.arrived_at)
        for part in parts[1:]:
            entry.parts.append(part)
            entry.size += len(part.payload)
            entry.held_bytes += len(part.payload) + part.message_bytes
        entry.seal()
        return entry

    @property
    def contact(self) -> Contact:
        """The contact as it is sent, read back."""
        return contact_of(self.payload)

    @property
    def place(self) -> int:
        """The place of the entry in the order of the input: its first record's."""
        return self.parts[0].place

    def seal(self) -> None:
        """Makes one contact of the records: no more is merged into it, as it is sent."""
        self.is_waiting, self.is_sent = False, True
        if len(self.parts) > 1:
            mode = self.lane.plan.options.sync_mode
            self.payload = contact_bytes(merged([part.contact for part in self.parts], mode))


def contact_keys(contact: Contact) -> tuple[str, ...]:
    """The contact's identifiers in the form in which they are compared; the address without case.

    Whether Maileon minds space around an identifier is not documented. One with space therefore has
    two keys: it never shares a call with its twin without, and is never merged with it either.
    """
    keys = []
    if contact.email:
        keys += _with_twin(EMAIL_KEY, contact.email.lower())
    if contact.external_id:
        keys += _with_twin(EXTERNAL_ID_KEY, contact.external_id)
    if contact.id:
        keys.append(ID_KEY + contact.id.lstrip("0"))
    return tuple(keys)


def recognised_by(keys: tuple[str, ...], mode: IdentifierMode) -> tuple[str, ...]:
    """Those of a contact's keys by which Maileon recognises it in this mode."""
    kind = {IdentifierMode.EMAIL: EMAIL_KEY, IdentifierMode.EXTERNAL_ID: EXTERNAL_ID_KEY}.get(
        mode, ID_KEY if keys[-1][0] == ID_KEY else EMAIL_KEY
    )
    return tuple([key for key in keys if key[0] == kind])


def endpoint_of(key: str) -> Endpoint:
    """Where the contact with this email or external id is found."""
    if key[0] == EMAIL_KEY:
        return IdentifierMode.EMAIL.endpoint(Contact(email=key[1:]))
    return IdentifierMode.EXTERNAL_ID.endpoint(Contact(external_id=key[1:]))


def _with_twin(kind: str, identifier: str) -> list[str]:
    bare = identifier.strip()
    return [kind + bare] if bare == identifier else [kind + bare, kind + identifier]


def merged(contacts: Sequence[Contact], mode: SynchronizationMode) -> Contact:
    """One contact that leaves the account as the contacts would, sent one after the other."""
    if len(contacts) == 1 or mode is SynchronizationMode.IGNORE:
        return contacts[0]
    # The first one's identifiers: an address that differs by case only is not rewritten.
    result = replace(
        contacts[0],
        standard_fields=dict(contacts[0].standard_fields),
        custom_fields=dict(contacts[0].custom_fields),
        preferences=dict(contacts[0].preferences),
    )
    for contact in contacts[1:]:
        result.standard_fields.update(contact.standard_fields)
        result.custom_fields.update(contact.custom_fields)
        for key, later in contact.preferences.items():
            result.preferences[key] = _merged_preference(result.preferences.get(key), later)
    return result


def _merged_preference(earlier: Preference | None, later: Preference) -> Preference:
    if earlier is None or later.has_source:
        return later
    return replace(earlier, value=later.value)

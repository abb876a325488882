"""Several records of one contact -> one contact, as their sequence would have left it.

This module alone decides how records are merged: with `update` the later value wins field by
field, with `ignore` the first record stands; of a preference, value and source are merged apart.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeAlias

from destination_maileon.maileon.contact_xml import contact_bytes, contact_of
from destination_maileon.maileon.sync_options import SynchronizationMode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from destination_maileon.maileon.contact import Contact, Preference

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

    `turn` is that of its batch when it came: see `Batch.turn`.
    """

    __slots__ = ("keys", "parts", "payload", "turn")

    def __init__(self, part: MappedRecord) -> None:
        self.payload = part.payload
        self.keys = part.keys
        self.parts = [part]
        self.turn = 0

    @classmethod
    def of(cls, parts: Sequence[MappedRecord], mode: SynchronizationMode) -> BatchEntry:
        """The entry that these records of one contact make together."""
        entry = cls(parts[0])
        entry.parts = list(parts)
        entry.seal(mode)
        return entry

    @property
    def contact(self) -> Contact:
        """The contact as it is sent, read back."""
        return contact_of(self.payload)

    @property
    def place(self) -> int:
        """The place of the entry in the order of the input: its first record's."""
        return self.parts[0].place

    def seal(self, mode: SynchronizationMode) -> None:
        """Makes one contact of the parts, once, when no more will come."""
        if len(self.parts) > 1:
            self.payload = contact_bytes(merged([part.contact for part in self.parts], mode))


def is_named_by_id(keys: tuple[str, ...]) -> bool:
    """Whether Maileon recognises the contact with these keys by its Maileon id.

    In identifier mode Maileon id a record without one is recognised by its email. Whether it means
    the same contact as another that is named by its id, only Maileon knows: where both occur, they
    keep their order as if they did.
    """
    return keys[-1][0] == ID_KEY


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

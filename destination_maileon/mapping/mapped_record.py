"""Several records of one contact -> one contact, as their sequence would have left it.

This module alone decides how records are merged: with `update` the later value wins field by
field, with `ignore` the first record stands; of a preference, value and source are merged apart.
"""

from __future__ import annotations

import unicodedata
from string import ascii_lowercase, ascii_uppercase
from typing import TYPE_CHECKING, Final, TypeAlias

from msgspec import Struct

from destination_maileon.maileon.contact_xml import contact_of, merged_bytes
from destination_maileon.maileon.sync_options import SynchronizationMode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from destination_maileon.maileon.contact import Contact

Written: TypeAlias = tuple[bytes, tuple[str, ...]]
"""A contact as it travels, and its keys."""

NO_CONTACT: Final[Written] = (b"", ())

EMAIL_KEY, EXTERNAL_ID_KEY, ID_KEY = "exi"
"""How the key of each identifier begins, and in which order a contact's keys stand."""

_ASCII_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)


# One of each for every record: a Struct is made in less time than another class's object, and the
# garbage collector passes over it, as neither can be part of a circle.


class MappedRecord(Struct, eq=False, gc=False):
    """A record until it is settled: where it stood, and the contact that it alone would be.

    Of the contact only the bytes are kept: thousands may wait, and few are asked for more.
    `place` is its number in the input, `number` its number in its stream, both from 1. `message` is
    its line of the input, kept only where rejected records are stored, and `message_bytes` its size
    then.
    """

    place: int
    number: int
    segment: int
    keys: tuple[str, ...]
    payload: bytes
    message: bytes | None = None
    message_bytes: int = 0

    @property
    def contact(self) -> Contact:
        """The contact, read back."""
        return contact_of(self.payload)


class BatchEntry(Struct, eq=False, gc=False):
    """One contact of a call, with the records that were merged into it, in order.

    `later` are the records after the first, `merged` what the payload is then. `turn` is that of
    its batch when it came: see `Batch.turn`.
    """

    first: MappedRecord
    later: list[MappedRecord] | None = None
    merged: bytes | None = None
    turn: int = 0

    @classmethod
    def of(cls, parts: Sequence[MappedRecord], mode: SynchronizationMode) -> BatchEntry:
        """The entry that these records of one contact make together."""
        entry = cls(parts[0], list(parts[1:]) or None)
        entry.seal(mode)
        return entry

    @property
    def keys(self) -> tuple[str, ...]:
        """The contact's identifiers as they are compared."""
        return self.first.keys

    @property
    def payload(self) -> bytes:
        """The contact as it is sent."""
        return self.first.payload if self.merged is None else self.merged

    @property
    def parts(self) -> list[MappedRecord]:
        """Its records, in order."""
        return [self.first] if self.later is None else [self.first, *self.later]

    @property
    def contact(self) -> Contact:
        """The contact as it is sent, read back."""
        return contact_of(self.payload)

    @property
    def place(self) -> int:
        """The place of the entry in the order of the input: its first record's."""
        return self.first.place

    def merge(self, part: MappedRecord) -> None:
        """Takes in a later record of the same contact."""
        if self.later is None:
            self.later = [part]
        else:
            self.later.append(part)

    def seal(self, mode: SynchronizationMode) -> None:
        """Makes one contact of the records, once, when no more will come."""
        if self.later is not None and mode is SynchronizationMode.UPDATE:
            self.merged = merged_bytes([part.payload for part in self.parts])


def is_named_by_id(keys: tuple[str, ...]) -> bool:
    """Whether Maileon recognises the contact with these keys by its Maileon id.

    In identifier mode Maileon id a record without one is recognised by its email. Whether it means
    the same contact as another that is named by its id, only Maileon knows: where both occur, they
    keep their order as if they did.
    """
    return keys[-1][0] == ID_KEY


def contact_keys(contact: Contact) -> tuple[str, ...]:
    """The contact's identifiers in the form in which they are compared.

    Whether Maileon takes two that look alike for one contact is not documented: external ids that
    differ by space around them, addresses that only Unicode folds together (a Kelvin sign and a k).
    Such a one has two keys: it never shares a call with the other, and is never merged with it.
    """
    keys = email_keys(contact.email or "") + external_id_keys(contact.external_id or "")
    return (*keys, maileon_id_key(contact.id)) if contact.id else keys


def email_keys(email: str) -> tuple[str, ...]:
    """The keys of an address, without ASCII case; none if it is blank."""
    if email.isascii():
        return _with_twin(EMAIL_KEY, email.lower())
    folded = unicodedata.normalize("NFKC", email).casefold()
    keys = _with_twin(EMAIL_KEY, email.translate(_ASCII_LOWER)) + _with_twin(EMAIL_KEY, folded)
    return tuple(dict.fromkeys(keys))


def external_id_keys(external_id: str) -> tuple[str, ...]:
    """The keys of an external id; none if it is blank."""
    return _with_twin(EXTERNAL_ID_KEY, external_id)


def _with_twin(kind: str, identifier: str) -> tuple[str, ...]:
    bare = identifier.strip()
    if bare == identifier:
        return (kind + bare,) if bare else ()
    return (kind + bare, kind + identifier) if bare else ()


def maileon_id_key(number: str) -> str:
    """The key of a Maileon id, which stands last."""
    return ID_KEY + number.lstrip("0")

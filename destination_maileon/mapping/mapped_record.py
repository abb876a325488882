"""What a record becomes: a contact to write, a removal, or a refusal; and several records one.

Records of one contact are merged as their sequence would have left it: with `update` the later
value wins field by field, with `ignore` the first record stands.
"""

import dataclasses
import unicodedata
from collections.abc import Sequence
from enum import StrEnum
from functools import partial
from typing import Self, TypeAlias

from msgspec import Struct

from destination_maileon.config.spec import DeletedRecords
from destination_maileon.maileon.contact import Contact, IdentifierMode
from destination_maileon.maileon.contact_xml import contact_of, merged_bytes
from destination_maileon.streams.catalog import PartitionKey


class Reason(StrEnum):
    """Why a record is rejected before it is sent."""

    NO_IDENTIFIER = "no usable identifier"
    NOT_DELIVERED = "a value that the source could not deliver"
    BAD_PERMISSION = "not a permission"
    BAD_PREFERENCES = "not a list of preferences"
    BAD_PREFERENCE = "a preference that is neither yes nor no"
    UNKNOWN_PREFERENCE = "a preference that the account does not have"
    UNCLEAR_REMOVAL = "neither yes nor no"
    NO_DATA = "no data"
    TOO_LARGE = "larger than a call may be"
    NO_PATH = "an identifier that no address of the API can hold"


@dataclasses.dataclass(eq=False)
class Refusal(ValueError):
    """Why a record is rejected before it is sent, and whose: `contact` has its identifiers.

    `advice` quotes no value. `field` is the column or target at fault, None if it is not named.
    """

    reason: Reason
    advice: str
    field: str | None = None
    contact: Contact = dataclasses.field(default_factory=Contact)


class ContactRemoval(Struct, frozen=True):
    """A record that unsubscribes or deletes a contact, or (`IGNORE`) is left out."""

    removal: DeletedRecords
    contact: Contact


EncodedContact: TypeAlias = tuple[bytes, tuple[str, ...], bool]
"""A contact as it travels, its keys, and whether it is whole."""
EMAIL_KEY, EXTERNAL_ID_KEY, ID_KEY = "exi"
"""How the key of each identifier begins, and in which order a contact's keys stand."""


# There are many of the next two: a Struct is made faster than another class's object, and the
# garbage collector can pass over them, since neither is part of a cycle.
class MappedRecord(Struct, eq=False, gc=False):
    """A record until it is settled, and the bytes of the contact that it alone would be.

    `position` is its number in the input, `number` its number in its stream, both from 1. One that
    `is_whole` has a value for every field: nothing of older records remains. `message` is its line
    of the input, kept only where rejected records are stored, `message_bytes` its size then.
    """

    position: int
    number: int
    checkpoint_id: int
    identity_keys: tuple[str, ...]
    payload: bytes
    is_whole: bool = False
    message: bytes | None = None
    message_bytes: int = 0

    @property
    def contact(self) -> Contact:
        return contact_of(self.payload)


class BatchEntry(Struct, eq=False, gc=False):
    """One contact of a call, with the records that were merged into it, in order.

    `payload` is the contact as it is sent, once it is sealed. `size` is what its records would take
    one by one, in bytes, `kept_bytes` what is kept of them. A `contact_removal` waits for all who
    have one of the `identity_keys`. `is_waiting`: in an open batch, `is_sent`: in a request.
    """

    first: MappedRecord
    partition_key: PartitionKey
    arrived_at: float
    identity_keys: tuple[str, ...]
    payload: bytes
    size: int
    kept_bytes: int
    records: int = 1
    later: list[MappedRecord] | None = None
    contact_removal: ContactRemoval | None = None
    is_waiting: bool = False
    is_sent: bool = False

    @classmethod
    def of_record(cls, part: MappedRecord, partition_key: PartitionKey, arrived_at: float) -> Self:
        keys, payload, size = part.identity_keys, part.payload, len(part.payload)
        kept_bytes = size + part.message_bytes
        return cls(part, partition_key, arrived_at, keys, payload, size, kept_bytes)

    def of_parts(self, parts: Sequence[MappedRecord]) -> Self:
        """The contact that these of its records make alone, ready to be sent."""
        entry = self.of_record(parts[0], self.partition_key, self.arrived_at)
        for part in parts[1:]:
            entry.merge(part)
        entry.seal()
        return entry

    @property
    def parts(self) -> list[MappedRecord]:
        return [self.first, *(self.later or ())]

    @property
    def contact(self) -> Contact:
        return contact_of(self.payload)

    @property
    def position(self) -> int:
        return self.first.position

    @property
    def recognised_by(self) -> tuple[str, ...]:
        """Those of its keys by which Maileon recognises it."""
        mode = self.partition_key.plan.options.identifier_mode
        kind = EXTERNAL_ID_KEY if mode is IdentifierMode.EXTERNAL_ID else EMAIL_KEY
        if mode.sends_id and self.identity_keys[-1][0] == ID_KEY:
            kind = ID_KEY
        return tuple([key for key in self.identity_keys if key[0] == kind])

    def merge(self, part: MappedRecord) -> int:
        """Takes in a later record of the same contact; the bytes that are kept of it."""
        if self.later is None:
            self.later = []
        self.later.append(part)
        kept_bytes = len(part.payload) + part.message_bytes
        self.records += 1
        self.size += len(part.payload)
        self.kept_bytes += kept_bytes
        return kept_bytes

    def seal(self) -> None:
        """Makes one contact of the records, as it is sent: no more is merged into it."""
        self.is_waiting, self.is_sent = False, True
        options = self.partition_key.plan.options
        if self.later and options.updates:
            parts = self.parts
            newest = next((n for n in reversed(range(len(parts))) if parts[n].is_whole), 0)
            payloads = [part.payload for part in parts[newest:]]
            # An address that differs by case only is not rewritten.
            self.payload = merged_bytes(self.first.payload, payloads)


def contact_keys(contact: Contact) -> tuple[str, ...]:
    """The contact's identifiers in the form in which they are compared.

    Whether Maileon takes two for one is not documented of external ids that differ by space around
    them, and of addresses that only Unicode folds together (a Kelvin sign and a k): such a one has
    two keys, so that it never shares a call with the other, and is never merged with it.
    """
    keys = email_keys(contact.email or "") + external_id_keys(contact.external_id or "")
    return (*keys, ID_KEY + contact.id.lstrip("0")) if contact.id else keys


def email_keys(email: str) -> tuple[str, ...]:
    """The keys of an address; none if it is blank."""
    if email.isascii():
        return _with_twin(EMAIL_KEY, email.lower())
    # Bytes have no case but that of ASCII.
    lower = email.encode("utf-8", "surrogatepass").lower().decode("utf-8", "surrogatepass")
    folded = unicodedata.normalize("NFKC", email).casefold()
    return tuple(dict.fromkeys(_with_twin(EMAIL_KEY, lower) + _with_twin(EMAIL_KEY, folded)))


def _with_twin(kind: str, identifier: str) -> tuple[str, ...]:
    bare = identifier.strip()
    if bare == identifier:
        return (kind + bare,) if bare else ()
    return (kind + bare, kind + identifier) if bare else ()


external_id_keys = partial(_with_twin, EXTERNAL_ID_KEY)

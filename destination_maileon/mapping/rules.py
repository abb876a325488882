"""What the records of a stream are mapped by, and what comes of one that is no contact to write."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from destination_maileon.config.model import DeletedRecords
from destination_maileon.config.targets import Target
from destination_maileon.maileon.contact import Contact, FieldType
from destination_maileon.maileon.identifier import IdentifierMode
from destination_maileon.mapping.converters import CONVERTERS, Converter


@dataclass(frozen=True, slots=True)
class Column:
    """A column and where it goes.

    `type` is the target field's. `source` is the constant source of a preference; `has_source`
    false leaves the stored one. `clear` says that a null clears the stored value.
    """

    name: str
    target: Target
    type: FieldType = FieldType.STRING
    clear: bool = False
    source: str | None = None
    has_source: bool = False

    @property
    def converter(self) -> Converter:
        """How its values are written."""
        return CONVERTERS[self.type]


@dataclass(frozen=True, slots=True)
class MappingRules:
    """What holds for every record of a stream, whatever its columns.

    `preferences` are those of the account: no other may be sent, and only their names may be shown.
    None: the account was not asked, or did not tell.
    """

    identifier_mode: IdentifierMode
    deleted_records: DeletedRecords = DeletedRecords.IGNORE
    truncate_long_text: bool = False
    every_record_is_deleted: bool = False
    preferences: frozenset[tuple[str, str]] | None = None
    audience: tuple[str, str] | None = None
    """The custom field that says who is in the stream, and what it holds."""


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


@dataclass(frozen=True, slots=True)
class Refusal:
    """A record that is rejected before it is sent; `field` names the column or target at fault."""

    reason: Reason
    field: str
    advice: str
    contact: Contact


@dataclass(frozen=True, slots=True)
class ContactRemoval:
    """A record that unsubscribes or deletes a contact, or (`IGNORE`) is left out."""

    removal: DeletedRecords
    contact: Contact

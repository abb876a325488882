"""What comes of a record that is no contact to write: it is refused, or its contact is removed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from destination_maileon.config.model import DeletedRecords
    from destination_maileon.maileon.contact import Contact


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

"""The keys about the account, how contacts are recognised and updated, and their consent.

This module alone decides their names, values, defaults and what a person reads about them.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, SecretStr

from destination_maileon.config.types import ConfigModel, Flag, key, refused
from destination_maileon.maileon.identifier import IdentifierMode
from destination_maileon.maileon.sync_options import Permission, SynchronizationMode

# Only what people paste around a key; the client removes it, here it must not be all there is.
_NO_KEY = re.compile(r"\s*(authorization\s*:\s*)?(basic(\s+|$))?\s*", re.IGNORECASE)


class SyncMode(StrEnum):
    """What happens to contacts that exist."""

    UPDATE = "update"
    IGNORE = "ignore"


class PermissionChoice(StrEnum):
    """The permission that contacts get, by Maileon's names in lower case."""

    NOT_SET = "not_set"
    NONE = "none"
    SINGLE_OPT_IN = "single_opt_in"
    CONFIRMED_OPT_IN = "confirmed_opt_in"
    DOUBLE_OPT_IN = "double_opt_in"
    DOUBLE_OPT_IN_PLUS = "double_opt_in_plus"
    OTHER = "other"


def _with_a_key(secret: SecretStr) -> SecretStr:
    if _NO_KEY.fullmatch(secret.get_secret_value()):
        raise refused("must be the API key from your Maileon account, not empty")
    return secret


class ContactKeys(ConfigModel):
    """Account, contacts and consent."""

    api_key: Annotated[
        SecretStr,
        AfterValidator(_with_a_key),
        key(
            "account",
            title="API Key",
            description="Your Maileon API key. In Maileon, open the settings, then API Keys, and "
            "copy a key or create one. It needs the rights GET and POST, also DELETE if "
            "deleted records are to be deleted or unsubscribed. If the key is limited to "
            "certain IP addresses, add those of Airbyte.",
            airbyte_secret=True,
            min_length=1,
        ),
    ]
    identifier_mode: Annotated[
        IdentifierMode,
        key(
            "contacts",
            title="Recognise Contacts By",
            description="How Maileon finds the contact that a record belongs to. email: by the "
            "e-mail address. external_id: by your own customer number. maileon_id: by the number "
            "that Maileon gave the contact; records without one go by their e-mail address. Your "
            "data needs a column for it.",
            always_show=True,
        ),
    ] = IdentifierMode.EMAIL
    sync_mode: Annotated[
        SyncMode,
        key(
            "contacts",
            title="Existing Contacts",
            description="What happens to contacts that are already in Maileon. update: their "
            "fields are overwritten with your data. ignore: they stay exactly as they are, and "
            "only new contacts are added.",
            always_show=True,
        ),
    ] = SyncMode.UPDATE
    update_only: Annotated[
        Flag,
        key(
            "contacts",
            title="Update Existing Contacts Only",
            description="If on, only contacts that are already in Maileon are updated, and people "
            "who are not there are left out. If off, they are added as new contacts, with the "
            "permission below.",
        ),
    ] = False
    permission: Annotated[
        PermissionChoice,
        key(
            "consent",
            title="Permission of New Contacts",
            description="The permission (opt-in) that new contacts get in Maileon. Choose only "
            "what these people really agreed to: it decides whether you may write to them. "
            "not_set: no permission is sent, and by Maileon's documentation new contacts get "
            "the permission none. If your data knows it for each person, map its column to the "
            "target permission instead.",
            always_show=True,
        ),
    ] = PermissionChoice.NOT_SET
    override_permission: Annotated[
        Flag,
        key(
            "consent",
            title="Override Permission of Existing Contacts",
            description="If on, contacts that are already in Maileon get the permission above as "
            "well, even if theirs was higher or lower: a double opt-in can be lost, or claimed "
            "for people who never gave it. If off, existing contacts keep their permission. "
            "Without a permission this has no effect.",
        ),
    ] = False
    reimport_unsubscribed_contacts: Annotated[
        Flag,
        key(
            "consent",
            title="Reimport Unsubscribed Contacts",
            description="If on, people who unsubscribed are added again as soon as they appear in "
            "your data, and are written to again: switch this on only if they agreed anew. "
            "If off, they stay unsubscribed.",
        ),
    ] = False

    @property
    def synchronization_mode(self) -> SynchronizationMode:
        """`sync_mode` as Maileon numbers it."""
        return SynchronizationMode[self.sync_mode.name]

    @property
    def default_permission(self) -> Permission | None:
        """`permission` as Maileon numbers it; None if none is to be sent."""
        if self.permission is PermissionChoice.NOT_SET:
            return None
        return Permission[self.permission.name]

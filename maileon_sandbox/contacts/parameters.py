"""Query parameters of a synchronize call, with the API's own defaults.

Source: Maileon docs, Synchronize Contacts, table of attributes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

from maileon_sandbox.vocabulary import Permission, SyncMode

# A client may leave out the permission on purpose, but should send all other parameters.
EXPECTED_PARAMETERS = (
    "sync_mode",
    "use_external_id",
    "prefer_maileon_id",
    "ignore_invalid_contacts",
    "override_permission",
    "reimport_unsubscribed_contacts",
    "update_only",
)


class BadParameterError(Exception):
    """A parameter that the API does not accept; the call is answered with 400."""


class IdentifierMode(Enum):
    """The identifier by which a contact is recognised."""

    EMAIL = auto()
    EXTERNAL_ID = auto()
    MAILEON_ID = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class SynchronizeOptions:
    """The options of one call. `permission` None means not set, which differs from 1."""

    permission: Permission | None = None
    sync_mode: SyncMode = SyncMode.IGNORE
    identifier_mode: IdentifierMode = IdentifierMode.EMAIL
    ignore_invalid_contacts: bool = False
    override_permission: bool = True
    reimport_unsubscribed_contacts: bool = True
    update_only: bool = False

    @property
    def permission_of_new(self) -> Permission:
        """The permission of a new contact; 1 if not set, the default in the table ("none")."""
        return self.permission or Permission.NONE

    def permission_of_existing(self, stored: Permission) -> Permission:
        """The stored permission, unless one is set and `override_permission` is true."""
        return self.permission if self.permission and self.override_permission else stored


def options_of(query: Mapping[str, str]) -> SynchronizeOptions:
    """The options in the query. Raises BadParameterError for an undocumented value."""
    return SynchronizeOptions(
        permission=permission_of(query),
        sync_mode=sync_mode_of(query),
        identifier_mode=_identifier_mode(query),
        ignore_invalid_contacts=_flag(query, "ignore_invalid_contacts", default="false"),
        override_permission=_flag(query, "override_permission", default="true"),
        reimport_unsubscribed_contacts=_flag(
            query, "reimport_unsubscribed_contacts", default="true"
        ),
        update_only=_flag(query, "update_only", default="false"),
    )


def permission_of(query: Mapping[str, str]) -> Permission | None:
    """The permission, None if not set. Raises BadParameterError for an undocumented value."""
    value = query.get("permission")
    if value is None:
        return None
    for permission in Permission:
        if value == str(int(permission)):
            return permission
    raise BadParameterError("permission must be one of 1, 2, 3, 4, 5, 6")


def sync_mode_of(query: Mapping[str, str]) -> SyncMode:
    """The sync mode. Raises BadParameterError for an undocumented value."""
    modes = {"1": SyncMode.UPDATE, "2": SyncMode.IGNORE}
    try:
        return modes[query.get("sync_mode", "2")]
    except KeyError:
        raise BadParameterError("sync_mode must be 1 or 2") from None


def _identifier_mode(query: Mapping[str, str]) -> IdentifierMode:
    by_external_id = _flag(query, "use_external_id", default="false")
    by_id = _flag(query, "prefer_maileon_id", default="false")
    if by_external_id and by_id:
        raise BadParameterError("use_external_id and prefer_maileon_id must not both be true")
    if by_external_id:
        return IdentifierMode.EXTERNAL_ID
    return IdentifierMode.MAILEON_ID if by_id else IdentifierMode.EMAIL


def _flag(query: Mapping[str, str], name: str, *, default: str) -> bool:
    value = query.get(name, default)
    if value not in {"true", "false"}:
        raise BadParameterError(f"{name} must be true or false")
    return value == "true"

"""The options of a call -> query parameters (Maileon docs, Synchronize Contacts)."""

from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import Self

from destination_maileon.maileon.contact import IdentifierMode


class SynchronizationMode(Enum):
    """What happens to contacts that exist: 1 updates them, 2 leaves them as they are."""

    UPDATE = 1
    IGNORE = 2


class Permission(IntEnum):
    """How far a contact agreed to be written to."""

    NONE = 1
    SINGLE_OPT_IN = 2
    CONFIRMED_OPT_IN = 3
    DOUBLE_OPT_IN = 4
    DOUBLE_OPT_IN_PLUS = 5
    OTHER = 6

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The permission of a name (any case; `-` and spaces count as `_`) or a number 1 to 6."""
        by_number = {str(member.value): member for member in cls}
        return (by_number | {**cls.__members__}).get(_word(text))


def is_not_set(text: str) -> bool:
    """Whether it says, spelled like a permission's name, that no permission is sent."""
    return _word(text) == "NOT_SET"


def _word(text: str) -> str:
    return text.strip().upper().replace("-", "_").replace(" ", "_")


@dataclass(frozen=True, slots=True)
class SyncOptions:
    """The options of a stream's calls, but for the permission."""

    identifier_mode: IdentifierMode
    sync_mode: SynchronizationMode = SynchronizationMode.UPDATE
    update_only: bool = False
    override_permission: bool = False
    reimport_unsubscribed_contacts: bool = False
    ignore_invalid_contacts: bool = True

    @property
    def updates(self) -> bool:
        """Whether contacts that exist are updated."""
        return self.sync_mode is SynchronizationMode.UPDATE

    def parameters(self, permission: Permission | None) -> dict[str, str]:
        """Every documented parameter, so that no change of a default at Maileon changes a sync.

        Without a permission, override_permission is false: the documentation says in one place that
        existing contacts keep theirs, in another that they get "none".
        """
        query: dict[str, object] = {} if permission is None else {"permission": permission.value}
        query |= {
            "sync_mode": self.sync_mode.value,
            "use_external_id": self.identifier_mode is IdentifierMode.EXTERNAL_ID,
            "prefer_maileon_id": self.identifier_mode is IdentifierMode.MAILEON_ID,
            "ignore_invalid_contacts": self.ignore_invalid_contacts,
            "override_permission": self.override_permission and permission is not None,
            "reimport_unsubscribed_contacts": self.reimport_unsubscribed_contacts,
            "update_only": self.update_only,
        }
        return {name: str(value).lower() for name, value in query.items()}

"""What is fixed for a stream before its first record: `catalog` makes it, many rooms ask it.

This module alone decides how a stream is called in front of a person.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from destination_maileon.config.model import ColumnMapping
    from destination_maileon.maileon.sync_options import Permission, SyncOptions
    from destination_maileon.protocol.messages import StreamKey


def stream_title(key: StreamKey) -> str:
    """The stream as a person reads it: `namespace.name`, or the name alone."""
    namespace, name = key
    return f"{namespace}.{name}" if namespace else name


@dataclass(frozen=True, eq=False, slots=True)
class StreamPlan:
    """What is fixed for a stream before its first record.

    `properties` are those of its JSON schema, `mapping` the explicit one by column. `is_activated`:
    the connection chose object, operation and matching key (data activation).
    """

    key: StreamKey
    options: SyncOptions
    properties: Mapping[str, object] = field(default_factory=dict)
    mapping: Mapping[str, ColumnMapping] = field(default_factory=dict)
    permission: Permission | None = None
    every_record_is_deleted: bool = False
    is_activated: bool = False
    has_chosen_key: bool = False
    sync_id: int | None = None

    @property
    def title(self) -> str:
        """The stream as a person reads it."""
        return stream_title(self.key)

    @property
    def identifiers(self) -> frozenset[str]:
        """The targets of which the stream needs one; for a key that was chosen no other will do."""
        mode = self.options.identifier_mode
        return frozenset({mode.value}) if self.has_chosen_key else mode.columns

    @property
    def permission_name(self) -> str:
        """The permission as the configuration spells it."""
        return "not_set" if self.permission is None else self.permission.name.lower()


@dataclass(frozen=True, eq=False, slots=True)
class PartitionKey:
    """What the contacts of a call have in common: stream and permission. One of each is made."""

    plan: StreamPlan
    permission: Permission | None

"""The destination sync modes of Airbyte: what each asks for, with and without data activation.

This module alone decides which there are. In data activation a connection chooses an object, of
which there is one, and a mode is an operation on it; otherwise the configuration decides all.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from destination_maileon.maileon.sync_options import SynchronizationMode

if TYPE_CHECKING:
    from collections.abc import Mapping

CONTACT = "contact"
"""The one object of data activation (`destination_object_name`)."""

PLAIN_MODES = ("append", "append_dedup")
"""Without an object both do the same."""


@dataclass(frozen=True, slots=True)
class Operation:
    """What a destination sync mode of data activation asks for."""

    sync_mode: SynchronizationMode
    update_only: bool = False
    deletes: bool = False
    needs_key: bool = True


OPERATIONS: Mapping[str, Operation] = MappingProxyType(
    {
        "append_dedup": Operation(SynchronizationMode.UPDATE),
        "update": Operation(SynchronizationMode.UPDATE, update_only=True),
        "append": Operation(SynchronizationMode.IGNORE, needs_key=False),
        "soft_delete": Operation(SynchronizationMode.UPDATE, deletes=True),
    }
)

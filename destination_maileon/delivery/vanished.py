"""Custom fields that vanish from the account during a sync: from then on they are left out.

This module alone decides what follows when Maileon does not know a field that it knew before.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from destination_maileon.maileon.contact_xml import contact_bytes
from destination_maileon.mapping.mapped_record import BatchEntry
from destination_maileon.protocol.output import Level, pluralize

if TYPE_CHECKING:
    from collections.abc import Callable

    from destination_maileon.mapping.mapped_record import MappedRecord
    from destination_maileon.protocol.output import Log
    from destination_maileon.streams.account import Account
    from destination_maileon.streams.catalog import PartitionKey


class MissingFields:
    """Finds out, once per field, whether the account still has it. `forget` is told of each."""

    def __init__(self, account: Account, *, forget: Callable[[str], None], log: Log) -> None:
        self.account = account
        self._forget = forget
        self._log = log
        self._is_read_again = False
        self._records: Counter[str] = Counter()

    def without(self, lane: PartitionKey, entry: BatchEntry) -> BatchEntry | None:
        """The entry less the fields that have vanished; None if the account has all of them."""
        if not self._is_read_again:
            self._is_read_again = True
            self.account.read_custom_fields_again()
        gone = [name for name in entry.contact.custom_fields if self._is_gone(name)]
        if not gone:
            return None
        for name in gone:
            if name not in self._records:
                self._forget(name)
            self._records[name] += len(entry.parts)
        parts = [_stripped(part, gone) for part in entry.parts]
        return BatchEntry.of(parts, lane.plan.options.sync_mode)

    def warn(self) -> None:
        """One warning that counts the records concerned."""
        if self._records:
            counts = self._records.items()
            fields = ", ".join(f'"{name}" ({pluralize(n, "record")})' for name, n in counts)
            self._log(
                Level.WARN,
                f"Custom fields vanished from the account during the sync: {fields}. These records "
                "were written without them. Create the fields again, or unmap their columns.",
            )

    def _is_gone(self, name: str) -> bool:
        return name not in self.account.custom_fields


def _stripped(part: MappedRecord, gone: list[str]) -> MappedRecord:
    kept = {n: v for n, v in part.contact.custom_fields.items() if n not in gone}
    return replace(part, payload=contact_bytes(replace(part.contact, custom_fields=kept)))

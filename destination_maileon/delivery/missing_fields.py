"""Custom fields that vanish from the account during a sync: from then on they are left out."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import msgspec

from destination_maileon.maileon.contact_xml import contact_bytes
from destination_maileon.maileon.error_codes import NO_SUCH_CUSTOM_FIELD
from destination_maileon.maileon.report import InvalidContact
from destination_maileon.mapping.mapped_record import BatchEntry, MappedRecord
from destination_maileon.protocol.output import Level, Log, pluralize
from destination_maileon.streams.account import Account


@dataclass(eq=False, slots=True)
class MissingFields:
    """Those of one sync; `forget` hears of each."""

    account: Account
    forget: Callable[[str], None]
    log: Log
    _has_reread: bool = field(default=False, init=False)
    _records: Counter[str] = field(default_factory=Counter, init=False)

    def of(self, entry: BatchEntry, findings: Sequence[InvalidContact]) -> frozenset[str]:
        """The contact's custom fields that the account has lost since the sync began.

        The account's fields are read again once, at the first finding that one is unknown.
        """
        if all(finding.code != NO_SUCH_CUSTOM_FIELD for finding in findings):
            return frozenset()
        if not self._has_reread:
            self._has_reread = True
            self.account.read_custom_fields_again()
        return frozenset({*entry.contact.custom_fields} - {*self.account.custom_fields})

    def strip(self, entry: BatchEntry, gone: frozenset[str]) -> BatchEntry:
        for name in gone:
            if name not in self._records:
                self.forget(name)
            self._records[name] += entry.records
        return entry.of_parts([_without(part, gone) for part in entry.parts])

    def warn(self) -> None:
        """One warning that counts the records concerned."""
        if not self._records:
            return
        counts = self._records.items()
        fields = ", ".join(f'"{name}" ({pluralize(n, "record")})' for name, n in counts)
        self.log(
            Level.WARN,
            f"Custom fields vanished from the account during the sync: {fields}. These records "
            "were written without them. Create the fields again, or unmap their columns.",
        )


def _without(part: MappedRecord, gone: frozenset[str]) -> MappedRecord:
    kept = {n: v for n, v in part.contact.custom_fields.items() if n not in gone}
    payload = contact_bytes(replace(part.contact, custom_fields=kept))
    return msgspec.structs.replace(part, payload=payload)

"""How much may be rejected before the sync fails.

This module alone judges it: records, and from some on their share. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from destination_maileon.config.model import titled
from destination_maileon.errors import StopSync
from destination_maileon.protocol.output import pluralize, were_rejected

if TYPE_CHECKING:
    from destination_maileon.mapping.mapped_record import MappedRecord
    from destination_maileon.rejections.rejection import Rejection
    from destination_maileon.streams.catalog import StreamPlan

JUDGED_FROM_RECORDS = 100
"""`max_rejected_percent` is judged from so many records on, and at the end."""


@dataclass(frozen=True, slots=True)
class RejectionLimits:
    """What the configuration allows; None: no limit. `is_strict`: nothing."""

    records: int | None = None
    percent: float | None = None
    is_strict: bool = False

    @property
    def are_set(self) -> bool:
        """Whether there is a limit to judge by."""
        return self.records is not None or self.percent is not None

    def excess(self, rejected: int, *, records: int, is_end: bool) -> str | None:
        """In words, what is too much; None if so many of these records may be rejected."""
        if self.records is not None and rejected > self.records:
            allowed = f"the {self.records} that {titled('max_rejected_records')}"
            return f"{were_rejected(rejected)}, which is more than {allowed} allows"
        if self.percent is None or (records < JUDGED_FROM_RECORDS and not is_end):
            return None
        if 100 * rejected <= self.percent * records:
            return None
        allowed = f"the {self.percent:g} % that {titled('max_rejected_percent')}"
        share = f"{rejected} of {pluralize(records, 'record')} were rejected"
        return f"{share}, which is more than {allowed} allows"


def one_rejected(plan: StreamPlan, part: MappedRecord, rejection: Rejection) -> StopSync:
    """The reason to stop that a rejected record is."""
    return StopSync(
        f"Record {part.number} of stream {plan.title} was rejected: {rejection.reason_key}. "
        f"{rejection.advice}{rejection.also_wrong} "
        f"{_THAT_ENDS_THE_SYNC}",
        position=part.position,
    )


_THAT_ENDS_THE_SYNC = (
    f"Since {titled('ignore_invalid_contacts')} is false, that ends the sync; set it to true to "
    "write the others."
)

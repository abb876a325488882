"""Counts what happened to the records of one stream, and words it for the log."""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

from destination_maileon.protocol.output import pluralize


class LeftOut(StrEnum):
    """Why a contact was neither written nor rejected."""

    UNSUBSCRIBED = "unsubscribed"
    EXISTING = "in Maileon already"
    NOT_EXISTING = "not in Maileon"
    DELETED = "deleted at the source"
    REPEATED = "after an earlier record of the contact"
    UNTOLD = "by Maileon without a reason"


@dataclass(slots=True)
class StreamStats:
    """Records, contacts and calls of one stream. Times in seconds of the loop's clock.

    `settled_well`: records that were not rejected. `gone`: removed people who were not in Maileon,
    `marked` those of them whose address got an unsubscription marker. `left`: the audience.
    """

    read: int = 0
    settled_well: int = 0
    rejected: int = 0
    created: int = 0
    existing: int = 0
    unsubscribed: int = 0
    left_out: Counter[LeftOut] = field(default_factory=Counter)
    merged: int = 0
    opted_out: int = 0
    deleted: int = 0
    gone: int = 0
    marked: int = 0
    left: int = 0
    calls: int = 0
    started_at: float | None = None
    ended_at: float = 0.0

    @property
    def settled(self) -> int:
        return self.settled_well + self.rejected

    @property
    def written(self) -> int:
        """The number of records that reached the account."""
        return max(0, self.settled_well - self.left_out.total() - self.opted_out - self.deleted)

    def numbers(self) -> dict[str, object]:
        """Every count by its name, for the stored report."""
        counts = ("read", "written", "rejected", "created", "existing", "unsubscribed", "merged")
        removed = ("opted_out", "deleted", "gone", "marked", "left", "calls")
        left_out = {str(reason): number for reason, number in self.left_out.items() if number}
        return {name: getattr(self, name) for name in counts + removed} | {"left_out": left_out}

    def words(self, *, is_dry_run: bool = False) -> str:
        """The counts as one line; a dry run cannot know who exists or has unsubscribed."""
        begin = most = ""
        left_out, sent = {why: number for why, number in self.left_out.items() if number}, 0
        known = [f"{self.created} created", f"{self.existing} existing"]
        seconds = f"{max(0.0, self.ended_at - (self.started_at or 0.0)):.1f} seconds"
        last = [pluralize(self.calls, "call"), seconds]
        if is_dry_run:
            begin, most, known = "without the dry run it would be ", "up to ", []
            sent = left_out.pop(LeftOut.UNTOLD, 0)
            told = f"{pluralize(sent, 'contact')} sent"
            # A person to unsubscribe may not be in Maileon, and then a marker takes one more call.
            last = [told, f"at least {last[0]}", f"{seconds} for the dry run"]
        reasons = [f"{number} {reason}" for reason, number in left_out.items()]
        why = f" ({', '.join(reasons)})" if reasons else ""
        marked = f", {self.marked} marked as unsubscribed" if self.marked else ""
        of_whom = "of both" if self.opted_out and self.deleted else "of these"
        gone = f" ({self.gone} {of_whom} not in Maileon{marked})" if self.gone else ""
        unsettled = self.read - self.settled
        words = [
            f"{begin}{pluralize(self.read, 'record')} read",
            f"{most}{self.written + sent} written",
            *known,
            f"{sum(left_out.values())} left out{why}",
            f"{self.merged} merged",
            f"{self.opted_out} opted out{'' if self.deleted else gone}",
            f"{self.deleted} deleted{gone if self.deleted else ''}",
            f"{self.left} left the audience" if self.left else "",
            f"{self.rejected} rejected",
            f"{unsettled} not settled" if unsettled > 0 else "",
            *last,
        ]
        return ", ".join(filter(None, words))

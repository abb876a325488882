"""What happened to the records of one stream, in numbers and in one line of words."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from destination_maileon.protocol.output import pluralize


@dataclass(slots=True)
class StreamStats:
    """Records, contacts and calls of one stream. Times in seconds of the loop's clock."""

    read: int = 0
    written: int = 0
    rejected: int = 0
    created: int = 0
    existing: int = 0
    unsubscribed: int = 0
    merged: int = 0
    left_out: int = 0
    removed: int = 0
    gone: int = 0
    deleted_ignored: int = 0
    calls: int = 0
    started_at: float = 0.0
    ended_at: float = 0.0

    @property
    def settled(self) -> int:
        """How many records reached their end."""
        return self.written + self.rejected

    def numbers(self) -> dict[str, int]:
        """Every count by its name, for machines."""
        return {name: value for name, value in asdict(self).items() if not name.endswith("_at")}

    def words(self) -> str:
        """The counts for a person; those that are rare only where they are not zero."""
        always = {
            "written": self.written,
            "created": self.created,
            "existing": self.existing,
            "unsubscribed": self.unsubscribed,
            "merged": self.merged,
            "rejected": self.rejected,
        }
        rare = {
            "left out by Maileon": self.left_out,
            "deleted or unsubscribed": self.removed,
            "of these gone already": self.gone,
            "deleted records ignored": self.deleted_ignored,
        }
        return self._listed(always | {name: number for name, number in rare.items() if number})

    def foreseen_words(self) -> str:
        """The same after a dry run: who exists or unsubscribed is not known, and nobody was sent.

        What no call reported as invalid is `left_out` then.
        """
        foreseen = {
            "written": self.written,
            "merged": self.merged,
            "rejected": self.rejected,
            "contacts sent": self.left_out,
            "deleted or unsubscribed": self.removed,
            "deleted records ignored": self.deleted_ignored,
        }
        return f"without the dry run it would be {self._listed(foreseen)}"

    def _listed(self, counts: dict[str, int]) -> str:
        words = [pluralize(self.read, "record") + " read"]
        words += [f"{number} {name}" for name, number in counts.items()]
        seconds = max(0.0, self.ended_at - self.started_at)
        return ", ".join([*words, pluralize(self.calls, "call"), f"{seconds:.1f} seconds"])

"""Records of streams that are not in the catalog: they are rejected, counted, and told of.

This module alone decides how much is said and remembered of such streams. Invariant: every record
is counted once, each stream is named at most twice, and memory does not grow with their number.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from destination_maileon.errors import StopSync
from destination_maileon.protocol.output import Level, pluralize
from destination_maileon.streams.catalog import stream_title

if TYPE_CHECKING:
    from destination_maileon.protocol.messages import StreamKey
    from destination_maileon.protocol.output import Log

MAX_NAMED = 20
"""So many are named, as many as columns; of the others there is one line."""

MAX_NAME_CHARACTERS = 200

MAX_STREAMS = 50_000
"""So many are counted apart, since a STATE of each tells its own count. No source has as many."""

MAX_NAMES_CHARACTERS = 10_000_000
"""Of all their names together."""


@dataclass(eq=False, slots=True)
class UnknownStreams:
    """The streams of one sync that are not in the catalog."""

    log: Log
    _records: Counter[StreamKey] = field(default_factory=Counter, init=False)
    _characters: int = field(default=0, init=False)

    def count(self, key: StreamKey) -> None:
        """A record of such a stream came.

        Raises:
            StopSync: if it is one stream more than can be counted.
        """
        if key not in self._records:
            self._remember(key)
            self._introduce(key)
        self._records[key] += 1

    def warn(self) -> None:
        """Says once, at the end, how many records were rejected."""
        for key, number in islice(self._records.items(), MAX_NAMED):
            self.log(
                Level.WARN,
                f"Stream {_title(key)} is not in the catalog: rejected in all "
                f"{pluralize(number, 'record')}.",
            )
        if (others := len(self._records) - MAX_NAMED) > 0:
            records = sum(islice(self._records.values(), MAX_NAMED, None))
            self.log(
                Level.WARN,
                f"Not in the catalog either: {pluralize(others, 'further stream')}, rejected in "
                f"all {pluralize(records, 'record')}.",
            )

    def _remember(self, key: StreamKey) -> None:
        self._characters += sum(len(name) for name in key if name is not None)
        if len(self._records) >= MAX_STREAMS or self._characters > MAX_NAMES_CHARACTERS:
            raise StopSync(
                f"Records came of {len(self._records)} streams that are not in the catalog, and of "
                "one more, so the sync stopped. Refresh the connection's schema in Airbyte, or "
                "look at how the source names its streams."
            )

    def _introduce(self, key: StreamKey) -> None:
        known = len(self._records)
        if known < MAX_NAMED:
            self.log(
                Level.WARN,
                f"Stream {_title(key)} is not in the catalog: its records are rejected. "
                "Refresh the connection's schema in Airbyte.",
            )
        elif known == MAX_NAMED:
            self.log(
                Level.WARN,
                f"More than {MAX_NAMED} streams are not in the catalog: the records of further "
                "ones are rejected, too, and only counted.",
            )


def _title(key: StreamKey) -> str:
    title = stream_title(key)
    return title if len(title) <= MAX_NAME_CHARACTERS else f"{title[:MAX_NAME_CHARACTERS]}..."

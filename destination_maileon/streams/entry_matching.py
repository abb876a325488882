"""The entries of `streams` in the configuration -> the streams of the sync that they are for.

This module alone decides when an entry was meant for a stream that it does not fit: to pass over
such an entry would write people as if they had never opted out. One that resembles no stream
belongs to another connection, as all connections to a destination share its configuration.
"""

from collections.abc import Collection, Iterable, Iterator

from destination_maileon.config.spec import StreamConfig, titled
from destination_maileon.config.suggestions import NameIndex, bare, shown
from destination_maileon.protocol.messages import StreamKey

# A shorter one is the end of too many names to tell that they have a prefix.
_SHORTEST_NAME = 3


class StreamEntries:
    """The entries of one configuration, with the streams of one sync."""

    def __init__(self, entries: Iterable[StreamConfig], keys: Collection[StreamKey]) -> None:
        self._entries = {entry.key: entry for entry in entries}
        there = {*keys, *((None, name) for _, name in keys)}
        self._free = [key for key in keys if self.entry_of(key) is None]
        self._names = NameIndex(name for _, name in self._free)
        self._misses = {key: self._nearest(key[1]) for key in self._entries if key not in there}

    def entry_of(self, key: StreamKey) -> StreamConfig | None:
        """The entry that names the stream's namespace, else the one that names none."""
        return self._entries.get(key) or self._entries.get((None, key[1]))

    def problems(self) -> Iterator[str]:
        """One sentence per entry that misses the stream for which it was most likely meant."""
        for key, nearest in self._misses.items():
            entry = self._entries[key]
            if nearest is not None and (entry.mapping or entry.audience_field):
                yield (
                    f"{titled('streams')} has an entry for the stream with {_in_words(*key)}, "
                    f"which is not in this sync. Did you mean the one that arrives with "
                    f"{_in_words(*nearest)}? Write it so in the entry; if it is another stream, "
                    "give it an entry of its own."
                )

    def foreign(self) -> list[StreamKey]:
        """The streams of entries that resemble none of the sync."""
        return [key for key, nearest in self._misses.items() if nearest is None]

    def _nearest(self, name: str) -> StreamKey | None:
        # Airbyte can change a namespace and put a prefix before a name, the log shows a namespace
        # before it, and people slip, in case or by a letter or two.
        wanted, untitled = bare(name), name.rpartition(".")[2]
        has_end = len(wanted) >= _SHORTEST_NAME
        alike = [
            key
            for key in self._free
            if key[1] in {name, untitled} or (has_end and bare(key[1]).endswith(wanted))
        ]
        if not alike:
            slip = self._names.nearest(name)
            alike = [key for key in self._free if key[1] == slip]
        return min(alike, key=lambda key: len(key[1]), default=None)


def _in_words(namespace: str | None, name: str) -> str:
    where = f"the namespace {shown(namespace)}" if namespace else "no namespace"
    return f"the name {shown(name)} and {where}"

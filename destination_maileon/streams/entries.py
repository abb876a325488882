"""The entries of `streams` in the configuration -> the streams of the sync that they are for.

This module alone decides when an entry was meant for a stream that it does not fit. Airbyte can
null or replace a namespace and put a prefix before a name, and people slip: to pass over such an
entry would write people as if they had never opted out. An entry that resembles no stream belongs
to another connection, as all connections to a destination share its configuration.
"""

from collections.abc import Collection, Iterable, Iterator

from destination_maileon.config.model import StreamConfig, titled
from destination_maileon.config.suggestions import MAX_SHOWN_CHARACTERS, NameIndex, bare, shown
from destination_maileon.protocol.messages import StreamKey

_SHORTEST_NAME = 3
"""A shorter one is the end of too many names to tell that they have a prefix."""


class StreamEntries:
    """The entries of one configuration, with the streams of one sync."""

    def __init__(self, entries: Iterable[StreamConfig], keys: Collection[StreamKey]) -> None:
        self._entries = {(entry.namespace, entry.name): entry for entry in entries}
        there = {*keys, *((None, name) for _, name in keys)}
        self._unused = [key for key in self._entries if key not in there]
        self._near = _Nearest([key for key in keys if self.entry_of(key) is None])

    def entry_of(self, key: StreamKey) -> StreamConfig | None:
        """The entry that names the stream's namespace, else the one that names none."""
        return self._entries.get(key) or self._entries.get((None, key[1]))

    def problems(self) -> Iterator[str]:
        """One sentence per entry that was most likely meant for a stream of the sync."""
        for key in self._unused:
            nearest = self._near.stream(key[1]) if self._says_something(key) else None
            if nearest is not None:
                yield (
                    f"{titled('streams')} has an entry for the stream with {_in_words(key)}, which "
                    f"is not in this sync. Did you mean the one that arrives with "
                    f"{_in_words(nearest)}? Write it so in the entry; if it is another stream, "
                    "give it an entry of its own."
                )

    def foreign(self) -> list[StreamKey]:
        """The streams of entries that resemble none of the sync."""
        return [key for key in self._unused if self._near.stream(key[1]) is None]

    def _says_something(self, key: StreamKey) -> bool:
        entry = self._entries[key]
        return bool(entry.mapping or entry.audience_field)


class _Nearest:
    """Finds, among streams without an entry, the one whose name a person may have meant."""

    def __init__(self, keys: Collection[StreamKey]) -> None:
        self._by_name: dict[str, StreamKey] = {}
        self._by_bare: dict[str, StreamKey] = {}
        self._by_end: dict[str, StreamKey] = {}
        self._names = NameIndex()
        for key in keys:
            name = bare(key[1])
            self._by_name.setdefault(key[1], key)
            self._by_bare.setdefault(name, key)
            for length in range(_SHORTEST_NAME, min(len(name), MAX_SHOWN_CHARACTERS)):
                self._by_end.setdefault(name[-length:], key)
            self._names.add(key[1])

    def stream(self, name: str) -> StreamKey | None:
        """In another namespace, in other case, with a prefix, or with a slip of a letter or two.

        Also where the entry's name is the title that the log shows, with the namespace before it.
        """
        bare_name = bare(name)
        found = self._by_name.get(name) or self._by_bare.get(bare_name)
        found = found or self._by_end.get(bare_name) or self._by_name.get(name.rpartition(".")[2])
        if found is None and (slip := self._names.nearest(name)) is not None:
            found = self._by_name[slip]
        return found


def _in_words(key: StreamKey) -> str:
    namespace, name = key
    where = f"the namespace {shown(namespace)}" if namespace else "no namespace"
    return f"the name {shown(name)} and {where}"

"""What is known of a stream while its records come in: its columns, its encoder, its partitions."""

from collections.abc import Callable, Collection, Iterable, Mapping

from msgspec import MsgspecError, Struct
from msgspec.structs import astuple

from destination_maileon.config.spec import titled
from destination_maileon.config.targets import SKIP, Kind
from destination_maileon.errors import ConfigError, StopSync
from destination_maileon.maileon.sync_options import Permission
from destination_maileon.mapping.columns import Column, StreamColumns
from destination_maileon.mapping.contact_encoder import ContactEncoder, Mapped
from destination_maileon.mapping.identifiers import SharedIds
from destination_maileon.mapping.mapped_record import Reason, Refusal
from destination_maileon.mapping.summary import Notice, Notices, listed, outline
from destination_maileon.protocol.messages import UNAVAILABLE_VALUE, RecordMessage
from destination_maileon.protocol.output import Level, Log, pluralize
from destination_maileon.streams.catalog import PartitionKey

_NO_DATA = Refusal(Reason.NO_DATA, "Look at the source: its record holds no data.")
# A column that is new, no object, a number or a nesting beyond the decoder's limits.
# Not every version of msgspec makes a ValueError of its own errors.
_UNUSUAL = (ValueError, RecursionError, ArithmeticError, MsgspecError)
_SHARED_ID = (
    "one {} comes with many different addresses. Maileon takes them for one contact, whose address "
    'changes each time. If it stands for "none" (0, N/A), leave the column empty for these people.'
)
MAX_TIMES_WIDER = 20
"""A row has at most this many times the columns of a record, which pays for all of them."""


class StreamMapper:
    """One stream of the catalog."""

    def __init__(self, columns: StreamColumns, log: Log) -> None:
        self.plan, self._columns, self._log = columns.plan, columns, log
        self._partition_keys: dict[Permission | None, PartitionKey] = {}
        self.usual_partition = self.partition_key(self.plan.permission)
        self.notices = Notices()
        self._shared_ids = SharedIds(self.plan.options.identifier_mode)
        self._has_warned_of_unmapped = False
        self._no_texts: set[str] = set()
        """Columns that have held something else than a text."""
        self._order: list[str] = []
        self._decode: Callable[[bytes], Struct]
        self._compile(columns.columns)
        # The first record teaches in which order its source writes the columns.
        self._decode = _refuse

    def encode(self, message: RecordMessage) -> tuple[Mapped, PartitionKey]:
        """What the record asks for, and in which partition its contact travels.

        Raises BadInput if its line is no JSON that is understood, and what `learn` raises.
        """
        try:
            row: Struct | None = self._decode(message.data)
        except _UNUSUAL:
            row = None
        # Outside of the handler, so that no chained error carries a piece of the record.
        if row is None:
            data = message.decoded_data()
            if data is None:
                return _NO_DATA, self.usual_partition
            self.learn(data)
            row = self.encoder.rows.of(data)
        encoder = self.encoder
        lacks_values = message.may_lack_values and UNAVAILABLE_VALUE in astuple(row)
        has_gaps = lacks_values or message.nulled
        refusal = encoder.leave_gaps(row, message.nulled) if has_gaps else None
        mapped = refusal or encoder.encode(row, message.texts)
        if not isinstance(mapped, tuple):
            return mapped, self.usual_partition
        if len(mapped[1]) > 1 and self._shared_ids.look(mapped[1]):
            self._tell(Level.WARN, _SHARED_ID.format(self._shared_ids.title))
        if encoder.permission_column is None:
            return mapped, self.usual_partition
        return mapped, self.partition_key(encoder.permission(row, self.plan.permission))

    def learn(self, data: Mapping[str, object]) -> None:
        """Takes in what is new in a record: columns, and other values than texts.

        Raises StopSync if a new column has no target, and that must not be.
        """
        columns = self._columns.columns
        unknown = [name for name in data if name not in columns]
        table = self._resolve(unknown, data) if unknown else ""
        self._no_texts |= {n for n in data if n in columns and not isinstance(data[n], str | None)}
        is_mixed = not self._no_texts.isdisjoint(self.encoder.rows.texts)
        # A record with a column that is not compiled in is read twice. To compile for each of them
        # would take quadratic time where every record has a column of its own.
        self._missed += 1
        is_first = self._decode is _refuse and _in_order(self._order, data) != self._order
        if table or is_mixed or is_first or self._missed > len(columns):
            self._compile(data)
        self._decode = self.encoder.rows.decode

    def _resolve(self, unknown: Collection[str], data: Mapping[str, object]) -> str:
        """A table of those of the unknown columns that go somewhere."""
        if stops := self._columns.newly_seen(data):
            # Said here, and not once more at the end.
            self._columns.unmapped.clear()
            raise StopSync(
                f"Stream {self.plan.title}: no target for {listed(stops)}, seen first in a record, "
                f"and {titled('unmapped_columns')} is fail. Map each to a target or to skip."
            )
        columns = self._columns.columns
        table = plan_table(columns[name] for name in unknown if name in columns)
        if table:
            self._tell(Level.INFO, f"seen first in a record:\n{table}")
        self._tell_notes()
        return table

    def _compile(self, keys: Collection[str]) -> None:
        """Compiles the stream for records with these keys, in this order."""
        columns = self._columns.columns
        is_narrow = len(columns) <= MAX_TIMES_WIDER * len(keys)
        new = [n for n in columns if is_narrow or n in keys or columns[n].target != SKIP]
        order = self._order = _in_order(dict.fromkeys([*self._order, *new]), keys)
        texts = columns.keys() - self._no_texts
        self.encoder = ContactEncoder(self._columns, self.notices, texts=texts, order=order)
        self._missed = 0
        self._decode = self.encoder.rows.decode

    def forget_custom_field(self, name: str) -> None:
        self._columns.forget_custom_field(name)
        self._compile(self._order)

    def partition_key(self, permission: Permission | None) -> PartitionKey:
        if permission not in self._partition_keys:
            self._partition_keys[permission] = PartitionKey(self.plan, permission)
        return self._partition_keys[permission]

    def judge(self, records: int) -> None:
        """Raises ConfigError if the connection matches all records by what none of them has."""
        if records and self.plan.is_activated and not self._columns.has_identifier:
            raise ConfigError(
                f"Stream {self.plan.title}: of its {pluralize(records, 'record')} none has the "
                f"matching key {self.plan.options.identifier_mode.value}. Map a field to it in the "
                "connection, or choose another matching key."
            )

    def tell_plan(self) -> None:
        """Says what becomes of people, and where the columns go."""
        people = outline(self.plan, self._columns.config.deleted_records)
        self._tell(Level.INFO, f"{people}\n{plan_table(self._columns.columns.values())}".rstrip())
        self._tell_notes()

    def tell_end(self, existing: int) -> None:
        """Says what came up in the records, of which `existing` are of contacts that were there."""
        self._tell_notes(is_end=True)
        column = self.encoder.permission_column
        if existing and column and not self.plan.options.override_permission:
            self._tell(
                Level.INFO,
                f"{pluralize(existing, 'existing contact')} kept the permission they had: "
                f"{listed([column])} decides for new ones only. To act on withdrawn consent, map a "
                "column to unsubscribe.",
            )
        for notice in Notice:
            if records := self.notices.counts[notice]:
                self._tell(Level.WARN, f"{pluralize(records, 'record')} {notice.value}")

    def _tell_notes(self, *, is_end: bool = False) -> None:
        """Says, once each, what a person should know of the columns.

        Columns without a target are one warning; later ones are told at the end, in one line.
        """
        names = self._columns.unmapped
        if names and (is_end or not self._has_warned_of_unmapped):
            verb, them = ("is", "it") if len(names) == 1 else ("are", "each")
            self._tell(
                Level.INFO if self._has_warned_of_unmapped else Level.WARN,
                f"{listed(names)} {verb} left out, since no target fits. To change that, give "
                f"{them} a target under {titled('streams')}; skip silences this.",
            )
            self._has_warned_of_unmapped = True
            names.clear()
        for note in self._columns.notes:
            self._tell(Level.WARN, note)
        self._columns.notes.clear()

    def _tell(self, level: Level, words: str) -> None:
        self._log(level, f"Stream {self.plan.title}: {words}")


def plan_table(columns: Iterable[Column]) -> str:
    """Column, target and type of those that go somewhere, as a table for the log."""
    shown = [column for column in columns if column.target != SKIP]
    first = max((len(column.name) for column in shown), default=0)
    second = max((len(str(column.target)) for column in shown), default=0)
    lines = []
    for column in shown:
        is_field = column.target.kind in {Kind.STANDARD, Kind.CUSTOM}
        type_ = f"{column.type}{', null clears' * column.clear}" if is_field else ""
        lines.append(f"  {column.name:<{first}}  ->  {column.target!s:<{second}}  {type_}".rstrip())
    return "\n".join(lines)


def _refuse(_data: bytes) -> Struct:
    raise ValueError


def _in_order(columns: Iterable[str], keys: Iterable[str]) -> list[str]:
    """The columns in the order of the keys; one that is not among them stays behind its neighbour.

    The decoder looks for each key from where it found the one before: in another order it takes
    quadratic time.
    """
    places = {key: place for place, key in enumerate(keys)}
    place = -1
    ranks = {column: (place := places.get(column, place)) for column in columns}
    return sorted(ranks, key=ranks.__getitem__)

"""What is known of a stream while its records come in: its columns, its encoder, its partitions.

This module alone decides when a stream is compiled anew: when a record shows a column that the
schema does not have, and when a custom field has vanished from the account.
"""

from collections.abc import Callable, Collection, Iterable, Mapping

from msgspec import MsgspecError, Struct
from msgspec.structs import astuple

from destination_maileon.config.model import titled
from destination_maileon.config.targets import SKIP
from destination_maileon.errors import ConfigError, StopSync
from destination_maileon.maileon.sync_options import Permission
from destination_maileon.mapping.columns import StreamColumns
from destination_maileon.mapping.contact_encoder import ContactEncoder, Mapped
from destination_maileon.mapping.identifiers import SharedIds
from destination_maileon.mapping.mapped_record import Reason, Refusal
from destination_maileon.mapping.summary import Notice, Notices, listed, outline, plan_table
from destination_maileon.protocol.messages import UNAVAILABLE_VALUE, RecordMessage
from destination_maileon.protocol.output import Level, Log, pluralize
from destination_maileon.streams.catalog import PartitionKey

_NO_DATA = Refusal(Reason.NO_DATA, "Look at the source: its record holds no data.")
# A column that is new, no object, a number or a nesting beyond the decoder's limits.
# Not every version of msgspec makes a ValueError of its own errors.
_UNUSUAL = (ValueError, RecursionError, ArithmeticError, MsgspecError)

MAX_TIMES_WIDER = 20
"""So many times what a record has may columns be that are new and go nowhere."""


class StreamMapper:
    """One stream of the catalog."""

    def __init__(self, columns: StreamColumns, log: Log) -> None:
        plan = self.plan = columns.plan
        self._columns = columns
        self._log = log
        self._partition_keys: dict[Permission | None, PartitionKey] = {}
        self.usual_partition = self.partition_key(plan.permission)
        self.notices = Notices()
        self._shared_ids = SharedIds(plan.options.identifier_mode)
        self._has_warned_of_unmapped = False
        self._mixed: set[str] = set()
        """Columns of texts that have held something else."""
        self._keys: dict[str, None] = {}
        """What a record has, the last one that was looked at closely."""
        self._decode: Callable[[bytes], Struct]
        self._compile(columns.columns)
        # The first record teaches in which order its source writes the columns.
        self._decode = _refuse

    def encode(self, message: RecordMessage) -> tuple[Mapped, PartitionKey]:
        """What the record asks for, and in which partition its contact travels.

        Raises:
            BadInput: if its line is no JSON that is understood.
            StopSync: if a column is new and has no target, and that must not be.
        """
        try:
            row: Struct | None = self._decode(message.data)
        except _UNUSUAL:
            row = None
        # Outside of the handler, so that no chained error carries a piece of the record.
        if row is None and (row := self._unusual_row(message)) is None:
            return _NO_DATA, self.usual_partition
        encoder = self.encoder
        lacks_values = message.may_lack_values and UNAVAILABLE_VALUE in astuple(row)
        if lacks_values or message.nulled:
            refusal = encoder.leave_gaps(row, message.nulled)
            if refusal is not None:
                return refusal, self.usual_partition
        mapped = encoder.encode(row, message.texts)
        if not isinstance(mapped, tuple):
            return mapped, self.usual_partition
        if len(mapped[1]) > 1 and self._shared_ids.look(mapped[1]):
            self._warn_of_shared_ids()
        if encoder.permission_column is None:
            return mapped, self.usual_partition
        return mapped, self.partition_key(encoder.permission(row, self.plan.permission))

    def _unusual_row(self, message: RecordMessage) -> Struct | None:
        """The row of a record that teaches something, or is beyond the decoder's limits.

        For the encoder as it is then; None if the record has no data.
        """
        data = message.decoded_data()
        if data is None:
            return None
        self.learn(data)
        rows = self.encoder.rows
        mixed = {name for name in rows.texts if not isinstance(data.get(name), str | None)}
        self._mixed |= mixed
        is_first = self._decode is _refuse
        if mixed or (is_first and _in_order(rows.columns, data) != [*rows.columns]):
            self._compile_anew()
        self._decode = self.encoder.rows.decode
        return self.encoder.rows.of(data)

    def _warn_of_shared_ids(self) -> None:
        self._tell(
            Level.WARN,
            f"one {self._shared_ids.title} comes with many different addresses. Maileon takes them "
            'for one contact, whose address changes each time. If it stands for "none" (0, N/A), '
            "leave the column empty for these people.",
        )

    def learn(self, data: Mapping[str, object]) -> None:
        """Takes in the columns of a record that are new.

        Raises:
            StopSync: if one has no target, and that must not be.
        """
        columns = self._columns.columns
        self._keys = dict.fromkeys(data)
        unknown = [name for name in data if name not in columns]
        if unknown:
            self._resolve(unknown, data)
        if any(name in columns and columns[name].target != SKIP for name in unknown):
            self._compile_anew()
        else:
            self._miss()

    def _resolve(self, unknown: Collection[str], data: Mapping[str, object]) -> None:
        stops = self._columns.newly_seen(data)
        if stops:
            # Said here, and not once more at the end.
            self._columns.unmapped.clear()
            raise StopSync(
                f"Stream {self.plan.title}: no target for {listed(stops)}, seen first in a "
                f"record, and {titled('unmapped_columns')} is fail. Map each to a target or to "
                "skip."
            )
        columns = self._columns.columns
        table = plan_table(columns[name] for name in unknown if name in columns)
        if table:
            self._tell(Level.INFO, f"seen first in a record:\n{table}")
        self._tell_notes()

    def forget_custom_field(self, name: str) -> None:
        """The account has this field no longer."""
        self._columns.forget_custom_field(name)
        self._compile_anew()

    def partition_key(self, permission: Permission | None) -> PartitionKey:
        """What the stream's calls with this permission have in common."""
        if permission not in self._partition_keys:
            self._partition_keys[permission] = PartitionKey(self.plan, permission)
        return self._partition_keys[permission]

    def judge(self, records: int) -> None:
        """Judges all of the stream's records, so many.

        Raises:
            ConfigError: if the connection matches them by what none of them has.
        """
        if records and self.plan.is_activated and not self._columns.has_identifier:
            key = self.plan.options.identifier_mode.value
            raise ConfigError(
                f"Stream {self.plan.title}: of its {pluralize(records, 'record')} none has the "
                f"matching key {key}. Map a field to it in the connection, or choose another "
                "matching key."
            )

    def tell_plan(self) -> None:
        """Says what becomes of people, and where the columns go."""
        people = outline(self.plan, self._columns.config.deleted_records)
        self._tell(Level.INFO, f"{people}\n{plan_table(self._columns.columns.values())}".rstrip())
        self._tell_notes()

    def tell_end(self, existing: int) -> None:
        """Says what came up in the records, of which `existing` are of contacts that were there."""
        # A warning names the first ones; one for each record would drown the others.
        self._tell_unmapped(Level.INFO)
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

    def _tell_notes(self) -> None:
        """Says, once each, what a person should know of the columns."""
        if not self._has_warned_of_unmapped:
            self._has_warned_of_unmapped = self._tell_unmapped(Level.WARN)
        for note in self._columns.notes:
            self._tell(Level.WARN, note)
        self._columns.notes.clear()

    def _tell_unmapped(self, level: Level) -> bool:
        """Names the columns without a target that were not named yet; whether there are any."""
        names = self._columns.unmapped
        if not names:
            return False
        verb, them = ("is", "it") if len(names) == 1 else ("are", "each")
        self._tell(
            level,
            f"{listed(names)} {verb} left out, since no target fits. To change that, give {them} a "
            f"target under {titled('streams')}; skip silences this.",
        )
        names.clear()
        return True

    def _tell(self, level: Level, words: str) -> None:
        self._log(level, f"Stream {self.plan.title}: {words}")

    def _miss(self) -> None:
        """A record has columns that go nowhere and that the encoder does not have.

        To compile anew for each would take quadratic time where every record has its own; never to
        do it would read twice every record that has one.
        """
        self._missed += 1
        if self._missed > len(self._columns.columns):
            self._compile_anew()

    def _compile_anew(self) -> None:
        columns, rows = self._columns.columns, self.encoder.rows.columns
        new = [name for name in columns if name not in rows]
        # Each record pays for the columns of a row that it does not have.
        if len(new) > MAX_TIMES_WIDER * len(self._keys):
            new = [n for n in new if n in self._keys or columns[n].target != SKIP]
        self._compile(_in_order([*rows, *new], self._keys))

    def _compile(self, order: Collection[str]) -> None:
        """For rows of these columns, which the records have in this order."""
        columns = self._columns.columns
        self._missed = 0
        texts = columns.keys() - self._mixed
        self.encoder = ContactEncoder(self._columns, self.notices, texts=texts, order=order)
        self._decode = self.encoder.rows.decode


def _refuse(_data: bytes) -> Struct:
    raise ValueError


def _in_order(columns: Iterable[str], keys: Iterable[str]) -> list[str]:
    """The columns in the order of the keys; one that is not among them stays behind its neighbour.

    The decoder looks for each key from where it found the one before: in another order it takes
    quadratic time.
    """
    places = {key: place for place, key in enumerate(keys)}
    ranks: dict[str, int] = {}
    place = -1
    for column in columns:
        ranks[column] = place = places.get(column, place)
    return sorted(ranks, key=ranks.__getitem__)

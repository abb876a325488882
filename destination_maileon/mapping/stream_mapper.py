"""What is known of a stream while its records come in: its columns, its mappers, its lanes.

This module alone decides when a stream is compiled anew: when a record shows a column that the
schema does not have, and when a custom field has vanished from the account.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from destination_maileon.config.model import titled
from destination_maileon.config.targets import SKIP
from destination_maileon.errors import ConfigError, StopSync
from destination_maileon.mapping.plain_records import PlainRecords
from destination_maileon.mapping.record_mapper import MappingRules, RecordMapper
from destination_maileon.mapping.summary import listed, outline, plan_table
from destination_maileon.protocol.output import Level
from destination_maileon.streams.catalog import PartitionKey

if TYPE_CHECKING:
    from collections.abc import Mapping

    from destination_maileon.config.model import Config
    from destination_maileon.maileon.sync_options import Permission
    from destination_maileon.mapping.columns import ColumnResolver, StreamColumns
    from destination_maileon.mapping.record_mapper import Column
    from destination_maileon.protocol.output import Log
    from destination_maileon.streams.catalog import StreamPlan


MAX_TABLES = 20
"""So many times it is told where columns go that only the records have."""


class StreamMapper:
    """One stream of the catalog; `plain` and `mapper` are the short and the long way."""

    def __init__(
        self, plan: StreamPlan, resolver: ColumnResolver, *, columns: StreamColumns, config: Config
    ) -> None:
        self.plan = plan
        self._resolver = resolver
        self._columns = columns
        self._rules = MappingRules(
            identifier_mode=plan.options.identifier_mode,
            deleted_records=config.deleted_records,
            truncate_long_text=config.truncate_long_text,
            every_record_is_deleted=plan.every_record_is_deleted,
        )
        self._lanes: dict[Permission | None, PartitionKey] = {}
        self.usual_lane = self.lane(plan.permission)
        self._cleaned_before = 0
        self._told_notes = 0
        self._told_tables = 0
        self._has_told_unmapped = False
        self._compile()

    def learn(self, data: Mapping[str, object], log: Log) -> None:
        """Takes in the columns of a record that are new.

        Raises:
            StopReading: if one has no target, and that must not be.
        """
        known = self.mapper.known_columns
        if data.keys() <= known:
            return
        stops = self._resolver.newly_seen(data)
        if stops:
            raise StopSync(
                f"Stream {self.plan.title}: no target for {listed(stops)}, seen first in a "
                f"record, and {titled('unmapped_columns')} is fail. Map each to a target or to "
                "skip."
            )
        columns = self._columns.columns
        new = {name: columns[name] for name in data if name in columns and name not in known}
        if all(column.target == SKIP for column in new.values()):
            # To compile anew for each would take quadratic time where every record has its own.
            known.update(new)
            self.plain.known_columns.update(new)
        else:
            self._recompile()
        self._tell_new(new, log)
        self.tell_notes(log)

    def _tell_new(self, new: Mapping[str, Column], log: Log) -> None:
        if not new or self._told_tables >= MAX_TABLES:
            return
        self._told_tables += 1
        is_last = self._told_tables == MAX_TABLES
        more = "\n  Further columns that only records have are not listed." if is_last else ""
        log(
            Level.INFO,
            f"Stream {self.plan.title}, seen first in a record:\n{plan_table(new)}{more}",
        )

    def forget_custom_field(self, name: str) -> None:
        """The account has this field no longer."""
        self._resolver.forget_custom_field(name)
        self._recompile()

    def lane(self, permission: Permission | None) -> PartitionKey:
        """What the stream's calls with this permission have in common."""
        lane = self._lanes.get(permission)
        if lane is None:
            lane = self._lanes[permission] = PartitionKey(self.plan, permission)
        return lane

    def judge(self, records: int) -> None:
        """Judges all of the stream's records, so many.

        Raises:
            ConfigError: if the connection matches them by what none of them has.
        """
        if records and self.plan.is_activated and not self._resolver.has_identifier:
            key = self.plan.options.identifier_mode.value
            raise ConfigError(
                f"Stream {self.plan.title}: none of its {records} records has the matching key "
                f"{key}. Map a field to it in the connection, or choose another matching key."
            )

    @property
    def cleaned_records(self) -> int:
        """Records in which characters that XML forbids were removed."""
        return self._cleaned_before + self.mapper.cleaned_records

    def tell_plan(self, log: Log) -> None:
        """Says what becomes of people, and where the columns go."""
        people = outline(self.plan, self._rules.deleted_records)
        columns = plan_table(self._columns.columns)
        log(Level.INFO, f"Stream {self.plan.title}: {people}\n{columns}")
        self.tell_notes(log)

    def tell_notes(self, log: Log) -> None:
        """Says, once each, what a person should know of the columns."""
        title, columns = self.plan.title, self._columns
        if columns.unmapped and not self._has_told_unmapped:
            self._has_told_unmapped = True
            log(
                Level.WARN,
                f"Stream {title}: {listed(columns.unmapped)} left out, since no target fits. Map "
                "each to a target, or to skip to silence this.",
            )
        for note in columns.notes[self._told_notes :]:
            log(Level.WARN, f"Stream {title}: {note}")
        self._told_notes = len(columns.notes)

    def _recompile(self) -> None:
        self._cleaned_before = self.cleaned_records
        self._compile()

    def _compile(self) -> None:
        columns = self._columns.columns
        self.mapper = RecordMapper(columns.values(), self._rules)
        self.plain = PlainRecords(columns.values(), self._rules)

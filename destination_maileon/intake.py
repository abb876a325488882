"""A record -> its place in a batch, a farewell, or a rejection before it is sent.

This module alone decides what happens to a record on its way in: it asks the stream's mapper and
passes the result on. Nothing is sent here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from destination_maileon.batching import Lane
from destination_maileon.catalog import stream_title
from destination_maileon.maileon.contact import Contact
from destination_maileon.maileon.contacts_xml import contact_bytes
from destination_maileon.maileon.sync_options import Permission
from destination_maileon.mapping import (
    Farewell,
    MappingRules,
    Reason,
    RecordMapper,
    Refusal,
    Removal,
)
from destination_maileon.merging import Entry, Part, contact_keys
from destination_maileon.output import Level
from destination_maileon.plan_table import listed, plan_table
from destination_maileon.problems import StopReading
from destination_maileon.rejections import Rejection

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from destination_maileon.batching import Batch, Batcher, Limits
    from destination_maileon.catalog import StreamPlan
    from destination_maileon.columns import ColumnResolver, StreamColumns
    from destination_maileon.config import Config
    from destination_maileon.dispatch import Dispatch
    from destination_maileon.ledger import Ledger, Log
    from destination_maileon.mapping import Mapped
    from destination_maileon.messages import RecordMessage, StreamKey

_NO_DATA = Refusal(Reason.NO_DATA, "", "Look at the source: its record holds no data.", Contact())


@dataclass(slots=True)
class _Stream:
    """What changes for a stream while its records come in."""

    plan: StreamPlan
    resolver: ColumnResolver
    columns: StreamColumns
    mapper: RecordMapper
    lanes: dict[Permission | None, Lane]
    told_notes: int = 0
    told_unmapped: bool = False


@dataclass(eq=False, slots=True, kw_only=True)
class Intake:
    """Takes the records of all streams, one by one, in the order in which they come."""

    config: Config
    ledger: Ledger
    batcher: Batcher
    dispatch: Dispatch
    limits: Limits
    log: Log
    _streams: dict[StreamKey, _Stream] = field(default_factory=dict, init=False)
    _unknown_streams: set[StreamKey] = field(default_factory=set, init=False)
    _place: int = field(default=0, init=False)
    _farewells: int = field(default=0, init=False)
    _cleaned: int = field(default=0, init=False)

    def open(self, plan: StreamPlan, resolver: ColumnResolver, columns: StreamColumns) -> None:
        """Makes a stream ready, and says where its columns go."""
        mapper = self._compiled(plan, columns)
        stream = _Stream(plan, resolver, columns, mapper, lanes={})
        self._streams[plan.key] = stream
        self.log(Level.INFO, f"Stream {plan.title}:\n{plan_table(columns.columns)}")
        self._tell(stream)

    def take(self, message: RecordMessage, now: float) -> None:
        """Takes one record.

        Raises:
            StopReading: if it may not be taken, and no record after it.
            ConfigError: if more was rejected than allowed.
        """
        stream = self._streams.get(message.stream)
        if stream is None:
            self._leave_out_stranger(message.stream)
            return
        data = message.data
        if data is None:
            self._finish(stream, message, _NO_DATA, now=now)
            return
        if not data.keys() <= stream.mapper.known_columns:
            self._learn(stream, data)
        self._finish(stream, message, stream.mapper.map(data), now=now)

    def forget_custom_field(self, name: str) -> None:
        """The account has this field no longer."""
        for stream in self._streams.values():
            stream.resolver.forget_custom_field(name)
            self._recompile(stream)

    def close(self) -> None:
        """Says what is said once, at the end."""
        cleaned = self._cleaned + sum(s.mapper.cleaned_records for s in self._streams.values())
        if cleaned:
            self.log(
                Level.WARN,
                f"In {cleaned} records characters were removed that XML 1.0 does not allow.",
            )

    def _finish(
        self, stream: _Stream, message: RecordMessage, mapped: Mapped, *, now: float
    ) -> None:
        if isinstance(mapped, Farewell):
            if mapped.removal is Removal.IGNORE:
                segment, _ = self.ledger.received(stream.plan, now)
                self._place += 1
                self.ledger.left_out(stream.plan, segment)
                return
            self._check_brake()
            self._say_farewell(stream, self._part(stream, message, mapped.contact, now=now), mapped)
            return
        if isinstance(mapped, Refusal):
            part = self._part(stream, message, mapped.contact, now=now)
            self.ledger.rejected(stream.plan, part, _rejection(mapped))
            return
        permission = stream.plan.permission
        if stream.mapper.has_permission_column and message.data is not None:
            named = stream.mapper.permission(message.data)
            if isinstance(named, Reason):
                refusal = _bad_permission(stream.mapper.permission_column, mapped)
                self._finish(stream, message, refusal, now=now)
                return
            permission = named or permission
        part = self._part(stream, message, mapped, now=now)
        if not self.limits.fits(part.payload):
            self.ledger.rejected(stream.plan, part, _too_large(self.limits.body_bytes))
            return
        self._send(self.batcher.add(part, _lane(stream, permission), now))

    def _part(
        self, stream: _Stream, message: RecordMessage, contact: Contact, *, now: float
    ) -> Part:
        segment, number = self.ledger.received(stream.plan, now)
        self._place += 1
        payload = contact_bytes(contact)
        keys = contact_keys(contact)
        part = Part(self._place, number, segment, contact=contact, keys=keys, payload=payload)
        if self.ledger.keeps_messages:
            # Roughly what the decoded record takes: its values are in the payload, too.
            part.message, part.message_bytes = message.record, 2 * len(payload)
        return part

    def _send(self, batches: Iterable[Batch]) -> None:
        for batch in batches:
            self.dispatch.submit(batch)

    def _say_farewell(self, stream: _Stream, part: Part, farewell: Farewell) -> None:
        self._farewells += 1
        self._send(self.batcher.part_with(part.keys))
        lane = _lane(stream, stream.plan.permission)
        self.dispatch.submit_farewell(lane, Entry(part), farewell)

    def _check_brake(self) -> None:
        allowed = self.config.max_deleted_records
        if allowed is not None and self._farewells >= allowed:
            raise StopReading(
                f'More than "max_deleted_records" ({allowed}) records delete or unsubscribe a '
                f"contact, so the sync stopped after {self._farewells}. If they are all meant to "
                "go, allow more and sync again."
            )

    def _leave_out_stranger(self, key: StreamKey) -> None:
        self._place += 1
        self.ledger.stranger(key)
        if key not in self._unknown_streams:
            self._unknown_streams.add(key)
            self.log(
                Level.WARN,
                f"Stream {stream_title(key)} is not in the catalog: its records are left out. "
                "Refresh the connection's schema in Airbyte.",
            )

    def _learn(self, stream: _Stream, data: Mapping[str, object]) -> None:
        """Resolves columns that the schema does not have."""
        stops = stream.resolver.newly_seen(data)
        if stops:
            raise StopReading(
                f"Stream {stream.plan.title}: no target for {listed(stops)}, seen first in a "
                'record, and "unmapped_columns" is fail. Map each to a target or to skip.'
            )
        self._recompile(stream)
        self._tell(stream)

    def _recompile(self, stream: _Stream) -> None:
        self._cleaned += stream.mapper.cleaned_records
        stream.mapper = self._compiled(stream.plan, stream.columns)

    def _compiled(self, plan: StreamPlan, columns: StreamColumns) -> RecordMapper:
        rules = MappingRules(
            identifier_mode=plan.options.identifier_mode,
            deleted_records=self.config.deleted_records,
            truncate_long_text=self.config.truncate_long_text,
            every_record_is_deleted=plan.every_record_is_deleted,
        )
        return RecordMapper(columns.columns.values(), rules)

    def _tell(self, stream: _Stream) -> None:
        if stream.columns.unmapped and not stream.told_unmapped:
            stream.told_unmapped = True
            self.log(
                Level.WARN,
                f"Stream {stream.plan.title}: {listed(stream.columns.unmapped)} left out, since "
                "no target fits. Map each to a target, or to skip to silence this.",
            )
        for note in stream.columns.notes[stream.told_notes :]:
            self.log(Level.WARN, f"Stream {stream.plan.title}: {note}")
        stream.told_notes = len(stream.columns.notes)


def _lane(stream: _Stream, permission: Permission | None) -> Lane:
    lane = stream.lanes.get(permission)
    if lane is None:
        lane = stream.lanes[permission] = Lane(stream.plan, permission)
    return lane


def _rejection(refusal: Refusal) -> Rejection:
    return Rejection(refusal.reason, refusal.advice, refusal.field)


def _bad_permission(column: str, contact: Contact) -> Refusal:
    names = ", ".join(permission.name.lower() for permission in Permission)
    return Refusal(
        Reason.BAD_PERMISSION, column, f"Use one of {names}, or 1 to 6, or leave it empty.", contact
    )


def _too_large(limit: int) -> Rejection:
    return Rejection(
        Reason.TOO_LARGE, f"Shorten its values: a call may have {limit} bytes at most."
    )

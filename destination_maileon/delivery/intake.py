"""A record -> its place in a batch, a farewell, or a rejection before it is sent.

This module alone decides what happens to a record on its way in: it asks the stream's mappers and
passes the result on. Nothing is sent here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from destination_maileon.config.model import DeletedRecords
from destination_maileon.delivery.strangers import UnknownStreams
from destination_maileon.errors import StopSync
from destination_maileon.maileon.contact import Contact
from destination_maileon.maileon.contact_xml import contact_bytes, contact_of
from destination_maileon.maileon.sync_options import Permission
from destination_maileon.mapping.mapped_record import BatchEntry, MappedRecord, contact_keys
from destination_maileon.mapping.record_mapper import ContactRemoval, Reason, Refusal
from destination_maileon.mapping.stream_mapper import StreamMapper
from destination_maileon.protocol.output import Level, pluralize
from destination_maileon.rejections.rejection import Rejection

if TYPE_CHECKING:
    from destination_maileon.accounting.ledger import Ledger
    from destination_maileon.config.model import Config
    from destination_maileon.delivery.accumulator import Accumulator, Limits
    from destination_maileon.delivery.scheduler import RequestScheduler
    from destination_maileon.mapping.columns import ColumnResolver, StreamColumns
    from destination_maileon.mapping.mapped_record import Written
    from destination_maileon.protocol.messages import RecordMessage, StreamKey
    from destination_maileon.protocol.output import Log
    from destination_maileon.streams.catalog import StreamPlan

_NO_DATA = Refusal(Reason.NO_DATA, "", "Look at the source: its record holds no data.", Contact())


@dataclass(eq=False, slots=True, kw_only=True)
class Intake:
    """Takes the records of all streams, one by one, in the order in which they come."""

    config: Config
    ledger: Ledger
    batcher: Accumulator
    dispatch: RequestScheduler
    limits: Limits
    log: Log
    _streams: dict[StreamKey, StreamMapper] = field(default_factory=dict, init=False)
    _strangers: UnknownStreams = field(init=False)
    _largest: int = field(init=False)
    _farewells: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self._largest = self.limits.contact_bytes
        self._strangers = UnknownStreams(self.log)

    def open(self, plan: StreamPlan, resolver: ColumnResolver, columns: StreamColumns) -> None:
        """Makes a stream ready, and says where its columns go."""
        stream = StreamMapper(plan, resolver, columns=columns, config=self.config)
        self._streams[plan.key] = stream
        stream.tell_plan(self.log)

    def take(self, message: RecordMessage, now: float) -> bool:
        """Takes one record; whether a call more waits now.

        Raises:
            StopReading: if it may not be taken, or is one rejection too many.
            SyncError: if rejections cannot be stored.
        """
        stream = self._streams.get(message.stream)
        if stream is None:
            return self._leave_out_stranger(message.stream)
        data = message.data
        if data is None:
            return self._reject(stream, message, _NO_DATA, now=now)
        plain = stream.plain.element(data, message.types, is_clean=message.is_clean)
        if plain is not None:
            return self._write(stream, message, plain, now=now)
        stream.learn(data, self.log)
        mapped = stream.mapper.map(data)
        if isinstance(mapped, Contact):
            return self._write(stream, message, _written(mapped), now=now)
        if isinstance(mapped, Refusal):
            return self._reject(stream, message, mapped, now=now)
        return self._part_with(stream, message, mapped, now=now)

    def forget_custom_field(self, name: str) -> None:
        """The account has this field no longer."""
        for stream in self._streams.values():
            stream.forget_custom_field(name)

    def judge(self) -> None:
        """Judges the whole sync.

        Raises:
            ConfigError: if a stream's records never had what its connection matches them by.
        """
        for stream in self._streams.values():
            stream.judge(self.ledger.counts[stream.plan].read)

    def close(self) -> None:
        """Says what is said once, at the end."""
        self._strangers.close()
        cleaned = sum(stream.cleaned_records for stream in self._streams.values())
        if cleaned:
            self.log(
                Level.WARN,
                f"In {pluralize(cleaned, 'record')} characters were removed that XML 1.0 does not "
                "allow.",
            )

    def _write(
        self, stream: StreamMapper, message: RecordMessage, written: Written, *, now: float
    ) -> bool:
        lane = stream.usual_lane
        if stream.mapper.has_permission_column and message.data is not None:
            named = stream.mapper.permission(message.data, stream.plan.permission)
            if isinstance(named, Reason):
                column = stream.mapper.permission_column
                refusal = _bad_permission(column, written[0])
                return self._reject(stream, message, refusal, now=now)
            lane = stream.lane(named)
        part = self._part(stream, message, written, now=now)
        if len(part.payload) > self._largest:
            return self._refuse(stream, part, _too_large(self.limits.body_bytes))
        closed = self.batcher.add(part, lane, now)
        for batch in closed:
            self.dispatch.submit(batch)
        return bool(closed)

    def _part(
        self, stream: StreamMapper, message: RecordMessage, written: Written, *, now: float
    ) -> MappedRecord:
        part = self.ledger.received(stream.plan, now, written)
        if self.ledger.keeps_messages:
            # Roughly what the decoded record takes, columns that are mapped nowhere included.
            part.message, part.message_bytes = message.record, 2 * message.size
        return part

    def _reject(
        self, stream: StreamMapper, message: RecordMessage, refusal: Refusal, *, now: float
    ) -> bool:
        part = self._part(stream, message, _written(refusal.contact), now=now)
        return self._refuse(stream, part, _rejection(refusal))

    def _refuse(self, stream: StreamMapper, part: MappedRecord, rejection: Rejection) -> bool:
        self.ledger.rejected(stream.plan, part, rejection)
        self.ledger.heed()
        return False

    def _part_with(
        self, stream: StreamMapper, message: RecordMessage, farewell: ContactRemoval, *, now: float
    ) -> bool:
        if farewell.removal is DeletedRecords.IGNORE:
            self.ledger.left_out(stream.plan, self.ledger.received(stream.plan, now))
            return False
        if not stream.plan.options.identifier_mode.endpoint(farewell.contact).is_usable:
            return self._reject(stream, message, _no_path(farewell.contact, stream), now=now)
        self._check_brake()
        self._farewells += 1
        part = self._part(stream, message, _written(farewell.contact), now=now)
        for batch in self.batcher.part_with(part.keys):
            self.dispatch.submit(batch)
        lane = stream.lane(stream.plan.permission)
        self.dispatch.submit_farewell(lane, BatchEntry(part), farewell)
        return True

    def _check_brake(self) -> None:
        allowed = self.config.max_deleted_records
        if allowed is not None and self._farewells >= allowed:
            raise StopSync(
                f'More than "max_deleted_records" ({allowed}) records delete or unsubscribe a '
                f"contact, so the sync stopped after {self._farewells}. Pause the connection and "
                "look at the source first: each run may remove as many again. If they are all "
                "meant to go, allow more and sync again."
            )

    def _leave_out_stranger(self, key: StreamKey) -> bool:
        self._strangers.meet(key)
        self.ledger.stranger(key)
        return False


def _written(contact: Contact) -> Written:
    return contact_bytes(contact), contact_keys(contact)


def _rejection(refusal: Refusal) -> Rejection:
    return Rejection(refusal.reason, refusal.advice, refusal.field)


def _bad_permission(column: str, payload: bytes) -> Refusal:
    names = ", ".join(permission.name.lower() for permission in Permission)
    advice = f"Use one of not_set, {names}, or 1 to 6, or leave it empty."
    return Refusal(Reason.BAD_PERMISSION, column, advice, contact_of(payload))


def _no_path(contact: Contact, stream: StreamMapper) -> Refusal:
    kind, _ = stream.plan.options.identifier_mode.identify(contact)
    advice = f"Correct the {kind}, or delete or unsubscribe the contact in Maileon."
    return Refusal(Reason.NO_PATH, kind.replace(" ", "_").lower(), advice, contact)


def _too_large(limit: int) -> Rejection:
    return Rejection(
        Reason.TOO_LARGE, f"Shorten its values: a call may have {limit} bytes at most."
    )

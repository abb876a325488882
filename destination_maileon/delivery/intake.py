"""Turns each record into a contact in a batch, a removal, or a rejection; nothing is sent here."""

from collections import Counter
from dataclasses import dataclass, field, replace

from destination_maileon.accounting.ledger import Ledger
from destination_maileon.config.spec import Config, DeletedRecords
from destination_maileon.delivery.accumulator import Accumulator
from destination_maileon.maileon.client import is_addressable
from destination_maileon.maileon.contact_xml import contact_bytes
from destination_maileon.maileon.sync_options import SyncOptions
from destination_maileon.mapping import mapped_record
from destination_maileon.mapping.columns import StreamColumns
from destination_maileon.mapping.mapped_record import BatchEntry, Reason
from destination_maileon.mapping.stream_mapper import StreamMapper
from destination_maileon.protocol.messages import RecordMessage, StreamKey
from destination_maileon.protocol.output import Level, Log, pluralize, were_rejected
from destination_maileon.rejections.rejection import Rejection
from destination_maileon.streams.catalog import StreamPlan, stream_title

MAX_NAMED = 20
"""At most this many streams that are not in the catalog are named in the log."""


@dataclass(eq=False, slots=True, kw_only=True)
class Intake:
    """Takes the records of all streams in the order of the input."""

    config: Config
    ledger: Ledger
    accumulator: Accumulator
    log: Log
    _streams: list[StreamMapper] = field(default_factory=list, init=False)
    _by_key: dict[StreamKey, StreamMapper] = field(default_factory=dict, init=False)
    """Each stream by its key, and by that without its namespace once such records came."""
    _unknown: dict[StreamKey, StreamPlan] = field(default_factory=dict, init=False)
    _unknown_records: Counter[StreamKey] = field(default_factory=Counter, init=False)
    _lost_fields: Counter[str] = field(default_factory=Counter, init=False)
    _largest: int = field(default=0, init=False)

    def open(self, columns: StreamColumns) -> None:
        """Prepares a stream and logs where its columns go."""
        self._largest = self.accumulator.limits.contact_bytes
        stream = StreamMapper(columns, self.log)
        self._streams.append(stream)
        self._by_key[columns.plan.key] = stream
        stream.tell_plan()

    def take(self, message: RecordMessage, now: float) -> bool:
        """Takes one record; returns whether another request may be waiting.

        Raises a StopSync if no more may be rejected, a SyncError if rejections cannot be stored.
        """
        stream = self._stream(message.stream)
        if stream is None:
            return self._reject_unknown(message)
        mapped, partition_key = stream.encode(message)
        if isinstance(mapped, tuple):
            part = self.ledger.received(stream.plan, now, mapped, line=message.line)
            if len(part.payload) <= self._largest:
                return self.accumulator.add(part, partition_key, now)
            most = f"a call may have {self.accumulator.limits.body_bytes} bytes at most."
            rejection: Rejection | None = Rejection(Reason.TOO_LARGE, f"Shorten its values: {most}")
        else:
            written = contact_bytes(mapped.contact), mapped_record.contact_keys(mapped.contact)
            part = self.ledger.received(stream.plan, now, (*written, False), line=message.line)
            if isinstance(mapped, mapped_record.Refusal):
                rejection = Rejection(mapped.reason, mapped.advice, mapped.field or "")
            else:
                entry = BatchEntry.of_record(part, partition_key, now)
                rejection = self._remove(entry, mapped)
        if rejection is not None:
            self.ledger.rejected(stream.plan, part, rejection)
            self.ledger.raise_stop_reason()
        return rejection is None

    def complete(self, key: StreamKey) -> None:
        """Notes that the source has sent all records of the stream."""
        stream = self._stream(key)
        if stream is not None:
            self.ledger.completed.add(stream.plan)

    def known_key(self, key: StreamKey) -> StreamKey:
        """The stream's key in the catalog, also if its namespace was lost on the way."""
        stream = self._stream(key)
        return key if stream is None else stream.plan.key

    def lose_custom_field(self, name: str, records: int) -> None:
        """Notes a vanished custom field, and how many more records are sent without it."""
        if name not in self._lost_fields:
            for stream in self._streams:
                stream.forget_custom_field(name)
        self._lost_fields[name] += records

    def judge(self) -> None:
        """Raises a ConfigError if no record of a stream had its connection's matching key."""
        for stream in self._streams:
            stream.judge(self.ledger.counts[stream.plan].read)

    def close(self) -> None:
        """Logs the warnings that are logged once, at the end."""
        if self._lost_fields:
            counts = self._lost_fields.items()
            fields = ", ".join(f'"{name}" ({pluralize(n, "record")})' for name, n in counts)
            self.log(
                Level.WARN,
                f"Custom fields vanished from the account during the sync: {fields}. These records "
                "were written without them. Create the fields again, or unmap their columns.",
            )
        self._tell_unknown()
        for stream in self._streams:
            stream.tell_end(self.ledger.counts[stream.plan].existing)

    def _stream(self, key: StreamKey) -> StreamMapper | None:
        """The stream, or the only one of the name if the key has no namespace; warns once then."""
        if (stream := self._by_key.get(key)) is not None:
            return stream
        streams = [stream for stream in self._streams if (None, stream.plan.key[1]) == key]
        if len(streams) != 1:
            return None
        self._by_key[key] = streams[0]
        self.log(
            Level.WARN,
            f"Stream {streams[0].plan.title}: its records arrive without their namespace. They "
            "are taken for this stream, since no other has its name.",
        )
        return streams[0]

    def _remove(self, entry: BatchEntry, asked: mapped_record.ContactRemoval) -> Rejection | None:
        """Queues a removal, or leaves it out as configured; returns why it cannot be sent."""
        plan = entry.partition_key.plan
        if asked.removal is DeletedRecords.IGNORE:
            self.ledger.skipped(plan, entry.first)
            return None
        mode = plan.options.identifier_mode
        if not is_addressable(mode, asked.contact):
            kind, _ = mode.identify(asked.contact)
            advice = f"Correct the {kind}, or delete or unsubscribe the contact in Maileon."
            return Rejection(Reason.NO_PATH, advice, kind.replace(" ", "_").lower())
        self.accumulator.add_removal(asked, entry)
        return None

    def _reject_unknown(self, message: RecordMessage) -> bool:
        key = message.stream
        if key not in self._unknown:
            # Logging and storing a rejection need the stream's title and the sync's number.
            alone = StreamPlan(key, SyncOptions(self.config.identifier_mode))
            self._unknown[key] = replace(next(iter(self.ledger.counts), alone), key=key)
        self._unknown_records[key] += 1
        self.ledger.unknown_stream(self._unknown[key], message.line)
        self.ledger.raise_stop_reason()
        return False

    def _tell_unknown(self) -> None:
        """Logs how many records were rejected for each stream that is not in the catalog."""
        counts = self._unknown_records.most_common()
        lines = [(f"Stream {stream_title(key)} is", records) for key, records in counts[:MAX_NAMED]]
        if others := [records for _, records in counts[MAX_NAMED:]]:
            lines.append((f"Further streams ({len(others)}) are", sum(others)))
        for subject, records in lines:
            self.log(
                Level.WARN,
                f"{subject} not in the catalog: {were_rejected(records)}. Refresh the "
                "connection's schema in Airbyte.",
            )

"""The one loop of a sync: messages in, lines out.

This module alone decides what happens when: it reads as long as there is room for what is read,
sends what is ready, and says what has become true. All output leaves from here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from destination_maileon.maileon.errors import MaileonError, TryAgain
from destination_maileon.messages import BadInput, RecordMessage, decode
from destination_maileon.output import Level, destination_stats, state_line
from destination_maileon.problems import StopReading, SyncError
from destination_maileon.reader import InputChunk, InputEnd, InputFailed
from destination_maileon.stream_counts import StreamCounts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from destination_maileon.batching import Batch, Batcher
    from destination_maileon.checkpoint import Release
    from destination_maileon.dispatch import Dispatch
    from destination_maileon.intake import Intake
    from destination_maileon.ledger import Ledger
    from destination_maileon.messages import StateMessage
    from destination_maileon.outbox import Outbox
    from destination_maileon.progress import Progress
    from destination_maileon.service import Answered, Event, Service
    from destination_maileon.settling import Settlement


@dataclass(eq=False, slots=True, kw_only=True)
class Writer:
    """Runs one sync. The rooms that it moves records through are made by who wires it."""

    service: Service
    intake: Intake
    batcher: Batcher
    dispatch: Dispatch
    settlement: Settlement
    ledger: Ledger
    progress: Progress
    outbox: Outbox
    lets_states_out: bool = True
    _chunk: Iterator[tuple[int, bytes]] = field(default=iter(()), init=False)
    _has_chunk: bool = field(default=False, init=False)
    _has_ended: bool = field(default=False, init=False)
    _stopped_by: Exception | None = field(default=None, init=False)

    def run(self) -> Iterator[bytes]:
        """Yields every line as soon as it is true; ends when everything is settled.

        Raises:
            Exception: whatever ended the sync early, after every STATE that is true.
        """
        failure: Exception | None = None
        try:
            while not (self._has_ended and self.dispatch.is_idle):
                self._send_ready()
                yield from self._sayable()
                self._advance()
            self.settlement.close()
            self.ledger.close()
            self.intake.judge()
        except Exception as error:  # noqa: BLE001 - raised again below, after the STATEs
            failure = error
        failure = failure or self._stopped_by
        if failure is not None:
            yield from self._land(failure)
        self.settlement.summarize()
        self.intake.close()
        # A sync that keeps its states back is a dry run.
        words = StreamCounts.words if self.lets_states_out else StreamCounts.foreseen_words
        self.ledger.summarize(words)
        try:
            yield from self._sayable()
        except SyncError as lost:
            failure = failure or lost
        if failure is not None:
            raise failure

    def _advance(self) -> None:
        """Takes more of the input if there is room and a chunk at hand, else waits for an event."""
        has_room = self._has_room()
        if self._has_chunk and has_room:
            self._read_chunk()
            return
        wants_input = has_room and not self._has_ended and not self._has_chunk
        event = self.service.next_event(until=self._next_time(), with_input=wants_input)
        if event is not None:
            self._on_event(event)

    def _has_room(self) -> bool:
        """Whether more may be read: calls and STATEs that wait are all that fills the memory."""
        is_waiting_helpful = self.ledger.checkpoint.is_crowded and not self.dispatch.is_idle
        return self.dispatch.has_room and not is_waiting_helpful

    def _on_event(self, event: Event) -> None:
        if isinstance(event, InputChunk):
            self._chunk = enumerate(event.lines, start=event.first_line_number)
            self._has_chunk = True
        elif isinstance(event, InputEnd):
            if event.error is not None:
                self._stopped_by = InputFailed(f"the input could not be read on: {event.error}")
            self._end_input()
        else:
            self._on_answer(event)

    def _on_answer(self, event: Answered) -> None:
        answer = event.answer
        self.dispatch.landed(event.call)
        if isinstance(answer, Exception) and not isinstance(answer, MaileonError):
            raise answer
        wait = self.settlement.ends(event.call, answer, self.service.now())
        if isinstance(answer, TryAgain) and wait is not None:
            self.progress.waits(event.call, answer, wait)
        elif not isinstance(answer, MaileonError):
            self.progress.flows(event.call)

    def _read_chunk(self) -> None:
        now = self.service.now()
        try:
            for number, line in self._chunk:
                if self._take(number, line, now) and not self._has_room():
                    return
        except (BadInput, StopReading) as stop:
            self._stopped_by = stop
            self._end_input()
        self._has_chunk = False
        self.service.consumed()

    def _take(self, number: int, line: bytes, now: float) -> bool:
        """Takes one line; whether a call or a STATE more waits now."""
        message = decode(line, number)
        if message is None:
            return False
        if isinstance(message, RecordMessage):
            return self.intake.take(message, now)
        checkpoint = self.ledger.checkpoint
        checkpoint.state(message, message.scope, message.size)
        if checkpoint.is_crowded:
            self._submit(self.batcher.close_all())
        return True

    def _end_input(self) -> None:
        self._has_ended = True
        self._submit(self.batcher.close_all())

    def _submit(self, batches: list[Batch]) -> None:
        for batch in batches:
            self.dispatch.submit(batch)

    def _send_ready(self) -> None:
        now = self.service.now()
        self._submit(self.batcher.close_expired(now))
        if (place := self.dispatch.oldest_duplicate) is not None:
            self._submit(self.batcher.close_older_than(place))
        while (call := self.dispatch.ready(now, self.batcher.oldest)) is not None:
            self.settlement.starts(call, now)
            self.service.start(call)

    def _next_time(self) -> float:
        now = self.service.now()
        times = (
            self.batcher.next_expiry,
            self.dispatch.next_attempt_at(now),
            self.progress.next_at,
        )
        return min(time for time in times if time is not None)

    def _land(self, failure: Exception) -> Iterator[bytes]:
        """Waits for the calls in flight, so that every STATE that is true can be told."""
        self.dispatch.abandon_waiting()
        while self.dispatch.in_flight:
            event = self.service.next_event(until=self.progress.next_at, with_input=False)
            try:
                if event is not None:
                    self._on_event(event)
                yield from self._sayable()
            except Exception as another:  # noqa: BLE001 - the first failure is the one to tell
                # The text of an unforeseen error may quote a record.
                told = str(another) if isinstance(another, SyncError) else type(another).__name__
                if told != str(failure):
                    self.outbox(Level.WARN, f"While the sync was ending: {told}")

    def _sayable(self) -> Iterator[bytes]:
        """Logs first, then each STATE whose records are all settled.

        Raises:
            SyncError: after the logs, if the rejections before a STATE cannot be stored.
        """
        self.progress.report(self.ledger, self.dispatch, self.service.now())
        states: list[bytes] = []
        lost: SyncError | None = None
        try:
            states += map(_state_line, self.ledger.release())
        except SyncError as error:
            lost = error
        yield from self.outbox.take()
        if lost is not None:
            raise lost
        if self.lets_states_out:
            yield from states


def _state_line(release: Release[StateMessage]) -> bytes:
    stats = destination_stats(
        written=release.tally.written,
        rejected=release.tally.rejected,
        additional=release.statistics,
    )
    return state_line(release.message.message, stats)

"""The one loop of a sync: messages in, lines out.

This module alone decides what happens when: it reads as long as there is room for what is read,
sends what is ready, says what has become true, and ends. All output leaves from here.

A sync ends in one of three ways: with its input; early, when reading stops and what came before is
still sent; or at once, when nothing more is sent and only the calls in flight are waited for. In
each, rejections are stored, every STATE that is true leaves, and the first cause is what is raised.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from destination_maileon.accounting.ledger import Ledger
from destination_maileon.audiences.leavers import Leavers
from destination_maileon.delivery.accumulator import Accumulator
from destination_maileon.delivery.intake import Intake
from destination_maileon.delivery.progress import Progress
from destination_maileon.delivery.response_handler import ResponseHandler
from destination_maileon.delivery.scheduler import RequestScheduler
from destination_maileon.delivery.sender import Environment, Event, ResponseReceived
from destination_maileon.errors import StopSync, SyncError
from destination_maileon.maileon.errors import MaileonError, RetriableError
from destination_maileon.protocol.messages import (
    BadInput,
    Message,
    RecordMessage,
    StateMessage,
    StreamComplete,
    decoded,
)
from destination_maileon.protocol.output import Level, Logger, state_line
from destination_maileon.protocol.reader import InputChunk, InputEnd, InputFailed


@dataclass(eq=False, slots=True, kw_only=True)
class SyncPipeline:
    """Runs one sync. The rooms that it moves records through are made by who wires it."""

    service: Environment
    intake: Intake
    accumulator: Accumulator
    scheduler: RequestScheduler
    handler: ResponseHandler
    ledger: Ledger
    progress: Progress
    outbox: Logger
    is_dry_run: bool = False
    leavers: Sequence[Leavers] = ()
    _chunk: Iterator[Message | None] | None = field(default=None, init=False)
    _has_ended: bool = field(default=False, init=False)
    _is_draining: bool = field(default=False, init=False)
    _failure: Exception | None = field(default=None, init=False)
    _told_failures: set[str] = field(default_factory=set, init=False)

    def run(self) -> Iterator[bytes]:
        """Yields every line as soon as it is true; ends when everything is settled.

        Raises:
            Exception: whatever ended the sync early, after every STATE that is true.
        """
        try:
            yield from self._until_settled()
            self._judge()
            # All is well: whoever dropped out leaves the audiences.
            for leavers in self.leavers if self._failure is None else ():
                leavers.begin()
                yield from self._until_settled()
        except Exception as error:  # noqa: BLE001 - raised again below, after the STATEs
            self._fails(error)
            yield from self._land()
        self._store_rejections()
        self._summarize()
        yield from self._sayable()
        if self._failure is not None:
            raise self._failure

    def _until_settled(self) -> Iterator[bytes]:
        while not (self._has_ended and self._is_settled):
            self._send_ready()
            yield from self._sayable()
            self._advance_or_stop()

    def _advance_or_stop(self) -> None:
        try:
            # Of what was said, and of what an answer brings: before anything more is sent.
            self.ledger.heed()
            self._advance()
            self.ledger.heed()
        except (BadInput, InputFailed, StopSync) as stop:
            self._fails(stop)
            self._stop_reading(stop.position if isinstance(stop, StopSync) else None)

    def _advance(self) -> None:
        """Takes more of the input if there is room and a chunk at hand, else waits for an event."""
        if self._has_ended and self._is_settled:
            return
        has_room = self._has_room()
        if self._chunk is not None and has_room:
            self._read(self._chunk)
            return
        wants_input = has_room and not self._has_ended
        event = self.service.next_event(until=self._next_time(), with_input=wants_input)
        if event is not None:
            self._on_event(event)

    def _has_room(self) -> bool:
        """Whether more may be read: calls and STATEs that wait are all that fills the memory."""
        if self._is_settled:
            # Whoever follows contacts that may be to blame for refusals waits for what comes.
            return True
        if not self.scheduler.has_capacity or self.accumulator.is_crowded or self._is_draining:
            return False
        return self.scheduler.is_idle or not self.ledger.checkpoint.is_crowded

    @property
    def _is_settled(self) -> bool:
        """Whether nothing is left to do for what was read."""
        is_sent = self.scheduler.is_idle and not self.accumulator.has_open_batch
        return is_sent and self.handler.held.is_empty

    def _on_event(self, event: Event) -> None:
        if isinstance(event, InputChunk):
            self._chunk = decoded(event.lines, event.first_line_number)
        elif isinstance(event, InputEnd):
            if event.error is not None:
                raise InputFailed(f"the input could not be read on: {event.error}")
            self._stop_reading()
        else:
            self._on_answer(event)

    def _on_answer(self, event: ResponseReceived) -> None:
        answer = event.answer
        self.scheduler.returned(event.call)
        if isinstance(answer, Exception) and not isinstance(answer, MaileonError):
            raise answer
        wait = self.handler.handle(event.call, answer, event.at)
        if isinstance(answer, RetriableError) and wait is not None:
            self.progress.waits(event.call, answer, wait)
        elif not isinstance(answer, RetriableError):
            # A refusal is an answer, too: nobody waits for one any more.
            self.progress.flows(event.call)

    def _read(self, chunk: Iterator[Message | None]) -> None:
        now = self.service.now()
        for message in chunk:
            if isinstance(message, RecordMessage):
                another_waits = self.intake.take(message, now)
            elif message is None:
                continue
            elif isinstance(message, StreamComplete):
                self.intake.complete(message.stream)
                continue
            else:
                self._take_state(message)
                another_waits = True
            if another_waits and not self._has_room():
                return
        self._chunk = None
        self.service.consumed()

    def _take_state(self, message: StateMessage) -> None:
        checkpoint = self.ledger.checkpoint
        scope = message.scope and self.intake.known_key(message.scope)
        checkpoint.state(message.line, scope)
        if checkpoint.is_crowded:
            self.accumulator.flush()

    def _stop_reading(self, position: int | None = None) -> None:
        """What was read is still sent; from a position on nothing is, unless it travels with it."""
        self._has_ended = True
        self._chunk = None
        if position is not None:
            self.accumulator.flush_older_than(position)
            self.accumulator.drop(from_position=position)
            self.scheduler.end_at(position)
            self.handler.held.drop(from_position=position)

    def _send_ready(self) -> None:
        now = self.service.now()
        self.accumulator.flush_expired(now)
        if (position := self.scheduler.oldest_barrier) is not None:
            self.accumulator.flush_older_than(position)
        self._settle_held(now)
        while request := self.scheduler.next_ready(now, self.accumulator.oldest_unsent):
            self.handler.sent(request, now)
            self.service.start(request)

    def _settle_held(self, now: float) -> None:
        """Sends what waits, where nothing more comes for it; then it is time for what is held."""
        held = self.handler.held
        is_crowded = self.accumulator.is_crowded or self.ledger.checkpoint.is_crowded
        self._is_draining = held.is_due(now) or (is_crowded and not held.is_empty)
        if not (self._has_ended or self._is_draining or is_crowded):
            return
        self.accumulator.flush()
        if self._is_draining or self._has_ended:
            while self.scheduler.is_idle and not held.is_empty:
                held.go_on()
                self.accumulator.flush()
            self._is_draining = self._is_draining and not held.is_empty

    def _next_time(self) -> float:
        times = (
            self.accumulator.next_expiry,
            self.scheduler.next_attempt_at(self.accumulator.oldest_unsent),
            None if self._is_draining else self.handler.held.next_pass_at,
            self.progress.next_at,
        )
        return min(time for time in times if time is not None)

    def _judge(self) -> None:
        """Everything is settled: whether all is well."""
        self.handler.refusals.close()
        if self._failure is None:
            self.ledger.judge()
            self.intake.judge()

    def _land(self) -> Iterator[bytes]:
        """Waits for the calls in flight, so that every STATE that is true can be told."""
        while self.scheduler.in_flight:
            try:
                event = self.service.next_event(until=self.progress.next_at, with_input=False)
                if event is not None:
                    self._on_event(event)
                self.ledger.heed()
            except Exception as another:  # noqa: BLE001 - the first failure is the one to tell
                self._fails(another)
            yield from self._sayable()

    def _fails(self, error: Exception) -> None:
        """The first failure is the one to tell; what follows it is logged, each once."""
        # The text of an unforeseen error may quote a record.
        is_worded = isinstance(error, SyncError | BadInput | InputFailed)
        told = str(error) if is_worded else type(error).__name__
        if self._failure is None:
            self._failure = error
        elif told not in self._told_failures:
            self.outbox(Level.WARN, f"While the sync was ending: {told}")
        self._told_failures.add(told)

    def _store_rejections(self) -> None:
        self.ledger.store_all()
        try:
            self.ledger.heed()
        except Exception as lost:  # noqa: BLE001 - the first failure is the one to tell
            self._fails(lost)

    def _summarize(self) -> None:
        self.ledger.summarize()
        self.handler.removals.close()
        self.intake.close()

    def _sayable(self) -> Iterator[bytes]:
        """Logs first, then each STATE whose records are all settled."""
        self.progress.report(self.ledger, self.scheduler, self.service.now())
        states = [
            state_line(line, statistics, written=written, rejected=rejected)
            for line, written, rejected, statistics in self.ledger.release()
        ]
        yield from self.outbox.take()
        if not self.is_dry_run:
            yield from states

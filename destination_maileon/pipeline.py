"""The one loop of a sync: messages in, lines out. It alone decides what happens when.

A sync ends in one of three ways: with its input; early, when reading stops and what came before is
still sent; or at once, when nothing more is sent and only the calls in flight are waited for. In
each, rejections are stored, every STATE that is true leaves, and the first cause is what is raised.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from destination_maileon.accounting.ledger import Ledger
from destination_maileon.audiences.leavers import Leavers
from destination_maileon.delivery.accumulator import Accumulator
from destination_maileon.delivery.dry_run import Sample
from destination_maileon.delivery.intake import Intake
from destination_maileon.delivery.progress import Progress
from destination_maileon.delivery.response_handler import ResponseHandler
from destination_maileon.delivery.scheduler import RequestScheduler
from destination_maileon.delivery.sender import Environment, ResponseReceived
from destination_maileon.errors import StopSync, SyncError
from destination_maileon.maileon.errors import MaileonError, RetriableError
from destination_maileon.protocol import messages
from destination_maileon.protocol.output import Level, Logger, state_line
from destination_maileon.protocol.reader import InputChunk, InputEnd, InputFailed


@dataclass(eq=False, slots=True)
class SyncPipeline:
    """Runs one sync. `sample` is None unless this is a dry run, which lets no STATE out."""

    service: Environment
    intake: Intake
    accumulator: Accumulator
    scheduler: RequestScheduler
    handler: ResponseHandler
    ledger: Ledger
    progress: Progress
    logger: Logger
    sample: Sample | None
    leavers: Sequence[Leavers]
    _chunk: Iterator[messages.Message | None] | None = field(default=None, init=False)
    _has_ended: bool = field(default=False, init=False)
    _is_draining: bool = field(default=False, init=False)
    _failures: dict[str, Exception] = field(default_factory=dict, init=False)
    """By what is told of them. The first is the one that ends the sync."""

    def run(self) -> Iterator[bytes]:
        """Yields every line as soon as it is true. Raises what ended the sync early, after them."""
        try:
            yield from self._until_settled()
            self.handler.refusals.close()
            if not self._failures:
                self.ledger.judge()
                self.intake.judge()
                # All is well: whoever dropped out leaves the audiences.
                for leavers in self.leavers:
                    leavers.begin()
                    yield from self._until_settled()
        except Exception as error:  # noqa: BLE001 - raised again below, after the STATEs
            self._fails(error)
            yield from self._land()
        self._close()
        yield from self._sayable()
        if self._failures:
            raise next(iter(self._failures.values()))

    def _until_settled(self) -> Iterator[bytes]:
        while True:
            self._send_ready()
            yield from self._sayable()
            try:
                # A reason to stop that was noted just now counts before anything more is sent.
                self.ledger.raise_stop_reason()
                if self._has_ended and self._is_settled:
                    return
                self._advance()
                self.ledger.raise_stop_reason()
            except (messages.BadInput, InputFailed, StopSync) as stop:
                self._fails(stop)
                self._stop_reading(stop.position if isinstance(stop, StopSync) else None)

    def _advance(self) -> None:
        """Takes more of the input if there is room and a chunk at hand, else waits for an event."""
        has_room = self._has_room()
        if self._chunk is not None and has_room:
            self._read(self._chunk)
            return
        times = (
            self.accumulator.next_expiry,
            self.scheduler.next_attempt_at(self.accumulator.oldest_unsent),
            None if self._is_draining else self.handler.held.next_pass_at,
            self.progress.next_at,
        )
        until = min(time for time in times if time is not None)
        self._wait(until, with_input=has_room and not self._has_ended)

    def _has_room(self) -> bool:
        """Whether more may be read: calls and STATEs that wait are all that fills the memory."""
        if self._is_settled:
            # Even if crowded: contacts behind suspects go on only when another call is accepted.
            return True
        if not self.scheduler.has_capacity or self.accumulator.is_crowded or self._is_draining:
            return False
        return self.scheduler.is_idle or not self.ledger.checkpoint.is_crowded

    @property
    def _is_settled(self) -> bool:
        is_sent = self.scheduler.is_idle and not self.accumulator.has_open_batch
        return is_sent and self.handler.held.is_empty

    def _wait(self, until: float, *, with_input: bool) -> None:
        event = self.service.next_event(until=until, with_input=with_input)
        if isinstance(event, InputChunk):
            self._chunk = messages.decoded(event.lines, event.first_line_number)
        elif isinstance(event, InputEnd):
            if event.error is not None:
                raise InputFailed(f"the input could not be read on: {event.error}")
            self._stop_reading()
        elif event is not None:
            self._on_answer(event)

    def _on_answer(self, event: ResponseReceived) -> None:
        answer = event.answer
        self.scheduler.returned(event.call)
        if isinstance(answer, Exception) and not isinstance(answer, MaileonError):
            raise answer
        wait = self.handler.handle(event.call, answer, event.at)
        if not isinstance(answer, RetriableError):
            # A refusal is an answer, too: nobody waits for one any more.
            self.progress.flows(event.call)
        elif wait is not None:
            self.progress.waits(event.call, answer, wait)

    def _read(self, chunk: Iterator[messages.Message | None]) -> None:
        now, checkpoint = self.service.now(), self.ledger.checkpoint
        for message in chunk:
            another_waits = False
            if isinstance(message, messages.RecordMessage):
                another_waits = self.intake.take(message, now)
            elif isinstance(message, messages.StateMessage):
                scope = message.scope and self.intake.known_key(message.scope)
                checkpoint.state(message.line, scope)
                if checkpoint.is_crowded:
                    self.accumulator.flush()
                another_waits = True
            elif message is not None:
                self.intake.complete(message.stream)
            if another_waits and not self._has_room():
                return
        self._chunk = None
        self.service.consumed()

    def _stop_reading(self, position: int | None = None) -> None:
        """What was read is still sent; from a position on nothing is, unless it travels with it."""
        self._has_ended, self._chunk = True, None
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
        """Sends the batches that get no more records, then starts passes over held contacts."""
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

    def _land(self) -> Iterator[bytes]:
        """Waits for the calls in flight, so that every STATE that is true can be told."""
        while self.scheduler.in_flight:
            try:
                self._wait(self.progress.next_at, with_input=False)
                self.ledger.raise_stop_reason()
            except Exception as another:  # noqa: BLE001 - the first failure is the one to tell
                self._fails(another)
            yield from self._sayable()

    def _fails(self, error: Exception) -> None:
        """The first failure is the one to tell; what follows it is logged, each once."""
        # The text of an unforeseen error may quote a record.
        is_worded = isinstance(error, SyncError | messages.BadInput | InputFailed)
        told = str(error) if is_worded else type(error).__name__
        if self._failures and told not in self._failures:
            self.logger(Level.WARN, f"While the sync was ending: {told}")
        self._failures.setdefault(told, error)

    def _close(self) -> None:
        """Stores the last rejections, and sums up."""
        self.ledger.store_all()
        try:
            self.ledger.raise_stop_reason()
        except Exception as lost:  # noqa: BLE001 - the first failure is the one to tell
            self._fails(lost)
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
        yield from self.logger.take()
        if self.sample is None:
            yield from states

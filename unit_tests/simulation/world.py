"""The simulated `Environment` of the real loop: time, randomness, input and calls."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from random import Random

import orjson

from destination_maileon.delivery.request import Request
from destination_maileon.delivery.sender import Event, ResponseReceived
from destination_maileon.maileon.errors import (
    FailureReason,
    FatalError,
    Forbidden,
    MaileonError,
    RetriableError,
)
from destination_maileon.protocol.reader import InputChunk, InputEnd
from unit_tests.simulation.every_moment import Watch, insist
from unit_tests.simulation.scenario import NAMESPACE, Fault, Item, Kind, Mishap, Scenario
from unit_tests.simulation.sent import bytes_of, is_removal, wishes_of
from unit_tests.simulation.server import Server

MAX_STEPS = 2_000_000
"""A large sync whose contacts are named in two ways takes a quarter of a million steps."""

MAX_IDLE_STEPS = 200
MAX_STEPS_WITHOUT_TIME = 20
SHORTEST_ANSWER_SECONDS = 0.01
TIMEOUT_SECONDS = 120.0
HEAVY_VALUE = "heavy"
CARRIED_OUT_ALONE = 0.5

_TROUBLES: dict[Mishap, tuple[FailureReason, int | None]] = {
    Mishap.CONNECTION: (FailureReason.CONNECTION, None),
    Mishap.TIMEOUT: (FailureReason.TIMEOUT, None),
    Mishap.THROTTLED: (FailureReason.THROTTLED, 429),
    Mishap.SERVER_ERROR: (FailureReason.SERVER_ERROR, 500),
    Mishap.BAD_GATEWAY: (FailureReason.SERVER_ERROR, 502),
    Mishap.UNAVAILABLE: (FailureReason.UNAVAILABLE, 503),
    Mishap.GATEWAY_TIMEOUT: (FailureReason.SERVER_ERROR, 504),
    Mishap.UNREADABLE: (FailureReason.UNREADABLE, 200),
}
_STOPS: dict[Mishap, type[MaileonError]] = {
    Mishap.KEY_REFUSED: FatalError,
    Mishap.RIGHT_MISSING: Forbidden,
    Mishap.REDIRECTED: FatalError,
}


class Killed(SystemExit):
    """The process received a signal."""


class ProgramFault(Exception):
    """An unexpected error."""


@dataclass(eq=False, slots=True)
class _Attempt:
    call: Request
    number: int
    mishap: Fault | None
    answer: object = None


@dataclass(eq=False, slots=True, kw_only=True)
class World:
    """The environment of one sync. Calls are carried out and answered in random order."""

    scenario: Scenario
    server: Server
    watch: Watch
    chance: Random
    check_idle: Callable[[float, float], None] = lambda _now, _until: None
    foresee: Callable[[Request], object] | None = None
    _now: float = 1_000.0
    _happenings: list[tuple[float, int, Callable[[], Event | None]]] = field(default_factory=list)
    taken_lines: int = 0
    _numbers: count[int] = field(default_factory=count)
    _given_lines: int = 0
    _faults: dict[int, Fault] = field(default_factory=dict)
    _input: deque[tuple[float, InputChunk | InputEnd]] = field(default_factory=deque)
    _under_way: list[_Attempt] = field(default_factory=list)
    _steps: int = 0
    _idle_steps: int = 0
    _steps_without_time: int = 0

    def __post_init__(self) -> None:
        self._faults = {fault.attempt: fault for fault in self.scenario.server.faults}
        self._input.extend(arrivals(self.scenario, self._now))

    def now(self) -> float:
        if self.scenario.clock_creeps:
            self._now += 1e-5
        return self._now

    def random(self) -> float:
        return self.chance.random()

    def start(self, call: Request) -> None:
        attempt = _Attempt(call, self.watch.calls, self._mishap(call, self.watch.calls))
        self.watch.starts(call, self._now)
        # Durations are spread over all magnitudes, so that many calls overtake a slow one.
        slowest = self.scenario.server.slowest_answer / SHORTEST_ANSWER_SECONDS
        lasts = self._burdened(call, SHORTEST_ANSWER_SECONDS * slowest ** self.chance.random())
        if lasts > TIMEOUT_SECONDS:
            lasts = TIMEOUT_SECONDS
            attempt.mishap = attempt.mishap or Fault(attempt.number, Mishap.TIMEOUT)
        if self.foresee is not None:
            attempt.mishap, attempt.answer = None, self.foresee(call)
        elif attempt.mishap is None or attempt.mishap.is_carried_out:
            self._under_way.append(attempt)
            self._later(lasts * self.chance.random(), lambda: self._carry_out(attempt))
        at = self._now + lasts
        self._later(lasts, lambda: self._answer(attempt, at))

    def next_event(self, *, until: float | None, with_input: bool) -> Event | None:
        insist(until is not None, "waits without end")
        assert until is not None
        self.check_idle(self._now, until)
        self._steps += 1
        if self._steps == self.scenario.killed_at:
            raise Killed
        insist(self._steps < MAX_STEPS, "too many steps")
        while True:
            coming = self._happenings[0][0] if self._happenings else None
            arriving = self._input[0][0] if with_input and self._input else None
            soonest = min((time for time in (coming, arriving) if time is not None), default=None)
            if soonest is None or soonest > max(until, self._now):
                self._idle(until)
                return None
            self._now = max(self._now, soonest)
            self._idle_steps = self._steps_without_time = 0
            if soonest == arriving:
                return self._next_chunk()
            if (event := heapq.heappop(self._happenings)[2]()) is not None:
                return event

    def consumed(self) -> None:
        """Notes that all lines given were taken; chunks arrive at their own times regardless."""
        self.taken_lines = self._given_lines

    def leave_calls_alone(self) -> None:
        """Ends the process; some of the calls in flight are carried out all the same."""
        for attempt in self._under_way:
            if self.chance.random() < CARRIED_OUT_ALONE:
                self.server.carry_out(attempt.call, attempt.number)

    def wait(self, seconds: float) -> None:
        """Lets time pass while the sync is blocked."""
        self._now += seconds

    @property
    def is_read(self) -> bool:
        return not self._input

    def _next_chunk(self) -> InputChunk | InputEnd:
        event = self._input.popleft()[1]
        if isinstance(event, InputChunk):
            self._given_lines = event.first_line_number - 1 + len(event.lines)
        return event

    def _idle(self, until: float) -> None:
        self._idle_steps += not self._happenings
        self._steps_without_time = self._steps_without_time + 1 if until <= self._now else 0
        insist(self._idle_steps < MAX_IDLE_STEPS, "nothing happens any more")
        insist(self._steps_without_time < MAX_STEPS_WITHOUT_TIME, "spins")
        self._now = max(self._now, until)

    def _later(self, seconds: float, happen: Callable[[], Event | None]) -> None:
        heapq.heappush(self._happenings, (self._now + seconds, next(self._numbers), happen))

    def _carry_out(self, attempt: _Attempt) -> None:
        self._under_way.remove(attempt)
        attempt.answer = self.server.carry_out(attempt.call, attempt.number)

    def _answer(self, attempt: _Attempt, at: float) -> ResponseReceived:
        answer = attempt.answer if attempt.mishap is None else _error(attempt.mishap)
        assert isinstance(answer, Exception | bool | list) or hasattr(answer, "contacts")
        if isinstance(answer, Forbidden) and attempt.mishap is not None:
            self.server.forbid(attempt.call)
        self.watch.ends(attempt.call, answer, at)
        return ResponseReceived(attempt.call, answer, at)

    def _burdened(self, call: Request, seconds: float) -> float:
        """How long a call takes, by its bytes and the calls in flight; too long if it times out."""
        behaviour = self.scenario.server
        most = behaviour.timeout_above
        if most is not None and not is_removal(call) and len(wishes_of(call)) > most:
            return TIMEOUT_SECONDS + seconds
        if behaviour.bytes_per_second is not None:
            seconds += bytes_of(call) / behaviour.bytes_per_second
        return seconds * (1 + behaviour.load * (len(self.watch.in_flight) - 1))

    def _mishap(self, call: Request, number: int) -> Fault | None:
        behaviour = self.scenario.server
        since = number - (number if behaviour.outage_at is None else behaviour.outage_at)
        if behaviour.outage_at is not None and 0 <= since < behaviour.outage_calls:
            is_away = behaviour.outage_at % 3 == 0
            return Fault(number, Mishap.CONNECTION if is_away else Mishap.SERVER_ERROR)
        if fault := self._faults.get(number):
            return fault
        if behaviour.overload_above is None or is_removal(call):
            return None
        wishes = wishes_of(call)
        is_heavy = any(HEAVY_VALUE in wish.fields.values() for wish in wishes)
        if not is_heavy or len(wishes) <= behaviour.overload_above:
            return None
        kinds = (Mishap.SERVER_ERROR, Mishap.GATEWAY_TIMEOUT, Mishap.TIMEOUT)
        return Fault(number, self.chance.choice(kinds))


def _error(fault: Fault) -> Exception:
    if fault.mishap in _TROUBLES:
        trouble, status = _TROUBLES[fault.mishap]
        return RetriableError("no luck.", trouble, status=status, retry_after=fault.retry_after)
    if fault.mishap in _STOPS:
        return _STOPS[fault.mishap]("a person must act")
    return ProgramFault("a bug")


def arrivals(scenario: Scenario, now: float) -> list[tuple[float, InputChunk | InputEnd]]:
    """The chunks of the input with their arrival times, and the end of the input."""
    chunks: list[tuple[float, InputChunk | InputEnd]] = []
    lines: list[bytes] = []
    for number, item in enumerate(scenario.items, start=1):
        if item.gap is not None or not chunks:
            now += item.gap or 0.0
            lines = []
            chunks.append((now, InputChunk(lines, number)))
        lines.append(line_of(item, number, has_namespaces=scenario.has_namespaces))
    error = "the pipe broke" if scenario.reading_fails else None
    return [*chunks, (now, InputEnd(error))]


def line_of(item: Item, number: int, *, has_namespaces: bool = False) -> bytes:
    """The line as a source writes it; a STATE has its line number as id."""
    if item.kind is Kind.BROKEN:
        return b"{broken"
    if item.kind is Kind.RECORD:
        record = {"stream": f"s{item.stream}", "data": item.data, "emitted_at": number}
        if has_namespaces and not item.loses_namespace:
            record["namespace"] = NAMESPACE
        return orjson.dumps({"type": "RECORD", "record": record})
    state: dict[str, object] = {"type": item.kind.value}
    if item.kind is Kind.STREAM_STATE:
        namespace = {"namespace": NAMESPACE} if has_namespaces else {}
        state["stream"] = {"stream_descriptor": {"name": f"s{item.stream}", **namespace}}
    return orjson.dumps({"type": "STATE", "state": state, "id": number})

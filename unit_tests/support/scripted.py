"""A sync against a script: when which lines arrive, what each call is answered, and after how long.

Time stands still but for waiting. `a_sync` wires the connector's own rooms to it.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import orjson

from destination_maileon.config.validation import load_config
from destination_maileon.delivery.request import Request
from destination_maileon.delivery.response_handler import Answer
from destination_maileon.delivery.sender import Event, ResponseReceived
from destination_maileon.maileon.auth import SecretRedactor
from destination_maileon.pipeline import SyncPipeline
from destination_maileon.protocol.output import Logger
from destination_maileon.protocol.reader import InputChunk, InputEnd
from destination_maileon.streams.catalog import stream_plans
from destination_maileon.sync import assemble, open_streams
from unit_tests.support.builders import a_catalog, a_stream, an_account
from unit_tests.support.harness import accepted

Said = dict[str, Any]
CALL_SECONDS = 1.0


def records_of(call: Request) -> list[int]:
    """The places of a call's records."""
    return [part.position for entry in call.entries for part in entry.parts]


def record(email: object = "ada@example.com", stream: str = "contacts", **data: object) -> bytes:
    """A line; without an email it is a record without one."""
    given = data if email is None else {"email": email, **data}
    return orjson.dumps({"type": "RECORD", "record": {"stream": stream, "data": given}})


def people(*numbers: int) -> list[bytes]:
    return [record(f"{number}@example.com") for number in numbers]


def state(name: object = 1, stream: str = "contacts") -> bytes:
    """A STATE of a stream."""
    descriptor = {"stream_descriptor": {"name": stream}}
    message = {"type": "STATE", "state": {"type": "STREAM", "stream": descriptor, "name": name}}
    return orjson.dumps(message)


@dataclass(eq=False, slots=True)
class Script:
    """What happens in the world around a sync that begins at 0.

    `lines` are chunks of the input with the second in which each arrives; the end comes with the
    last of them, at `ends_at` if that is later, and with `error` if reading fails. `read_before`
    holds how many chunks were used up when each call left.
    """

    lines: Iterable[tuple[float, list[bytes]]] = ()
    answer: Callable[[Request], Answer | Exception] = accepted
    seconds: Callable[[Request], float] = lambda _: CALL_SECONDS
    ends_at: float = 0.0
    error: str | None = None
    time: float = 0.0
    started: list[tuple[float, Request]] = field(default_factory=list)
    read_before: list[int] = field(default_factory=list)
    _consumed: int = 0
    _input: deque[tuple[float, InputChunk | InputEnd]] = field(default_factory=deque)
    _answers: list[tuple[float, int, Request]] = field(default_factory=list)
    _numbers: count[int] = field(default_factory=count)

    def __post_init__(self) -> None:
        number = 1
        at = 0.0
        for at, lines in self.lines:
            self._input.append((at, InputChunk(lines, number)))
            number += len(lines)
        self._input.append((max(at, self.ends_at), InputEnd(self.error)))

    def now(self) -> float:
        return self.time

    def random(self) -> float:
        return 1.0

    def start(self, call: Request) -> None:
        self.started.append((self.time, call))
        self.read_before.append(self._consumed)
        heapq.heappush(self._answers, (self.time + self.seconds(call), next(self._numbers), call))

    def next_event(self, *, until: float | None, with_input: bool) -> Event | None:
        assert until is not None
        answered = self._answers[0][0] if self._answers else None
        arrived = self._input[0][0] if with_input and self._input else None
        times = [time for time in (answered, arrived) if time is not None]
        if not times or min(times) > until:
            assert self.time < 100_000, "waits for ever"
            self.time = max(self.time, until)
            return None
        self.time = max(self.time, min(times))
        if min(times) == answered:
            at, _, call = heapq.heappop(self._answers)
            return ResponseReceived(call, self.answer(call), at)
        return self._input.popleft()[1]

    def consumed(self) -> None:
        self._consumed += 1

    @property
    def calls(self) -> list[tuple[float, list[int]]]:
        """When which records, by their places, left."""
        return [(time, records_of(call)) for time, call in self.started]


def a_sync(script: Script, *streams: Mapping[str, object], **config: object) -> SyncPipeline:
    """A sync of these streams (`contacts`, with an email and a name, unless some are named)."""
    columns = {name: {"type": "string"} for name in ("email", "first_name")}
    named = streams or (a_stream(json_schema={"properties": columns}),)
    loaded = load_config({"api_key": "a-made-up-key", **config})
    plans = stream_plans(a_catalog(*named), loaded)
    logger = Logger(SecretRedactor([]), clock=lambda: 0.0)
    account = an_account()
    sync = assemble(loaded, plans, account=account, service=script, logger=logger)
    open_streams(sync.intake, plans, account)
    logger.take()
    return sync


@dataclass(slots=True)
class Ran:
    """What came out of a sync, and when; and what it ended with."""

    messages: list[tuple[float, Said]] = field(default_factory=list)
    failure: Exception | None = None

    @property
    def states(self) -> list[tuple[float, object, float, float]]:
        """Of each STATE: when, its name, records, rejected records."""
        return [
            (time, state["name"], stats["recordCount"], stats["rejectedRecordCount"])
            for time, message in self.messages
            if message["type"] == "STATE"
            for state, stats in [(message["state"], message["state"]["destinationStats"])]
        ]

    def logs(self, piece: str = "") -> list[str]:
        """The log lines that hold this text."""
        logs = [said["log"]["message"] for _, said in self.messages if "log" in said]
        return [log for log in logs if piece in log]


def ran(script: Script, *streams: Mapping[str, object], **config: object) -> Ran:
    """Runs the sync to its end."""
    sync = a_sync(script, *streams, **config)
    came = Ran()
    try:
        for line in sync.run():
            came.messages.append((script.time, orjson.loads(line)))
    except Exception as failure:  # noqa: BLE001 - looked at by the test
        came.failure = failure
    return came

"""Airbyte messages -> lines of the output.

This module alone decides what the platform gets to read. Invariant: one message is one line and
one write, complete or an error; no text of ours leaves with a secret in it; a STATE leaves as it
came, with the counts of this destination.

Nothing is buffered: a STATE that was written must not be lost when the process is ended. All lines
leave from one thread; workers return what they have to say.
"""

import os
import select
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from destination_maileon.protocol.exact_json import dumps, members
from destination_maileon.protocol.messages import StreamKey

STANDARD_OUTPUT = 1


class Level(StrEnum):
    """Of a log line."""

    WARN = "WARN"
    INFO = "INFO"
    DEBUG = "DEBUG"


Log: TypeAlias = Callable[[Level, str], None]
"""Takes what a part of a sync has to say."""


class FailureType(StrEnum):
    """Who can do something: the person, time, or an engineer."""

    CONFIG = "config_error"
    TRANSIENT = "transient_error"
    SYSTEM = "system_error"


class OutputClosed(Exception):
    """Nobody can read any more what is put out; the text says why, and nothing of a message."""


class Output:
    """Writes whole lines to a file descriptor."""

    def __init__(self, descriptor: int = STANDARD_OUTPUT) -> None:
        self._descriptor = descriptor

    def write(self, line: bytes) -> None:
        """Returns when all of the line is out. Raises OutputClosed."""
        rest = memoryview(line)
        while rest:
            rest = rest[self._written(rest) :]

    def _written(self, data: memoryview) -> int:
        try:
            return os.write(self._descriptor, data)
        except BlockingIOError:
            # Whoever started this process shares the pipe's flags, and may have set it so.
            select.select([], [self._descriptor], [])
            return 0
        except OSError as error:
            # The reader has gone, the disk is full: whatever it is, nothing more can be told there.
            why = error.strerror or type(error).__name__
            raise OutputClosed(f"Nothing can be put out any more: {why}.") from None


def destination_stats(
    *, written: int, rejected: int, additional: Mapping[str, int]
) -> dict[str, object]:
    """The counts of a STATE; the protocol has them all as floats."""
    return {
        "recordCount": float(written),
        "rejectedRecordCount": float(rejected),
        "additionalStats": {name: float(number) for name, number in additional.items()},
    }


def state_line(line: bytes, stats: Mapping[str, object]) -> bytes:
    """The STATE as it came, every key and digit, with this destination's statistics in it."""
    message = members(line)
    state = members(message["state"]) | {"destinationStats": stats}
    return json_line(message | {"state": state})


class MessageFormatter:
    """Every other message, its text free of secrets. `clock` gives seconds since 1970."""

    def __init__(
        self, redact: Callable[[str], str], *, clock: Callable[[], float] = time.time
    ) -> None:
        self._redact = redact
        self._clock = clock

    def log_line(self, level: Level, message: str) -> bytes:
        return json_line({"type": "LOG", "log": {"level": level, "message": self._text(message)}})

    def connection_status_line(self, status: str, message: str | None = None) -> bytes:
        """The answer to `check`: SUCCEEDED, or FAILED and why."""
        answer = {"status": status}
        if message is not None:
            answer["message"] = self._text(message)
        return json_line({"type": "CONNECTION_STATUS", "connectionStatus": answer})

    def trace_error_line(
        self,
        message: str,
        failure_type: FailureType,
        *,
        internal_message: str | None = None,
        stack_trace: str | None = None,
    ) -> bytes:
        """Why the sync failed: `message` for the person, the rest for an engineer."""
        error: dict[str, object] = {"message": self._text(message), "failure_type": failure_type}
        if internal_message is not None:
            error["internal_message"] = self._text(internal_message)
        if stack_trace is not None:
            error["stack_trace"] = self._text(stack_trace)
        return self._trace("ERROR", error=error)

    def rate_limited_line(self, stream: StreamKey, quota_reset_ms: int | None) -> bytes:
        """The stream is held up by a rate limit, until this time in ms since 1970 if known."""
        reason: dict[str, object] = {"type": "RATE_LIMITED"}
        if quota_reset_ms is not None:
            reason["rate_limited"] = {"quota_reset": quota_reset_ms}
        return self.running_line(stream, reasons=[reason])

    def running_line(self, stream: StreamKey, **details: object) -> bytes:
        """The stream goes on."""
        namespace, name = stream
        descriptor = {"name": name} | ({} if namespace is None else {"namespace": namespace})
        status = {"stream_descriptor": descriptor, "status": "RUNNING", **details}
        return self._trace("STREAM_STATUS", stream_status=status)

    def _trace(self, kind: str, **body: Mapping[str, object]) -> bytes:
        emitted_at = float(int(self._clock() * 1000))
        return json_line(
            {"type": "TRACE", "trace": {"type": kind, "emitted_at": emitted_at, **body}}
        )

    def _text(self, text: str) -> str:
        # A lone surrogate is no character, and not every reader takes its escape. It is replaced
        # first, so that no secret comes about by that.
        return self._redact(text.encode(errors="replace").decode())


def json_line(message: Mapping[str, object]) -> bytes:
    """Any message as a line; its texts are not looked through for secrets."""
    return dumps(message) + b"\n"


@dataclass(slots=True)
class Logger:
    """Called, it logs; `lines` makes other messages. DEBUG only if that is the lowest level.

    `write_now` puts a line out at once.
    """

    lines: MessageFormatter
    lowest: Level = Level.INFO
    write_now: Callable[[bytes], None] | None = None
    _waiting: list[bytes] = field(default_factory=list, init=False)

    @property
    def is_debugging(self) -> bool:
        return self.lowest is Level.DEBUG

    def __call__(self, level: Level, message: str) -> None:
        if level is not Level.DEBUG or self.is_debugging:
            self._waiting.append(self.lines.log_line(level, message))

    def emit(self, line: bytes) -> None:
        """A line that is no log."""
        self._waiting.append(line)

    def flush(self) -> None:
        """All of them go out now, if there is a way."""
        if self.write_now is not None:
            for line in self.take():
                self.write_now(line)

    def take(self) -> list[bytes]:
        """All of them; none is left."""
        waiting, self._waiting = self._waiting, []
        return waiting


_PLURALS = {"person": "people"}


def pluralize(number: int, one: str) -> str:
    """The number, and the noun in the form that goes with it."""
    return f"{number} {one if number == 1 else _PLURALS.get(one, f'{one}s')}"


def was_or_were(number: int) -> str:
    return "was" if number == 1 else "were"


def were_rejected(number: int) -> str:
    return f"{pluralize(number, 'record')} {was_or_were(number)} rejected"

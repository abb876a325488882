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
    written: int, rejected: int, additional: Mapping[str, int]
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


class Logger:
    """All that is said besides STATEs, its texts free of secrets. Called, it logs.

    Lines wait until they are taken; `write_now` puts one out at once. `clock` gives seconds since
    1970.
    """

    def __init__(
        self,
        redact: Callable[[str], str],
        *,
        is_debugging: bool = False,
        write_now: Callable[[bytes], None] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.redact = redact
        self._is_debugging = is_debugging
        self._write_now = write_now
        self._clock = clock
        self._waiting: list[bytes] = []

    def __call__(self, level: Level, message: str) -> None:
        if level is not Level.DEBUG or self._is_debugging:
            log = {"level": level, "message": self._text(message)}
            self._waiting.append(json_line({"type": "LOG", "log": log}))

    def rate_limited(self, stream: StreamKey, quota_reset_ms: int) -> None:
        """The stream is held up by a rate limit, until this time in ms since 1970."""
        reason = {"type": "RATE_LIMITED", "rate_limited": {"quota_reset": quota_reset_ms}}
        self.running(stream, reasons=[reason])

    def running(self, stream: StreamKey, **details: object) -> None:
        """The stream goes on."""
        namespace, name = stream
        descriptor = {"name": name} | ({} if namespace is None else {"namespace": namespace})
        status = {"stream_descriptor": descriptor, "status": "RUNNING", **details}
        self._waiting.append(self._trace("STREAM_STATUS", stream_status=status))

    def flush(self) -> None:
        """All of them go out now, if there is a way."""
        if self._write_now is not None:
            for line in self.take():
                self._write_now(line)

    def take(self) -> list[bytes]:
        """All of them; none is left."""
        waiting, self._waiting = self._waiting, []
        return waiting

    def connection_status_line(self, problem: str | None) -> bytes:
        """The answer to `check`: SUCCEEDED, or FAILED and why."""
        answer = {"status": "SUCCEEDED"}
        if problem is not None:
            answer = {"status": "FAILED", "message": self._text(problem)}
        return json_line({"type": "CONNECTION_STATUS", "connectionStatus": answer})

    def trace_error_line(
        self, message: str, failure_type: FailureType, *, internal_message: str, stack_trace: str
    ) -> bytes:
        """Why the sync failed: `message` for the person, the rest for an engineer."""
        error = {
            "message": self._text(message),
            "failure_type": failure_type,
            "internal_message": self._text(internal_message),
            "stack_trace": self._text(stack_trace),
        }
        return self._trace("ERROR", error=error)

    def _trace(self, kind: str, **body: Mapping[str, object]) -> bytes:
        emitted_at = float(int(self._clock() * 1000))
        return json_line(
            {"type": "TRACE", "trace": {"type": kind, "emitted_at": emitted_at, **body}}
        )

    def _text(self, text: str) -> str:
        # A lone surrogate is no character, and not every reader takes its escape. It is replaced
        # first, so that no secret comes about by that.
        return self.redact(text.encode(errors="replace").decode())


def json_line(message: Mapping[str, object]) -> bytes:
    """Any message as a line; its texts are not looked through for secrets."""
    return dumps(message) + b"\n"


_PLURALS = {"person": "people"}


def pluralize(number: int, one: str) -> str:
    """The number, and the noun in the form that goes with it."""
    return f"{number} {one if number == 1 else _PLURALS.get(one, f'{one}s')}"


def was_or_were(number: int) -> str:
    return "was" if number == 1 else "were"


def were_rejected(number: int) -> str:
    return f"{pluralize(number, 'record')} {was_or_were(number)} rejected"

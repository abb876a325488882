"""Airbyte messages -> lines of the output: all that the platform gets to read.

One message is one line, written at once: a STATE must not be lost when the process is ended. All
lines leave from one thread; workers return what they have to say.
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


def put_out(line: bytes, descriptor: int = STANDARD_OUTPUT) -> None:
    """Returns when all of the line is out. Raises OutputClosed."""
    rest = memoryview(line)
    while rest:
        try:
            rest = rest[os.write(descriptor, rest) :]
        except BlockingIOError:
            # Whoever started this process shares the pipe's flags, and may have set it so.
            select.select([], [descriptor], [])
        except OSError as error:
            # The reader has gone, the disk is full: whatever it is, nothing more can be told there.
            why = error.strerror or type(error).__name__
            raise OutputClosed(f"Nothing can be put out any more: {why}.") from None


def json_line(message: Mapping[str, object]) -> bytes:
    """Any message as a line; its texts are not looked through for secrets."""
    return dumps(message) + b"\n"


def state_line(line: bytes, additional: Mapping[str, int], *, written: int, rejected: int) -> bytes:
    """The STATE as it came, every key and digit, with counts in it, all of them floats."""
    stats = {
        "recordCount": float(written),
        "rejectedRecordCount": float(rejected),
        "additionalStats": {name: float(number) for name, number in additional.items()},
    }
    message = members(line)
    return json_line(message | {"state": members(message["state"]) | {"destinationStats": stats}})


@dataclass(eq=False, slots=True)
class Logger:
    """All that is said besides STATEs, without secrets; it waits to be taken. Called, it logs.

    `write_now` puts a line out at once. `clock` gives seconds since 1970.
    """

    redact: Callable[[str], str]
    is_debugging: bool = field(default=False, kw_only=True)
    write_now: Callable[[bytes], None] | None = field(default=None, kw_only=True)
    clock: Callable[[], float] = field(default=time.time, kw_only=True)
    _waiting: list[bytes] = field(default_factory=list, init=False)

    def __call__(self, level: Level, message: str) -> None:
        if level is not Level.DEBUG or self.is_debugging:
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
        """Writes the waiting lines now, if there is a `write_now`."""
        if self.write_now is not None:
            for line in self.take():
                self.write_now(line)

    def take(self) -> list[bytes]:
        """Returns the waiting lines, and keeps none."""
        waiting, self._waiting = self._waiting, []
        return waiting

    def connection_status_line(self, problem: str | None) -> bytes:
        """The answer to `check`: SUCCEEDED, or FAILED and why."""
        status = {"status": "SUCCEEDED"}
        if problem is not None:
            status = {"status": "FAILED", "message": self._text(problem)}
        return json_line({"type": "CONNECTION_STATUS", "connectionStatus": status})

    def trace_error_line(self, failure_type: FailureType, **texts: str) -> bytes:
        """Why the sync failed: `message` for the person, other texts for an engineer."""
        told = {name: self._text(text) for name, text in texts.items()}
        return self._trace("ERROR", error={"failure_type": failure_type, **told})

    def _trace(self, kind: str, **body: Mapping[str, object]) -> bytes:
        trace = {"type": kind, "emitted_at": float(int(self.clock() * 1000)), **body}
        return json_line({"type": "TRACE", "trace": trace})

    def _text(self, text: str) -> str:
        # A lone surrogate is no character, and not every reader takes its escape. It is replaced
        # first, so that no secret comes about by that.
        return self.redact(text.encode(errors="replace").decode())


def pluralize(number: int, one: str) -> str:
    """The number, and the noun in the form that goes with it."""
    many = "people" if one == "person" else f"{one}s"
    return f"{number} {one if number == 1 else many}"


def was_or_were(number: int) -> str:
    return "was" if number == 1 else "were"


def were_rejected(number: int) -> str:
    return f"{pluralize(number, 'record')} {was_or_were(number)} rejected"

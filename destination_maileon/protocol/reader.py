"""Input -> numbered lines, read ahead by a thread of its own, and an `InputEnd`, whatever happens.

Memory does not grow with the input: `credit` chunks at most are delivered and not released yet, and
no line is longer than `MAX_LINE_BYTES`.
"""

import os
import select
import threading
from collections.abc import Callable
from dataclasses import dataclass
from io import BufferedIOBase
from typing import TypeAlias

READ_BYTES = 128 * 1024
"""A read returns what is there, up to so much: a slow source's lines arrive at once."""

MAX_LINE_BYTES = 256 * 2**20
"""More than any source sends. A line without an end would fill the memory with no word of why."""


@dataclass(frozen=True, slots=True)
class InputChunk:
    """Lines without their line feeds, numbered from 1; behind the first at most `READ_BYTES`."""

    lines: list[bytes]
    first_line_number: int


@dataclass(frozen=True, slots=True)
class InputEnd:
    """Nothing follows: the source closed its output (None), or why reading failed."""

    error: str | None


Deliver: TypeAlias = Callable[[InputChunk | InputEnd], None]


class InputFailed(Exception):
    """The input could not be read to its end; the text says why, and nothing of the input."""


class Reader:
    """Delivers the input in chunks; `release` after each chunk lets it go on.

    Standard input is passed as its number: Python aborts at exit if a thread holds a file's lock.
    """

    def __init__(self, source: int | BufferedIOBase, deliver: Deliver, *, credit: int = 2) -> None:
        self._source = source
        self._deliver = deliver
        self._credit = threading.Semaphore(credit)
        self._next_line_number = 1
        self._unfinished = bytearray()

    def start(self) -> None:
        # A daemon: a source that says nothing must not keep the process alive.
        threading.Thread(target=self._run, name="reader", daemon=True).start()

    def release(self) -> None:
        """A delivered chunk was consumed: another may come."""
        self._credit.release()

    def _run(self) -> None:
        problem = None
        try:
            while data := self._read():
                self._cut(data)
            if self._unfinished:
                self._cut(b"\n")
        except InputFailed as error:
            problem = str(error)
        except MemoryError:
            problem = f"there is not enough memory for line {self._next_line_number}"
        except OSError as error:
            problem = error.strerror or type(error).__name__
        except Exception as error:  # noqa: BLE001 - the consumer waits for an end, whatever happened
            problem = type(error).__name__
        self._unfinished.clear()
        self._deliver(InputEnd(problem))

    def _read(self) -> bytes:
        if not isinstance(self._source, int):
            return self._source.read1(READ_BYTES)
        while True:
            try:
                return os.read(self._source, READ_BYTES)
            except BlockingIOError:
                # Whoever started this process shares the pipe's flags, and may have set it so.
                select.select([self._source], [], [])

    def _cut(self, data: bytes) -> None:
        *lines, rest = data.split(b"\n")
        if lines:
            lines[0] = b"".join((self._unfinished, lines[0]))
            self._unfinished.clear()
            self._credit.acquire()
            chunk = InputChunk(lines, self._next_line_number)
            self._next_line_number += len(lines)
            self._deliver(chunk)
        self._unfinished += rest
        if len(self._unfinished) > MAX_LINE_BYTES:
            number = self._next_line_number
            raise InputFailed(f"line {number} is longer than {MAX_LINE_BYTES} bytes")

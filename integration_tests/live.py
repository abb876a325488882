"""A `write` that is watched while it runs: fed bit by bit, kept open, ended by a signal."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from threading import Condition, Thread
from types import TracebackType
from typing import Any, Self

from integration_tests import program, silence
from integration_tests.bookkeeping import Bookkeeping, Json, Run
from integration_tests.platform import (
    PROGRAM,
    TIMEOUT_SECONDS,
    line,
    messages_in,
    write_arguments,
)
from integration_tests.program import opened

PATIENCE_SECONDS = 60.0


class LiveSync:
    """One running sync. `feed`, look at `run`, then `finish`. Ended with the `with` block."""

    def __init__(
        self, folder: Path, config: Mapping[str, Any], configured_catalog: Mapping[str, Any]
    ) -> None:
        self._platform = Bookkeeping()
        self._catalog = configured_catalog
        self._messages: list[Json] = []
        self._changed = Condition()
        self._given: list[bytes] = []
        self._is_judged = False
        self._arguments = write_arguments(folder, config, configured_catalog)
        self.process = program.start(PROGRAM, self._arguments, silence.surroundings())
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.process.kill()
        exit_code = self.process.wait()
        self._reader.join()
        if kind is None and not self._is_judged:
            run = self._judged_in_silence(exit_code)
            self._platform.judge_killed(run)
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            opened(pipe).close()

    @property
    def run(self) -> Run:
        """What has come out so far, as if the run had ended well."""
        with self._changed:
            return Run(0, list(self._messages), "", list(self._platform.states))

    def feed(self, *messages: Json | bytes) -> None:
        """Hands over messages, or pieces of lines as bytes, and leaves the input open."""
        given = opened(self.process.stdin)
        self._given += map(line, self._platform.passed_on(messages))
        given.write(b"".join(self._given[-len(messages) :]))
        given.flush()

    def wait_until(self, is_so: Callable[[Run], bool]) -> None:
        """Waits for output that makes it so; fails if none does in time."""
        until = time.monotonic() + PATIENCE_SECONDS
        while not is_so(run := self.run):
            left = until - time.monotonic()
            assert left > 0, f"did not come true; the output is {run.messages}"
            with self._changed:
                self._changed.wait(min(left, 0.05))

    def finish(self) -> Run:
        """Ends the input as the platform does, waits for the end and judges the run."""
        with suppress(BrokenPipeError):
            # Where the program has ended already, which `ended` judges.
            self.feed(*self._platform.completed(self._catalog))
        with suppress(BrokenPipeError):
            opened(self.process.stdin).close()
        return self.ended()

    def end_by(self, signal: int) -> Run:
        """Sends the signal while the input is open, waits for the end and judges the run."""
        self.process.send_signal(signal)
        return self.ended()

    def ended(self) -> Run:
        exit_code = self.process.wait(TIMEOUT_SECONDS)
        self._reader.join()
        run = self._judged_in_silence(exit_code)
        self._platform.judge(run)
        return run

    def _judged_in_silence(self, exit_code: int) -> Run:
        self._is_judged = True
        run = self.run
        run.exit_code = exit_code
        run.stderr = opened(self.process.stderr).read().decode()
        silence.judge(self._arguments, b"".join(self._given), run.messages, run.stderr)
        return run

    def _read(self) -> None:
        for output in opened(self.process.stdout):
            # A line without its end is one that the process was killed in.
            assert output.endswith(b"\n")
            with self._changed:
                self._messages += messages_in(output)
                self._changed.notify_all()

"""Starts the program, as a process of its own, without importing it each time.

Most of a short run are its imports, and the tests start it more than a thousand times. So one
process imports what every command needs and forks for each run; a fork has its own arguments,
environment, streams, limits and end, as any process. The console script itself is started where
Python must look at the environment first, and where a test names another build.
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import IO

CONSOLE_SCRIPT = Path(sys.executable).with_name("destination-maileon")

_FORKING = multiprocessing.get_context("forkserver")
_FORKING.set_forkserver_preload(
    [
        f"destination_maileon.{name}"
        for name in ("run", "cli", "config.spec", "config.validation", "check", "sync")
    ]
)


class Fork:
    """The program in a fork. As much of `subprocess.Popen` as tests use."""

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
        (given, into), (out_of, said), (errors, told) = (os.pipe() for _ in range(3))
        theirs = [
            Connection(given, writable=False),
            Connection(said, readable=False),
            Connection(told, readable=False),
        ]
        self.stdin: IO[bytes] = os.fdopen(into, "wb")
        self.stdout: IO[bytes] = os.fdopen(out_of, "rb")
        self.stderr: IO[bytes] = os.fdopen(errors, "rb")
        self._process = _FORKING.Process(
            target=_run, args=(list(arguments), dict(environment), theirs)
        )
        self._process.start()
        for connection in theirs:
            connection.close()

    @property
    def pid(self) -> int:
        return self._process.pid or 0

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired("a fork", timeout or 0)
        return self.returncode

    def kill(self) -> None:
        self._process.kill()

    def send_signal(self, number: int) -> None:
        if self.pid and self.returncode is None:
            os.kill(self.pid, number)


Process = Fork | subprocess.Popen[bytes]


def start(program: Path, arguments: Sequence[str], environment: Mapping[str, str]) -> Process:
    """Starts it with pipes as its streams."""
    for_python = {name for name in environment if name.startswith("PYTHON")}
    if program == CONSOLE_SCRIPT and for_python <= os.environ.keys():
        return Fork(arguments, environment)
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [program, *arguments], stdin=pipe, stdout=pipe, stderr=pipe, env=environment
    )


def finished(
    process: Process, given: bytes, timeout_seconds: float
) -> subprocess.CompletedProcess[bytes]:
    """Feeds it and waits for its end. One that hangs is killed: `subprocess.TimeoutExpired`."""
    with ThreadPoolExecutor() as pool:
        pool.submit(_feed, opened(process.stdin), given)
        pipes = (process.stdout, process.stderr)
        output, errors = (pool.submit(_read, opened(pipe)) for pipe in pipes)
        try:
            exit_code = process.wait(timeout_seconds)
        except subprocess.TimeoutExpired as expired:
            process.kill()
            process.wait()
            expired.output = output.result()
            raise
    return subprocess.CompletedProcess((), exit_code, output.result(), errors.result())


def opened(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None
    return pipe


def _feed(pipe: IO[bytes], given: bytes) -> None:
    # The program may end before it has read everything; to close is to write what is left.
    with suppress(BrokenPipeError), pipe:
        pipe.write(given)


def _read(pipe: IO[bytes]) -> bytes:
    with pipe:
        return pipe.read()


def _run(arguments: list[str], environment: Mapping[str, str], streams: list[Connection]) -> None:
    from destination_maileon.run import run  # noqa: PLC0415 - in the fork alone

    for number, stream in enumerate(streams):
        os.dup2(stream.fileno(), number)
        stream.close()
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = [os.fspath(CONSOLE_SCRIPT), *arguments]
    run()

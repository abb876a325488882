"""A program's run, forked from this process: its CPU time, its time, its calls.

What a program imports is imported here, before the fork, so that a run of 10,000 records measures
records and not imports. The operating system accounts for the finished process; the sink runs
beside it and is not counted.
"""

from __future__ import annotations

import gc
import importlib
import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, TypeAlias

from benchmark import floor
from benchmark.kinds import KINDS
from benchmark.workload import Workload
from destination_maileon.run import main

Write: TypeAlias = Callable[[str, IO[bytes]], int]
"""Base URL and input -> exit code."""

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one run: seconds of CPU (user and system), seconds, calls."""

    cpu: float
    seconds: float
    calls: int


class Failed(Exception):
    """A run that ended with an error. What does nothing is fast."""


class TookTooLong(Failed):
    """A run that was stopped."""


@dataclass(frozen=True, slots=True)
class Bench:
    """A sink that runs, and a folder for files. No run may take longer than `limit_seconds`."""

    address: str
    folder: Path
    limit_seconds: int = 900

    def floor(self, workload: Workload) -> Cost:
        """What the kind's floor costs."""
        return self.program(partial(floor.run, workload.kind), workload)

    def program(self, write: Write, workload: Workload, *, milliseconds: int = 0) -> Cost:
        """What something else costs that writes this workload."""
        base_url = self.base_url(milliseconds)

        def run() -> int:
            with open(0, "rb", closefd=False) as source:
                return write(base_url, source)

        return self._cost(run, workload, base_url)

    def connector(
        self, workload: Workload, *, milliseconds: int = 0, kilobytes: int = 0, **options: object
    ) -> Cost:
        """What the connector costs that writes this workload, with these options."""
        base_url = self.base_url(milliseconds, kilobytes)
        # Here, and not in the child: it is the bench's own work.
        arguments = self.arguments(workload, base_url, **options)
        return self._cost(lambda: main(arguments), workload, base_url)

    def arguments(self, workload: Workload, base_url: str, **options: object) -> list[str]:
        """The connector's, with the files that they name."""
        _, catalog = workload.write(self.folder)
        config = self.folder / "config.json"
        config.write_text(json.dumps(workload.config(base_url, **options)))
        return ["write", "--config", str(config), "--catalog", str(catalog)]

    def base_url(self, milliseconds: int, kilobytes: int = 0) -> str:
        """That of a new run with such a latency, and so many kilobytes a second (0: any)."""
        return f"{self.address}/{next(_numbers)}-{milliseconds}-{kilobytes}/1.0"

    def import_all(self) -> None:
        """Imports here what a run of the connector imports."""
        report = self.folder / "modules"
        workload, base_url = Workload(KINDS["plain"], 10), self.base_url(0)

        def run() -> int:
            code = main(self.arguments(workload, base_url))
            report.write_text("\n".join(sys.modules))
            return code

        self._cost(run, workload, base_url)
        for name in report.read_text().splitlines():
            with suppress(ImportError):
                importlib.import_module(name)
        # Else each child would look through all of it for garbage, again and again.
        gc.collect()
        gc.freeze()

    def _cost(self, run: Callable[[], int], workload: Workload, base_url: str) -> Cost:
        """What a function costs in a process of its own that calls this base URL.

        Raises:
            Failed: if it ends with anything but 0.
        """
        given, _ = workload.write(self.folder)
        output = self.folder / "output"
        started = time.monotonic()
        if (process := os.fork()) == 0:
            signal.alarm(self.limit_seconds)
            _be_child(run, given, output)
        _, status, usage = os.wait4(process, 0)
        seconds = time.monotonic() - started
        if status == signal.SIGALRM:
            raise TookTooLong(f"{workload.kind.name} takes more than {self.limit_seconds} s.")
        if code := os.waitstatus_to_exitcode(status):
            raise Failed(f"{workload.kind.name} ends with {code}: {_last_line(output)}")
        return Cost(usage.ru_utime + usage.ru_stime, seconds, _calls(base_url))


@contextmanager
def open_bench(kept: Path | None = None) -> Iterator[Bench]:
    """A bench with everything imported, as long as this is open."""
    command = [sys.executable, "-m", "benchmark.sink"]
    command += ["--kept", str(kept)] if kept else []
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process,
    ):
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        try:
            port = int(process.stdout.readline())
            bench = Bench(f"http://127.0.0.1:{port}", Path(folder))  # ignore-https-check: loopback
            bench.import_all()
            yield bench
        finally:
            process.terminate()


def _be_child(run: Callable[[], int], given: Path, output: Path) -> None:
    code = 1
    try:
        os.dup2(os.open(given, os.O_RDONLY), 0)
        os.dup2(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 1)
        code = run()
    except Exception:  # noqa: BLE001 - whatever it is, nothing of it may get out of this process
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(code)


def _calls(base_url: str) -> int:
    address = base_url.removesuffix("1.0")
    with urllib.request.urlopen(f"{address}calls") as answer:  # noqa: S310 - loopback
        return int(answer.read())


def _last_line(output: Path) -> str:
    return output.read_bytes()[-1_000:].decode(errors="replace").rpartition('{"type"')[2]

"""A program's run, forked from this process: its CPU time, its time, its calls.

What a program imports is imported here, before the fork, so that a run of 10,000 records measures
records and not imports. The operating system accounts for the finished process; the sink runs
beside it and is not counted.
"""

from __future__ import annotations

import importlib
import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from benchmark import floor
from benchmark.kinds import KINDS
from benchmark.workload import Workload
from destination_maileon.run import main

LIMIT_SECONDS = 600
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one run: seconds of CPU (user and system), seconds, calls."""

    cpu: float
    seconds: float
    calls: int


class Failed(Exception):
    """A run that ended with an error, or not at all. What does nothing is fast."""


@dataclass(frozen=True, slots=True)
class Bench:
    """A sink that runs, and a folder for files."""

    address: str
    folder: Path

    def floor(self, workload: Workload, *, milliseconds: int = 0) -> Cost:
        """What the kind's floor costs."""
        lines, _ = workload.write(self.folder)

        def run(base_url: str) -> int:
            with open(0, "rb", closefd=False) as source:
                return floor.run(workload.kind, base_url, source)

        return self.cost(run, given=lines, milliseconds=milliseconds)

    def connector(self, workload: Workload, *, milliseconds: int = 0, **options: object) -> Cost:
        """What the connector costs with this workload as its input."""
        lines, catalog = workload.write(self.folder)

        def run(base_url: str) -> int:
            config = self.folder / "config.json"
            config.write_text(json.dumps(workload.config(base_url, **options)))
            return main(["write", "--config", str(config), "--catalog", str(catalog)])

        return self.cost(run, given=lines, milliseconds=milliseconds)

    def cost(self, run: Callable[[str], int], *, given: Path, milliseconds: int = 0) -> Cost:
        """What a function costs in a process of its own; it is told the base URL.

        Raises:
            Failed: if it ends with anything but 0.
        """
        name = f"{next(_numbers)}-{milliseconds}"
        output = self.folder / "output"
        started = time.monotonic()
        if (process := os.fork()) == 0:
            _be_child(lambda: run(f"{self.address}/{name}/1.0"), given, output)
        _, status, usage = os.wait4(process, 0)
        seconds = time.monotonic() - started
        if status:
            raise Failed(f"{_reason(status)}: {_last_line(output)}")
        return Cost(usage.ru_utime + usage.ru_stime, seconds, self._calls(name))

    def _calls(self, name: str) -> int:
        with urllib.request.urlopen(f"{self.address}/{name}/calls") as answer:  # noqa: S310 - loopback
            return int(answer.read())


@contextmanager
def bench(kept: Path | None = None) -> Iterator[Bench]:
    """A bench with everything imported, as long as this is open."""
    arguments = ["--kept", str(kept)] if kept else []
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(
            [sys.executable, "-m", "benchmark.sink", *arguments], stdout=subprocess.PIPE
        ) as process,
    ):
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        try:
            port = int(process.stdout.readline())
            made = Bench(
                f"http://127.0.0.1:{port}", Path(folder)
            )  # ignore-https-check: this machine
            _import_all(made)
            yield made
        finally:
            process.terminate()


def _import_all(made: Bench) -> None:
    """Imports here what a run of the connector imports."""
    report = made.folder / "modules"
    workload = Workload(KINDS["plain"], 10)
    lines, catalog = workload.write(made.folder)

    def run(base_url: str) -> int:
        config = made.folder / "config.json"
        config.write_text(json.dumps(workload.config(base_url)))
        code = main(["write", "--config", str(config), "--catalog", str(catalog)])
        report.write_text("\n".join(sys.modules))
        return code

    made.cost(run, given=lines)
    for name in report.read_text().splitlines():
        with suppress(ImportError):
            importlib.import_module(name)


def _be_child(run: Callable[[], int], given: Path, output: Path) -> None:
    code = 1
    try:
        signal.alarm(LIMIT_SECONDS)
        os.dup2(os.open(given, os.O_RDONLY), 0)
        os.dup2(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 1)
        code = run()
    finally:
        os._exit(code)


def _reason(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    return f"took more than {LIMIT_SECONDS} s" if code == -signal.SIGALRM else f"ended with {code}"


def _last_line(output: Path) -> str:
    return output.read_bytes()[-1_000:].decode(errors="replace").rpartition('{"type"')[2]

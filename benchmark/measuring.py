"""A program as a whole process: its CPU time, its time, its peak memory, its calls.

The operating system's own accounting of the finished process; the sink runs beside it and is not
counted.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

BYTES_PER_KIB, BYTES_PER_MB = 1_024, 1_000_000


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one run: seconds of CPU (user and system), seconds, megabytes at the peak, calls."""

    cpu: float
    seconds: float
    peak_mb: float
    calls: int


@contextmanager
def sink(*, latency: float = 0.0, reject_every: int = 0, code: int = 25) -> Iterator[str]:
    """The address of a sink that runs as long as this is open."""
    arguments = ["--latency", str(latency), "--reject-every", str(reject_every)]
    arguments += ["--code", str(code)]
    with subprocess.Popen(
        [sys.executable, "-m", "benchmark.sink", *arguments], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        try:
            port = int(process.stdout.readline())
            yield f"http://127.0.0.1:{port}"  # ignore-https-check: this machine
        finally:
            process.terminate()


def cost(command: Sequence[str], *, given: Path, address: str) -> Cost:
    """What a command costs with this file as its input.

    Raises:
        RuntimeError: if it fails: what does nothing is fast.
    """
    calls = _calls(address)
    started = time.monotonic()
    with (
        given.open("rb") as source,
        subprocess.Popen(command, stdin=source, stdout=subprocess.DEVNULL) as process,
    ):
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.monotonic() - started
    if process.returncode:
        raise RuntimeError(f"{command[0]} ended with {process.returncode}.")
    cpu = usage.ru_utime + usage.ru_stime
    return Cost(
        cpu, seconds, usage.ru_maxrss * BYTES_PER_KIB / BYTES_PER_MB, _calls(address) - calls
    )


def bare_cost(command: Sequence[str], *, repeat: int) -> float:
    """The median CPU of a command without input, seconds.

    Raises:
        RuntimeError: if it fails.
    """
    return median(_cpu(command) for _ in range(repeat))


def _cpu(command: Sequence[str]) -> float:
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command[0]} ended with {process.returncode}.")
    return usage.ru_utime + usage.ru_stime


def _calls(address: str) -> int:
    with urllib.request.urlopen(f"{address}/calls") as answer:  # noqa: S310 - a loopback address
        return int(answer.read())

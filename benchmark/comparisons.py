"""What is compared beside the kinds: throughput, memory, deletions, trouble, start-up."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import IO

from benchmark.description import Trouble
from benchmark.kinds import KINDS
from benchmark.promises import Promise
from benchmark.running import Bench, Cost, Failed, TookTooLong
from benchmark.table import show
from benchmark.workload import Workload

PROGRAM = str(Path(sys.executable).with_name("destination-maileon"))
PLAIN = KINDS["plain"]
IN_FLIGHT = 8
"""What `concurrent_requests` is if nobody sets it."""
RECORDS_PER_CALL = 1_000
"""What `batch_size` is if nobody sets it."""
TIMES_THE_PLAIN = {0: None, 50: 5.0, 200: 8.0}
"""Milliseconds a call takes -> times the plain connector's throughput at least."""
MOST_GROWTH, MOST_MB, MOST_WIDE_MB = 1.1, 250.0, 200.0
MOST_OF_IDEAL = 1.2
MOST_START_UP = 1.2
HELD = 50_000
MOST_HELD_CALLS = {100: 12, 5: 25}
"""One record in so many refused with code 4 or 5 -> calls more for 50,000 records."""
EVERY = {"none": 0, "0.1 %": 1_000, "1 %": 100, "5 %": 20, "20 %": 5}
PATIENCE_SECONDS = 60


def throughput(
    bench: Bench, records: int, *, rounds: int, latencies: Sequence[int] = tuple(TIMES_THE_PLAIN)
) -> Iterator[Promise]:
    """Beside the plain connector."""
    # Not before it is needed: the CDK makes every fork after it slower.
    from benchmark import plain  # noqa: PLC0415

    workload = Workload(PLAIN, records)
    write = partial(plain.run, PLAIN)
    rows = []
    for latency in latencies:
        taken = [
            (
                bench.program(write, workload, milliseconds=latency).seconds,
                bench.connector(workload, milliseconds=latency).seconds,
            )
            for _ in range(rounds)
        ]
        times = [plain_seconds / seconds for plain_seconds, seconds in taken]
        rates = [records / median(seconds) for seconds in zip(*taken, strict=True)]
        spread = f"{min(times):.1f} to {max(times):.1f}"
        ideal = records / RECORDS_PER_CALL * latency / 1_000 / IN_FLIGHT
        seconds = (f"{ideal:.1f}", f"{median(own for _, own in taken):.1f}")
        figures = (*(f"{rate:,.0f}" for rate in rates), f"{median(times):.1f}", spread, *seconds)
        rows.append((f"{latency} ms", *figures))
        if least := TIMES_THE_PLAIN[latency]:
            name = f"times the plain connector's throughput at {latency} ms"
            yield Promise(name, median(times), least, is_least=True)
    rates_head = ("plain, records/s", "connector, records/s", "times", "of the rounds")
    head = ("a call takes", *rates_head, f"ideal of {IN_FLIGHT} in flight, s", "seconds")
    show(f"Throughput, {records:,} records, {rounds} rounds", head, rows)


def memory(bench: Bench, many: int, *, wide: int) -> Iterator[Promise]:
    """The peak, in processes of their own, at 50 ms a call."""
    few_mb = _peak_mb(bench, Workload(PLAIN, many // 10))
    many_mb = _peak_mb(bench, Workload(PLAIN, many))
    wide_mb = _peak_mb(bench, Workload(KINDS["long"], wide))
    rows = [
        (f"{many // 10:,} of ten columns", f"{few_mb:.0f}"),
        (f"{many:,} of ten columns", f"{many_mb:.0f}"),
        (f"{wide:,} of 50 columns of 200 characters", f"{wide_mb:.0f}"),
    ]
    show("Peak memory at 50 ms a call", ("records", "MB"), rows)
    yield Promise(f"memory at {many:,} of that at a tenth", many_mb / few_mb, MOST_GROWTH)
    yield Promise(f"MB at {many:,} records", max(few_mb, many_mb), MOST_MB)
    yield Promise("MB with 50 columns of 200 characters", wide_mb, MOST_WIDE_MB)


def _peak_mb(bench: Bench, workload: Workload) -> float:
    """Of the connector, told so many records through a pipe."""
    few = replace(workload, records=1)
    command = [PROGRAM, *bench.arguments(few, bench.base_url(milliseconds=50))]
    feed = [sys.executable, "-m", "benchmark.workload", workload.kind.name, str(workload.records)]
    with subprocess.Popen(feed, stdout=subprocess.PIPE) as feeder:
        return _alone(command, feeder.stdout)["peak_mb"]


def _alone(command: Sequence[str], given: IO[bytes] | None = None) -> dict[str, float]:
    """CPU and peak of a command as a process of its own."""
    peak = [sys.executable, "-m", "benchmark.peak", *command]
    source = given or subprocess.DEVNULL
    done = subprocess.run(peak, stdin=source, stdout=subprocess.PIPE, check=True)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def deletions(bench: Bench, records: int) -> Iterator[Promise]:
    """How long they take at 50 ms each, with as many in flight as there may be."""
    cost = bench.connector(Workload(KINDS["deletions"], records), milliseconds=50)
    ideal = records / IN_FLIGHT * 0.05
    rows = [(f"{records:,}", f"{ideal:.1f}", f"{cost.seconds:.1f}", f"{cost.cpu:.1f}")]
    head = ("deletions", "ideal, s", "seconds", "CPU, s")
    show(f"Deletions at 50 ms, {IN_FLIGHT} in flight", head, rows)
    yield Promise("time of deletions at 50 ms, of the ideal", cost.seconds / ideal, MOST_OF_IDEAL)


def held_calls(bench: Bench) -> Iterator[Promise]:
    """Calls that records cost whose identifier another contact has."""
    without = bench.connector(_troubled(Trouble.TAKEN, 0, HELD)).calls
    for trouble in (Trouble.TAKEN, Trouble.MOVED):
        for every, most in MOST_HELD_CALLS.items():
            calls = bench.connector(_troubled(trouble, every, HELD)).calls
            name = f"calls more for {HELD:,} records of which 1 in {every} is {trouble}"
            yield Promise(name, calls - without, most)


def troubles(bench: Bench, *, latencies: Sequence[int] = (20, 50)) -> Iterator[Promise]:
    """Calls and time by the share of contacts with which something is the matter; no promise."""
    bench = replace(bench, limit_seconds=PATIENCE_SECONDS)
    for latency in latencies:
        rows = []
        for trouble, (name, records) in TROUBLES.items():
            workloads = [_troubled(trouble, every, records) for every in EVERY.values()]
            cells = [_cell(bench, workload, latency) for workload in workloads]
            rows.append((name, f"{records:,}", *cells))
        head = ("what is the matter", "records", *EVERY)
        show(f"Seconds (calls) by the share of such contacts, {latency} ms a call", head, rows)
    yield from ()


TROUBLES = {
    Trouble.TAKEN: ("an identifier that another contact has (code 4)", 50_000),
    Trouble.MOVED: ("the same, once", 50_000),
    Trouble.SHARED: ("one address for all of them", 50_000),
    Trouble.INVALID: ("an invalid address", 50_000),
    Trouble.POISONED: ("a contact for which its call is refused (400)", 10_000),
}


def uplink(bench: Bench) -> Iterator[Promise]:
    """A thin line, beside one call at a time that may take as long as it needs; no promise."""
    rows = []
    for kilobytes, timeout, records in UPLINKS:
        workload = Workload(PLAIN, records)
        alone = bench.connector(workload, kilobytes=kilobytes, concurrent_requests=1)
        cost = bench.connector(workload, kilobytes=kilobytes, request_timeout_seconds=timeout)
        seconds = (f"{alone.seconds:.1f}", f"{cost.seconds:.1f}")
        rows.append((f"{kilobytes:,}", f"{timeout}", f"{records:,}", *seconds, f"{cost.calls:,}"))
    head = ("KB/s", "timeout, s", "records", "one at a time, s", "seconds", "calls")
    show(f"A thin line, {IN_FLIGHT} in flight at most", head, rows)
    yield from ()


UPLINKS = ((2_000, 120, 20_000), (200, 120, 3_000), (200, 5, 3_000), (100, 5, 3_000))
"""Kilobytes a second, the seconds that a call may take, records of some 700 bytes each."""


def _cell(bench: Bench, workload: Workload, latency: int) -> str:
    try:
        cost: Cost = bench.connector(workload, milliseconds=latency)
    except TookTooLong:
        return f"> {bench.limit_seconds}"
    except Failed as error:
        print(error, file=sys.stderr)
        return "fails"
    return f"{cost.seconds:.1f} ({cost.calls:,})"


def _troubled(trouble: Trouble, every: int, records: int) -> Workload:
    base = KINDS["external-id"] if trouble is Trouble.SHARED else PLAIN
    name = f"{trouble}-{every}"
    return Workload(replace(base, name=name, trouble=trouble, troubled_every=every), records)


def start_up(*, rounds: int) -> Iterator[Promise]:
    """The CPU of `spec` as a multiple of that of importing the CDK."""
    imports = [sys.executable, "-c", "import airbyte_cdk"]
    imported = median(_alone(imports)["cpu"] for _ in range(rounds))
    told = median(_alone([PROGRAM, "spec"])["cpu"] for _ in range(rounds))
    rows = [("importing the CDK", f"{imported:.2f}"), ("spec", f"{told:.2f}")]
    show("Start-up", ("program", "CPU, seconds"), rows)
    yield Promise("CPU of spec, of importing the CDK", told / imported, MOST_START_UP)

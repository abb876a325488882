"""What is compared: cost per record, throughput, memory, growth with the input, and start-up."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

from benchmark.bench import PROGRAM, Bench, script
from benchmark.measuring import Cost, bare_cost, sink
from benchmark.table import show
from benchmark.workload import Workload

MICROSECONDS = 1_000_000
USUAL_LATENCY = 0.05
LATENCIES = (0.0, USUAL_LATENCY, 0.2)
IN_FLIGHT = (1, 2, 4, 8)


def cost_per_record(bench: Bench, workload: Workload) -> float:
    """The connector beside floor and plain connector; its CPU as a multiple of the floor's."""
    with sink() as address:
        names = ("floor", "connector", "plain connector", "floor, one look at a contact")
        commands = [
            script("floor", address),
            bench.connector(workload, address),
            script("plain", address),
            script("floor", address, "--lean"),
        ]
        costs = bench.side_by_side(commands, workload, address)
    floor = costs[0]
    show(
        f"{workload.records:,} records of {workload.columns} columns",
        ("program", "CPU, µs per record", "of the floor's", "records per second", "MB", "calls"),
        [(name, *_figures(one, floor, workload)) for name, one in zip(names, costs, strict=True)],
    )
    return costs[1].cpu / floor.cpu


def throughput(
    bench: Bench, workload: Workload, *, latencies: tuple[float, ...] = LATENCIES
) -> float:
    """Times the plain connector's; the last latency's figure with the usual calls in flight."""
    rows = []
    speed_up = 0.0
    for latency in latencies:
        with sink(latency=latency) as address:
            commands = [
                bench.connector(workload, address, concurrent_requests=number)
                for number in IN_FLIGHT
            ]
            plain, *costs = bench.side_by_side(
                [script("plain", address), *commands], workload, address
            )
        times = [plain.seconds / one.seconds for one in costs]
        speed_up = times[IN_FLIGHT.index(4)]
        rows.append((f"{latency * 1000:.0f} ms", *(f"{time:.1f}" for time in times)))
    show(
        f"{workload.records:,} records: times the plain connector's throughput",
        ("latency of a call", *(f"{number} in flight" for number in IN_FLIGHT)),
        rows,
    )
    return speed_up


def memory(bench: Bench, many: int) -> tuple[float, float]:
    """The peak with so many records as a multiple of that with a tenth; the peak, MB."""
    workloads = [Workload(many // 10), Workload(many)]
    peaks = [_cost(bench, one).peak_mb for one in workloads]
    ratio = peaks[1] / peaks[0]
    rows = [(f"{w.records:,}", f"{mb:.0f}") for w, mb in zip(workloads, peaks, strict=True)]
    show("Peak memory", ("records", "MB"), [*rows, ("ratio", f"{ratio:.2f}")])
    return ratio, max(peaks)


def growth(bench: Bench, records: int) -> None:
    """How the cost grows with the kind of input."""
    usual = Workload(records)
    cases = {
        "10 columns, a state per 1,000 records": usual,
        "5 columns": replace(usual, columns=5),
        "50 columns, 40 of them unmapped": replace(usual, columns=50),
        "numbers, dates, nulls and text": replace(usual, is_mixed=True),
        "half of the values null, in every combination": replace(usual, is_sparse=True),
        "10 % duplicates": replace(usual, duplicates=0.1),
        "50 % duplicates, in pairs": replace(usual, duplicates=0.5),
        "90 % duplicates, in tens": replace(usual, duplicates=0.9),
        "a state per 10 records": replace(usual, records_per_state=10),
        "a state per 100,000 records": replace(usual, records_per_state=100_000),
    }
    costs = {name: _cost(bench, workload) for name, workload in cases.items()}
    costs["1 % rejected"] = _cost(bench, usual, reject_every=100)
    costs["20 % rejected"] = _cost(bench, usual, reject_every=5)
    costs["1 % asked again alone (code 4)"] = _cost(bench, usual, reject_every=100, code=4)
    first = next(iter(costs.values()))
    rows = [
        (name, f"{one.cpu / first.cpu:.2f}", f"{one.peak_mb:.0f}", one.calls)
        for name, one in costs.items()
    ]
    show(f"{records:,} records by kind", ("input", "CPU of the first", "MB", "calls"), rows)


def alone(bench: Bench, records: int) -> None:
    """What it costs in time that a contact reported as a duplicate is sent again, alone."""
    workload = Workload(records)
    shares = {"none": 0, "0.1 %": 1_000, "1 %": 100}
    seconds = {
        share: _cost(bench, workload, latency=USUAL_LATENCY, reject_every=every, code=4).seconds
        for share, every in shares.items()
    }
    rows = [(share, f"{one / seconds['none']:.1f}") for share, one in seconds.items()]
    show(
        f"{records:,} records at {USUAL_LATENCY * 1000:.0f} ms a call",
        ("reported as duplicates (codes 4, 5)", "times as long"),
        rows,
    )


def _cost(bench: Bench, workload: Workload, **answers: Any) -> Cost:
    """The connector's alone, with a sink that answers like this."""
    with sink(**answers) as address:
        return bench.side_by_side([bench.connector(workload, address)], workload, address)[0]


def start_up(repeat: int) -> float:
    """The CPU of `spec` as a multiple of that of importing the CDK."""
    imported = bare_cost([sys.executable, "-c", "import airbyte_cdk"], repeat=repeat)
    told = bare_cost([PROGRAM, "spec"], repeat=repeat)
    ratio = told / imported
    rows = [
        ("importing airbyte_cdk", f"{imported:.2f}", "1.00"),
        ("destination-maileon spec", f"{told:.2f}", f"{ratio:.2f}"),
    ]
    show("Start-up", ("program", "CPU, seconds", "ratio"), rows)
    return ratio


def _figures(one: Cost, floor: Cost, workload: Workload) -> tuple[str, ...]:
    return (
        f"{one.cpu / workload.records * MICROSECONDS:.1f}",
        f"{one.cpu / floor.cpu:.2f}",
        f"{workload.records / one.seconds:,.0f}",
        f"{one.peak_mb:.0f}",
        f"{one.calls}",
    )

"""What is compared: cost per record, throughput, memory, growth with the input, and start-up."""

from __future__ import annotations

import sys

from benchmark.bench import PROGRAM, Bench, script
from benchmark.measuring import Cost, bare_cost, sink
from benchmark.table import show
from benchmark.workload import Workload

MICROSECONDS = 1_000_000
LATENCIES = (0.0, 0.05, 0.2)
IN_FLIGHT = (1, 2, 4, 8)


def cost_per_record(bench: Bench, workload: Workload) -> float:
    """The connector beside floor and plain connector; its CPU as a multiple of the floor's."""
    with sink() as address:
        names = ("floor", "connector", "plain connector")
        commands = [
            script("floor", address),
            bench.connector(workload, address),
            script("plain", address),
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
    """The peak with many records as a multiple of that with a tenth; the peak, MB."""
    workloads = [Workload(many // 10), Workload(many)]
    with sink() as address:
        peaks = [
            bench.side_by_side([bench.connector(one, address)], one, address)[0].peak_mb
            for one in workloads
        ]
    ratio = peaks[1] / peaks[0]
    rows = [(f"{w.records:,}", f"{mb:.0f}") for w, mb in zip(workloads, peaks, strict=True)]
    show("Peak memory", ("records", "MB"), [*rows, ("ratio", f"{ratio:.2f}")])
    return ratio, max(peaks)


def growth(bench: Bench, records: int) -> None:
    """How the cost grows with the kind of input."""
    usual = Workload(records)
    cases = {
        "10 columns, a state per 1,000 records": (usual, 0),
        "5 columns": (Workload(records, columns=5), 0),
        "50 columns, 40 of them unmapped": (Workload(records, columns=50), 0),
        "numbers, dates, nulls and text": (Workload(records, is_mixed=True), 0),
        "10 % duplicates": (Workload(records, duplicates=0.1), 0),
        "90 % duplicates": (Workload(records, duplicates=0.9), 0),
        "1 % rejected": (usual, 100),
        "20 % rejected": (usual, 5),
        "a state per 10 records": (Workload(records, records_per_state=10), 0),
        "a state per 100,000 records": (Workload(records, records_per_state=100_000), 0),
    }
    costs = {}
    for name, (workload, reject_every) in cases.items():
        with sink(reject_every=reject_every) as address:
            command = bench.connector(workload, address)
            costs[name] = bench.side_by_side([command], workload, address)[0]
    first = next(iter(costs.values()))
    rows = [
        (name, f"{one.cpu / first.cpu:.2f}", f"{one.peak_mb:.0f}", one.calls)
        for name, one in costs.items()
    ]
    show(f"{records:,} records by kind", ("input", "CPU of the first", "MB", "calls"), rows)


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

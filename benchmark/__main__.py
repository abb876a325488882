"""`make bench`: every ratio in one run, as tables.

    python -m benchmark [--records 200000] [--many 1000000] [--repeat 3]

Ratios are of medians of runs that take turns, since machines drift: the programs of one table run
one after the other in every round. Only ratios say something; seconds belong to the machine.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmark.measuring import Cost, cost, sink
from benchmark.workload import Workload

PROGRAM = str(Path(sys.executable).with_name("destination-maileon"))
MICROSECONDS = 1_000_000
LATENCIES = (0.0, 0.05, 0.2)
IN_FLIGHT = (1, 2, 4, 8)


@dataclass(frozen=True, slots=True)
class Bench:
    """Where files go, and how often a measurement is repeated."""

    folder: Path
    repeat: int

    def connector(self, workload: Workload, address: str, **options: object) -> list[str]:
        """The command line that writes a workload to a sink."""
        config = self.folder / f"config-{abs(hash((address, *options.items())))}.json"
        content = {"api_key": "benchmark", "base_url": f"{address}/1.0", **options}
        config.write_text(json.dumps(content), encoding="utf-8")
        _, catalog = workload.write(self.folder)
        return [PROGRAM, "write", "--config", str(config), "--catalog", str(catalog)]

    def side_by_side(
        self, commands: Sequence[list[str]], workload: Workload, address: str
    ) -> list[Cost]:
        """The median cost of each command."""
        lines, _ = workload.write(self.folder)
        rounds = [
            [cost(command, given=lines, address=address) for command in commands]
            for _ in range(self.repeat)
        ]
        return [_median(runs) for runs in zip(*rounds, strict=True)]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--many", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=3)
    given = parser.parse_args()
    print(f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), given.repeat)
        _floor(bench, Workload(given.records))
        _floor(bench, Workload(given.many))
        _throughput(bench, Workload(given.records))
        _memory(bench, given.many)
        _growth(bench, given.records)


def _floor(bench: Bench, workload: Workload) -> None:
    with sink() as address:
        floor, connector = bench.side_by_side(
            [_script("floor", address), bench.connector(workload, address)], workload, address
        )
    _table(
        f"CPU of {workload.records} records of {workload.columns} columns",
        ("program", "CPU us/record", "of the floor", "calls"),
        [
            ("floor", _per_record(floor, workload), "1.00", floor.calls),
            (
                "connector",
                _per_record(connector, workload),
                f"{connector.cpu / floor.cpu:.2f}",
                connector.calls,
            ),
        ],
    )


def _throughput(bench: Bench, workload: Workload) -> None:
    rows = []
    for latency in LATENCIES:
        with sink(latency=latency) as address:
            commands = [
                bench.connector(workload, address, concurrent_requests=number)
                for number in IN_FLIGHT
            ]
            plain, *costs = bench.side_by_side(
                [_script("plain", address), *commands], workload, address
            )
        rows.append((f"{latency * 1000:.0f} ms", *(_speed_up(plain, one) for one in costs)))
    _table(
        "Times the plain connector's throughput, by latency of a call and calls in flight",
        ("latency", *(f"{number} in flight" for number in IN_FLIGHT)),
        rows,
    )


def _memory(bench: Bench, many: int) -> None:
    workloads = [Workload(many // 10), Workload(many)]
    peaks = []
    with sink() as address:
        for workload in workloads:
            command = bench.connector(workload, address)
            peaks.append(bench.side_by_side([command], workload, address)[0].peak_mb)
    rows = [(w.records, f"{peak:.0f}") for w, peak in zip(workloads, peaks, strict=True)]
    _table("Peak memory", ("records", "MB"), [*rows, ("ratio", f"{peaks[1] / peaks[0]:.2f}")])


def _growth(bench: Bench, records: int) -> None:
    cases = {
        "5 columns": (Workload(records, columns=5), 0),
        "10 columns": (Workload(records), 0),
        "50 columns": (Workload(records, columns=50), 0),
        "10 % duplicates": (Workload(records, duplicates=0.1), 0),
        "90 % duplicates": (Workload(records, duplicates=0.9), 0),
        "1 % rejected": (Workload(records), 100),
        "20 % rejected": (Workload(records), 5),
        "a state per 10 records": (Workload(records, records_per_state=10), 0),
        "a state per 100,000 records": (Workload(records, records_per_state=100_000), 0),
    }
    costs = {}
    for name, (workload, reject_every) in cases.items():
        with sink(reject_every=reject_every) as address:
            command = bench.connector(workload, address)
            costs[name] = bench.side_by_side([command], workload, address)[0]
    usual = costs["10 columns"].cpu
    rows = [(name, f"{one.cpu / usual:.2f}", one.calls) for name, one in costs.items()]
    _table("CPU by kind of input, of that for 10 columns", ("input", "CPU", "calls"), rows)


def _script(name: str, address: str) -> list[str]:
    return [sys.executable, "-m", f"benchmark.{name}", f"{address}/1.0"]


def _median(runs: Sequence[Cost]) -> Cost:
    return Cost(
        cpu=median(run.cpu for run in runs),
        seconds=median(run.seconds for run in runs),
        peak_mb=median(run.peak_mb for run in runs),
        calls=runs[0].calls,
    )


def _per_record(one: Cost, workload: Workload) -> str:
    return f"{one.cpu / workload.records * MICROSECONDS:.1f}"


def _speed_up(plain: Cost, one: Cost) -> str:
    return f"{plain.seconds / one.seconds:.1f}"


def _table(title: str, head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    cells = [[str(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(row[at]) for row in cells) for at in range(len(head))]
    print(f"\n{title}\n")
    for row in cells:
        print("  " + "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)))


if __name__ == "__main__":
    main()

"""`make bench`: every ratio in one run, as tables.

python -m benchmark [--records 200000] [--many 1000000] [--repeat 3]
python -m benchmark --guard    the ratios that must hold, on fewer records; exit code 1 if not
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from pathlib import Path

from benchmark.bench import Bench
from benchmark.comparisons import cost_per_record, growth, memory, start_up, throughput
from benchmark.workload import Workload

MOST_CPU = 2.0
LEAST_THROUGHPUT = 5.0
GUARD_LATENCY = 0.05
MOST_GROWTH_OF_MEMORY = 1.1
MOST_MEMORY_MB = 250.0
MOST_START_UP = 1.2
GUARD_RECORDS = 200_000


def main() -> int:
    """0, or 1 if a guarded ratio does not hold."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--many", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--guard", action="store_true")
    given = parser.parse_args()
    print(f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), given.repeat)
        if given.guard:
            return guard(bench)
        cost_per_record(bench, Workload(given.records))
        cost_per_record(bench, Workload(given.many))
        throughput(bench, Workload(given.records))
        memory(bench, given.many)
        growth(bench, given.records)
        start_up(given.repeat)
    return 0


def guard(bench: Bench) -> int:
    """Holds what is promised, without seconds: 0 if all of it is kept."""
    workload = Workload(GUARD_RECORDS)
    cpu = cost_per_record(bench, workload)
    faster = throughput(bench, workload, latencies=(GUARD_LATENCY,))
    grown, peak = memory(bench, GUARD_RECORDS)
    start = start_up(bench.repeat)
    kept = {
        f"CPU at most {MOST_CPU} times the floor's": cpu <= MOST_CPU,
        f"at least {LEAST_THROUGHPUT} times the plain connector": faster >= LEAST_THROUGHPUT,
        f"memory at most {MOST_GROWTH_OF_MEMORY} times as much": grown <= MOST_GROWTH_OF_MEMORY,
        f"at most {MOST_MEMORY_MB:.0f} MB": peak <= MOST_MEMORY_MB,
        f"start-up at most {MOST_START_UP} times the CDK's import": start <= MOST_START_UP,
    }
    print()
    for promise, is_kept in kept.items():
        print(f"{'kept  ' if is_kept else 'BROKEN'}  {promise}")
    return 0 if all(kept.values()) else 1


if __name__ == "__main__":
    sys.exit(main())

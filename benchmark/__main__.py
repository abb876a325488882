"""`make bench`: every ratio in one run, as tables.

python -m benchmark [--records 200000] [--many 1000000] [--repeat 3]
python -m benchmark --guard    the ratios that must hold; exit code 1 if not
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import sys
import tempfile
from pathlib import Path

from benchmark.bench import Bench
from benchmark.comparisons import (
    USUAL_LATENCY,
    alone,
    cost_per_record,
    growth,
    memory,
    start_up,
    throughput,
)
from benchmark.shortcuts import shortcuts
from benchmark.workload import Workload

MOST_CPU = 2.0
LEAST_THROUGHPUT = 5.0
MOST_GROWTH_OF_MEMORY = 1.1
MOST_MEMORY_MB = 250.0
MOST_START_UP = 1.2
RECORDS = 200_000
MANY = 1_000_000


def main() -> int:
    """0, or 1 if a guarded ratio does not hold."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--records", type=int, default=RECORDS)
    parser.add_argument("--many", type=int, default=MANY)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--guard", action="store_true")
    given = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), given.repeat)
        if given.guard:
            return guard(bench)
        cost_per_record(bench, Workload(given.records))
        cost_per_record(bench, Workload(given.many))
        throughput(bench, Workload(given.records))
        memory(bench, given.many)
        growth(bench, given.records)
        alone(bench, given.records // 10)
        start_up(given.repeat)
    shortcuts()
    return 0


def machine() -> str:
    """What it is measured on, in one line."""
    names = re.findall("model name\\s*: (.*)", _read("/proc/cpuinfo"))
    processor = names[0] if names else platform.machine()
    return (
        f"Python {platform.python_version()}, {processor}, {os.cpu_count()} cores, "
        f"{platform.system()} {platform.release()}"
    )


def _read(path: str) -> str:
    file = Path(path)
    return file.read_text(encoding="utf-8") if file.exists() else ""


def guard(bench: Bench) -> int:
    """Holds what is promised, without seconds: 0 if all of it is kept."""
    workload = Workload(RECORDS)
    cpu = cost_per_record(bench, workload)
    faster = throughput(bench, workload, latencies=(USUAL_LATENCY,))
    grown, peak = memory(bench, MANY)
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

"""`make bench`: what a record costs.

python -m benchmark --kinds plain nulls --rounds 7 --records 10000
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import sys
from pathlib import Path

from benchmark.kinds import KINDS
from benchmark.ratios import measure, show_ratios
from benchmark.running import bench

RECORDS = 10_000
ROUNDS = 7


def main() -> int:
    """0, or 1 if a guarded ratio does not hold."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--kinds", nargs="+", choices=[*KINDS], metavar="KIND")
    parser.add_argument("--records", type=int, default=RECORDS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--guard", action="store_true", help="exit code 1 if a ratio is broken")
    given = parser.parse_args()
    print(machine())
    kinds = [KINDS[name] for name in given.kinds or KINDS]
    with bench() as made:
        measured = measure(made, kinds, records=given.records, rounds=given.rounds)
    show_ratios(measured, records=given.records, rounds=given.rounds)
    broken = [one.kind.name for one in measured if not one.is_kept]
    print(f"\nBROKEN: {', '.join(broken)}" if broken else "\nAll kept.")
    return 1 if broken and given.guard else 0


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


if __name__ == "__main__":
    sys.exit(main())

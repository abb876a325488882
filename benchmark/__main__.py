"""`make bench` shows what a record costs, `make guard` holds what is promised of it.

python -m benchmark [--guard]
python -m benchmark --kinds plain nulls --rounds 7 --records 10000
python -m benchmark --parts memory held
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Self, TypeAlias

from benchmark import comparisons
from benchmark.kinds import KINDS
from benchmark.promises import Promise, show_promises
from benchmark.ratios import measure, show_ratios
from benchmark.running import Bench, open_bench

RECORDS = 20_000
ROUNDS = 7


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is measured: names of kinds, and numbers of rounds and records."""

    kinds: Sequence[str]
    rounds: int
    records: int
    throughput: int = 100_000
    many: int = 1_000_000
    wide: int = 50_000
    deletions: int = 20_000

    def scaled(self, share: float) -> Self:
        """The same with such a share of the records of everything but the kinds."""
        return replace(
            self,
            throughput=int(self.throughput * share),
            many=int(self.many * share),
            wide=int(self.wide * share),
            deletions=int(self.deletions * share),
        )

    @property
    def few_rounds(self) -> int:
        """Of what takes long."""
        return min(self.rounds, 3)


def ratios(bench: Bench, extent: Extent) -> Iterator[Promise]:
    """What the kinds cost."""
    kinds = [KINDS[name] for name in extent.kinds]
    measured = measure(bench, kinds, records=extent.records, rounds=extent.rounds)
    show_ratios(measured, records=extent.records, rounds=extent.rounds)
    yield from (one.promise for one in measured)


Part: TypeAlias = Callable[[Bench, Extent], Iterator[Promise]]
PARTS: Mapping[str, Part] = {
    "kinds": ratios,
    "memory": lambda bench, how: comparisons.memory(bench, how.many, wide=how.wide),
    "deletions": lambda bench, how: comparisons.deletions(bench, how.deletions),
    "held": lambda bench, _: comparisons.held_calls(bench),
    "start-up": lambda _, how: comparisons.start_up(rounds=how.few_rounds),
    "throughput": lambda bench, how: comparisons.throughput(
        bench, how.throughput, rounds=how.few_rounds
    ),
    "troubles": lambda bench, _: comparisons.troubles(bench),
    "uplink": lambda bench, _: comparisons.uplink(bench),
}
GUARDED = [part for part in PARTS if part not in {"troubles", "uplink"}]


def main() -> int:
    """0, or 1 if a promise is broken and `--guard` was given."""
    given = _arguments()
    extent = Extent(given.kinds or [*KINDS], given.rounds, given.records)
    if given.guard:
        extent = replace(extent, wide=20_000, deletions=4_000)
    extent = extent.scaled(given.share)
    usual = ["kinds"] if given.kinds else GUARDED if given.guard else [*PARTS]
    print(machine())
    with open_bench() as bench:
        found = {part: [*PARTS[part](bench, extent)] for part in given.parts or usual}
    # The table of the kinds has their limits.
    if others := [one for part, each in found.items() if part != "kinds" for one in each]:
        show_promises(others)
    return exit_code([*chain.from_iterable(found.values())], is_guard=given.guard)


def exit_code(promises: Sequence[Promise], *, is_guard: bool) -> int:
    """Says by name what is broken; 1 if something is, and that matters."""
    broken = [promise.name for promise in promises if not promise.is_kept]
    print(f"\nBROKEN: {'; '.join(broken)}" if broken else "\nEvery promise is kept.")
    return 1 if broken and is_guard else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--parts", nargs="+", choices=[*PARTS], metavar="PART")
    parser.add_argument("--kinds", nargs="+", choices=[*KINDS], metavar="KIND")
    parser.add_argument("--records", type=int, default=RECORDS, help="of a run of a kind")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--share", type=float, default=1.0, help="of the records of other parts")
    parser.add_argument("--guard", action="store_true", help="exit code 1 if a promise is broken")
    return parser.parse_args()


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

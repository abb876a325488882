"""`python -m unit_tests.simulation --seeds N [--start S]`: runs N scenarios until one fails.

A failing scenario is printed with its seed, shortened. `--all` continues after a failure;
`--workers` is the number of processes.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from multiprocessing import Pool

from unit_tests.simulation.failure_report import in_short
from unit_tests.simulation.generate import a_scenario
from unit_tests.simulation.runner import Sums, fault_of

TELL_EVERY_SECONDS = 30.0
SEEDS_AT_A_TIME = 20


def main() -> int:
    """Returns 0 if no scenario failed."""
    asked = _arguments()
    started_at = told_at = time.monotonic()
    sums = Sums()
    failures = 0
    with _results(range(asked.start, asked.start + asked.seeds), asked.workers) as results:
        for seed, fault, more in results:
            sums.include(more)
            if fault is not None:
                failures += 1
                print(f"Seed {seed}: {fault}", flush=True)
                if not asked.all:
                    print(in_short(a_scenario(seed)))
                    break
            if time.monotonic() - told_at > TELL_EVERY_SECONDS:
                told_at = time.monotonic()
                print(sums.words(told_at - started_at), flush=True)
    print(sums.words(time.monotonic() - started_at))
    return 1 if failures else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m unit_tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1_000)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--all", action="store_true")
    return parser.parse_args()


@contextmanager
def _results(
    seeds: Iterable[int], workers: int
) -> Iterator[Iterable[tuple[int, str | None, Sums]]]:
    """The fault and the sums of each seed, in the order of the seeds."""
    if workers == 1:
        yield map(_result, seeds)
        return
    with Pool(workers) as pool:
        yield pool.imap(_result, seeds, chunksize=SEEDS_AT_A_TIME)


def _result(seed: int) -> tuple[int, str | None, Sums]:
    sums = Sums()
    return seed, fault_of(a_scenario(seed), sums), sums


if __name__ == "__main__":
    sys.exit(main())

"""`python -m unit_tests.simulation --seeds N [--start S]`: N scenarios, up to the first that fails.

What fails is printed with its seed, shortened. `--all` goes on after a failure.
"""

from __future__ import annotations

import argparse
import sys
import time

from unit_tests.simulation.course import Sums, fault_of
from unit_tests.simulation.generate import a_scenario
from unit_tests.simulation.telling import in_short

TELL_EVERY_SECONDS = 30.0


def main() -> int:
    """0 if all promises were kept."""
    parser = argparse.ArgumentParser(prog="python -m unit_tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1_000)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--all", action="store_true")
    asked = parser.parse_args()
    started_at = told_at = time.monotonic()
    sums = Sums()
    failures = 0
    for seed in range(asked.start, asked.start + asked.seeds):
        scenario = a_scenario(seed)
        if (fault := fault_of(scenario, sums)) is not None:
            failures += 1
            print(f"Seed {seed}: {fault}", flush=True)
            if not asked.all:
                print(in_short(scenario))
                break
        if time.monotonic() - told_at > TELL_EVERY_SECONDS:
            told_at = time.monotonic()
            print(sums.words(told_at - started_at), flush=True)
    print(sums.words(time.monotonic() - started_at))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

"""`python -m unit_tests.simulation --seeds N [--start S]`: N scenarios, up to the first that fails.

What fails is printed with its seed, shortened. `--all` goes on after a failure.
"""

from __future__ import annotations

import argparse
import sys
import time
from pprint import pformat

from unit_tests.simulation.course import Sums, fault_of, run
from unit_tests.simulation.generate import a_scenario
from unit_tests.simulation.scenario import Scenario
from unit_tests.simulation.shorten import shortened

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
                show(scenario)
                break
        if time.monotonic() - told_at > TELL_EVERY_SECONDS:
            told_at = time.monotonic()
            print(sums.words(told_at - started_at), flush=True)
    print(sums.words(time.monotonic() - started_at))
    return 1 if failures else 0


def show(scenario: Scenario) -> None:
    """Prints the smallest scenario that fails likewise."""
    words = _kind(fault_of(scenario))
    small = shortened(scenario, lambda smaller: _kind(fault_of(smaller)) == words)
    print(f"Shortened, it fails with {fault_of(small)}:\n{pformat(small, width=110)}")
    try:
        run(small)
    except Exception as error:  # noqa: BLE001 - shown
        print(f"{type(error).__name__}: {error}")


def _kind(fault: str | None) -> str | None:
    """The failure without its numbers, which change as the scenario is shortened."""
    return (
        None
        if fault is None
        else "".join(c for c in fault.partition(": missing")[0] if c.isalpha())
    )


if __name__ == "__main__":
    sys.exit(main())

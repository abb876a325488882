"""Describes a failing scenario for a person, reduced to the smallest that fails alike."""

from __future__ import annotations

from pprint import pformat

from unit_tests.simulation.runner import fault_of
from unit_tests.simulation.scenario import Scenario
from unit_tests.simulation.shorten import shortened


def in_short(scenario: Scenario) -> str:
    """The failure, and a smaller scenario that fails in the same way."""
    kind = _kind(fault_of(scenario))
    small = shortened(scenario, lambda smaller: _kind(fault_of(smaller)) == kind)
    return f"Shortened, it fails with {fault_of(small)}:\n{pformat(small, width=110)}"


def told(scenario: Scenario, fault: str) -> str:
    """The failure with all that is needed to reproduce it."""
    again = f"python -m unit_tests.simulation --start {scenario.seed} --seeds 1"
    return f"Seed {scenario.seed}: {fault}\n{in_short(scenario)}\nAgain: {again}"


def _kind(fault: str | None) -> str | None:
    """The failure without its numbers, which change when the scenario is shortened."""
    return (
        None
        if fault is None
        else "".join(c for c in fault.partition(": missing")[0] if c.isalpha())
    )

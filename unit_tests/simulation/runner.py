"""Runs scenarios with all checks, and counts what was simulated."""

from __future__ import annotations

import traceback
from dataclasses import dataclass, fields

from unit_tests.simulation.every_moment import Broken
from unit_tests.simulation.resuming import check_starts_again
from unit_tests.simulation.scenario import Scenario
from unit_tests.simulation.trial import Trial, a_trial
from unit_tests.simulation.verdict import check


@dataclass(slots=True)
class Sums:
    """The amount simulated."""

    scenarios: int = 0
    records: int = 0
    calls: int = 0
    faults: int = 0
    failed_syncs: int = 0

    def add(self, trial: Trial) -> None:
        """Counts a trial."""
        self.scenarios += 1
        self.records += len(trial.spy.outcomes)
        self.calls += trial.watch.calls
        self.faults += trial.watch.troubles.total()
        self.failed_syncs += trial.failure is not None

    def include(self, other: Sums) -> None:
        """Adds what was simulated elsewhere."""
        for name in (one.name for one in fields(self)):
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def words(self, seconds: float) -> str:
        """The sums as one line."""
        rate = self.scenarios / max(seconds, 0.001)
        return (
            f"{self.scenarios} scenarios ({rate:.0f} a second), {self.records} records settled, "
            f"{self.calls} calls, {self.faults} of them failed, {self.failed_syncs} syncs failed."
        )


def run(scenario: Scenario) -> Trial:
    """Runs a scenario. Raises Broken or any unexpected error."""
    trial = a_trial(scenario)
    trial.run()
    check(trial)
    check_starts_again(trial)
    return trial


def fault_of(scenario: Scenario, sums: Sums | None = None) -> str | None:
    """What the connector did wrong in this scenario; None if nothing."""
    try:
        trial = run(scenario)
    except Broken as broken:
        return str(broken)
    except Exception as error:  # noqa: BLE001 - the caller reports it
        frame = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__} in {frame.name}: {error}"
    if sums is not None:
        sums.add(trial)
    return None

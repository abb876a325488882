"""Checks that a sync ended by a signal or by failing calls is completed when it starts again.

The source reads again from the last STATE that was written. Calls that were in flight when the
process ended may have been carried out or not. The account must then be that of the sequence
wherever writing a record twice has the same effect as once: where no contact changes an identifier,
nothing is rejected, and no record only updates existing contacts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from destination_maileon.errors import TransientError
from unit_tests.simulation.ambiguity import Circles
from unit_tests.simulation.every_moment import insist
from unit_tests.simulation.intent import Step, Task
from unit_tests.simulation.scenario import Scenario
from unit_tests.simulation.sequence import played
from unit_tests.simulation.trial import Trial, a_trial
from unit_tests.simulation.verdict import clear, difference
from unit_tests.simulation.world import Killed


def check_starts_again(trial: Trial) -> Trial | None:
    """Returns the second sync if it succeeds, else None. Raises Broken if something is missing."""
    if not _starts_again(trial):
        return None
    trial.world.leave_calls_alone()
    again = a_trial(_rest(trial), account=trial.server.account)
    again.run()
    if again.failure is not None:
        return None
    scenario = trial.scenario
    account, steps = played(scenario, trial.asked, groups={})
    circles = Circles(scenario, steps)
    # A firewall that blocked a record once need not block it again.
    disliked = (steps[position - 1].wish.identity_keys for position in trial.watch.disliked)
    shaky = {*_shaky(steps, circles), *map(circles.circle, disliked)}
    expected = clear(account, circles, but=shaky)
    found = clear(again.server.account, circles, but=shaky)
    insist(found == expected, f"once more, the account differs: {difference(expected, found)}")
    return again


def _starts_again(trial: Trial) -> bool:
    """Whether the sync can be repeated unchanged, and its whole input can be read."""
    scenario = trial.scenario
    is_cut_short = "max_deleted_records" in scenario.config
    is_cut_short |= scenario.config.get("unmapped_columns") == "fail"
    # A vanished field would first have to be taken out of the mapping.
    has_all = scenario.server.vanishing_at is None and not scenario.is_dry_run
    ends_alone = isinstance(trial.failure, Killed | TransientError)
    return ends_alone and has_all and not is_cut_short


def _rest(trial: Trial) -> Scenario:
    scenario = trial.scenario
    read = trial.states[-1][0] if trial.states else 0
    server = replace(scenario.server, faults=(), outage_at=None, overload_above=None)
    return replace(
        scenario, items=scenario.items[read:], server=server, killed_at=None, store_fails_at=None
    )


def _shaky(steps: Sequence[Step], circles: Circles) -> Iterator[str]:
    """The circles in which writing a record twice may have another effect."""
    names: defaultdict[str, set[str]] = defaultdict(set)
    for step in steps:
        circle = circles.circle(step.wish.identity_keys)
        names[circle].add(step.name)
        is_named_apart = len(names[circle]) > 1 or circles.has_rivals(circle)
        if is_named_apart or step.is_rejected or _may_miss(step):
            yield circle


def _may_miss(step: Step) -> bool:
    """Whether the step does nothing until a later record creates its contact."""
    return step.options.update_only or step.task is Task.UNSUBSCRIBE

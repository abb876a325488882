"""How many calls a sync costs, and how many of them fly at once: see the contract of writing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from random import Random

import pytest

from unit_tests.simulation.every_moment import CALLS_AT_FIRST
from unit_tests.simulation.moves import PLACEHOLDER, people, row
from unit_tests.simulation.scenario import (
    DELETED_COLUMN,
    Data,
    Item,
    Kind,
    Scenario,
    Server,
    Stream,
)
from unit_tests.simulation.trial import Trial, a_trial
from unit_tests.simulation.verdict import check

PEOPLE = 10_000
BATCH = 200
"""As many full calls as 50,000 people make in calls of 1,000."""

FULL_CALLS = PEOPLE // BATCH


def _scenario(rows: Sequence[Data], *, known: int = 0, **config: object) -> Scenario:
    items = []
    for position, data in enumerate(rows, start=1):
        items.append(Item(Kind.RECORD, 0, {**data, "custom:G1": f"{position}"}))
        if position % 50 == 0:
            items.append(Item(Kind.STREAM_STATE))
    return Scenario(
        seed=1,
        streams=(Stream("external_id"),),
        items=tuple(items),
        known=people(known),
        server=Server(slowest_answer=0.5),
        config={"identifier_mode": "external_id", "batch_size": BATCH, **config},
    )


def _run(scenario: Scenario) -> Trial:
    trial = a_trial(scenario)
    trial.run()
    assert trial.failure is None
    return trial


def _moves(share: float) -> list[Data]:
    """So many people take the address of the next one, whose own row comes later."""
    chance = Random(1)
    rows = [row(n, n) for n in range(1, PEOPLE + 1)]
    free = PEOPLE + 1
    for first in chance.sample(range(1, PEOPLE - 1, 2), int(share * PEOPLE / 2)):
        rows[first - 1] = row(first, first + 1)
        rows[first] = row(first + 1, free)
        free += 1
    return _apart(rows, chance)


def _apart(rows: list[Data], chance: Random) -> list[Data]:
    chance.shuffle(rows)
    return rows


@pytest.mark.parametrize(("share", "most"), [(0.01, 12), (0.2, 25)])
def test_addresses_that_move_cost_a_few_calls_and_no_call_in_flight(
    share: float, most: int
) -> None:
    trial = _run(_scenario(_moves(share), known=PEOPLE))
    assert trial.watch.calls <= FULL_CALLS + most
    assert trial.watch.most_in_flight >= CALLS_AT_FIRST
    assert [*trial.spy.outcomes.values()].count("rejected") == 0


def test_an_address_that_thousands_share_costs_a_few_calls() -> None:
    rows = [row(n, PLACEHOLDER if n % 20 == 0 else n) for n in range(1, PEOPLE + 1)]
    trial = _run(_scenario(rows))
    assert trial.watch.calls <= FULL_CALLS + 12
    assert [*trial.spy.outcomes.values()].count("rejected") == PEOPLE // 20 - 1


@pytest.mark.parametrize("batch_size", [1, 7, 1_000])
def test_so_many_people_cost_so_many_full_calls_however_often_the_source_checkpoints(
    batch_size: int,
) -> None:
    number = min(2_500, 100 * batch_size)
    rows = [row(n, n) for n in range(1, number + 1)]
    trial = _run(_scenario(rows, batch_size=batch_size))
    check(trial)
    assert trial.watch.calls == math.ceil(number / batch_size)


def test_people_who_leave_travel_beside_the_batches_and_break_none() -> None:
    leaving = {DELETED_COLUMN: "2026-01-01T00:00:00Z"}
    rows = [row(n, n, **(leaving if n % 10 == 0 else {})) for n in range(1, 3_001)]
    trial = _run(_scenario(rows, known=3_000, deleted_records="delete", batch_size=100))
    check(trial)
    assert trial.watch.calls == 300 + 27
    assert trial.watch.most_in_flight >= CALLS_AT_FIRST


def test_which_size_of_calls_is_borne_is_learned_once() -> None:
    rows = [row(n, n) for n in range(1, 10_001)]
    scenario = _scenario(rows)
    trial = _run(replace(scenario, server=replace(scenario.server, timeout_above=300)))
    check(trial)
    # Without it, each of the ten calls would be tried, halved and tried again.
    assert trial.watch.troubles.total() <= 12
    assert trial.watch.calls <= 10_000 / 250 + 25


def test_more_calls_fly_as_long_as_they_last_no_longer_for_it() -> None:
    rows = [row(n, n) for n in range(1, 4_001)]
    scenario = replace(_scenario(rows, batch_size=10, concurrent_requests=16), seed=2)
    steady = replace(scenario, server=Server(slowest_answer=0.010001))
    assert _run(steady).watch.most_in_flight == 16
    burdened = replace(scenario, server=Server(slowest_answer=0.010001, load=1.0))
    assert _run(burdened).watch.most_in_flight < 8


def test_fewer_calls_fly_first_where_fewer_may() -> None:
    rows = [row(n, n) for n in range(1, 1_001)]
    assert _run(_scenario(rows, batch_size=10, concurrent_requests=2)).watch.most_in_flight == 2

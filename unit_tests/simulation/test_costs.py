"""The number of calls that a sync needs, and how many are in flight at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
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

pytestmark = pytest.mark.long

PEOPLE = 2_500
BATCH = 50
"""The same number of full calls as for 50,000 people in calls of 1,000."""

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


def _moved(share: float) -> list[Data]:
    """Rows in which this share of people take the next one's address, whose own row comes later."""
    chance = Random(1)
    rows = _unmoved()
    free = 3 * PEOPLE + 1
    for first in chance.sample(range(1, PEOPLE - 1, 2), int(share * PEOPLE / 2)):
        rows[first - 1] = row(first, first + 1)
        rows[first] = row(first + 1, free)
        free += 1
    chance.shuffle(rows)
    return rows


def _of_outsiders(share: float) -> list[Data]:
    """Rows in which this share of people each have the address of somebody outside the sync."""
    chosen = Random(1).sample(range(1, PEOPLE + 1), int(share * PEOPLE))
    addresses = dict(zip(chosen, range(2 * PEOPLE + 1, 3 * PEOPLE), strict=False))
    return [row(n, addresses.get(n, n)) for n in range(1, PEOPLE + 1)]


def _of_one(share: float) -> list[Data]:
    """Rows in which this share of people have one and the same address."""
    chosen = {*Random(1).sample(range(1, PEOPLE + 1), int(share * PEOPLE) + 1)}
    return [row(n, PLACEHOLDER if n in chosen else n) for n in range(1, PEOPLE + 1)]


def _of_pairs(share: float) -> list[Data]:
    """Rows in which this share of people have the address of another one of them."""
    return _shared(share, among=2)


def _of_fives(share: float) -> list[Data]:
    return _shared(share, among=5)


def _shared(share: float, *, among: int) -> list[Data]:
    chosen = Random(1).sample(range(1, PEOPLE + 1), int(share * PEOPLE))
    rows = _unmoved()
    for place, person in enumerate(chosen):
        rows[person - 1] = row(person, f"shared{place // among}@x.org")
    return rows


def _unmoved() -> list[Data]:
    return [row(n, n) for n in range(1, PEOPLE + 1)]


@pytest.mark.parametrize(("share", "most"), [(0.01, 12), (0.2, 25)])
@pytest.mark.parametrize(
    ("rows", "refused"),
    [(_moved, 0.0), (_of_outsiders, 1.0), (_of_one, 1.0), (_of_pairs, 0.5), (_of_fives, 0.8)],
)
def test_addresses_that_others_have_cost_a_few_calls_and_no_call_in_flight(
    rows: Callable[[float], list[Data]], refused: float, share: float, most: int
) -> None:
    trial = _run(_scenario(rows(share), known=3 * PEOPLE))
    assert trial.watch.calls <= FULL_CALLS + most
    assert trial.watch.most_in_flight >= CALLS_AT_FIRST
    rejected = [*trial.spy.outcomes.values()].count("rejected")
    assert rejected == round(refused * share * PEOPLE)


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
    scenario = _scenario([row(n, n) for n in range(1, 2_001)], batch_size=200)
    trial = _run(replace(scenario, server=replace(scenario.server, timeout_above=60)))
    check(trial)
    # Otherwise each of the ten calls would be tried, split and tried again.
    assert trial.watch.troubles.total() <= 12
    assert trial.watch.calls <= 2_000 / 50 + 25


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

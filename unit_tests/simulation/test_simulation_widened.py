"""Checks that the rare input and behaviour of `widen` really occur."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from unit_tests.simulation import resuming
from unit_tests.simulation.generate import FEWEST_OF_LARGE, a_scenario
from unit_tests.simulation.intent import Task, asked, has_no_target
from unit_tests.simulation.resuming import check_starts_again
from unit_tests.simulation.runner import fault_of, run
from unit_tests.simulation.scenario import (
    CREATED_COLUMN,
    CUSTOM_TYPES,
    PERMISSION_COLUMN,
    SCHEMA_FIELDS,
    SHADOWED_COLUMN,
    Mishap,
    Scenario,
)
from unit_tests.simulation.trial import Trial, a_trial
from unit_tests.simulation.widen import CONSENTS, ODD_IDS, STORM_RETRY_AFTER, WIDENINGS

pytestmark = pytest.mark.long

SEEDS = 2_000
A_STORM = 10
RESUMED_SEEDS = 1_000


@pytest.fixture(scope="module")
def scenarios() -> list[Scenario]:
    return [a_scenario(seed) for seed in range(SEEDS)]


def _values(scenarios: list[Scenario], column: str) -> set[object]:
    rows = [item.data for scenario in scenarios for item in scenario.records if item.data]
    # By their text, since True and 1 are equal.
    return {repr(row[column]) for row in rows if column in row}


def test_permissions_are_spelled_in_every_way(scenarios: list[Scenario]) -> None:
    assert _values(scenarios, PERMISSION_COLUMN) >= {repr(consent) for consent in CONSENTS}


def test_maileon_ids_are_spelled_in_every_way(scenarios: list[Scenario]) -> None:
    assert _values(scenarios, "maileon_id") >= {*map(repr, ODD_IDS), "1", "'1'", "'01'"}


def test_columns_turn_up_that_no_schema_has(scenarios: list[Scenario]) -> None:
    late = {*CUSTOM_TYPES.keys() - SCHEMA_FIELDS.keys() - {"GONE2"}, SHADOWED_COLUMN}
    for column in {*late, CREATED_COLUMN, "custom:GONE2"}:
        assert len(_values(scenarios, column)) > 2
    without = [s for s in scenarios if any(has_no_target(s, item) for item in s.records)]
    assert len(without) > 5


def test_records_hold_nulls_alone_or_nothing(scenarios: list[Scenario]) -> None:
    data = [item.data for scenario in scenarios for item in scenario.records]
    assert {} in data
    nulls = {len(row) for row in data if row and not any(v is not None for v in row.values())}
    assert len(nulls) > 5


def test_some_syncs_are_large(scenarios: list[Scenario]) -> None:
    large = [s for s in scenarios if len(s.records) >= FEWEST_OF_LARGE]
    assert len(large) > 4
    assert max(s.config["concurrent_requests"] for s in large) == 16  # type: ignore[type-var]


def test_many_streams_share_their_contacts(scenarios: list[Scenario]) -> None:
    assert {len(scenario.streams) for scenario in scenarios} >= {1, 2, 3, 4, 6, 8}


def test_calls_run_into_storms(scenarios: list[Scenario]) -> None:
    storms = Counter(
        fault.retry_after
        for scenario in scenarios
        for fault in scenario.server.faults[-A_STORM:]
        if {f.mishap for f in scenario.server.faults[-A_STORM:]} == {Mishap.THROTTLED}
        and len(scenario.server.faults) >= A_STORM
    )
    assert set(storms) == set(STORM_RETRY_AFTER)


def test_removals_are_refused_of_some_people_or_of_all(scenarios: list[Scenario]) -> None:
    shares = set()
    for scenario in scenarios:
        if scenario.server.clinging:
            leaving = {step.name for step in asked(scenario) if step.is_farewell}
            shares.add(leaving <= {*scenario.server.clinging})
    assert shares == {False, True}
    refusals = {s.server.refusal for s in scenarios if s.server.clinging}
    assert refusals == {400, 405, 406, 409, 413, 422}


def test_every_widening_is_met_by_some_scenario(scenarios: list[Scenario]) -> None:
    assert len(WIDENINGS) == 30
    characters = {c for data in _values(scenarios, "custom:G1") for c in str(data)}
    assert characters >= {"&", "<", "ä", "€", "\N{GRINNING FACE}"}
    assert {s.killed_at is None for s in scenarios} == {False, True}
    assert {s.is_dry_run for s in scenarios} == {False, True}
    assert {bool(s.config.get("truncate_long_text")) for s in scenarios} == {False, True}
    tasks = {step.task for s in scenarios[:500] if s.is_dry_run for step in asked(s)}
    assert tasks == set(Task)


def test_killed_syncs_are_cut_off_at_every_stage(scenarios: list[Scenario]) -> None:
    killed = [scenario for scenario in scenarios if scenario.killed_at is not None]
    shares = {10 * len(run(s).spy.outcomes) // max(1, len(s.records)) for s in killed[:40]}
    assert len(shares) > 5


# Interrupted syncs start again.


def test_many_syncs_that_were_cut_off_start_again_and_end_well(scenarios: list[Scenario]) -> None:
    trials = (a_trial(scenario) for scenario in scenarios[:RESUMED_SEEDS] if _may_end(scenario))
    again = []
    for trial in trials:
        trial.run()
        again += [second] if (second := check_starts_again(trial)) else []
    assert len(again) > 20
    assert sum(len(second.spy.outcomes) for second in again) > 100


def test_a_record_that_is_not_read_again_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    rest = resuming._rest

    def later(trial: Trial) -> Scenario:
        scenario = rest(trial)
        return replace(scenario, items=scenario.items[1:])

    monkeypatch.setattr(resuming, "_rest", later)
    faults = (fault_of(a_scenario(seed)) for seed in range(RESUMED_SEEDS))
    assert any(fault is not None and fault.startswith("once more") for fault in faults)


def _may_end(scenario: Scenario) -> bool:
    return scenario.killed_at is not None or scenario.server.outage_at is not None

"""Checks that the simulation detects planted faults, is repeatable, and covers enough."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import chain
from pathlib import Path

import pytest

from destination_maileon.delivery.request import Purpose, Request
from destination_maileon.maileon.errors import FailureReason
from unit_tests.simulation.account import Verdict
from unit_tests.simulation.generate import MODES, OPERATIONS, a_scenario
from unit_tests.simulation.intent import PERMISSIONS, Task, asked
from unit_tests.simulation.mutants import INSIDE, PLANTED, Planted
from unit_tests.simulation.runner import fault_of, run
from unit_tests.simulation.scenario import Kind, Mishap, Naming, Scenario
from unit_tests.simulation.sent import groups_of, purpose_of
from unit_tests.simulation.trial import Trial, a_trial

pytestmark = pytest.mark.long

SEARCHED_SEEDS = 2_000
CENSUS_SEEDS = 400
REPEATED_SEEDS = 40


# Planted faults.


MUTANTS = PLANTED | INSIDE


@pytest.mark.parametrize("planted", MUTANTS.values(), ids=MUTANTS.keys())
def test_a_planted_fault_is_seen(planted: Planted, monkeypatch: pytest.MonkeyPatch) -> None:
    assert fault_of(a_scenario(planted.seed)) is None
    planted.plant(monkeypatch)
    seeds = chain([planted.seed], range(SEARCHED_SEEDS))
    faults = (fault_of(a_scenario(seed)) for seed in seeds)
    assert any(fault is not None and planted.said in fault for fault in faults)


# One seed gives one schedule.


def _heard(seed: int) -> str:
    """Everything that a scenario sends and writes, in order, without the wall clock."""
    trial = a_trial(a_scenario(seed))
    trial.run()
    calls = [(call.position, report) for call, report in trial.watch.reports]
    account = sorted(map(repr, trial.server.account.contacts.values()))
    said = trial.states, trial.logs, str(trial.failure)
    return repr((said, calls, trial.spy.outcomes, trial.world.now(), account))


def _digest(seeds: Iterable[int]) -> str:
    return sha256("".join(map(_heard, seeds)).encode(errors="replace")).hexdigest()


def test_one_seed_is_one_scenario_and_one_schedule() -> None:
    for seed in range(REPEATED_SEEDS):
        assert a_scenario(seed) == a_scenario(seed)
        assert _heard(seed) == _heard(seed)


def test_different_seeds_are_different_scenarios() -> None:
    assert len({repr(a_scenario(seed)) for seed in range(200)}) == 200


def test_a_schedule_is_the_same_in_a_process_with_other_hashes() -> None:
    seeds = range(REPEATED_SEEDS)
    program = f"from {__name__} import _digest; print(_digest({seeds}))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONHASHSEED": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == _digest(seeds)


# A census of what is generated.


@pytest.fixture(scope="module")
def scenarios() -> list[Scenario]:
    return [a_scenario(seed) for seed in range(2_000)]


def test_every_mishap_befalls_calls_carried_out_or_not(scenarios: list[Scenario]) -> None:
    faults = [fault for scenario in scenarios for fault in scenario.server.faults]
    assert {fault.mishap for fault in faults} == set(Mishap)
    lost = {(fault.mishap, fault.is_carried_out) for fault in faults if not fault.mishap.ends_sync}
    assert lost == {(m, c) for m in Mishap if not m.ends_sync for c in (False, True)}
    assert {fault.retry_after for fault in faults} == {None, 0.0, 1.0, 3.0, 45.0, 2_000.0}


def test_the_server_behaves_in_every_way(scenarios: list[Scenario]) -> None:
    servers = [scenario.server for scenario in scenarios]
    assert {server.naming for server in servers} == set(Naming)
    assert {server.miscounts for server in servers} == {False, True}
    for name in ("vanishing_at", "overload_above", "outage_at"):
        assert {getattr(server, name) is None for server in servers} == {False, True}


def test_streams_are_of_every_kind(scenarios: list[Scenario]) -> None:
    streams = [stream for scenario in scenarios for stream in scenario.streams]
    assert {stream.mode for stream in streams} == set(MODES)
    assert {stream.operation for stream in streams} == {None, *OPERATIONS}
    assert {(stream.has_consent, stream.has_goodbye) for stream in streams} == {
        (False, False),
        (False, True),
        (True, False),
        (True, True),
    }


def test_the_input_has_lines_of_every_kind_at_every_pace(scenarios: list[Scenario]) -> None:
    items = [item for scenario in scenarios for item in scenario.items]
    assert {item.kind for item in items} == set(Kind)
    assert {item.gap for item in items} == {None, 0.0, 0.1, 1.0, 20.0, 200.0}
    assert max(len(scenario.records) for scenario in scenarios) >= 100


def test_every_key_of_the_configuration_that_concerns_writing_is_varied(
    scenarios: list[Scenario],
) -> None:
    seen: dict[str, set[object]] = {}
    for scenario in scenarios:
        for key, value in scenario.config.items():
            seen.setdefault(key, set()).add(value)
    assert seen.pop("permission") == set(PERMISSIONS)
    assert seen == {
        "identifier_mode": set(MODES),
        "batch_size": {1, 2, 3, 4, 7, 10, 40, 100, 1_000, 10_000},
        "max_batch_bytes": {1_000, 1_200, 1_500, 3_000, 8_000_000, 9_000_000},
        "concurrent_requests": {1, 2, 3, 4, 8, 16},
        "flush_interval_seconds": {0.001, 0.5, 5, 60, 100_000},
        "max_retry_seconds": {0.001, 5, 20, 900, 86_400},
        "deleted_records": {"ignore", "unsubscribe", "delete"},
        "sync_mode": {"ignore"},
        "update_only": {True},
        "override_permission": {True},
        "reimport_unsubscribed_contacts": {True},
        "null_values": {"clear"},
        "ignore_invalid_contacts": {False},
        "max_rejected_records": {0, 1, 2, 3, 10},
        "max_rejected_percent": {1, 10, 30},
        "max_deleted_records": {0, 2},
        "unmapped_columns": {"ignore", "create", "fail"},
        "truncate_long_text": {True},
        "dry_run": {True},
    }


def test_records_ask_for_everything(scenarios: list[Scenario]) -> None:
    tasks = {step.task for scenario in scenarios[:500] for step in asked(scenario)}
    assert tasks == set(Task)


# A census of what happens.


@dataclass(slots=True)
class Happened:
    """What happened in some scenarios. `traits` describes the answered calls in words."""

    ends: Counter[str] = field(default_factory=Counter)
    verdicts: set[Verdict | None] = field(default_factory=set)
    traits: Counter[str] = field(default_factory=Counter)
    in_flight: set[int] = field(default_factory=set)
    slowed_down: int = 0
    refusals: int = 0
    troubles: Counter[FailureReason] = field(default_factory=Counter)

    def add(self, trial: Trial) -> None:
        self.ends[type(trial.failure).__name__] += 1
        self.verdicts.update(trial.server.verdicts.values())
        for call, _ in trial.watch.reports:
            self.traits.update(_traits(call))
        self.traits.update(purpose_of(call) for call, _ in trial.server.applied)
        self.traits["addresses that moved"] += trial.resolved
        outcomes = (trial.spy.outcomes.get(position) for position in trial.server.once_contested)
        self.traits.update(f"held and {outcome}" for outcome in outcomes if outcome)
        self.in_flight.add(trial.watch.most_in_flight)
        self.slowed_down += trial.watch.limit < trial.watch.concurrency
        self.refusals += trial.watch.refusals.total()
        self.troubles += trial.watch.troubles


def _traits(call: Request) -> Iterator[str]:
    if max(map(len, groups_of(call))) > 4:
        yield "much merged"
    if call.is_already_counted:
        yield "a recount"
    if call.attempts > 3:
        yield "tried often"


@pytest.fixture(scope="module")
def happened() -> Happened:
    sums = Happened()
    for seed in range(CENSUS_SEEDS):
        sums.add(run(a_scenario(seed)))
    return sums


def test_syncs_end_well_or_with_every_kind_of_failure(happened: Happened) -> None:
    assert set(happened.ends) == {
        "NoneType",
        "BadInput",
        "ConfigError",
        "InputFailed",
        "Killed",
        "ProgramFault",
        "StopSync",
        "StoreLost",
        "TransientError",
    }
    assert happened.ends["NoneType"] > CENSUS_SEEDS / 2


def test_contacts_meet_every_fate_at_the_server(happened: Happened) -> None:
    # None: the call was refused as a whole.
    assert happened.verdicts == {None, *Verdict}


def test_contacts_are_merged_held_repeated_and_removed(happened: Happened) -> None:
    assert {trait for trait, number in happened.traits.items() if number} == {
        *({*Purpose} - {Purpose.ASK}),
        "much merged",
        "a recount",
        "tried often",
        "held and written",
        "held and rejected",
        "addresses that moved",
    }


def test_many_calls_fly_at_once_and_the_service_asks_for_fewer(happened: Happened) -> None:
    assert happened.in_flight >= {1, 2, 3, 4, 5}
    assert happened.slowed_down > 10


def test_calls_fail_for_every_reason(happened: Happened) -> None:
    assert set(happened.troubles) == set(FailureReason)
    assert min(happened.troubles.values()) > 50
    assert happened.refusals > 100

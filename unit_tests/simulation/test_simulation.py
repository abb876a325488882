"""Compares random syncs with their records one at a time.

`python -m unit_tests.simulation` runs more of them.
"""

from __future__ import annotations

import sys

import pytest

from unit_tests.simulation import __main__ as command
from unit_tests.simulation.failure_report import told
from unit_tests.simulation.generate import a_scenario
from unit_tests.simulation.mutants import PLANTED
from unit_tests.simulation.runner import Sums, fault_of

SEEDS = 2_000
SEEDS_OF_A_TEST = 100
SEEDS_IN_SHORT = 400


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(first, marks=pytest.mark.long if first >= SEEDS_IN_SHORT else ())
        for first in range(0, SEEDS, SEEDS_OF_A_TEST)
    ],
)
def test_the_account_is_as_if_the_records_had_come_one_at_a_time_and_each_is_counted(
    first: int,
) -> None:
    sums = Sums()
    for seed in range(first, first + SEEDS_OF_A_TEST):
        if (fault := fault_of(a_scenario(seed), sums)) is not None:
            pytest.fail(told(a_scenario(seed), fault), pytrace=False)
    assert sums.scenarios == SEEDS_OF_A_TEST
    assert min(sums.records, sums.calls, sums.faults) > SEEDS_OF_A_TEST


def _run_command(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["simulation", *arguments])
    return command.main()


def test_the_command_counts_what_was_simulated(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run_command(monkeypatch, "--start", "7", "--seeds", "5") == 0
    assert capsys.readouterr().out.startswith("5 scenarios (")


def test_the_work_may_be_shared_by_several_processes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run_command(monkeypatch, "--seeds", "30", "--workers", "2") == 0
    assert capsys.readouterr().out.startswith("30 scenarios (")


def test_the_command_shows_the_first_scenario_that_fails_in_short(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    PLANTED["a state counts a record more"].plant(monkeypatch)
    assert _run_command(monkeypatch, "--seeds", "50") == 1
    first, short, *_ = capsys.readouterr().out.splitlines()
    assert first == "Seed 0: a STATE counts other records"
    assert short == "Shortened, it fails with a STATE counts other records:"


def test_the_command_goes_on_after_a_failure_if_it_is_told_to(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    PLANTED["a state counts a record more"].plant(monkeypatch)
    assert _run_command(monkeypatch, "--seeds", "20", "--all") == 1
    failed = [line for line in capsys.readouterr().out.splitlines() if line.startswith("Seed ")]
    assert len(failed) > 5


def test_what_fails_is_told_with_its_seed_shortened_and_how_to_repeat_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    PLANTED["a state is lost"].plant(monkeypatch)
    scenario = a_scenario(0)
    fault = fault_of(scenario)
    assert fault is not None
    words = told(scenario, fault)
    assert words.startswith(f"Seed 0: {fault}\n")
    assert words.endswith("Again: python -m unit_tests.simulation --start 0 --seeds 1")
    # The smallest input that shows the fault: a STATE that is lost.
    assert words.count("Item(") == 1
    assert "known=()" in words

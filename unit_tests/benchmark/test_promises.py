"""What is promised of the cost is held, and what is broken is named."""

from __future__ import annotations

import pytest

from benchmark.__main__ import exit_code
from benchmark.description import CHEAPEST, DEAREST
from benchmark.kinds import KINDS
from benchmark.promises import Promise
from benchmark.ratios import Measured
from benchmark.running import Cost
from benchmark.workload import Workload

LIMITS = {
    "plain": 1.5,
    "ampersand": 2.0,
    "markup": 2.0,
    "umlauts": 2.0,
    "newlines": 2.0,
    "escapes": 2.0,
    "everything": 2.0,
    "nulls": 1.3,
    "full": 1.3,
    "unmapped": 1.5,
    "truncated": 1.5,
    "typed": 2.0,
    "permission": 2.0,
    "preferences": 2.0,
    "nested": 2.0,
    "list": 2.5,
    "pairs": 2.0,
    "tens": 2.0,
    "scattered": 2.0,
    "scattered-tens": 2.0,
    "streams": 2.5,
    "states": 2.5,
    "refused": 2.0,
    "refused-often": 2.5,
}
"""What is promised of each kind. A further one may cost as much as the dearest of these."""
FURTHER = {
    "partial": 3.5,
    **dict.fromkeys(("long", "hundred", "sparse", "reversed", "deletions", "opt-outs"), CHEAPEST),
}
"""Of the further kinds the one whose floor does less than a record for each, and those that cost
less than their floor."""


def test_every_kind_has_the_limit_that_is_promised() -> None:
    assert LIMITS.keys() | FURTHER.keys() <= KINDS.keys()
    limits = {name: kind.limit for name, kind in KINDS.items()}
    assert limits == dict.fromkeys(KINDS, DEAREST) | LIMITS | FURTHER


@pytest.mark.parametrize(
    ("measured", "is_least", "is_kept"),
    [(1.5, False, True), (1.51, False, False), (1.5, True, True), (1.49, True, False)],
)
def test_promise_is_kept_up_to_its_limit(measured: float, is_least: bool, is_kept: bool) -> None:
    assert Promise("cost", measured, 1.5, is_least).is_kept is is_kept


def test_figure_of_a_kind_is_the_median_of_the_ratios_of_its_rounds() -> None:
    measured = _measured(1.4, 9.0, 1.5, 1.6, 1.2)
    assert measured.ratio == pytest.approx(1.5)
    assert [*measured.quartiles] == pytest.approx([1.4, 1.6])
    assert measured.promise.is_kept


def test_figure_of_one_round_is_its_ratio() -> None:
    measured = _measured(1.6)
    assert measured.quartiles == (1.6, 1.6)
    assert not measured.promise.is_kept


def test_guard_fails_with_the_names_of_what_is_broken(capsys: pytest.CaptureFixture[str]) -> None:
    promises = [Promise("time", 1.0, 2.0), Promise("memory", 3.0, 2.0), Promise("calls", 9.0, 8.0)]
    assert exit_code(promises, is_guard=True) == 1
    assert capsys.readouterr().out.strip() == "BROKEN: memory; calls"
    assert exit_code(promises, is_guard=False) == 0
    assert exit_code(promises[:1], is_guard=True) == 0


def _measured(*ratios: float) -> Measured:
    rounds = [(Cost(1.0, 1.0, 1), Cost(ratio, 1.0, 1)) for ratio in ratios]
    return Measured(Workload(KINDS["plain"], 10), rounds)

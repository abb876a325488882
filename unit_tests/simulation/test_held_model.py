"""The checks on held records accept a right connector and detect wrong ones, on a small model."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest

from unit_tests.simulation.account import MaileonAccount
from unit_tests.simulation.ambiguity import Circles, ambiguous_circles, contested_circles
from unit_tests.simulation.every_moment import Broken
from unit_tests.simulation.final_rows import check_final_rows, circles_of
from unit_tests.simulation.held_model import Model, Rules, is_in_order
from unit_tests.simulation.intent import step_of
from unit_tests.simulation.moves import HISTORIES
from unit_tests.simulation.scenario import Data, Item, Kind, Scenario, Stream
from unit_tests.simulation.sequence import fresh_account, played
from unit_tests.simulation.verdict import clear

pytestmark = pytest.mark.long

HISTORIES_OF_ADDRESSES = sorted(HISTORIES.keys() - {"twins", "placeholder"})
SEEDS = 60


def _scenario(name: str, chance: Random) -> Scenario:
    known, rows = HISTORIES[name](chance)
    items = [
        Item(Kind.RECORD, 0, {**row, "custom:G1": f"{position}"})
        for position, row in enumerate(rows, start=1)
    ]
    return Scenario(seed=0, streams=(Stream("external_id"),), items=tuple(items), known=known)


def _faults(rules: Rules, seeds: range) -> Iterator[str | None]:
    """What the checks find wrong with the model in these random histories; None if nothing."""
    for seed in seeds:
        chance = Random(f"model {seed}")
        scenario = _scenario(chance.choice(HISTORIES_OF_ADDRESSES), chance)
        size, in_flight = chance.randint(1, 20), chance.randint(1, 8)
        model = Model(fresh_account(scenario), chance, size, in_flight, rules)
        model.run([step_of(scenario, item) for item in scenario.records])
        try:
            _check(scenario, model)
        except Broken as broken:
            yield str(broken)
        else:
            yield None


def _check(scenario: Scenario, model: Model) -> None:
    account, steps = played(
        scenario, [step_of(scenario, item) for item in scenario.records], groups={}
    )
    if not is_in_order(steps, model.applied):
        raise Broken("an older record takes effect after a newer one")
    circles = Circles(scenario, steps)
    contested = contested_circles(steps, circles)
    but = contested | ambiguous_circles(scenario, steps, circles)
    if clear(account, circles, but=but) != clear(model.account, circles, but=but):
        raise Broken("the account differs")
    for circle, members in circles_of(steps, circles):
        if circle in contested:
            check_final_rows(scenario, model.account, members, circles)
        elif any(model.outcomes[position] != "written" for position, _ in members):
            raise Broken("rejected instead of written")


def test_what_holds_its_records_as_it_should_keeps_every_promise() -> None:
    assert {*_faults(Rules(), range(SEEDS))} == {None}


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        (Rules(holds=False), "ends as"),
        (Rules(keeps_order=False), "takes effect after"),
        (Rules(tries_until_nothing_moves=False), "ends as"),
        (Rules(merges_same_only=False), "takes effect after"),
    ],
    ids=["nobody is held", "newer ones overtake", "one pass is all", "others are merged"],
)
def test_a_rule_that_is_left_out_is_missed(rules: Rules, said: str) -> None:
    faults = {fault.split(" [")[0] for fault in _faults(rules, range(SEEDS)) if fault}
    assert any(said in fault for fault in faults), faults


def test_many_circles_of_moved_addresses_can_be_told() -> None:
    told = 0
    for seed in range(SEEDS):
        chance = Random(f"model {seed}")
        scenario = _scenario(chance.choice(HISTORIES_OF_ADDRESSES), chance)
        steps = [step_of(scenario, item) for item in scenario.records]
        model = Model(fresh_account(scenario), chance, 5, 2)
        model.run(steps)
        _, steps = played(scenario, steps, groups={})
        circles = Circles(scenario, steps)
        contested = contested_circles(steps, circles)
        for circle, members in circles_of(steps, circles):
            told += circle in contested and check_final_rows(
                scenario, model.account, members, circles
            )
    assert told > SEEDS / 3


@pytest.mark.parametrize(
    ("rows", "is_promised"),
    [
        ([("p7", "x7"), ("p1", "x7"), ("p7", "x1")], True),
        ([("p7", "x7"), ("p1", "x7"), ("p7", "x7"), ("p7", "x1")], False),
        ([("\N{KELVIN SIGN}", "x7"), ("k", "x7"), ("\N{KELVIN SIGN}", "x1")], False),
    ],
    ids=["it may come first", "it stands behind", "it looks alike"],
)
def test_nobody_is_promised_what_a_record_behind_his_own_would_give_up(
    rows: list[tuple[str, str]],
    is_promised: bool,
) -> None:
    data: list[Data] = [{"email": f"{name}@x.org", "external_id": other} for name, other in rows]
    items = tuple(Item(Kind.RECORD, 0, row) for row in data)
    scenario = Scenario(seed=0, streams=(Stream("email"),), items=items)
    asked = [step_of(scenario, item) for item in scenario.records]
    model = Model(fresh_account(scenario), Random(1), 1, 1)
    model.run(asked)
    _, steps = played(scenario, asked, groups={})
    circles = Circles(scenario, steps)
    [(_, members)] = circles_of(steps, circles)
    assert check_final_rows(scenario, model.account, members, circles) is is_promised


def test_a_contact_that_ends_otherwise_is_seen() -> None:
    scenario = _scenario("chain", Random(4))
    steps = [step_of(scenario, item) for item in scenario.records]
    unchanged: MaileonAccount = fresh_account(scenario)
    circles = Circles(scenario, steps)
    for _, members in circles_of(steps, circles):
        with pytest.raises(Broken, match="ends as"):
            check_final_rows(scenario, unchanged, members, circles)

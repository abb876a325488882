"""Scenarios in which identifiers move between contacts, so that records have to be held.

Contacts are named by external id, and their addresses move. Each function returns the contacts
before the sync and the rows of the source in order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random

from unit_tests.simulation.intent import PERMISSIONS
from unit_tests.simulation.scenario import (
    DELETED_COLUMN,
    PERMISSION_COLUMN,
    UNSUBSCRIBE_COLUMN,
    Data,
    Item,
    Kind,
    Known,
    Scenario,
    Stream,
)

People = tuple[Known, ...]
History = Callable[[Random], tuple[People, list[Data]]]

PLACEHOLDER = "none@x.org"


def people(number: int) -> People:
    """The given number of contacts, each with an address of its own."""
    return tuple(Known(f"p{n}@x.org", f"x{n}") for n in range(1, number + 1))


def row(person: int, address: int | str, **more: object) -> Data:
    """A row of the source that gives the person this address."""
    email = address if isinstance(address, str) else f"p{address}@x.org"
    return {"external_id": f"x{person}", "email": email, **more}


def _ordered(rows: list[Data], chance: Random) -> list[Data]:
    order = chance.choice(["as they are", "backwards", "mixed"])
    if order == "mixed":
        chance.shuffle(rows)
    return rows[::-1] if order == "backwards" else rows


def chain(chance: Random) -> tuple[People, list[Data]]:
    """Each person takes the address of the next one; the last takes a new one."""
    number = chance.choice([2, 3, 8, 30, 100])
    return people(number), _ordered([row(n, n + 1) for n in range(1, number + 1)], chance)


def ring(chance: Random) -> tuple[People, list[Data]]:
    """Each person takes the address of the next one; the last takes that of the first."""
    number = chance.choice([2, 3, 8])
    rows = [row(n, n % number + 1) for n in range(1, number + 1)]
    return people(number + 3), _ordered([*rows, row(number + 1, number + 9)], chance)


def placeholder(chance: Random) -> tuple[People, list[Data]]:
    """Many people have the same address."""
    number = chance.choice([3, 20, 200, 2_000 if chance.random() < RARE else 50])
    rows = [row(n, PLACEHOLDER if chance.random() < LIKELY else n) for n in range(1, number + 1)]
    return people(chance.choice([0, number])), rows


def twins(chance: Random) -> tuple[People, list[Data]]:
    """A person exists twice: one record is deleted, and the other takes its address."""
    number = chance.choice([2, 6, 40])
    rows: list[Data] = []
    for n in range(1, number, 2):
        pair = [row(n, n + 1), row(n + 1, n + 1, **{DELETED_COLUMN: "2026-01-01T00:00:00Z"})]
        rows += pair[:: chance.choice([1, -1])]
    return people(number), rows


def opt_outs(chance: Random) -> tuple[People, list[Data]]:
    """People claim an address in use, after an opt-out row with another person's address."""
    number = chance.choice([1, 1, 5])
    rows = [row(number + 1, PLACEHOLDER)]
    for outsider in range(1, number + 1):
        one, other, leaving = range(number + 3 * outsider, number + 3 * outsider + 3)
        rows += [row(one, PLACEHOLDER), row(other, outsider)]
        rows += [row(leaving, outsider, **{UNSUBSCRIBE_COLUMN: True}), row(leaving, PLACEHOLDER)]
    return people(number), rows


def snapshot(chance: Random) -> tuple[People, list[Data]]:
    """Addresses moved many times, never shared; only each person's last row, sorted by key."""
    number, history = _moved(chance)
    last = {str(data["external_id"]): data for data in history}
    return people(number), sorted(last.values(), key=lambda data: int(str(data["external_id"])[1:]))


def history(chance: Random) -> tuple[People, list[Data]]:
    """The same, with a row for every move in order."""
    number, rows = _moved(chance)
    return people(number), rows


def _moved(chance: Random) -> tuple[int, list[Data]]:
    number = chance.choice([3, 10, 60])
    addresses = {n: n for n in range(1, number + 1)}
    free = [number + n for n in range(1, number // 2 + 2)]
    rows = []
    for _ in range(chance.choice([number, 3 * number])):
        person = chance.randint(1, number)
        taken = free.pop(chance.randrange(len(free)))
        free.append(addresses[person])
        addresses[person] = taken
        rows.append(row(person, taken))
    return number, rows


RARE = 0.1
LIKELY = 0.8
HISTORIES: dict[str, History] = {
    "chain": chain,
    "ring": ring,
    "placeholder": placeholder,
    "twins": twins,
    "opt-outs": opt_outs,
    "snapshot": snapshot,
    "history": history,
}


def moving(history: History) -> Callable[[Scenario, Random], Scenario]:
    """A widening that replaces the input by this history, without options that would hide moves."""

    def widen(scenario: Scenario, chance: Random) -> Scenario:
        known, rows = history(chance)
        has_consent = chance.random() < 0.2
        gaps: list[float | None] = chance.choice([[None], [None, None, 0.1, 20.0], [0.0]])
        items: list[Item] = []
        for position, data in enumerate(rows, start=1):
            data["custom:G1"] = f"{position}"
            if has_consent:
                data[PERMISSION_COLUMN] = chance.choice([None, *PERMISSIONS])
            items.append(Item(Kind.RECORD, 0, data, gap=chance.choice(gaps)))
            if chance.random() < 0.1:
                items.append(Item(Kind.STREAM_STATE))
        config = {
            **{k: v for k, v in scenario.config.items() if k not in _HIDING},
            "identifier_mode": "external_id",
            "deleted_records": "delete",
        }
        if chance.random() < 0.1:
            config["sync_mode"] = "ignore"
        if chance.random() < 0.1:
            config["ignore_invalid_contacts"] = False
        refuses_invalid = chance.random() < 0.5
        server = replace(scenario.server, vanishing_at=None, refuses_invalid=refuses_invalid)
        return replace(
            scenario,
            streams=(Stream("external_id", has_consent=has_consent, has_goodbye=True),),
            items=tuple(items),
            known=known,
            config=config,
            server=server,
        )

    return widen


_HIDING = {
    "sync_mode", "update_only", "ignore_invalid_contacts", "max_rejected_records",
    "max_rejected_percent", "max_deleted_records", "unmapped_columns",
}  # fmt: skip

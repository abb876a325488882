"""Reduces a failing scenario to a smaller one that fails in the same way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from unit_tests.simulation.scenario import Item, Kind, Scenario, Server

MAX_TRIES = 3_000

_SAID_OF_STREAMS = {"identifier_mode"}
"""Options that the streams repeat, and that therefore cannot be left out."""

Fails = Callable[[Scenario], bool]


def shortened(scenario: Scenario, fails: Fails) -> Scenario:
    """Leaves out everything that the failure does not need."""
    tries = 0
    goes_on = True
    while goes_on and tries < MAX_TRIES:
        goes_on = False
        for smaller in _smaller(scenario):
            tries += 1
            if smaller != scenario and fails(smaller):
                scenario, goes_on = smaller, True
                break
            if tries >= MAX_TRIES:
                break
    return scenario


def _smaller(scenario: Scenario) -> Iterator[Scenario]:
    for items in _less(scenario.items):
        yield replace(scenario, items=items)
    for known in _less(scenario.known):
        yield replace(scenario, known=known)
    for faults in _less(scenario.server.faults):
        yield replace(scenario, server=replace(scenario.server, faults=faults))
    for key in scenario.config.keys() - _SAID_OF_STREAMS:
        yield replace(scenario, config={k: v for k, v in scenario.config.items() if k != key})
    yield from _plainer(scenario)
    for at, item in enumerate(scenario.items):
        for plain in _plainer_items(item):
            yield replace(scenario, items=(*scenario.items[:at], plain, *scenario.items[at + 1 :]))


def _less(row: tuple[object, ...]) -> Iterator[tuple]:  # type: ignore[type-arg]
    size = len(row) // 2
    while size:
        for start in range(0, len(row), size):
            yield row[:start] + row[start + size :]
        size //= 2
    if len(row) == 1:
        yield ()


def _plainer(scenario: Scenario) -> Iterator[Scenario]:
    plain = Server()
    for name in ("naming", "miscounts", "vanishing_at", "overload_above", "outage_at", "clinging"):
        if getattr(scenario.server, name) != getattr(plain, name):
            yield replace(scenario, server=replace(scenario.server, **{name: getattr(plain, name)}))
    yield replace(scenario, reading_fails=False)
    yield replace(scenario, stores_rejections=False)
    yield replace(scenario, clock_creeps=False)
    yield replace(scenario, output_seconds=0.0)
    if scenario.killed_at is not None:
        yield replace(scenario, killed_at=None)
    if scenario.store_fails_at is not None:
        yield replace(scenario, store_fails_at=None)


def _plainer_items(item: Item) -> Iterator[Item]:
    if item.gap:
        yield replace(item, gap=0.0)
    if item.gap is not None:
        yield replace(item, gap=None)
    if item.kind is Kind.RECORD and item.data:
        for key in item.data:
            yield replace(item, data={k: v for k, v in item.data.items() if k != key})

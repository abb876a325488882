"""Checks that contacts whose addresses move end as the last records of the source say.

In the sequence, a record that claims an address which another contact still has is refused. The
connector holds such contacts until the other one has given the address up. So each contact must end
as its last record says, if the last records share no identifier, no contact outside the source has
one of them, and no contacts wait for each other. Waiting also follows from the order of records: no
older record of a contact, known by any shared identifier, may take effect after a newer one, so
that no record can wait for one that is queued behind it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import TypeVar

from unit_tests.simulation.account import CONTESTED_CODES, MaileonAccount, Wish
from unit_tests.simulation.ambiguity import Circles, order_of
from unit_tests.simulation.every_moment import insist
from unit_tests.simulation.intent import Step, Task
from unit_tests.simulation.scenario import Known, Naming, Scenario

Numbered = tuple[int, Step]
_Node = TypeVar("_Node")


def check_final_rows(
    scenario: Scenario, account: MaileonAccount, circle: Sequence[Numbered], circles: Circles
) -> bool:
    """Raises Broken if a contact ends otherwise; returns whether the circle could be judged.

    `circle` holds its steps with their positions.
    """
    if not _are_plain(scenario, circle):
        return False
    known = _known(scenario, circle, circles)
    last = {step.name: step for _, step in circle}
    is_unsubscribed = any(contact.is_unsubscribed for _, contact in known)
    if is_unsubscribed or not _can_end_well(circle, known, last):
        return False
    for step in last.values():
        found = account.find(step.options.mode, step.wish)
        if step.task is Task.DELETE:
            insist(found is None, f"{step.name} is there at the end, though it was deleted")
            continue
        insist(found is not None, f"{step.name} is missing at the end")
        assert found is not None
        has_all = {*step.wish.identity_keys} <= {*found.identity_keys}
        insist(
            has_all,
            f"{step.name} ends as {found.identity_keys} instead of {step.wish.identity_keys}",
        )
        for target, text in step.wish.fields.items():
            insist(found.fields.get(target) == text, f"{step.name} ends with an older {target}")
    return True


def _known(
    scenario: Scenario, circle: Sequence[Numbered], circles: Circles
) -> list[tuple[list[str], Known]]:
    """The circle's contacts in the account before the sync, with their identifiers."""
    head = circles.circle(circle[0][1].wish.identity_keys)
    people = enumerate(scenario.known, start=1)
    keyed = [(Wish(str(n), k.email, k.external_id).identity_keys, k) for n, k in people]
    return [(keys, contact) for keys, contact in keyed if circles.circle(keys) == head]


def _are_plain(scenario: Scenario, circle: Sequence[Numbered]) -> bool:
    """Whether records of the circle can only fail because of addresses."""
    modes = {step.options.mode for _, step in circle}
    kinds = {_kinds(step.wish.identity_keys) for _, step in circle}
    return (
        len(modes) == len(kinds) == 1
        and all(_is_plain(step) for _, step in circle)
        and scenario.server.vanishing_at is None
        and scenario.server.naming is not Naming.UNLISTED
    )


def _is_plain(step: Step) -> bool:
    options = step.options
    is_alone = options.updates and not options.update_only and options.ignores_invalid
    is_well = not step.is_rejected or ({*step.codes} <= CONTESTED_CODES and bool(step.codes))
    return step.task in {Task.WRITE, Task.DELETE} and is_alone and is_well


def _can_end_well(
    circle: Sequence[Numbered], known: Sequence[tuple[list[str], Known]], last: dict[str, Step]
) -> bool:
    writes = {name: step for name, step in last.items() if step.task is Task.WRITE}
    final = [key for step in writes.values() for key in step.wish.identity_keys]
    if len(final) > len({*final}):
        return False
    held: dict[str, set[str]] = {name: set() for name in last}
    for keys, _ in known:
        owner = next((name for name in last if name in keys), None)
        if owner is None:
            if not {*keys}.isdisjoint(final):
                return False
            continue
        # A contact keeps the identifiers that its rows do not name.
        others = {*final} - {*last[owner].wish.identity_keys}
        if not {*keys}.isdisjoint(others) and not _gives_up(keys, last[owner]):
            return False
        held[owner].update(keys)
    for _, step in circle:
        held[step.name].update(step.wish.identity_keys)
    waits = {
        name: {
            other for other in held if other != name and held[other] & {*step.wish.identity_keys}
        }
        for name, step in writes.items()
    }
    return not _is_ring(waits) and not _is_ring(_records_waited_for([s for _, s in circle], waits))


def _records_waited_for(
    steps: Sequence[Step], waits: Mapping[str, Iterable[str]]
) -> dict[int, set[int]]:
    """For each record the records that must take effect before it.

    These are older ones with a shared or similar identifier, and the last records of the contacts
    that its contact waits for.
    """
    last = {step.name: number for number, step in enumerate(steps)}
    found = {
        number: {other for other in range(number) if before >> other & 1}
        for number, before in enumerate(order_of(steps))
    }
    looks: defaultdict[str, list[tuple[int, str]]] = defaultdict(list)
    for number, step in enumerate(steps):
        for key in step.wish.identity_keys:
            alike = looks[key.casefold()]
            found[number].update(older for older, other in alike if other != key)
            alike.append((number, key))
    for name, others in waits.items():
        found[last[name]].update(last[other] for other in others)
    return found


def _is_ring(waits: Mapping[_Node, Iterable[_Node]]) -> bool:
    try:
        TopologicalSorter(waits).prepare()
    except CycleError:
        return True
    return False


def _gives_up(keys: Sequence[str], step: Step) -> bool:
    """Whether the record names, for each identifier of the contact, that one or another."""
    return _kinds(keys) - {"id"} <= _kinds(step.wish.identity_keys)


def _kinds(keys: Sequence[str]) -> frozenset[str]:
    return frozenset(key.partition("=")[0] for key in keys)


def circles_of(steps: Sequence[Step], circles: Circles) -> Iterator[tuple[str, list[Numbered]]]:
    """The steps of each circle, with their positions."""
    found: dict[str, list[Numbered]] = {}
    for place, step in enumerate(steps, start=1):
        if step.travels and step.wish.identity_keys:
            found.setdefault(circles.circle(step.wish.identity_keys), []).append((place, step))
    yield from found.items()

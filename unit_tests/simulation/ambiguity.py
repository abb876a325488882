"""Finds where the contract lets results differ from the sequence: see the package's docstring.

Outside the circles found here, account and outcomes must equal those of the sequence.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

from unit_tests.simulation.account import Wish
from unit_tests.simulation.intent import Step, Task
from unit_tests.simulation.scenario import Naming, Scenario


class Circles:
    """Sets of identifiers that are linked by a record, or by a contact before the sync."""

    def __init__(self, scenario: Scenario, steps: Iterable[Step]) -> None:
        self._above: dict[str, str] = {}
        self._kinds: Counter[tuple[str, str]] = Counter()
        for number, known in enumerate(scenario.known, start=1):
            self._link(Wish(str(number), known.email, known.external_id).identity_keys)
        for step in steps:
            self._link(step.wish.identity_keys)

    def circle(self, keys: Sequence[str]) -> str:
        """One identifier that stands for the circle of these identifiers; empty for none."""
        return self._head(keys[0]) if keys else ""

    def has_rivals(self, circle: str) -> bool:
        """Whether the circle has two identifiers of one kind, so more than one contact."""
        if not self._kinds:
            kinds = {(self._head(key), key.partition("=")[0], key) for key in [*self._above]}
            self._kinds.update(Counter((head, kind) for head, kind, _ in kinds))
        return any(self._kinds[circle, kind] > 1 for kind in ("id", "email", "external_id"))

    def _link(self, keys: Sequence[str]) -> None:
        for key in keys:
            self._above[self._head(key)] = self._head(keys[0])

    def _head(self, key: str) -> str:
        while (above := self._above.get(key, key)) != key:
            key = above
        return key


def ambiguous_circles(scenario: Scenario, steps: Sequence[Step], circles: Circles) -> set[str]:
    """The circles in which results may differ."""
    order = order_of(steps)
    # A contact that is refused without a reason in the report cannot be held.
    is_unclear = scenario.server.naming is Naming.UNLISTED
    pairs = (*_strangers_on_one_contact(steps), *_losers(steps, is_unclear=is_unclear))
    return {
        circles.circle(steps[one].wish.identity_keys)
        for one, other in pairs
        if not order[max(one, other)] >> min(one, other) & 1
    }


def contested_circles(steps: Sequence[Step], circles: Circles) -> set[str]:
    """The circles in which a record was refused because another contact has the identifier."""
    return {circles.circle(step.wish.identity_keys) for step in steps if step.is_contested}


def order_of(steps: Sequence[Step]) -> list[int]:
    """For each step the earlier steps that must precede it, by shared identifiers, as bits.

    A deletion does not wait for another contact that only claims an identifier by which neither of
    them is recognised.
    """
    order: list[int] = []
    last: dict[str, int] = {}
    for position, step in enumerate(steps):
        before = 0
        for key in step.wish.identity_keys if step.travels else ():
            if (other := last.get(key)) is not None:
                if step.task is Task.DELETE and _only_claims(steps[other], key, beside=step):
                    continue
                before |= order[other] | 1 << other
            last[key] = position
        order.append(before)
    return order


def _only_claims(step: Step, key: str, *, beside: Step) -> bool:
    is_another = beside.name not in step.wish.identity_keys
    return is_another and key not in {step.name, beside.name}


def _strangers_on_one_contact(steps: Sequence[Step]) -> Iterator[tuple[int, int]]:
    """Pairs of consecutive steps that concern one contact."""
    last: dict[int, int] = {}
    for position, step in enumerate(steps):
        if step.found is not None:
            if step.found in last:
                yield last[step.found], position
            last[step.found] = position


def _losers(steps: Sequence[Step], *, is_unclear: bool) -> Iterator[tuple[int, int]]:
    """Pairs of a step that frees an identifier it does not name, and one recognised by it.

    A step that merely claims the identifier is not included: if it comes too early, it is held.
    """
    freed: defaultdict[str, list[int]] = defaultdict(list)
    for position, step in enumerate(steps):
        for key in step.freed.difference(step.wish.identity_keys):
            freed[key].append(position)
    for position, step in enumerate(steps):
        for key in step.wish.identity_keys if step.travels else ():
            for loser in freed.get(key, ()):
                if key == step.name or is_unclear:
                    yield loser, position

"""Where the contract allows the account to differ from the sequence: see the package's docstring.

Conservative: of what is not called ambiguous here, account and outcomes must be those of the
sequence. What is ambiguous stays among the contacts that are linked by identifiers.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

from unit_tests.simulation.account import Wish
from unit_tests.simulation.intent import Step, Task
from unit_tests.simulation.scenario import Naming, Scenario


class Circles:
    """Identifiers that are linked: named by one record, or held by one contact before the sync."""

    def __init__(self, scenario: Scenario, steps: Iterable[Step]) -> None:
        self._above: dict[str, str] = {}
        self._kinds: Counter[tuple[str, str]] = Counter()
        for number, known in enumerate(scenario.known, start=1):
            self._link(Wish(str(number), known.email, known.external_id).identity_keys)
        for step in steps:
            self._link(step.wish.identity_keys)

    def circle(self, keys: Sequence[str]) -> str:
        """The circle to which the identifiers belong, by its head; empty for none."""
        return self._head(keys[0]) if keys else ""

    def has_rivals(self, circle: str) -> bool:
        """Whether the circle has two identifiers of one kind, which one contact cannot have."""
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
    """The circles in which something may differ."""
    order = order_of(steps)
    # Where the report does not tell why a contact was refused, it cannot be held.
    is_unclear = scenario.server.naming is Naming.UNLISTED
    pairs = (*_strangers_on_one_contact(steps), *_losers(steps, is_unclear=is_unclear))
    return {
        circles.circle(steps[one].wish.identity_keys)
        for one, other in pairs
        if not order[max(one, other)] >> min(one, other) & 1
    }


def contested_circles(steps: Sequence[Step], circles: Circles) -> set[str]:
    """The circles in which somebody was refused since another contact had the identifier."""
    return {circles.circle(step.wish.identity_keys) for step in steps if step.is_contested}


def order_of(steps: Sequence[Step]) -> list[int]:
    """Of each step the steps before it that the input orders, by shared identifiers; as bits.

    A deletion does not wait for another contact that is to get an identifier which neither is
    known by.
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
    """Neighbours among the steps that concern one contact."""
    last: dict[int, int] = {}
    for position, step in enumerate(steps):
        if step.found is not None:
            if step.found in last:
                yield last[step.found], position
            last[step.found] = position


def _losers(steps: Sequence[Step], *, is_unclear: bool) -> Iterator[tuple[int, int]]:
    """Steps that take an identifier away without naming it, with those that are recognised by it.

    Not those that only want to have it: whoever comes too early is held.
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

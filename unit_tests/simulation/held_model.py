"""A small connector that holds contacts refused because of another contact's identifier.

It tests the checks on held records before they judge the real connector: they must accept what this
one does, and must detect it when one of its rules is left out. It sends batches whose answers come
in any order, and knows no failures, options or time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from random import Random

from unit_tests.simulation.account import CONTESTED_CODES, MaileonAccount, Verdict
from unit_tests.simulation.intent import Step

Row = tuple[int, Step]
Group = list[Row]


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of the model; each may be switched off."""

    holds: bool = True
    keeps_order: bool = True
    merges_same_only: bool = True
    tries_until_nothing_moves: bool = True


@dataclass(slots=True)
class Model:
    """One sync: `outcomes` by position, and `applied`, the positions that took effect, in order."""

    account: MaileonAccount
    chance: Random
    batch_size: int
    in_flight: int
    rules: Rules = field(default_factory=Rules)
    outcomes: dict[int, str] = field(default_factory=dict)
    applied: list[tuple[int, ...]] = field(default_factory=list)
    _batch: list[Group] = field(default_factory=list)
    _flying: list[list[Group]] = field(default_factory=list)
    _held: list[Row] = field(default_factory=list)
    _held_keys: Counter[str] = field(default_factory=Counter)

    def run(self, steps: Sequence[Step]) -> None:
        """Takes all records in order, then tries the held ones until none is left."""
        for row in enumerate(steps, start=1):
            self._arrives(row)
        self._settle_all()
        while self._held:
            self._pass()

    def _arrives(self, row: Row) -> None:
        keys = row[1].identity_keys
        waiting = next((group for group in self._batch if _share(group, keys)), None)
        in_flight = any(_share(group, keys) for batch in self._flying for group in batch)
        is_behind = self.rules.keeps_order and any(self._held_keys[key] for key in keys)
        if is_behind or in_flight:
            self._hold([row])
        elif waiting is None:
            self._batch.append([row])
        elif {*waiting[0][1].identity_keys} == {*keys} or not self.rules.merges_same_only:
            waiting.append(row)
        else:
            self._hold([row])
        if len(self._batch) >= self.batch_size:
            self._send()
        if self._held and self.chance.random() < ANSWERED:
            self._settle_all()

    def _send(self) -> None:
        ready = [g for g in self._batch if not self._is_held(g)]
        for group in self._batch:
            if self._is_held(group):
                self._hold(group)
        self._batch = []
        self._flying += [ready] if ready else []
        while len(self._flying) >= self.in_flight:
            self._answered()

    def _is_held(self, group: Group) -> bool:
        return self.rules.keeps_order and any(
            self._held_keys[key] for key in group[0][1].identity_keys
        )

    def _answered(self) -> bool:
        """Answers a batch in flight; returns whether any contact was accepted."""
        batch = self._flying.pop(self.chance.randrange(len(self._flying)))
        accepted = [self._is_accepted(group) for group in batch]
        return any(accepted)

    def _is_accepted(self, group: Group) -> bool:
        wish = group[0][1].wish
        for _, step in group[1:]:
            wish = replace(step.wish, fields={**wish.fields, **step.wish.fields})
        [judgement] = self.account.synchronize(group[0][1].options, [wish])
        is_invalid = judgement.verdict is Verdict.INVALID
        is_contested = bool(CONTESTED_CODES & {code for code, _ in judgement.findings})
        if is_contested and self.rules.holds:
            self._hold(group)
            return False
        self.outcomes |= dict.fromkeys(
            (position for position, _ in group), "rejected" if is_invalid else "written"
        )
        self.applied += [] if is_invalid else [tuple(position for position, _ in group)]
        return not is_invalid

    def _hold(self, group: Iterable[Row]) -> None:
        for row in group:
            self._held.append(row)
            self._held_keys.update(row[1].identity_keys)

    def _settle_all(self) -> None:
        self._send()
        while self._flying:
            self._answered()

    def _pass(self) -> None:
        """Tries every held record that no older held record precedes, in the order of the input."""
        rows, self._held = sorted(self._held, key=lambda row: row[0]), []
        self._held_keys.clear()
        tried: list[Group] = []
        behind: list[Row] = []
        seen: dict[str, Group] = {}
        for row in rows:
            groups = [seen[key] for key in row[1].identity_keys if key in seen]
            if not groups:
                tried.append([row])
            elif all(g is groups[0] and g in tried for g in groups) and (
                {*groups[0][0][1].identity_keys} == {*row[1].identity_keys}
            ):
                groups[0].append(row)
            else:
                behind.append(row)
            seen.update(dict.fromkeys(row[1].identity_keys, tried[-1] if not groups else [row]))
        size = self.batch_size
        self._flying = [tried[at : at + size] for at in range(0, len(tried), size)]
        accepted = [self._answered() for _ in [*self._flying]]
        if not any(accepted) or not self.rules.tries_until_nothing_moves:
            self.outcomes |= dict.fromkeys((position for position, _ in self._held), "rejected")
            self._held = []
        self._hold(behind)
        self._held_keys = Counter(key for _, step in self._held for key in step.identity_keys)


ANSWERED = 0.1


def _share(group: Group, keys: Iterable[str]) -> bool:
    return not {*group[0][1].identity_keys}.isdisjoint(keys)


def is_in_order(steps: Sequence[Step], applied: Iterable[tuple[int, ...]]) -> bool:
    """Whether no older record of a contact took effect after a newer one."""
    newest: dict[str, int] = {}
    for places in applied:
        for position in places:
            for key in steps[position - 1].identity_keys:
                if newest.get(key, 0) > position:
                    return False
                newest[key] = position
    return True

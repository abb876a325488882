"""The oracle: one record at a time, in order, each in a call of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from unit_tests.simulation.account import MaileonAccount, Stored, Verdict, Wish
from unit_tests.simulation.intent import Step, Task
from unit_tests.simulation.scenario import (
    CREATED_COLUMN,
    CUSTOM_TYPES,
    DISLIKED_VALUE,
    REFUSED_VALUE,
    TOO_LARGE_VALUE,
    Scenario,
)


def played(
    scenario: Scenario, steps: Sequence[Step], *, groups: Mapping[int, tuple[int, ...]]
) -> tuple[MaileonAccount, list[Step]]:
    """Returns the account after the sequence, and the given steps with their results.

    `groups` maps each position to the positions of the records that were sent as one contact. A
    value that a later record of the group replaces is never judged, so it is left out here.
    """
    account = fresh_account(scenario)
    effective = list(steps)
    for position, group in groups.items():
        if len(group) > 1:
            effective[position - 1] = _effective(steps, position, group)
    if scenario.setting("unmapped_columns", "ignore") == "create":
        account.custom_types[CREATED_COLUMN] = "string"
    return account, [_taken(account, step, scenario) for step in effective]


def _effective(steps: Sequence[Step], position: int, group: tuple[int, ...]) -> Step:
    step = steps[position - 1]
    replaced: set[str] = set()
    for other in group:
        if step.options.updates and other > position:
            replaced |= steps[other - 1].wish.fields.keys()
        if not step.options.updates and other < position:
            replaced |= step.wish.fields.keys()
    kept = {name: value for name, value in step.wish.fields.items() if name not in replaced}
    is_first = position == group[0]
    preferences = step.wish.preferences if step.options.updates or is_first else {}
    return replace(step, wish=replace(step.wish, fields=kept, preferences=preferences))


def fresh_account(scenario: Scenario) -> MaileonAccount:
    """The account before the sync. A field that will vanish is missing from the start."""
    stored = [
        Stored(
            id=number, email=k.email, external_id=k.external_id, is_unsubscribed=k.is_unsubscribed
        )
        for number, k in enumerate(scenario.known, start=1)
    ]
    account = MaileonAccount(stored, CUSTOM_TYPES)
    for contact in account.contacts.values():
        contact.fields["custom:G1"] = f"known {contact.id}"
    return account


def _taken(account: MaileonAccount, step: Step, scenario: Scenario) -> Step:
    if scenario.is_dry_run:
        return _foreseen(account, step)
    if not step.travels:
        return _carried_out(account, step, scenario)
    found = account.find(step.options.mode, step.wish)
    had = [] if found is None else found.identity_keys
    if step.is_farewell and step.name in scenario.server.clinging:
        return replace(step, is_rejected=True, found=None if found is None else found.id)
    step = _carried_out(account, step, scenario)
    if found is None:
        found = account.find(step.options.mode, step.wish) if step.task is Task.WRITE else None
        return replace(step, found=None if found is None else found.id)
    freed = frozenset(key for key in had if not account.has(key, found))
    return replace(step, found=found.id, freed=freed)


def _foreseen(account: MaileonAccount, step: Step) -> Step:
    """In a dry run only records that break rules are rejected."""
    is_wrong = step.task is Task.WRITE and account.breaks_rules(step.wish)
    return replace(step, is_rejected=is_wrong or step.task is Task.REFUSED_HERE)


def _carried_out(account: MaileonAccount, step: Step, scenario: Scenario) -> Step:
    match step.task:
        case Task.REFUSED_HERE:
            return replace(step, is_rejected=True)
        case Task.DELETE:
            account.delete(step.options.mode, step.wish)
        case Task.UNSUBSCRIBE:
            was_there = account.unsubscribe(step.options.mode, step.wish)
            if not was_there and step.wish.email and not scenario.server.refuses_markers:
                account.mark(step.wish.email)
        case Task.WRITE if is_poison(step.wish):
            return replace(step, is_rejected=True)
        case Task.WRITE:
            [judgement] = account.synchronize(step.options, [step.wish])
            codes = tuple(code for code, _ in judgement.findings)
            return replace(step, is_rejected=judgement.verdict is Verdict.INVALID, codes=codes)
    return step


def is_poison(wish: Wish) -> bool:
    """Whether the server refuses a whole call that holds this contact."""
    return wish.fields.get("custom:POISON") in {REFUSED_VALUE, TOO_LARGE_VALUE, DISLIKED_VALUE}

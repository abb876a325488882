"""Where the contract allows the account to differ from the sequence: see the package's docstring.

Conservative: what is called unambiguous here must come out exactly as in the sequence.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from unit_tests.simulation.account import Wish
from unit_tests.simulation.scenario import Scenario
from unit_tests.simulation.sequence import Step, Task, is_poison

_DUPLICATE = {4: "external_id", 5: "email"}


def is_ambiguous(scenario: Scenario, steps: Sequence[Step]) -> bool:
    """Whether the final account or a record's outcome may differ from the sequence."""
    del scenario
    freed = _silently_freed(steps)
    return any(
        _claims_too_early(step, place, freed) or _is_known_by_another_name(step, freed)
        for place, step in enumerate(steps)
    ) or _replaces_what_is_refused(steps)


def _silently_freed(steps: Sequence[Step]) -> dict[str, list[int]]:
    """Identifier -> the places of the records that took it from a contact without naming it."""
    freed = defaultdict(list)
    for place, step in enumerate(steps):
        for key, holder in step.before.items():
            if step.after.get(key) != holder and key not in step.wish.keys:
                freed[key].append(place)
    return freed


def _claims_too_early(step: Step, place: int, freed: dict[str, list[int]]) -> bool:
    names = [_DUPLICATE[code] for code in step.codes if code in _DUPLICATE]
    claimed = [key for key in step.wish.keys if key.partition("=")[0] in names]
    return any(later > place for key in claimed for later in freed.get(key, ()))


def _is_known_by_another_name(step: Step, freed: dict[str, list[int]]) -> bool:
    if step.task in {Task.NOTHING, Task.REFUSED_HERE}:
        return False
    mode = step.options.mode
    name = {"email": "email", "external_id": "external_id"}.get(mode)
    name = name or ("id" if step.wish.id else "email")
    return any(key in freed for key in step.wish.keys if key.partition("=")[0] == name)


def _replaces_what_is_refused(steps: Sequence[Step]) -> bool:
    refused: dict[tuple[object, ...], set[str]] = defaultdict(set)
    seen: set[tuple[object, ...]] = set()
    for step in steps:
        if step.task is not Task.WRITE:
            continue
        who = (step.stream, step.options, *step.wish.keys)
        bad = set(_refused_fields(step))
        if not step.options.updates and who in seen and is_poison(step.wish):
            return True
        if refused[who] & (step.wish.fields.keys() - bad):
            return True
        refused[who] |= bad
        seen.add(who)
    return False


def _refused_fields(step: Step) -> Iterator[str]:
    for target, value in step.wish.fields.items():
        if value is not None and _is_refused(target, value):
            yield target


def _is_refused(target: str, value: str) -> bool:
    wish = Wish(fields={target: value})
    return is_poison(wish) or len(value) > 255 or ("BAD" in target and not value.isdigit())

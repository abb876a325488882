"""The oracle: the records one at a time, in order, each in a call of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto

from unit_tests.simulation.account import MaileonAccount, Options, Source, Stored, Verdict, Wish
from unit_tests.simulation.scenario import (
    CUSTOM_TYPES,
    DELETED_COLUMN,
    PERMISSION_COLUMN,
    REFUSED_VALUE,
    TOO_LARGE_VALUE,
    UNSUBSCRIBE_COLUMN,
    Data,
    Item,
    Kind,
    Scenario,
    Stream,
)

PERMISSIONS = ("none", "single_opt_in", "confirmed_opt_in", "double_opt_in")
_NEEDED = {
    "email": ("email",),
    "external_id": ("external_id",),
    "maileon_id": ("maileon_id", "email"),
}


class Task(Enum):
    """What a record asks for."""

    WRITE = auto()
    DELETE = auto()
    UNSUBSCRIBE = auto()
    NOTHING = auto()
    REFUSED_HERE = auto()


@dataclass(frozen=True, slots=True)
class Step:
    """A record as one at a time it is: its call, and what came of it.

    `found` tells whom it meant or made, `freed` which identifiers that contact had and lost.
    """

    task: Task
    wish: Wish
    options: Options
    stream: int
    codes: tuple[int, ...] = ()
    is_rejected: bool = False
    found: int | None = None
    freed: frozenset[str] = frozenset()

    @property
    def travels(self) -> bool:
        """Whether a call is made for it."""
        return self.task not in {Task.NOTHING, Task.REFUSED_HERE}


def played(
    scenario: Scenario, steps: Sequence[Step], *, groups: Mapping[int, tuple[int, ...]]
) -> tuple[MaileonAccount, list[Step]]:
    """The account after the sequence, and what came of each of the steps that are asked for.

    `groups` holds, by place, the places of the records that travelled as one contact. A value that
    a later record of its group replaces is not judged: here it is left out.
    """
    account = fresh_account(scenario)
    effective = list(steps)
    for place, group in groups.items():
        if len(group) > 1:
            effective[place - 1] = _effective(steps, place, group)
    return account, [_taken(account, step) for step in effective]


def asked(scenario: Scenario) -> Iterator[Step]:
    """What the records ask for, up to where reading ends."""
    farewells = 0
    allowed = scenario.config.get("max_deleted_records")
    for item in readable(scenario):
        if item.kind is not Kind.RECORD:
            continue
        step = step_of(scenario, item)
        farewells += step.task in {Task.DELETE, Task.UNSUBSCRIBE}
        if isinstance(allowed, int) and farewells > allowed:
            return
        yield step


def _effective(steps: Sequence[Step], place: int, group: tuple[int, ...]) -> Step:
    step = steps[place - 1]
    replaced: set[str] = set()
    for other in group:
        if step.options.updates and other > place:
            replaced |= steps[other - 1].wish.fields.keys()
        if not step.options.updates and other < place:
            replaced |= step.wish.fields.keys()
    kept = {name: value for name, value in step.wish.fields.items() if name not in replaced}
    return replace(step, wish=replace(step.wish, fields=kept))


def readable(scenario: Scenario) -> Iterable[Item]:
    """The lines before the first broken one."""
    for item in scenario.items:
        if item.kind is Kind.BROKEN:
            return
        yield item


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


def step_of(scenario: Scenario, item: Item) -> Step:
    """What the record asks for."""
    stream = scenario.streams[item.stream] if item.stream < len(scenario.streams) else None
    if stream is None:
        return Step(Task.NOTHING, Wish(), Options("email"), stream=item.stream)
    data = item.data or {}
    task = Task.REFUSED_HERE if item.data is None else _task(scenario, stream, data)
    wish = _wish(scenario, stream, data)
    if task is Task.WRITE and scenario.server.vanishing_at is not None:
        wish.fields.pop("custom:GONE", None)
    return Step(task, wish, _options(scenario, stream, data), stream=item.stream)


def _taken(account: MaileonAccount, step: Step) -> Step:
    if not step.travels:
        return _carried_out(account, step)
    found = account.find(step.options.mode, step.wish)
    had = [] if found is None else found.keys
    step = _carried_out(account, step)
    if found is None:
        found = account.find(step.options.mode, step.wish) if step.task is Task.WRITE else None
        return replace(step, found=None if found is None else found.id)
    freed = frozenset(key for key in had if not account.has(key, found))
    return replace(step, found=found.id, freed=freed)


def _carried_out(account: MaileonAccount, step: Step) -> Step:
    match step.task:
        case Task.REFUSED_HERE:
            return replace(step, is_rejected=True)
        case Task.DELETE:
            account.delete(step.options.mode, step.wish)
        case Task.UNSUBSCRIBE:
            account.unsubscribe(step.options.mode, step.wish)
        case Task.WRITE if is_poison(step.wish):
            return replace(step, is_rejected=True)
        case Task.WRITE:
            [judgement] = account.synchronize(step.options, [step.wish])
            codes = tuple(code for code, _ in judgement.findings)
            return replace(step, is_rejected=judgement.verdict is Verdict.INVALID, codes=codes)
    return step


def is_poison(wish: Wish) -> bool:
    """Whether the server refuses a whole call that holds this contact."""
    return wish.fields.get("custom:POISON") in {REFUSED_VALUE, TOO_LARGE_VALUE}


def _task(scenario: Scenario, stream: Stream, data: Data) -> Task:
    when_deleted = str(scenario.setting("deleted_records", "ignore"))
    is_deleted = stream.operation == "soft_delete" or bool(data.get(DELETED_COLUMN))
    leaves = stream.has_goodbye and bool(data.get(UNSUBSCRIBE_COLUMN))
    if is_deleted and when_deleted == "ignore" and not leaves:
        return Task.NOTHING
    if not any(data.get(name) for name in _NEEDED[stream.mode]):
        return Task.REFUSED_HERE
    if is_deleted and when_deleted == "delete":
        return Task.DELETE
    if is_deleted or leaves:
        return Task.UNSUBSCRIBE
    consent = data.get(PERMISSION_COLUMN) if stream.has_consent else None
    is_clear = consent in {None, "", *PERMISSIONS}
    is_large = any(len(str(value)) > int(str(scenario.setting("max_batch_bytes", 8_000_000)))
                   for value in data.values())  # fmt: skip
    return Task.WRITE if is_clear and not is_large else Task.REFUSED_HERE


def _options(scenario: Scenario, stream: Stream, data: Data) -> Options:
    named = data.get(PERMISSION_COLUMN) if stream.has_consent else None
    permission = str(named or scenario.setting("permission", "not_set"))
    number = PERMISSIONS.index(permission) + 1 if permission in PERMISSIONS else None
    updates = scenario.setting("sync_mode", "update") == "update"
    update_only = bool(scenario.setting("update_only", False))
    return Options(
        mode=stream.mode,
        updates=updates if stream.operation is None else stream.operation != "append",
        update_only=update_only if stream.operation is None else stream.operation == "update",
        permission=number,
        overrides_permission=bool(scenario.setting("override_permission", False)),
        reimports=bool(scenario.setting("reimport_unsubscribed_contacts", False)),
        ignores_invalid=bool(scenario.setting("ignore_invalid_contacts", True)),
    )


def _wish(scenario: Scenario, stream: Stream, data: Data) -> Wish:
    wish = Wish(email=_text(data, "email"), external_id=_text(data, "external_id"))
    if stream.mode == "maileon_id":
        wish.id = _text(data, "maileon_id")
    clears = scenario.setting("null_values", "keep") == "clear"
    for column, value in data.items():
        target = "standard:FIRSTNAME" if column == "first_name" else column
        if target.startswith(("custom:", "standard:")) and (clears or value is not None):
            wish.fields[target] = None if value is None else str(value)
    _add_preferences(wish, data.get("preferences"))
    return wish


def _add_preferences(wish: Wish, listed: object) -> None:
    for preference in listed if isinstance(listed, list) else []:
        source = Source("source" in preference, preference.get("source"))
        key = (preference["category"], preference["name"])
        wish.preferences[key] = (preference["value"], source)


def _text(data: Data, column: str) -> str | None:
    value = data.get(column)
    return None if value is None else str(value)

"""Derives from the contract alone what each record asks for: the first half of the oracle."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from xml.sax.saxutils import escape

from unit_tests.simulation.account import CONTESTED_CODES, MAX_TEXT, Options, Source, Wish, name_of
from unit_tests.simulation.scenario import (
    CREATED_COLUMN,
    CUSTOM_TYPES,
    DELETED_COLUMN,
    ENVELOPE_BYTES,
    PERMISSION_COLUMN,
    SHADOWED_COLUMN,
    UNSUBSCRIBE_COLUMN,
    VANISHING_FIELDS,
    Data,
    Item,
    Kind,
    Scenario,
    Stream,
)

PERMISSIONS = ("none", "single_opt_in", "confirmed_opt_in", "double_opt_in")
_ALL_PERMISSIONS = (*PERMISSIONS, "double_opt_in_plus", "other")
_NUMBERS = {
    "not_set": 0,
    **{name: number for number, name in enumerate(_ALL_PERMISSIONS, start=1)},
    **{str(number): number for number in range(1, 1 + len(_ALL_PERMISSIONS))},
}
"""0 means that no permission is sent."""

LARGEST_CONTACT_BYTES = 100_000
"""Larger than any contact of a scenario."""

_FORBIDDEN = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
"""Characters that XML 1.0, section 2.2, forbids, without the surrogates."""


class Task(Enum):
    """What a record asks for."""

    WRITE = auto()
    DELETE = auto()
    UNSUBSCRIBE = auto()
    NOTHING = auto()
    REFUSED_HERE = auto()


@dataclass(frozen=True, slots=True)
class Step:
    """A record of the sequence: its call, and the result.

    `found` is the id of the contact it changed or created; `freed` are the identifiers which that
    contact had before and lost.
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
        """Whether it needs a call."""
        return self.task not in {Task.NOTHING, Task.REFUSED_HERE}

    @property
    def is_farewell(self) -> bool:
        """Whether it is a deletion or an unsubscription."""
        return self.task in {Task.DELETE, Task.UNSUBSCRIBE}

    @property
    def identity_keys(self) -> list[str]:
        """The identifiers that link it to its contact; for a removal only the one that is used."""
        if not self.travels:
            return []
        return [self.name] if self.is_farewell else self.wish.identity_keys

    @property
    def is_contested(self) -> bool:
        """Whether it was refused because another contact has one of its identifiers."""
        return bool(CONTESTED_CODES & {*self.codes})

    @property
    def name(self) -> str:
        """The identifier by which its contact is recognised."""
        return name_of(self.options.mode, self.wish)


def asked(scenario: Scenario, steps: Iterable[Step] | None = None) -> Iterator[Step]:
    """The steps of all records up to the point where reading ends."""
    steps = steps_of(scenario) if steps is None else steps
    records = (item for item in readable(scenario) if item.kind is Kind.RECORD)
    for item, step in zip(records, steps, strict=False):
        if has_no_target(scenario, item):
            return
        yield step


def steps_of(scenario: Scenario) -> list[Step]:
    """The steps of all records."""
    return [step_of(scenario, item) for item in scenario.records]


def readable(scenario: Scenario) -> Iterable[Item]:
    """The lines before the first broken one."""
    for item in scenario.items:
        if item.kind is Kind.BROKEN:
            return
        yield item


def has_no_target(scenario: Scenario, item: Item) -> bool:
    """Whether a column of the record has no target, which ends the sync."""
    is_in_catalog = item.stream < len(scenario.streams)
    fails = scenario.setting("unmapped_columns", "ignore") == "fail"
    return is_in_catalog and fails and CREATED_COLUMN in (item.data or {})


def step_of(scenario: Scenario, item: Item) -> Step:
    """The step of one record."""
    stream = scenario.streams[item.stream] if item.stream < len(scenario.streams) else None
    if stream is None:
        return Step(Task.REFUSED_HERE, Wish(), Options("email"), stream=item.stream)
    data = item.data or {}
    wish = _wish(scenario, stream, data)
    task = Task.REFUSED_HERE if item.data is None else _task(scenario, stream, data, wish=wish)
    if task is Task.WRITE and scenario.server.vanishing_at is not None:
        for name in VANISHING_FIELDS:
            wish.fields.pop(f"custom:{name}", None)
    return Step(task, wish, _options(scenario, stream, data), stream=item.stream)


def _task(scenario: Scenario, stream: Stream, data: Data, *, wish: Wish) -> Task:
    when_deleted = str(scenario.setting("deleted_records", "ignore"))
    is_deleted = stream.operation == "soft_delete" or bool(data.get(DELETED_COLUMN))
    leaves = stream.has_goodbye and bool(data.get(UNSUBSCRIBE_COLUMN))
    if is_deleted and when_deleted == "ignore" and not leaves:
        return Task.NOTHING
    if not name_of(stream.mode, wish) or (wish.id and not wish.id.isdigit()):
        return Task.REFUSED_HERE
    if is_deleted and when_deleted == "delete":
        return Task.DELETE
    if is_deleted or leaves:
        return Task.UNSUBSCRIBE
    most = int(str(scenario.setting("max_batch_bytes", 8_000_000)))
    is_large = most < LARGEST_CONTACT_BYTES and _bytes_of(wish) > most
    is_clear = _permission(scenario, stream, data) is not None
    return Task.WRITE if is_clear and not is_large else Task.REFUSED_HERE


def _permission(scenario: Scenario, stream: Stream, data: Data) -> int | None:
    """The permission to send, 0 for none; None if the record's value is no permission."""
    named = data.get(PERMISSION_COLUMN) if stream.has_consent else None
    if named is None or named == "":
        named = scenario.setting("permission", "not_set")
    return _NUMBERS.get(str(named).strip().lower().replace("-", "_").replace(" ", "_"))


def _options(scenario: Scenario, stream: Stream, data: Data) -> Options:
    updates = scenario.setting("sync_mode", "update") == "update"
    update_only = bool(scenario.setting("update_only", False))
    return Options(
        mode=stream.mode,
        updates=updates if stream.operation is None else stream.operation != "append",
        update_only=update_only if stream.operation is None else stream.operation == "update",
        permission=_permission(scenario, stream, data) or None,
        overrides_permission=bool(scenario.setting("override_permission", False)),
        reimports=bool(scenario.setting("reimport_unsubscribed_contacts", False)),
        ignores_invalid=bool(scenario.setting("ignore_invalid_contacts", True)),
    )


def _wish(scenario: Scenario, stream: Stream, data: Data) -> Wish:
    wish = Wish(email=_identifier(data, "email"), external_id=_identifier(data, "external_id"))
    if stream.mode == "maileon_id":
        wish.id = _identifier(data, "maileon_id")
        if wish.id and wish.id.lstrip("-").isdigit() and int(wish.id) < 1:
            wish.id = None
    clears = scenario.setting("null_values", "keep") == "clear"
    for column, value in data.items():
        target = _target(scenario, column)
        text = _text(scenario, target, value)
        if target and (clears or text is not None):
            wish.fields[target] = text
    _add_preferences(wish, data.get("preferences"))
    return wish


def _target(scenario: Scenario, column: str) -> str:
    """The target of the column; empty if it has none."""
    if column.startswith("custom:"):
        return column
    is_created = scenario.setting("unmapped_columns", "ignore") == "create"
    is_custom = column in CUSTOM_TYPES and column != SHADOWED_COLUMN
    if is_custom or (column == CREATED_COLUMN and is_created):
        return f"custom:{column}"
    return "standard:FIRSTNAME" if column == "first_name" else ""


def _text(scenario: Scenario, target: str, value: object) -> str | None:
    """The text to write; None for a null or a text of forbidden characters only."""
    if value is None or (value and not _FORBIDDEN.sub("", str(value))):
        return None
    if CUSTOM_TYPES.get(target.partition(":")[2]) == "integer":
        return str(int(value) if isinstance(value, float | bool) else value) or None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = str(value).lower() if isinstance(value, bool) else _FORBIDDEN.sub("", str(value))
    if scenario.setting("truncate_long_text", False):
        while len(text.encode("utf-16-le", "surrogatepass")) > 2 * MAX_TEXT:
            text = text[:-1]
    return text


def _add_preferences(wish: Wish, listed: object) -> None:
    for preference in listed if isinstance(listed, list) else []:
        if preference["value"] is not None:
            source = Source("source" in preference, preference.get("source"))
            key = (preference["category"], preference["name"])
            wish.preferences[key] = (preference["value"], source)


def _identifier(data: Data, column: str) -> str | None:
    value = data.get(column)
    return None if value is None or not str(value).strip() else str(value)


def _bytes_of(wish: Wish) -> int:
    """The size of a call with this contact alone, in bytes."""
    named = {"id": wish.id, "email": wish.email, "external_id": wish.external_id}
    elements = [f"<{name}>{text}</{name}>" for name, text in named.items() if text]
    size = ENVELOPE_BYTES + len("".join(["<contact>", *elements, "</contact>"]))
    return size + _bytes_of_fields(wish) + _bytes_of_preferences(wish)


def _bytes_of_fields(wish: Wish) -> int:
    size = 0
    for kind in ("standard", "custom"):
        fields = {t: text for t, text in wish.fields.items() if t.startswith(f"{kind}:")}
        size += bool(fields) * len(f"<{kind}_fields></{kind}_fields>")
        for target, text in fields.items():
            value = '<value nil="true"/>' if text is None else f"<value>{_escaped(text)}</value>"
            name = target.partition(":")[2]
            size += len(f"<field><name>{name}</name>{value}</field>".encode())
    return size


def _bytes_of_preferences(wish: Wish) -> int:
    size = bool(wish.preferences) * len("<preferences></preferences>")
    for (category, name), (value, source) in wish.preferences.items():
        said = f"<source>{source.text or ''}</source>" if source.is_said else ""
        position = f"<name>{name}</name><category>{category}</category>"
        size += len(f"<preference>{position}<value>{value}</value>{said}</preference>")
    return size


def _escaped(text: str) -> str:
    return escape(text, {"\r": "&#13;"})

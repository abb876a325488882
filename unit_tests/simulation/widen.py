"""Adds rare input and behaviour to a scenario, each widening with a random generator of its own.

So the draws of one widening do not change those of another: scenarios without widenings stay the
same, and a seed that shows a fault goes on showing it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random

from unit_tests.simulation.intent import steps_of
from unit_tests.simulation.moves import HISTORIES, moving
from unit_tests.simulation.scenario import (
    CREATED_COLUMN,
    DELETED_COLUMN,
    DISLIKED_VALUE,
    PERMISSION_COLUMN,
    SHADOWED_COLUMN,
    UNSUBSCRIBE_COLUMN,
    Data,
    Fault,
    Item,
    Kind,
    Known,
    Mishap,
    Naming,
    Scenario,
    Stream,
)

WIDENED = 0.04
"""The share of scenarios that each widening changes; nearly half are changed by none."""

EVERYBODY_CLINGS = 0.5
CONSENTS: tuple[object, ...] = (
    "not_set", "Not-Set", " NOT SET ", "Single Opt-In", "double_opt_in_plus", "other", "3", 4, 5,
    True, "7", None,
)  # fmt: skip
ODD_IDS: tuple[object, ...] = (0, -1, "0", "-7", "", "  ", "abc", 999_999, "00", "1.5")
TIDIED = (
    "maileon_id", "external_id", "custom:BAD1", "custom:BAD2", "custom:POISON", "custom:G2",
    "first_name", PERMISSION_COLUMN, UNSUBSCRIBE_COLUMN,
)  # fmt: skip
ODD_CHARACTERS = "&<>'\"\\/\r\n\t\0\x08\x1f\x7f\x85 ]äß€\u2028\ufffd\ufffe\uffff😀"
LOOK_ALIKES = ("É", "é", "\N{KELVIN SIGN}", "k", "K")
STORM_RETRY_AFTER = (None, 0.0, 1.0, 45.0)

Change = Callable[[Data, int, Random], None]


def widened(scenario: Scenario) -> Scenario:
    """The scenario after the widenings that its seed draws."""
    for name, widen in WIDENINGS.items():
        chance = Random(f"{name} {scenario.seed}")
        if chance.random() < WIDENED:
            scenario = widen(scenario, chance)
    return scenario


def _with_more_streams(scenario: Scenario, chance: Random) -> Scenario:
    """Spreads the records of each stream over several streams that write to the same contacts."""
    extra = [
        (number, _another_lane(stream, str(scenario.config["identifier_mode"]), chance))
        for number, stream in enumerate(scenario.streams)
        for _ in range(chance.randint(1, 3))
    ]
    first = len(scenario.streams)
    homes = {number: [number] for number in range(first)}
    for position, (number, _) in enumerate(extra, start=first):
        homes[number].append(position)
    items = [
        replace(item, stream=chance.choice(homes.get(item.stream, [item.stream])))
        for item in scenario.items
    ]
    streams = (*scenario.streams, *(stream for _, stream in extra))

    def change(data: Data, number: int, _chance: Random) -> None:
        if not streams[number].has_consent:
            data.pop(PERMISSION_COLUMN, None)
        if not streams[number].has_goodbye:
            data.pop(UNSUBSCRIBE_COLUMN, None)

    scenario = replace(scenario, streams=streams, items=tuple(items))
    return _changed(scenario, change, chance)


def _another_lane(stream: Stream, configured: str, chance: Random) -> Stream:
    is_removal = stream.operation == "soft_delete"
    activated = ("append_dedup", "update", "append")
    plain = (None, *activated) if stream.mode == configured else activated
    return replace(
        stream,
        operation="soft_delete" if is_removal else chance.choice(plain),
        has_consent=chance.random() < 0.5,
        has_goodbye=chance.random() < 0.5,
    )


def _with_odd_consents(scenario: Scenario, chance: Random) -> Scenario:
    """Permissions in any spelling, including `not_set`."""
    streams = tuple(replace(s, has_consent=True) for s in scenario.streams)
    few = chance.sample(CONSENTS, chance.randint(1, 4))

    def change(data: Data, _number: int, chance: Random) -> None:
        data[PERMISSION_COLUMN] = chance.choice(few)

    return _changed(replace(scenario, streams=streams), change, chance)


def _with_nulls(scenario: Scenario, chance: Random) -> Scenario:
    """Nulls in any column, sometimes in all columns of a record."""
    likely, empty = chance.choice([0.1, 0.4, 0.8]), chance.choice([0.0, 0.02, 0.3])

    def change(data: Data, _number: int, chance: Random) -> None:
        is_empty = chance.random() < empty
        for name in list(data):
            is_identifier = name in {"email", "external_id", "maileon_id"}
            if is_empty or (chance.random() < likely and not is_identifier):
                data[name] = None
        if is_empty and chance.random() < 0.3:
            data.clear()

    config = dict(scenario.config)
    if chance.random() < 0.5:
        config["null_values"] = "clear"
    return _changed(replace(scenario, config=config), change, chance)


def _with_types(scenario: Scenario, chance: Random) -> Scenario:
    """Numbers and booleans in place of texts, with the columns in any order."""

    def change(data: Data, _number: int, chance: Random) -> None:
        number = chance.randrange(100)
        likely: dict[str, list[object]] = {
            "custom:G1": [number, number / 4, True, f"{number}"],
            "custom:G2": [number, False, ""],
            "custom:BAD1": [number, "", True, 7.0, "word"],
            "first_name": [number, "", f"{number}"],
        }
        for name, values in likely.items():
            if chance.random() < 0.3:
                data[name] = chance.choice(values)
        names = list(data)
        chance.shuffle(names)
        for name in names:
            data[name] = data.pop(name)

    truncates = {"truncate_long_text": True} if chance.random() < 0.5 else {}
    config = {**scenario.config, **truncates}
    return _changed(replace(scenario, config=config), change, chance)


def _with_odd_characters(scenario: Scenario, chance: Random) -> Scenario:
    """Texts with characters that XML or JSON must escape, that XML forbids, or beyond ASCII."""
    likely = chance.choice([0.1, 0.7])

    def change(data: Data, _number: int, chance: Random) -> None:
        for name in ("custom:G1", "custom:G2", "first_name"):
            if isinstance(data.get(name), str) and chance.random() < likely:
                odd = "".join(chance.choices(ODD_CHARACTERS, k=chance.randint(1, 4)))
                data[name] = f"{odd}{data[name]}" if chance.random() < 0.9 else odd

    return _changed(scenario, change, chance)


def _with_late_columns(scenario: Scenario, chance: Random) -> Scenario:
    """Columns outside every schema that appear from some record on, some without a field."""
    unmapped = chance.choice(["ignore", "create", "create", "fail"])
    # The column of a vanished field may have no target when it first appears.
    can_fail = scenario.server.vanishing_at is None
    if unmapped != "fail" or can_fail:
        scenario = replace(scenario, config={**scenario.config, "unmapped_columns": unmapped})
    starts = {name: chance.random() for name in ("LATE", "LATE2", CREATED_COLUMN, SHADOWED_COLUMN)}
    likely = chance.choice([0.1, 0.6])
    total = len(scenario.records)
    position = 0

    def change(data: Data, number: int, chance: Random) -> None:
        nonlocal position
        position += 1
        has_schema = number % 2 == 0
        for name, start in starts.items():
            is_shown = position > start * total and chance.random() < likely
            if is_shown and (has_schema or name != SHADOWED_COLUMN):
                values: list[object] = [f"{position}", None]
                data[name] = chance.choice([*values, "word"] if name == "LATE2" else values)

    return _changed(scenario, change, chance)


def _with_vanishing_fields(scenario: Scenario, chance: Random) -> Scenario:
    """Two custom fields vanish at once; one of them has a column only in records."""
    config = {k: v for k, v in scenario.config.items() if k != "unmapped_columns"}
    server = replace(scenario.server, vanishing_at=chance.choice([0, 1, 2, 5, 9]))
    if server.naming is Naming.UNLISTED:
        return scenario
    likely = chance.choice([0.2, 0.9])

    def change(data: Data, _number: int, chance: Random) -> None:
        for name in ("custom:GONE", "custom:GONE2"):
            if chance.random() < likely:
                data[name] = chance.choice([None, "7", 7])

    return _changed(replace(scenario, server=server, config=config), change, chance)


def _with_clinging_contacts(scenario: Scenario, chance: Random) -> Scenario:
    """Contacts whose deletion and unsubscription are refused."""
    deletes = chance.choice(["unsubscribe", "delete"])
    scenario = replace(scenario, config={**scenario.config, "deleted_records": deletes})
    everybody = chance.random() < EVERYBODY_CLINGS

    def change(data: Data, _number: int, chance: Random) -> None:
        if everybody and chance.random() < 0.7:
            data[DELETED_COLUMN] = "2026-01-01T00:00:00Z"

    scenario = _changed(scenario, change, chance)
    leaving = sorted({step.name for step in steps_of(scenario) if step.is_farewell})
    number = len(leaving) if everybody else chance.randint(min(1, len(leaving)), len(leaving))
    clinging = tuple(chance.sample(leaving, number))
    refusal = chance.choice([400, 400, 400, 413, 409, 422, 405, 406])
    return replace(scenario, server=replace(scenario.server, clinging=clinging, refusal=refusal))


def _with_switching_names(scenario: Scenario, chance: Random) -> Scenario:
    """Contacts named by Maileon id, by email, or by both."""
    if scenario.server.naming is Naming.NIL:
        return scenario
    known = scenario.known or tuple(Known(f"p{n}@x.org", f"x{n}") for n in range(1, 4))
    streams = tuple(replace(s, mode="maileon_id", operation=None) for s in scenario.streams)
    config = {**scenario.config, "identifier_mode": "maileon_id"}
    scenario = replace(scenario, streams=streams, config=config, known=known)
    if chance.random() < 0.5:
        scenario = _tidied(scenario, chance)
    ids = {contact.email: f"{number}" for number, contact in enumerate(known, start=1)}
    likely, both = chance.choice([0.2, 0.5]), chance.choice([0.0, 0.5])

    def change(data: Data, _number: int, chance: Random) -> None:
        data.pop("maileon_id", None)
        number = ids.get(str(data.get("email")).lower())
        if number and chance.random() < likely:
            data["maileon_id"] = number
            if chance.random() >= both:
                del data["email"]

    return _changed(scenario, change, chance)


def _tidied(scenario: Scenario, chance: Random) -> Scenario:
    """The scenario without other partition keys and rejections, so contacts keep their order."""

    def change(data: Data, _number: int, chance: Random) -> None:
        for name in TIDIED:
            data.pop(name, None)
        if "@" not in str(data.get("email")):
            data["email"] = f"p{chance.randint(1, 5)}@x.org"

    items = tuple(replace(item, stream=0) for item in scenario.items)
    config = {**scenario.config, "batch_size": chance.choice([4, 40])}
    server = replace(scenario.server, overload_above=None, vanishing_at=None)
    streams = (replace(scenario.streams[0], has_consent=False, has_goodbye=False),)
    tidy = replace(scenario, streams=streams, items=items, config=config, server=server)
    return _changed(tidy, change, chance)


def _with_odd_ids(scenario: Scenario, chance: Random) -> Scenario:
    """Maileon ids that are invalid, spelled differently, unknown, or numbers."""
    odd = chance.choice([0.05, 0.4])

    def change(data: Data, stream: int, chance: Random) -> None:
        number = data.get("maileon_id")
        if scenario.streams[stream].mode != "maileon_id" or not isinstance(number, str):
            return
        spellings: list[object] = [number, int(number), f"0{number}"]
        data["maileon_id"] = chance.choice(ODD_IDS if chance.random() < odd else spellings)

    return _changed(scenario, change, chance)


def _in_a_storm(scenario: Scenario, chance: Random) -> Scenario:
    """Every call is answered with 429 or 503 for a while."""
    start, length = chance.randrange(10), chance.choice([3, 10, 40])
    retry_after = chance.choice(STORM_RETRY_AFTER)
    mishap = chance.choice([Mishap.THROTTLED, Mishap.THROTTLED, Mishap.UNAVAILABLE])
    storm = [Fault(n, mishap, retry_after=retry_after) for n in range(start, start + length)]
    faults = (*scenario.server.faults, *storm)
    return replace(scenario, server=replace(scenario.server, faults=faults))


def _with_other_limits(scenario: Scenario, chance: Random) -> Scenario:
    """Unusual limits."""
    limits: dict[str, list[object]] = {
        "batch_size": [1, 7, 100, 10_000],
        "max_batch_bytes": [1_000, 1_200, 9_000_000],
        "concurrent_requests": [1, 16, 16],
        "flush_interval_seconds": [0.001, 0.001, 100_000],
        "max_retry_seconds": [0.001, 5, 86_400],
        "max_rejected_records": [1, 2, 10],
        "max_rejected_percent": [1, 30],
    }
    chosen = chance.sample(sorted(limits), chance.randint(1, 4))
    picked = {name: chance.choice(limits[name]) for name in chosen}
    return replace(scenario, config={**scenario.config, **picked})


def _killed(scenario: Scenario, chance: Random) -> Scenario:
    """A signal ends the process while it waits."""
    return replace(scenario, killed_at=chance.randint(1, 10 + len(scenario.items)))


def _dry(scenario: Scenario, _chance: Random) -> Scenario:
    return replace(scenario, config={**scenario.config, "dry_run": True})


def _changed(scenario: Scenario, change: Change, chance: Random) -> Scenario:
    """The scenario with `change` applied to the data of each record."""
    items = tuple(_changed_item(scenario, item, change, chance) for item in scenario.items)
    return replace(scenario, items=items)


def _changed_item(scenario: Scenario, item: Item, change: Change, chance: Random) -> Item:
    if item.kind is not Kind.RECORD or item.data is None or item.stream >= len(scenario.streams):
        return item
    data = dict(item.data)
    change(data, item.stream, chance)
    return replace(item, data=data)


def _with_a_slow_account(scenario: Scenario, chance: Random) -> Scenario:
    """Each call in flight slows the others."""
    server = replace(scenario.server, load=chance.choice([0.2, 1.0]))
    return replace(scenario, server=server)


def _with_a_thin_line(scenario: Scenario, chance: Random) -> Scenario:
    """Calls take longer the more bytes they have."""
    server = replace(scenario.server, bytes_per_second=chance.choice([50.0, 500.0, 5_000.0]))
    return replace(scenario, server=server)


def _that_comes_back(scenario: Scenario, chance: Random) -> Scenario:
    """The service is down for a while."""
    calls = chance.choice([3, 10, 40])
    server = replace(scenario.server, outage_at=chance.randrange(12), outage_calls=calls)
    return replace(scenario, server=server)


def _with_calls_that_are_too_large(scenario: Scenario, chance: Random) -> Scenario:
    """Calls with many contacts time out."""
    server = replace(scenario.server, timeout_above=chance.choice([1, 2, 5, 20, 100]))
    config = {**scenario.config, "batch_size": chance.choice([4, 40, 1_000])}
    return replace(scenario, server=server, config=config)


def _without_markers(scenario: Scenario, chance: Random) -> Scenario:
    """Many people leave who are not in Maileon; half the time markers are refused."""
    likely = chance.choice([0.2, 0.6])

    def change(data: Data, _number: int, chance: Random) -> None:
        if chance.random() < likely:
            data[DELETED_COLUMN] = "2026-01-01T00:00:00Z"

    config = {**scenario.config, "deleted_records": "unsubscribe"}
    server = replace(scenario.server, refuses_markers=chance.random() < 0.5)
    return _changed(replace(scenario, config=config, server=server), change, chance)


def _with_namespaces(scenario: Scenario, chance: Random) -> Scenario:
    """The streams have a namespace that some records lack."""
    likely = chance.choice([0.1, 1.0])
    items = tuple(replace(i, loses_namespace=chance.random() < likely) for i in scenario.items)
    return replace(scenario, items=items, has_namespaces=True)


def _with_look_alikes(scenario: Scenario, chance: Random) -> Scenario:
    """Addresses that are equal only under Unicode case folding."""

    def change(data: Data, _number: int, chance: Random) -> None:
        if isinstance(data.get("email"), str):
            data["email"] = f"{chance.choice(LOOK_ALIKES)}{data['email']}"

    return _changed(scenario, change, chance)


def _strict(scenario: Scenario, chance: Random) -> Scenario:
    """Strict mode, in which one invalid contact ends the sync."""
    config = {**scenario.config, "ignore_invalid_contacts": False}
    server = replace(scenario.server, refuses_invalid=chance.random() < 0.7)
    return replace(scenario, config=config, server=server)


def _with_texts_that_are_disliked(scenario: Scenario, chance: Random) -> Scenario:
    """A firewall in front of the service answers calls with certain texts with 403."""
    likely = chance.choice([0.02, 0.1])

    def change(data: Data, _number: int, chance: Random) -> None:
        if chance.random() < likely:
            data["custom:POISON"] = DISLIKED_VALUE

    return _changed(scenario, change, chance)


WIDENINGS: dict[str, Callable[[Scenario, Random], Scenario]] = {
    **{name: moving(history) for name, history in HISTORIES.items()},
    "more streams": _with_more_streams,
    "odd consents": _with_odd_consents,
    "nulls": _with_nulls,
    "types": _with_types,
    "odd characters": _with_odd_characters,
    "late columns": _with_late_columns,
    "vanishing fields": _with_vanishing_fields,
    "clinging contacts": _with_clinging_contacts,
    "switching names": _with_switching_names,
    "odd ids": _with_odd_ids,
    "storm": _in_a_storm,
    "other limits": _with_other_limits,
    "slow account": _with_a_slow_account,
    "thin line": _with_a_thin_line,
    "comes back": _that_comes_back,
    "too large": _with_calls_that_are_too_large,
    "markers": _without_markers,
    "namespaces": _with_namespaces,
    "look-alikes": _with_look_alikes,
    "disliked": _with_texts_that_are_disliked,
    "strict": _strict,
    "killed": _killed,
    "dry": _dry,
}

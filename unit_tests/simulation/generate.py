"""Generates a scenario from a seed: few people and many events, or many people and few events."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from unit_tests.simulation.intent import PERMISSIONS
from unit_tests.simulation.scenario import (
    DELETED_COLUMN,
    PERMISSION_COLUMN,
    REFUSED_VALUE,
    TOO_LARGE_VALUE,
    UNSUBSCRIBE_COLUMN,
    Data,
    Fault,
    Item,
    Kind,
    Known,
    Mishap,
    Naming,
    Scenario,
    Server,
    Stream,
)
from unit_tests.simulation.widen import widened
from unit_tests.simulation.world import HEAVY_VALUE

MODES = ("email", "external_id", "maileon_id")
OPERATIONS = ("append_dedup", "append_dedup", "update", "append", "soft_delete")
FAULTS = tuple(mishap for mishap in Mishap if not mishap.ends_sync)
STATE_KINDS = (Kind.STREAM_STATE, Kind.STREAM_STATE, Kind.GLOBAL_STATE, Kind.LEGACY_STATE)
UNKNOWN_STREAM = 9
OVERSIZE = 9_000
MAX_FAULTS = 80
MAX_FAULTS_OF_LARGE = 800
MAX_FAULTS_OF_LARGE = 800
LARGE = 0.005
LARGE_GO_ON = 0.9
"""The share of large scenarios without the options that end a sync early."""

FEWEST_OF_LARGE = 1_000
LARGEST = 2_500
"""Records of a large scenario, at least and at most; `LARGE` is the share of such scenarios."""

NAMED_APART = 0.3
"""The share of scenarios with Maileon ids whose records have either the id or the email."""


@dataclass(frozen=True, slots=True)
class _Mood:
    """The size of a scenario and how likely each event is, from 0 to 1."""

    people: int
    records: int
    moves: float
    is_partial: float
    invalid: float
    poison: float
    heavy: float
    leaves: float
    nulls: float
    odd: float
    state: float
    gap: float


def a_scenario(seed: int) -> Scenario:
    """The scenario of this seed."""
    return widened(_Maker(Random(f"scenario {seed}"), seed).scenario())


class _Maker:
    def __init__(self, chance: Random, seed: int) -> None:
        self._chance = chance
        self._seed = seed
        # Separate random generators, so that they do not change what the others draw.
        self._chance_of_size = Random(f"size {seed}")
        self._is_large = self._chance_of_size.random() < LARGE
        self._mood = self._a_large_mood() if self._is_large else self._a_mood()
        self._given_up: list[int] = []
        self._chance_of_names = Random(f"names {seed}")
        self._names_apart = self._chance_of_names.random() < NAMED_APART

    def scenario(self) -> Scenario:
        config = self._config()
        streams = self._streams(config)
        known = self._known()
        self._known_ids = len(known)
        items = self._items(streams, config)
        return Scenario(
            seed=self._seed,
            streams=streams,
            items=items,
            known=known,
            server=self._server(streams),
            config=config,
            reading_fails=self._happens(0.03),
            stores_rejections=self._happens(0.2),
            store_fails_at=self._chance.choice([None] * 8 + [0, 2]),
            clock_creeps=self._happens(0.5),
            max_held_states=self._chance.choice([1, 3, 10_000, 10_000, 10_000]),
            output_seconds=self._chance.choice([0.0, 0.0, 0.0, 0.05, 2.0]),
        )

    def _happens(self, chance: float) -> bool:
        return self._chance.random() < chance

    def _sometimes(self, chance: float, most: float) -> float:
        """A random likelihood up to `most`, with this chance; otherwise 0."""
        return self._chance.uniform(0, most) if self._happens(chance) else 0.0

    def _a_mood(self) -> _Mood:
        is_crowd = self._happens(0.3)
        return _Mood(
            people=self._chance.randint(15, 80) if is_crowd else self._chance.randint(1, 10),
            records=self._chance.choice([3, 8, 15, 30, 60, 120 if is_crowd else 60]),
            moves=self._sometimes(0.5, 0.8),
            is_partial=self._sometimes(0.3, 0.6),
            invalid=self._sometimes(0.6, 0.3),
            poison=1.0 if self._happens(0.02) else self._sometimes(0.3, 0.15),
            heavy=self._sometimes(0.3, 0.3),
            leaves=self._sometimes(0.5, 0.4),
            nulls=self._sometimes(0.3, 0.3),
            odd=self._sometimes(0.3, 0.1),
            state=self._sometimes(0.8, 0.6),
            gap=self._chance.choice([0.0, 0.0, 0.05, 0.3, 1.0]),
        )

    def _a_large_mood(self) -> _Mood:
        chance = self._chance_of_size
        return replace(
            self._a_mood(),
            people=chance.choice([40, 400, 1_500]),
            records=LARGEST,
            poison=chance.choice([0.0, 0.0, 0.003]),
            heavy=chance.choice([0.0, 0.0, 0.01]),
            state=chance.choice([0.0, 0.02, 0.4]),
            odd=chance.choice([0.0, 0.0, 0.001]),
            gap=chance.choice([0.0, 0.01, 0.1]),
        )

    def _config(self) -> Data:
        config = self._usual_config()
        if self._is_large:
            chance = self._chance_of_size
            config["batch_size"] = chance.choice([7, 40, 100, 1_000, 10_000])
            config["concurrent_requests"] = chance.choice([2, 8, 16, 16])
            ends = [key for key in config if key.startswith(("max_rej", "max_del", "ignore"))]
            for key in ends:
                if chance.random() < LARGE_GO_ON:
                    del config[key]
            if chance.random() < LARGE_GO_ON:
                config["max_retry_seconds"] = 86_400
        return config

    def _usual_config(self) -> Data:
        chance = self._chance
        config: Data = {
            "batch_size": chance.choice([1, 1, 2, 2, 3, 4, 10, 40, 1_000]),
            "max_batch_bytes": chance.choice([1_500, 3_000, 8_000_000, 8_000_000]),
            "concurrent_requests": chance.choice([1, 2, 3, 4, 4, 8]),
            "flush_interval_seconds": chance.choice([0.5, 5, 60]),
            "max_retry_seconds": chance.choice([20, 900, 900, 900]),
            "identifier_mode": chance.choice(MODES),
            "deleted_records": chance.choice(["ignore", "unsubscribe", "delete", "delete"]),
        }
        rare: list[tuple[float, str, list[object]]] = [
            (0.2, "sync_mode", ["ignore"]),
            (0.15, "update_only", [True]),
            (0.3, "permission", list(PERMISSIONS)),
            (0.3, "override_permission", [True]),
            (0.3, "reimport_unsubscribed_contacts", [True]),
            (0.3, "null_values", ["clear"]),
            (0.04, "ignore_invalid_contacts", [False]),
            (0.05, "max_rejected_records", [0, 3]),
            (0.03, "max_rejected_percent", [10]),
            (0.05, "max_deleted_records", [0, 2]),
        ]
        for likely, key, values in rare:
            if self._happens(likely):
                config[key] = chance.choice(values)
        return config

    def _streams(self, config: Data) -> tuple[Stream, ...]:
        number = self._chance.choice([1, 1, 1, 2, 3])
        return tuple(self._stream(config) for _ in range(number))

    def _stream(self, config: Data) -> Stream:
        operation = self._chance.choice(OPERATIONS) if self._happens(0.2) else None
        if operation == "soft_delete" and config["deleted_records"] == "ignore":
            operation = None
        mode = str(config["identifier_mode"])
        if operation is not None and self._happens(0.3):
            mode = self._chance.choice(MODES)
        return Stream(mode, operation, self._happens(0.25), self._happens(0.25))

    def _known(self) -> tuple[Known, ...]:
        number = self._chance.choice([0, self._mood.people // 2, self._mood.people])
        return tuple(
            Known(f"p{n}@x.org", None if self._happens(0.3) else f"x{n}", self._happens(0.15))
            for n in range(1, number + 1)
        )

    def _server(self, streams: tuple[Stream, ...]) -> Server:
        chance = self._chance
        has_ids = any(stream.mode == "maileon_id" for stream in streams)
        namings = [name for name in Naming if not (has_ids and name is Naming.NIL)]
        naming = chance.choice(namings) if self._happens(0.4) else Naming.AS_SENT
        can_vanish = naming is not Naming.UNLISTED
        return Server(
            naming=naming,
            slowest_answer=chance.choice([0.02, 2.0, 30.0]),
            miscounts=self._happens(0.1),
            vanishing_at=chance.randrange(6) if can_vanish and self._happens(0.15) else None,
            overload_above=chance.choice([0, 1, 1, 2, 2, 4]) if self._mood.heavy else None,
            outage_at=chance.randrange(12) if self._happens(0.04 - self._is_large) else None,
            faults=self._faults(),
        )

    def _faults(self) -> tuple[Fault, ...]:
        likely = self._sometimes(0.5, 0.1 if self._is_large else 0.5)
        most = MAX_FAULTS_OF_LARGE if self._is_large else MAX_FAULTS
        faults = [self._fault(n) for n in range(most) if self._happens(likely)]
        if self._happens(0.04):
            ends = [mishap for mishap in Mishap if mishap.ends_sync]
            faults.append(Fault(self._chance.randrange(10), self._chance.choice(ends)))
        return tuple(faults)

    def _fault(self, attempt: int) -> Fault:
        retry_after = self._chance.choice([None, None, 0.0, 3.0, 45.0, 2_000.0])
        mishap = self._chance.choice(FAULTS)
        return Fault(attempt, mishap, self._happens(0.5), retry_after=retry_after)

    def _items(self, streams: tuple[Stream, ...], config: Data) -> tuple[Item, ...]:
        items: list[Item] = []
        most = self._mood.records
        fewest = FEWEST_OF_LARGE if self._is_large else most // 3
        for position in range(1, self._chance.randint(fewest, most) + 1):
            number = self._chance.randrange(len(streams))
            data = self._data(position, streams[number], config)
            items.append(Item(Kind.RECORD, number, data, gap=self._gap()))
            if self._happens(self._mood.odd):
                items.append(self._odd_item())
            while self._happens(self._mood.state):
                kind = self._chance.choice(STATE_KINDS)
                items.append(Item(kind, self._chance.randrange(len(streams)), gap=self._gap()))
        return tuple(items)

    def _odd_item(self) -> Item:
        if self._happens(0.15):
            return Item(Kind.BROKEN)
        stranger = Item(Kind.RECORD, UNKNOWN_STREAM, {"email": "stranger@x.org"})
        return self._chance.choice([Item(Kind.RECORD, 0, None), stranger])

    def _gap(self) -> float | None:
        if not self._happens(self._mood.gap):
            return None
        return self._chance.choice([0.0, 0.1, 1.0, 20.0, 200.0])

    def _data(self, position: int, stream: Stream, config: Data) -> Data:
        data = self._identifiers(stream)
        data["custom:G1"] = f"{position}"
        if self._happens(0.3):
            data["custom:G2"] = f"{position}"
        if self._happens(0.2):
            data["first_name"] = f"name {position}"
        if self._happens(0.2):
            data["custom:GONE"] = f"{position}"
        if self._happens(0.2):
            data["preferences"] = self._preferences(position)
        self._spoil(data, config)
        self._see_off(data, stream)
        return data

    def _identifiers(self, stream: Stream) -> Data:
        chance = self._chance
        people = self._mood.people
        person = other = chance.randint(1, people)
        if self._happens(self._mood.moves):
            other = self._identifier_of_another(person)
        email = f"p{person}@x.org"
        named: Data = {"email": email.upper() if self._happens(0.1) else email}
        named["external_id"] = f"x{other}"
        if stream.mode == "external_id":
            named = {"email": f"p{other}@x.org", "external_id": f"x{person}"}
        if stream.mode == "maileon_id" and person <= self._known_ids:
            named = {"maileon_id": str(person), "email": f"p{other}@x.org"}
            if self._names_apart:
                # The contact is named by its id or by its email; only the account links the two.
                del named[self._chance_of_names.choice(("maileon_id", "email"))]
        for name in list(named):
            if self._happens(self._mood.is_partial):
                named[name] = None
        return named

    def _identifier_of_another(self, person: int) -> int:
        """The number of an identifier: given up by a person, possibly in use, or unused so far."""
        people = self._mood.people
        if self._given_up and self._happens(0.6):
            other = self._given_up.pop()
        else:
            other = self._chance.randint(1, people + people // 2 + 1)
        self._given_up.append(person)
        return other

    def _preferences(self, position: int) -> list[dict[str, object]]:
        listed = []
        said = "true" if position % 2 else "false"
        for name in self._chance.sample(["Weekly", "Daily"], self._chance.randint(1, 2)):
            one: dict[str, object] = {"category": "News", "name": name, "value": said}
            if self._happens(0.5):
                one["source"] = self._chance.choice([None, "", f"source {position}"])
            listed.append(one)
        return listed

    def _spoil(self, data: Data, config: Data) -> None:
        chance = self._chance
        if self._happens(self._mood.invalid):
            data[chance.choice(["custom:BAD1", "custom:BAD2"])] = chance.choice(["word", "7"])
        if self._happens(self._mood.invalid / 3):
            data[chance.choice(["custom:G2", "first_name"])] = "long " * 60
        if self._happens(self._mood.invalid / 4):
            data["email"] = "nobody"
        if self._happens(self._mood.poison):
            data["custom:POISON"] = chance.choice([REFUSED_VALUE, TOO_LARGE_VALUE])
        if self._happens(self._mood.heavy):
            data["custom:G2"] = HEAVY_VALUE
        if self._happens(self._mood.nulls):
            data[chance.choice(["custom:G1", "custom:G2", "first_name"])] = None
        if self._happens(self._mood.odd) and int(str(config["max_batch_bytes"])) < OVERSIZE:
            data["custom:G2"] = "x" * OVERSIZE

    def _see_off(self, data: Data, stream: Stream) -> None:
        if self._happens(self._mood.leaves / 2):
            data[DELETED_COLUMN] = "2026-01-01T00:00:00Z"
        if stream.has_goodbye and self._happens(self._mood.leaves):
            data[UNSUBSCRIBE_COLUMN] = True
        if stream.has_consent:
            odd = ["perhaps"] if self._happens(self._mood.odd) else []
            data[PERMISSION_COLUMN] = self._chance.choice([None, "", *PERMISSIONS, *odd])

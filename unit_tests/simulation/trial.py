"""Runs one scenario through the connector's own modules and records everything it does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import accumulate
from random import Random

import orjson

from destination_maileon.config.spec import Config
from destination_maileon.config.validation import load_config
from destination_maileon.delivery.dry_run import predicted_answer
from destination_maileon.errors import TransientError
from destination_maileon.maileon.auth import SecretRedactor
from destination_maileon.maileon.contact import FieldType
from destination_maileon.mapping.mapped_record import MappedRecord
from destination_maileon.pipeline import SyncPipeline
from destination_maileon.protocol.messages import StreamKey
from destination_maileon.protocol.output import Logger
from destination_maileon.rejections.dead_letter_queue import DeadLetterQueue
from destination_maileon.rejections.rejection import Rejection
from destination_maileon.streams.account import Account
from destination_maileon.streams.catalog import StreamPlan, stream_plans
from destination_maileon.sync import assemble, open_streams
from unit_tests.simulation.account import MaileonAccount
from unit_tests.simulation.every_moment import Broken, SpyLedger, Watch, insist
from unit_tests.simulation.idle_checks import IdleChecks
from unit_tests.simulation.intent import Step, Task, asked, steps_of
from unit_tests.simulation.scenario import (
    CREATED_COLUMN,
    DELETED_COLUMN,
    NAMESPACE,
    PERMISSION_COLUMN,
    PREFERENCES,
    SCHEMA_FIELDS,
    UNSUBSCRIBE_COLUMN,
    VANISHING_FIELDS,
    Kind,
    Naming,
    Scenario,
    Stream,
)
from unit_tests.simulation.server import Server
from unit_tests.simulation.world import Killed, World

IDENTIFIERS = ("email", "external_id", "maileon_id")
FIELDS = ("first_name", "preferences", *(f"custom:{name}" for name in SCHEMA_FIELDS))


class StoreLost(TransientError):
    """The rejected records cannot be stored."""


class FakeStore(DeadLetterQueue):
    """Keeps positions instead of lines; fails after `fails_at` flushes."""

    def __init__(self, fails_at: int | None) -> None:
        self.waiting: list[int] = []
        self.stored: set[int] = set()
        self.has_failed = False
        self._fails_at = fails_at
        self._flushes = 0

    def add(self, plan: StreamPlan, part: MappedRecord, rejection: Rejection) -> None:
        del plan, rejection
        assert part.message is not None
        self.waiting.append(part.position)

    def location(self, plan: StreamPlan) -> str:
        return plan.title

    def store_report(self, plan: StreamPlan, report: Mapping[str, object]) -> None:
        """Does nothing: the counts are compared elsewhere."""

    def flush(self) -> None:
        self._flushes += 1
        if self._fails_at is not None and self._flushes > self._fails_at:
            self.has_failed = True
            raise StoreLost("the bucket is gone")
        self.stored.update(self.waiting)
        self.waiting.clear()


@dataclass(frozen=True, slots=True)
class _Api:
    """The part of the API that describes the account, answered by the simulated server."""

    server: Server

    def custom_fields(self) -> dict[str, FieldType]:
        return self.server.custom_fields()

    def preference_categories(self) -> list[str]:
        return sorted({category for category, _ in PREFERENCES})

    def preferences_of(self, category: str) -> list[str]:
        return [name for owner, name in PREFERENCES if owner == category]

    def create_custom_field(self, name: str, field_type: FieldType) -> None:
        insist(name in {CREATED_COLUMN, *VANISHING_FIELDS}, f"creates {name}")
        self.server.create_custom_field(name, field_type.value)


@dataclass(eq=False, slots=True, kw_only=True)
class Trial:
    """What happened in a scenario. A STATE is identified by its line number.

    `heard_before` holds for each STATE the number of reports and merged records before it,
    `read_before` for each rejection the number of records read.
    """

    scenario: Scenario
    server: Server
    watch: Watch
    world: World
    spy: SpyLedger
    store: FakeStore | None
    sync: SyncPipeline
    open_streams: Callable[[], None]
    states: list[tuple[int, dict[str, object]]] = field(default_factory=list)
    heard_before: list[tuple[int, int]] = field(default_factory=list)
    resolved: int = 0
    read_before: dict[int, int] = field(default_factory=dict)
    logs: list[str] = field(default_factory=list)
    failure: Exception | Killed | None = None
    told_at: float = 0.0
    """The time of the last progress line."""
    records_up_to: list[int] = field(init=False)
    asked: list[Step] = field(init=False)
    """The steps of the records up to the point where reading ends."""
    _state_lines: list[int] = field(init=False)
    _settled_up_to: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        kinds = (item.kind for item in self.scenario.items)
        self.records_up_to = [*accumulate((kind is Kind.RECORD for kind in kinds), initial=0)]
        self.asked = [*asked(self.scenario, self.watch.steps)]
        items = enumerate(self.scenario.items, start=1)
        self._state_lines = [number for number, item in items if item.is_state]

    def run(self) -> None:
        """Runs the sync to its end. Raises Broken; a failure of the sync is kept."""
        self.open_streams()
        self.told_at = self.world.now()
        try:
            for line in self.sync.run():
                self._hear(orjson.loads(line))
                self.world.wait(self.scenario.output_seconds)
        except (Exception, Killed) as failure:  # noqa: BLE001 - judged later
            self.failure = failure
        if isinstance(self.failure, AssertionError | TypeError | KeyError | AttributeError):
            raise self.failure

    def holds_a_true_state(self) -> bool:
        """Whether a STATE is held back though all records before it are settled and storable."""
        if self.scenario.is_dry_run or len(self.states) >= len(self._state_lines):
            return False
        line_number = self._state_lines[len(self.states)]
        records = self.records_up_to[line_number]
        is_read = self.world.taken_lines >= line_number or self.spy.records > records
        if not is_read or not self._are_settled(records):
            return False
        is_lost = self.store is not None and self.store.has_failed
        return not is_lost or self._are_stored(records)

    def may_end_at_once(self) -> bool:
        """Whether something has happened after which waiting records need not be sent."""
        config = self.scenario.config
        limits = "max_rejected_records" in config or "max_rejected_percent" in config
        is_lost = self.store is not None and self.store.has_failed
        has_ended = self.watch.ends_of_sync or self.watch.refusals or self.watch.has_given_up
        return bool(self.scenario.is_strict or limits or is_lost or has_ended)

    def check_rejection(self, position: int) -> None:
        """Checks that no contact is rejected with codes 4 or 5 unless a whole pass accepted none.

        If it could not have been accepted, a record may be rejected without a call, once no older
        record of its contact is open.
        """
        server, watch = self.server, self.watch
        self.read_before[position] = self.spy.records
        step = watch.steps[position - 1]
        is_clear = server.behaviour.naming is not Naming.UNLISTED and not self.scenario.is_strict
        if (
            self.scenario.is_dry_run
            or not is_clear
            or step.task is not Task.WRITE
            or self.may_stop_early()
        ):
            return
        if position not in server.verdicts:
            insist(server.account.refuses(step.options, step.wish), "rejected, and never refused")
            older = (watch.steps[p - 1] for p in self.spy.received_at if p < position)
            is_first = not any(step.name in other.wish.identity_keys for other in older)
            insist(is_first, "rejected before an older record of its contact is settled")
        elif position not in server.contested:
            return
        for held in self.held():
            is_tried = watch.sent_at[held] > watch.accepted_at
            insist(is_tried, "rejected though a pass brought an acceptance")

    def held(self) -> list[int]:
        """The open records that were refused because another contact has their identifier."""
        return [p for p in self.server.contested if p not in self.spy.outcomes]

    def may_stop_early(self) -> bool:
        """Whether a limit may end the sync before all records read are settled."""
        limits = ("max_rejected_records", "max_rejected_percent", "max_deleted_records")
        return any(limit in self.scenario.config for limit in limits)

    def _are_settled(self, records: int) -> bool:
        # In strict mode a rejection is not settled: it ends the sync.
        settled = ("written", "left out", "rejected")[: 3 - self.scenario.is_strict]
        while self.spy.outcomes.get(self._settled_up_to + 1) in settled:
            self._settled_up_to += 1
        return self._settled_up_to >= records

    def _are_stored(self, records: int) -> bool:
        assert self.store is not None
        outcomes = self.spy.outcomes
        rejected = {p for p in range(1, records + 1) if outcomes.get(p) == "rejected"}
        return rejected <= self.store.stored

    def _hear(self, message: dict[str, object]) -> None:
        if message["type"] == "STATE":
            number, state = message["id"], message["state"]
            assert isinstance(number, int)
            assert isinstance(state, dict)
            check_state_is_true(self, number)
            self.states.append((number, state))
            self.heard_before.append((len(self.watch.reports), self.spy.merged))
        elif isinstance(log := message.get("log"), dict):
            self.logs.append(str(log["message"]))
            if " in flight" in self.logs[-1]:
                self.told_at = self.world.now()


def check_state_is_true(trial: Trial, line_number: int) -> None:
    """Checks that all records before the STATE are settled, at the server as well, and stored.

    Records before an earlier STATE were checked when that one was written.
    """
    first = trial.states[-1][0] if trial.states else 0
    for position in range(trial.records_up_to[first] + 1, trial.records_up_to[line_number] + 1):
        outcome = trial.spy.outcomes.get(position)
        if outcome is None:
            raise Broken(f"STATE {line_number} leaves before record {position} is settled")
        check_verdict(trial, position, outcome)
        if outcome == "rejected" and trial.store and position not in trial.store.stored:
            raise Broken(f"STATE {line_number} leaves before rejection {position} is stored")


def check_verdict(trial: Trial, position: int, outcome: str) -> None:
    """Checks that the connector's outcome of a record is what the server did with it."""
    if trial.scenario.is_dry_run:
        return
    if position not in trial.server.verdicts:
        if outcome == "written":
            raise Broken(f"record {position} counts as written and never reached the server")
        return
    verdict = trial.server.verdicts[position]
    is_rejected = verdict is None or verdict.name == "INVALID"
    if is_rejected != (outcome == "rejected"):
        raise Broken(f"record {position} counts as {outcome}, and at the server it is {verdict}")


def a_trial(scenario: Scenario, *, account: MaileonAccount | None = None) -> Trial:
    """Prepares a scenario without starting it; the account may be one of an earlier sync."""
    config = load_config(configuration(scenario))
    plans = stream_plans(catalog(scenario), config)
    server, watch = Server(scenario, account), Watch(scenario)
    chance = Random(f"world {scenario.seed}")
    world = World(scenario=scenario, server=server, watch=watch, chance=chance)
    logger = Logger(SecretRedactor([]), clock=lambda: 0.0)
    asked_account = Account(_Api(server), lambda ask: ask(), is_read_only=config.dry_run)
    if config.dry_run:
        world.foresee = partial(predicted_answer, custom_types=asked_account.custom_fields)
    stores = scenario.stores_rejections and not config.dry_run
    store = FakeStore(scenario.store_fails_at) if stores else None
    spy = _spy(scenario, config, plans, store=store, logger=logger)
    sync = assemble(config, plans, account=asked_account, service=world, logger=logger, ledger=spy)
    watch.steps = steps_of(scenario)
    opening = partial(open_streams, sync.intake, plans, asked_account)
    trial = Trial(scenario=scenario, server=server, watch=watch, world=world, spy=spy,
                  store=store, sync=sync, open_streams=opening)  # fmt: skip
    flush_seconds = float(str(scenario.setting("flush_interval_seconds", 60)))
    world.check_idle = IdleChecks(trial, flush_seconds).at
    spy.check_rejection = trial.check_rejection
    return trial


def _spy(
    scenario: Scenario,
    config: Config,
    plans: dict[StreamKey, StreamPlan],
    *,
    store: FakeStore | None,
    logger: Logger,
) -> SpyLedger:
    spy = SpyLedger(plans.values(), config, store=store, log=logger)
    spy.watch(max_held_states=scenario.max_held_states)
    return spy


def configuration(scenario: Scenario) -> dict[str, object]:
    namespace = {"namespace": NAMESPACE} if scenario.has_namespaces else {}
    streams = [
        {"name": f"s{number}", "mapping": mapping, **namespace}
        for number, stream in enumerate(scenario.streams)
        if (mapping := _mapping(stream))
    ]
    return {"api_key": "made-up-key", "streams": streams, **scenario.config}


def _mapping(stream: Stream) -> list[dict[str, str]]:
    mapping = []
    if stream.has_consent:
        mapping.append({"column": PERMISSION_COLUMN, "target": "permission"})
    if stream.has_goodbye:
        mapping.append({"column": UNSUBSCRIBE_COLUMN, "target": "unsubscribe"})
    return mapping


def catalog(scenario: Scenario) -> dict[str, object]:
    """The configured catalog; every other stream has columns that appear only in its records."""
    return {"streams": [_stream(scenario, number) for number in range(len(scenario.streams))]}


def _stream(scenario: Scenario, number: int) -> dict[str, object]:
    stream = scenario.streams[number]
    columns = [*IDENTIFIERS, DELETED_COLUMN, *(FIELDS if number % 2 == 0 else ())]
    if stream.operation is not None:
        # With data activation the catalog has all columns that the connection maps.
        columns += [entry["column"] for entry in _mapping(stream)]
    schema = {"properties": {column: {"type": ["null", "string"]} for column in columns}}
    described: dict[str, object] = {"name": f"s{number}", "json_schema": schema}
    if scenario.has_namespaces:
        described["namespace"] = NAMESPACE
    configured: dict[str, object] = {"stream": described}
    if stream.operation is None:
        return configured | {"destination_sync_mode": "append_dedup"}
    return configured | {
        "destination_sync_mode": stream.operation,
        "destination_object_name": "contact",
        "primary_key": [[stream.mode]],
    }

"""A settlement at work for tests: calls take off, and are answered as a test says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from destination_maileon.accounting.rejection_limits import RejectionLimits
from destination_maileon.config.safety import IdentifiersInLogs, Removal
from destination_maileon.delivery.probing import Probing
from destination_maileon.delivery.request import Call
from destination_maileon.delivery.response_handler import Answer, Settlement
from destination_maileon.delivery.retries import FailingCalls
from destination_maileon.delivery.scheduler import Dispatch
from destination_maileon.delivery.suspicion import Suspicion
from destination_maileon.delivery.vanished import VanishedFields
from destination_maileon.maileon.backoff import Patience
from destination_maileon.maileon.contact import FieldType
from destination_maileon.maileon.errors import (
    CallRefused,
    Trouble,
    TryAgain,
)
from destination_maileon.mapping.mapped_record import Entry, Part
from destination_maileon.streams.stream_plan import Lane
from unit_tests.simulation.watch import SpyLedger
from unit_tests.support.builders import a_plan, an_account
from unit_tests.support.rooms import (
    Heard,
    a_batch,
    a_farewell,
    a_lane,
    a_ledger,
    a_report,
    someone,
)

PLAN = a_plan()
LANE = a_lane(PLAN)
TIMEOUT = TryAgain("No answer in time.", Trouble.TIMEOUT)
CUT = TryAgain("The connection broke.", Trouble.CONNECTION)
THROTTLED = TryAgain("Too many requests.", Trouble.THROTTLED, status=429, retry_after=9.0)
REFUSED = CallRefused("Refused.", status=400, server_message="1@example.com is wrong")


@dataclass
class Desk:
    """The rooms around the settlement. Time passes as a test says; chance is always the most."""

    lane: Lane = LANE
    limits: RejectionLimits = field(default_factory=RejectionLimits)
    patience: Patience = field(default_factory=lambda: Patience(100.0))
    now: float = 0.0
    heard: Heard = field(default_factory=Heard)
    flying: list[Call] = field(default_factory=list)

    def __post_init__(self) -> None:
        spy = a_ledger(self.lane.plan, log=self.heard, limits=self.limits, kind=SpyLedger)
        assert isinstance(spy, SpyLedger)
        self.ledger = spy
        spy.watch()
        self.dispatch = Dispatch(4)
        account = an_account({"AGE": FieldType.INTEGER})
        self.settlement = Settlement(
            dispatch=self.dispatch,
            ledger=spy,
            failing=FailingCalls(
                dispatch=self.dispatch,
                patience=self.patience,
                random=lambda: 1.0,
                probing=Probing(self.patience),
                style=IdentifiersInLogs.MASKED,
                log=self.heard,
            ),
            suspicion=Suspicion(spy),
            vanished=VanishedFields(account, forget=lambda _: None, log=self.heard),
            log=self.heard,
        )

    def call(self, *entries: Part | Sequence[Part]) -> Call:
        """A call of these contacts takes off."""
        for entry in entries:
            for _ in [entry] if isinstance(entry, Part) else entry:
                self.ledger.received(self.lane.plan, self.now)
        self.dispatch.submit(a_batch(*entries, lane=self.lane))
        return self.next()[-1]

    def farewell(self, part: Part, removal: Removal = Removal.DELETE) -> Call:
        self.ledger.received(self.lane.plan, self.now)
        self.dispatch.submit_farewell(self.lane, Entry(part), a_farewell(removal))
        return self.next()[-1]

    def next(self) -> list[Call]:
        """The calls that take off now."""
        calls = []
        while (call := self.dispatch.ready(self.now, None)) is not None:
            self.settlement.starts(call, self.now)
            calls.append(call)
        self.flying += calls
        return calls

    def answer(self, call: Call, answer: Answer) -> float | None:
        self.flying.remove(call)
        self.dispatch.landed(call)
        return self.settlement.ends(call, answer, self.now)

    def success(self) -> None:
        """Another call succeeds."""
        self.answer(self.call(someone(900 + self.ledger.records)), a_report(1))


def places(calls: Sequence[Call]) -> list[list[list[int]]]:
    return [[[part.place for part in entry.parts] for entry in call.entries] for call in calls]

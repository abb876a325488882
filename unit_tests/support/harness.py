"""A settlement at work for tests: calls take off, and are answered as a test says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from destination_maileon.accounting.rejection_limits import RejectionLimits
from destination_maileon.config.model import DeletedRecords, IdentifiersInLogs
from destination_maileon.delivery.probing import Probing
from destination_maileon.delivery.request import Request
from destination_maileon.delivery.response_handler import Answer, ResponseHandler
from destination_maileon.delivery.retries import Retries
from destination_maileon.delivery.scheduler import RequestScheduler
from destination_maileon.delivery.suspicion import RefusalTracker
from destination_maileon.delivery.vanished import MissingFields
from destination_maileon.maileon.backoff import Backoff
from destination_maileon.maileon.contact import FieldType
from destination_maileon.maileon.errors import (
    FailureReason,
    RequestRejected,
    RetriableError,
)
from destination_maileon.mapping.mapped_record import BatchEntry, MappedRecord
from destination_maileon.streams.catalog import PartitionKey
from unit_tests.simulation.every_moment import SpyLedger
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
TIMEOUT = RetriableError("No answer in time.", FailureReason.TIMEOUT)
CUT = RetriableError("The connection broke.", FailureReason.CONNECTION)
THROTTLED = RetriableError(
    "Too many requests.", FailureReason.THROTTLED, status=429, retry_after=9.0
)
REFUSED = RequestRejected("Refused.", status=400, server_message="1@example.com is wrong")


@dataclass
class Desk:
    """The rooms around the settlement. Time passes as a test says; chance is always the most."""

    lane: PartitionKey = LANE
    limits: RejectionLimits = field(default_factory=RejectionLimits)
    patience: Backoff = field(default_factory=lambda: Backoff(100.0))
    now: float = 0.0
    heard: Heard = field(default_factory=Heard)
    flying: list[Request] = field(default_factory=list)

    def __post_init__(self) -> None:
        spy = a_ledger(self.lane.plan, log=self.heard, limits=self.limits, kind=SpyLedger)
        assert isinstance(spy, SpyLedger)
        self.ledger = spy
        spy.watch()
        self.dispatch = RequestScheduler(4)
        account = an_account({"AGE": FieldType.INTEGER})
        self.settlement = ResponseHandler(
            dispatch=self.dispatch,
            ledger=spy,
            failing=Retries(
                dispatch=self.dispatch,
                patience=self.patience,
                random=lambda: 1.0,
                probing=Probing(self.patience),
                style=IdentifiersInLogs.MASKED,
                log=self.heard,
            ),
            suspicion=RefusalTracker(spy),
            vanished=MissingFields(account, forget=lambda _: None, log=self.heard),
            log=self.heard,
        )

    def call(self, *entries: MappedRecord | Sequence[MappedRecord]) -> Request:
        """A call of these contacts takes off."""
        for entry in entries:
            for _ in [entry] if isinstance(entry, MappedRecord) else entry:
                self.ledger.received(self.lane.plan, self.now)
        self.dispatch.submit(a_batch(*entries, lane=self.lane))
        return self.next()[-1]

    def farewell(
        self, part: MappedRecord, removal: DeletedRecords = DeletedRecords.DELETE
    ) -> Request:
        self.ledger.received(self.lane.plan, self.now)
        self.dispatch.submit_farewell(self.lane, BatchEntry(part), a_farewell(removal))
        return self.next()[-1]

    def next(self) -> list[Request]:
        """The calls that take off now."""
        calls = []
        while (call := self.dispatch.ready(self.now, None)) is not None:
            self.settlement.starts(call, self.now)
            calls.append(call)
        self.flying += calls
        return calls

    def answer(self, call: Request, answer: Answer) -> float | None:
        self.flying.remove(call)
        self.dispatch.landed(call)
        return self.settlement.ends(call, answer, self.now)

    def success(self) -> None:
        """Another call succeeds."""
        self.answer(self.call(someone(900 + self.ledger.records)), a_report(1))


def places(calls: Sequence[Request]) -> list[list[list[int]]]:
    return [[[part.place for part in entry.parts] for entry in call.entries] for call in calls]

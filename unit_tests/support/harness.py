"""The delivery of a sync for tests: requests leave, and are answered as a test says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from destination_maileon.config.spec import DeletedRecords, IdentifiersInLogs
from destination_maileon.delivery.accumulator import Accumulator
from destination_maileon.delivery.explanations import Explanations
from destination_maileon.delivery.removals import Removals
from destination_maileon.delivery.request import Limits, Request
from destination_maileon.delivery.response_handler import Answer, ResponseHandler
from destination_maileon.delivery.scheduler import Pace, RequestScheduler
from destination_maileon.delivery.service_state import ServiceState
from destination_maileon.maileon.backoff import Backoff
from destination_maileon.maileon.contact import FieldType
from destination_maileon.maileon.errors import (
    FailureReason,
    Forbidden,
    RequestRejected,
    RetriableError,
)
from destination_maileon.mapping.mapped_record import BatchEntry, MappedRecord
from destination_maileon.streams.account import Account
from destination_maileon.streams.catalog import PartitionKey
from unit_tests.support.builders import CountingApi, a_plan, at_once, options
from unit_tests.support.ledgers import a_ledger, count_in
from unit_tests.support.rooms import (
    PARTITION,
    Heard,
    a_partition_key,
    a_removal,
    a_report,
    places,
    someone,
)

STRICT = a_partition_key(a_plan(options=options(ignore_invalid_contacts=False)))
TIMEOUT = RetriableError("No answer in time.", FailureReason.TIMEOUT)
BROKEN = RetriableError("Broken.", FailureReason.SERVER_ERROR, status=500)
NO_CONNECTION = RetriableError("The connection broke.", FailureReason.CONNECTION)
THROTTLED = RetriableError(
    "Too many requests.", FailureReason.THROTTLED, status=429, retry_after=9.0
)
REFUSED = RequestRejected("Refused.", status=400, server_message="1@example.com is wrong")
FORBIDDEN = Forbidden("The key may not do that.")


def accepted(request: Request) -> Answer:
    """Everybody is new, or was there; nobody has the identifier that is asked for."""
    if request.job is not None:
        return []
    return True if request.contact_removal else a_report(len(request.entries))


@dataclass
class Harness:
    """The modules of a delivery. Time passes as a test says; chance is always the most."""

    partition_key: PartitionKey = PARTITION
    config: dict[str, Any] = field(default_factory=dict)
    backoff: Backoff = field(default_factory=lambda: Backoff(100.0))
    batch: Limits = field(default_factory=lambda: Limits(1_000, 8_000_000, 60.0))
    most_removals: int | None = None
    now: float = 0.0
    heard: Heard = field(default_factory=Heard)
    in_flight: list[Request] = field(default_factory=list)
    lost_fields: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.ledger = a_ledger(self.partition_key.plan, log=self.heard, **self.config)
        self.pace = Pace(4)
        removals = Removals(self.most_removals, self.heard)
        self.scheduler = RequestScheduler(self.pace, 1_000_000, removals.may_be_sent)
        self.accumulator = Accumulator(self.batch, self.scheduler.submit)
        self.api = CountingApi({"AGE": FieldType.INTEGER, "HAT": FieldType.STRING})
        account = Account(self.api, at_once)
        assert account.custom_fields
        self.service = ServiceState(self.backoff)
        self.handler = ResponseHandler(
            scheduler=self.scheduler,
            accumulator=self.accumulator,
            ledger=self.ledger,
            service=self.service,
            removals=removals,
            account=account,
            lose_field=self._lose,
            words=Explanations(account, IdentifiersInLogs.MASKED),
            chance=lambda: 1.0,
            log=self.heard,
        )

    def _lose(self, name: str, records: int) -> None:
        self.lost_fields[name] += records

    @property
    def outcomes(self) -> dict[int, str]:
        """What became of each record that is settled, by its place."""
        return self.ledger.outcomes

    def take(self, *contacts: MappedRecord | Sequence[MappedRecord]) -> None:
        """Records come in; several in a row are no more than that."""
        for contact in contacts:
            for part in [contact] if isinstance(contact, MappedRecord) else contact:
                count_in(self.ledger, self.partition_key.plan, self.now)
                self.accumulator.add(part, self.partition_key, self.now)

    def request(self, *contacts: MappedRecord | Sequence[MappedRecord]) -> Request:
        """Records come in, and leave in a request."""
        self.take(*contacts)
        self.accumulator.flush()
        return self.send()[-1]

    def remove(
        self,
        part: MappedRecord,
        removal: DeletedRecords = DeletedRecords.DELETE,
        *,
        email: str | None = "1@example.com",
    ) -> None:
        """A record comes in of somebody who is to be removed."""
        count_in(self.ledger, self.partition_key.plan, self.now)
        entry = BatchEntry.of_record(part, self.partition_key, self.now)
        self.accumulator.add_removal(a_removal(removal, email), entry)

    def removal(
        self, part: MappedRecord, *of: DeletedRecords, email: str | None = "1@b.de"
    ) -> Request:
        """The same, and the request leaves."""
        self.remove(part, *of, email=email)
        return self.send()[-1]

    def send(self) -> list[Request]:
        """The requests that leave now."""
        left = []
        while request := self.scheduler.next_ready(self.now, self.accumulator.oldest_unsent):
            self.handler.sent(request, self.now)
            left.append(request)
        self.in_flight += left
        return left

    def answer(self, request: Request, answer: Answer) -> float | None:
        """A request is answered; the seconds until it is sent again."""
        self.in_flight.remove(request)
        self.scheduler.returned(request)
        return self.handler.handle(request, answer, self.now)

    def answered(self, request: Request, answer: Answer) -> list[list[list[int]]]:
        """The same; the records of the requests that leave after it."""
        self.answer(request, answer)
        return places(self.send())

    def next_pass(self) -> list[Request]:
        """Everything else is settled: what is held leaves again, or is rejected."""
        self.accumulator.flush()
        if self.scheduler.is_idle and not self.handler.held.is_empty:
            self.handler.held.go_on()
            self.accumulator.flush()
        return self.send()

    def success(self) -> None:
        """Another request is answered well."""
        self.answer(self.request(someone(900 + self.ledger.records)), a_report(1))

    def accept_all(self) -> None:
        """Every request is accepted from now on, until nothing is left to do."""
        while self.in_flight or self.send() or self.next_pass():
            request = self.in_flight[0]
            self.answer(request, accepted(request))

    def unsettled(self) -> list[int]:
        """The records that wait somewhere: in a request, a batch, behind another, or held."""
        entries = [*self._waiting()]
        return sorted(part.position for entry in entries for part in entry.parts)

    def _waiting(self) -> Iterator[BatchEntry]:
        held = self.handler
        for request in (*self.in_flight, *self.scheduler._pending):
            following: Request | None = request
            while following is not None:
                yield from following.entries
                following = following.then
        for batch in self.accumulator._open.values():
            yield from batch.entries
        yield from {entry for line in self.accumulator._followers.values() for entry in line}
        yield from held.held._refused
        for suspect, _ in held.refusals._suspects:
            yield from suspect.entries

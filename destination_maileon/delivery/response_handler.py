"""Carries out the decision about each answer; `decision` makes it.

Invariant: every record of a request is settled once, held, or in exactly one of the requests that
replace it. Accepted records are settled before a rejection can end the sync.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from typing import TypeAlias

from destination_maileon.accounting.ledger import Ledger
from destination_maileon.delivery import report_matching
from destination_maileon.delivery.accumulator import Accumulator
from destination_maileon.delivery.decision import (
    Decision,
    Hold,
    Reject,
    Requeue,
    Settle,
    Split,
    Stop,
    Strip,
    on_failure,
    on_refusal,
    on_report,
    on_strict_report,
)
from destination_maileon.delivery.explanations import Explanations
from destination_maileon.delivery.held_records import HeldRecords
from destination_maileon.delivery.removals import Removals
from destination_maileon.delivery.report_matching import MatchedReport
from destination_maileon.delivery.request import Purpose, Request
from destination_maileon.delivery.scheduler import RequestScheduler
from destination_maileon.delivery.service_state import RefusalTracker, ServiceState
from destination_maileon.errors import ConfigError, TransientError
from destination_maileon.maileon.errors import (
    FailureReason,
    FatalError,
    Forbidden,
    MaileonError,
    RequestRejected,
    RetriableError,
)
from destination_maileon.maileon.report import InvalidContact, SynchronizationReport
from destination_maileon.maileon.sync_options import SynchronizationMode
from destination_maileon.mapping.mapped_record import BatchEntry
from destination_maileon.protocol.output import Level, Log, pluralize
from destination_maileon.rejections.rejection import Rejection
from destination_maileon.streams.account import Account
from destination_maileon.streams.catalog import StreamPlan

Answer: TypeAlias = SynchronizationReport | bool | MaileonError | object
"""A removal returns whether Maileon has or had the contact; a job what its `send` returns."""

MOST_ATTEMPTS_TO_SPARE = 3
"""Attempts for a question whose answer only spares calls."""

_OVERLOADS = frozenset({FailureReason.THROTTLED, FailureReason.UNAVAILABLE, FailureReason.TIMEOUT})


@dataclass(eq=False, slots=True, kw_only=True)
class ResponseHandler:
    """Handles the answers of one sync.

    `lose_field` gets each custom field that vanished and the number of records to be sent without
    it; `chance` returns numbers from 0 to 1.
    """

    scheduler: RequestScheduler
    accumulator: Accumulator
    ledger: Ledger
    service: ServiceState
    removals: Removals
    account: Account
    lose_field: Callable[[str, int], None]
    words: Explanations
    chance: Callable[[], float]
    log: Log
    held: HeldRecords = field(init=False)
    refusals: RefusalTracker = field(init=False)
    _has_warned_of_counts: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        age = self.accumulator.limits.age_seconds
        self.held = HeldRecords(self.accumulator, self._reject_held, self.scheduler.submit, age)
        self.refusals = RefusalTracker(self.service, self._reject)

    def sent(self, request: Request, now: float) -> None:
        self.service.sent(request, now)
        self.removals.sent(request)

    def handle(self, request: Request, answer: Answer, now: float) -> float | None:
        """Handles an answer; returns the seconds until the request is retried, None if it is not.

        Raises:
            ConfigError: if no request can succeed until a person acts.
            StopSync: if no more contacts may be rejected.
            TransientError: if the time for retries is over.
        """
        self.ledger.called(request.partition_key.plan, now)
        self.removals.returned(request)
        if isinstance(answer, RetriableError):
            return self._failed(request, answer, now)
        if isinstance(answer, Forbidden):
            if self._may_be_refused(request):
                answer = RequestRejected(str(answer), status=HTTPStatus.FORBIDDEN)
            elif self.scheduler.has_in_flight(request.purpose):
                # A firewall that blocks a record's text answers sooner than Maileon would: the
                # requests in flight may still show that the key has the right. It was an answer,
                # so retries start anew.
                request.is_doubted, request.attempts = True, 0
                self.scheduler.requeue(request, at=now)
                return None
        self._answered(request, answer, now)
        return None

    def _may_be_refused(self, request: Request) -> bool:
        """Whether a 403 is about the request's contacts, since the key has shown the right before.

        A sync also works without the rights to set markers and to ask which contact has an
        identifier.
        """
        return request.purpose in {*self.service.accepted, Purpose.MARK, Purpose.ASK}

    def _answered(self, request: Request, answer: Answer, now: float) -> None:
        job = request.job
        if job is not None and (job.only_spares_calls or not isinstance(answer, FatalError)):
            job.answered(answer)
            return
        if self.service.answered(request, is_report=isinstance(answer, SynchronizationReport)):
            self._learn_size()
        if isinstance(answer, RequestRejected):
            self._refused(request, answer, now)
            return
        if isinstance(answer, FatalError):
            raise ConfigError(str(answer))
        self.scheduler.pace.answered(request, now)
        if isinstance(answer, SynchronizationReport):
            self._reported(request, answer, now)
        else:
            self._removed(request, now, was_there=bool(answer))

    def _reported(self, request: Request, report: SynchronizationReport, now: float) -> None:
        plan = request.partition_key.plan
        matched = report_matching.read(request.entries, report)
        self._warn_of_counts(plan, matched)
        if not plan.options.ignore_invalid_contacts and (matched.rejected or matched.uncertain):
            self._carry_out(request, on_strict_report(request, matched, now), now)
            return
        if request.is_already_counted:
            self.ledger.answered_again(plan, report, sent=matched.sent)
        else:
            self.ledger.answered(plan, report, sent=matched.sent, left_out=matched.left_out)
        # Accepted contacts come first, since a rejection may end the sync.
        is_update = plan.options.sync_mode is SynchronizationMode.UPDATE
        written = report.new + (report.existing if is_update else 0)
        decisions = on_report(
            request,
            matched,
            lost_fields=self.account.lost,
            are_written=written == len(matched.accepted),
        )
        for decision in decisions:
            self._carry_out(request, decision, now)
        self.refusals.accepted(Purpose.WRITE)

    def _warn_of_counts(self, plan: StreamPlan, matched: MatchedReport) -> None:
        if matched.is_miscounted and not self._has_warned_of_counts:
            self._has_warned_of_counts = True
            self.log(
                Level.WARN,
                f"Maileon's report of a call of stream {plan.title} counts other contacts than the "
                f"{matched.sent} that were sent. Contacts missing from the report count as left "
                "out by Maileon. This warning is logged once.",
            )

    def _removed(self, request: Request, now: float, *, was_there: bool) -> None:
        purpose = request.purpose
        is_done = self.removals.answered(request, was_there=was_there)
        self.refusals.accepted(purpose)
        if not is_done:
            self.scheduler.requeue(request, at=now)
            return
        self.held.accepted(request.entries, are_written=False)
        entry, done = request.entries[0], purpose if was_there else None
        is_gone, is_marked = done is Purpose.REMOVE, done is Purpose.MARK
        self.ledger.removed(entry.partition_key.plan, entry, was_there=is_gone, is_marked=is_marked)
        self._free(request, request.entries)

    def _refused(self, request: Request, refusal: RequestRejected, now: float) -> None:
        if request.purpose is Purpose.MARK:
            # The person is not in Maileon, so the removal is done all the same.
            self.removals.unmarked += 1
            self._removed(request, now, was_there=False)
            return
        # Worded only when needed: masking searches the message for the values of every contact.
        tell = partial(self.words.of_refusal, request, refusal)
        decision = on_refusal(request, refusal, self.service)
        if isinstance(decision, Requeue):
            self._carry_out(request, decision, now)
            return
        if isinstance(decision, Stop):
            told = tell()
            raise ConfigError(
                f"Stream {request.partition_key.plan.title}: {told.reason_key}. {told.advice}"
            )
        if isinstance(decision, Split):
            self.refusals.count(request, tell)
            if request.purpose not in self.service.accepted:
                # Several searches at once would each add refusals before one request is accepted.
                self.scheduler.pace.slow_down()
            is_size = refusal.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
            self.service.was_split(request, decision.pieces, may_be_size=is_size)
            self.scheduler.replace(decision.pieces)
        elif isinstance(decision, Hold):
            # Held before counting, which may end the sync: contacts may still clear a removal.
            self.refusals.hold(request, tell())
            self.refusals.count(request, tell)
        else:
            self._reject(request, request.entries[0], tell())
            self.refusals.count(request, tell)

    def _failed(self, request: Request, failure: RetriableError, now: float) -> float | None:
        self.service.failed(request, is_overload=failure.may_be_too_large)
        if failure.reason in _OVERLOADS:
            self.scheduler.pace.slow_down()
        job = request.job
        if job is not None and job.only_spares_calls and request.attempts >= MOST_ATTEMPTS_TO_SPARE:
            job.answered(failure)
            return None
        decision = on_failure(request, failure, self.service, now=now, chance=self.chance())
        if isinstance(decision, Split):
            if decision.is_probe:
                # Pieces that wait for older requests are not part of the probe.
                ready = [piece for piece in decision.pieces if not piece.is_barrier]
                self.service.was_probed(request, ready)
            is_timeout = failure.reason is FailureReason.TIMEOUT
            self.service.was_split(request, decision.pieces, may_be_size=is_timeout)
            self.scheduler.replace(decision.pieces)
            return None
        if isinstance(decision, Requeue):
            self.scheduler.requeue(request, at=decision.at)
            return decision.at - now
        others_succeed = self.service.has_succeeded_since(request)
        told = self.words.of_giving_up(request, failure, now, others_succeed=others_succeed)
        raise TransientError(told)

    def _learn_size(self) -> None:
        contacts = self.service.bears
        if contacts is None or contacts >= self.accumulator.limits.contacts:
            return
        self.accumulator.limits.contacts = contacts
        self.log(
            Level.INFO,
            f"Maileon takes calls with {pluralize(contacts, 'contact')}, but larger ones are "
            "refused or not answered in time. From now on no call has more.",
        )
        for request in self.scheduler.take_larger_than(contacts):
            pieces = request.pieces(contacts)
            for piece in pieces:
                piece.is_barrier, piece.not_before = request.is_barrier, request.not_before
            self.scheduler.replace(pieces)

    def _carry_out(self, request: Request, decision: Decision, now: float) -> None:
        match decision:
            case Settle(entries, are_written):
                self.ledger.written(request.partition_key.plan, entries)
                self.held.accepted(entries, are_written=are_written)
                self._free(request, entries)
            case Requeue(at, is_barrier):
                request.is_barrier = is_barrier
                # It was answered, so its retries start anew, however long older requests take.
                request.attempts = 0
                self.scheduler.requeue(request, at=at)
            case Strip(entry, lost):
                self._strip(request, entry, lost)
            case Split(pieces):
                self.scheduler.replace(pieces)
            case Hold(entry, findings):
                self.held.hold(self._with_rest(request, entry), findings, now)
            case Reject(entry, findings):
                self._reject(request, entry, self.words.of_report(entry, findings))
            case Stop():
                raise AssertionError(decision)

    def _strip(self, request: Request, entry: BatchEntry, lost_fields: frozenset[str]) -> None:
        for name in lost_fields:
            self.lose_field(name, entry.records)
        piece = request.with_contacts([entry])
        piece.then = request.then
        self.scheduler.replace([piece])

    def _free(self, request: Request, entries: Sequence[BatchEntry]) -> None:
        """Frees settled contacts, so that what waits for them is sent."""
        then = request.then
        if then is None:
            self.accumulator.all_settled(entries)
            return
        # Later records of the same contact.
        request.then = None
        self.scheduler.replace([then])

    def _reject(self, request: Request, entry: BatchEntry, rejection: Rejection) -> None:
        self._count_rejected(entry, rejection)
        self._free(request, [entry])

    def _reject_held(self, entry: BatchEntry, findings: Sequence[InvalidContact]) -> None:
        self._count_rejected(entry, self.words.of_report(entry, findings))

    def _count_rejected(self, entry: BatchEntry, rejection: Rejection) -> None:
        for part in entry.parts:
            self.ledger.rejected(entry.partition_key.plan, part, rejection)

    def _with_rest(self, request: Request, entry: BatchEntry) -> BatchEntry:
        """The contact with all of its records, including those in the requests that follow."""
        parts = [*entry.parts]
        while request.then is not None:
            parts += request.then.entries[0].parts
            request.then = request.then.then
        return entry if len(parts) == len(entry.parts) else entry.of_parts(parts)

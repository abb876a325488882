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
from destination_maileon.delivery import decision, report_matching
from destination_maileon.delivery.accumulator import Accumulator
from destination_maileon.delivery.explanations import Explanations
from destination_maileon.delivery.held_records import HeldRecords
from destination_maileon.delivery.removals import Removals
from destination_maileon.delivery.request import Purpose, Request
from destination_maileon.delivery.scheduler import RequestScheduler
from destination_maileon.delivery.service_state import RefusalTracker, ServiceState
from destination_maileon.errors import ConfigError, TransientError
from destination_maileon.maileon import errors
from destination_maileon.maileon.report import SynchronizationReport
from destination_maileon.mapping.mapped_record import BatchEntry
from destination_maileon.protocol.output import Level, Log, pluralize
from destination_maileon.streams.account import Account

Answer: TypeAlias = SynchronizationReport | bool | errors.MaileonError | object
"""A removal returns whether Maileon has or had the contact; a job what its `send` returns."""

MOST_ATTEMPTS_TO_SPARE = 3
"""Attempts for a question whose answer only spares calls."""


@dataclass(eq=False, slots=True, kw_only=True)
class ResponseHandler:
    """Handles the answers of one sync; `chance` returns numbers from 0 to 1.

    `lose_field` gets each custom field that vanished and how many records are sent without it.
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
        age, reject_held = self.accumulator.limits.age_seconds, partial(self._reject, None)
        self.held = HeldRecords(self.accumulator, reject_held, self.scheduler.submit, age)
        self.refusals = RefusalTracker(self.service, self.words, self._reject)

    def sent(self, request: Request, now: float) -> None:
        self.service.sent(request, now)
        self.removals.sent(request)

    def handle(self, request: Request, answer: Answer, now: float) -> float | None:
        """Handles an answer; returns the seconds until the request is retried, None if it is not.

        Raises ConfigError, StopSync or TransientError if the sync has to end.
        """
        self.ledger.called(request.partition_key.plan, now)
        self.removals.returned(request)
        if isinstance(answer, errors.RetriableError):
            return self._failed(request, answer, now)
        if isinstance(answer, errors.Forbidden):
            # Where the key has shown the right before, the contacts may be the cause. A sync also
            # works without the rights to set markers and to ask which contact has an identifier.
            if request.purpose in {*self.service.accepted, Purpose.MARK, Purpose.ASK}:
                answer = errors.RequestRejected(str(answer), status=HTTPStatus.FORBIDDEN)
            elif self.scheduler.has_in_flight(request.purpose):
                # A firewall that blocks a record's text answers sooner than Maileon would: the
                # requests in flight may still show that the key has the right. It was an answer,
                # so retries start anew.
                request.is_doubted, request.attempts = True, 0
                self.scheduler.requeue(request, at=now)
                return None
        self._answered(request, answer, now)
        return None

    def _failed(self, request: Request, failure: errors.RetriableError, now: float) -> float | None:
        self.service.failed(request, is_overload=failure.may_be_too_large)
        if failure.is_throttled or failure.reason is errors.FailureReason.TIMEOUT:
            self.scheduler.pace.slow_down()
        job = request.job
        if job is not None and job.only_spares_calls and request.attempts >= MOST_ATTEMPTS_TO_SPARE:
            job.answered(failure)
            return None
        made = decision.on_failure(request, failure, self.service, now=now, chance=self.chance())
        self._carry_out(request, made, now)
        return made.at - now if isinstance(made, decision.Requeue) else None

    def _answered(self, request: Request, answer: Answer, now: float) -> None:
        job = request.job
        if job is not None and (job.only_spares_calls or not isinstance(answer, errors.FatalError)):
            job.answered(answer)
            return
        is_report = isinstance(answer, SynchronizationReport)
        if contacts := self.service.answered(request, is_report=is_report):
            self._limit_size(contacts)
        if isinstance(answer, errors.FatalError):
            raise ConfigError(str(answer))
        if isinstance(answer, errors.RequestRejected):
            self._refused(request, answer, now)
            return
        self.scheduler.pace.answered(request, now)
        if isinstance(answer, SynchronizationReport):
            self._reported(request, answer, now)
        else:
            self._removed(request, now, was_there=bool(answer))

    def _limit_size(self, contacts: int) -> None:
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

    def _reported(self, request: Request, report: SynchronizationReport, now: float) -> None:
        plan, sent = request.partition_key.plan, len(request.entries)
        matched = report_matching.read(request.entries, report)
        if matched.is_miscounted and not self._has_warned_of_counts:
            self._has_warned_of_counts = True
            self.log(
                Level.WARN,
                f"Maileon's report of a call of stream {plan.title} counts other contacts than the "
                f"{sent} that were sent. Contacts missing from the report count as left "
                "out by Maileon. This warning is logged once.",
            )
        if not plan.options.ignore_invalid_contacts and (matched.rejected or matched.uncertain):
            self._carry_out(request, decision.on_strict_report(request, matched, now), now)
            return
        if request.is_already_counted:
            self.ledger.answered_again(plan, report, sent=sent)
        else:
            self.ledger.answered(plan, report, sent=sent, left_out=matched.left_out)
        if matched.accepted:
            # First, since a rejection may end the sync.
            self.ledger.written(plan, matched.accepted)
            are_written = matched.written == len(matched.accepted)
            self.held.accepted(matched.accepted, are_written=are_written)
            self._free(request, matched.accepted)
        for made in decision.on_report(request, matched, self.account.lost):
            self._carry_out(request, made, now)
        self.refusals.accepted(Purpose.WRITE)

    def _refused(self, request: Request, refusal: errors.RequestRejected, now: float) -> None:
        if request.purpose is Purpose.MARK:
            # The person is not in Maileon, so the removal is done all the same.
            self.removals.unmarked += 1
            self._removed(request, now, was_there=False)
            return
        made = decision.on_refusal(request, refusal, self.service)
        if isinstance(made, decision.Split) and request.purpose not in self.service.accepted:
            # Several searches at once would each add refusals before one request is accepted.
            self.scheduler.pace.slow_down()
        self._carry_out(request, made, now)
        if not isinstance(made, decision.Requeue):
            # Last, since it may end the sync: contacts may still clear a removal that is held.
            self.refusals.count(request, refusal)

    def _removed(self, request: Request, now: float, *, was_there: bool) -> None:
        entry, purpose = request.entries[0], request.purpose
        is_settled = self.removals.answered(request, was_there=was_there)
        self.refusals.accepted(purpose)
        if not is_settled:
            self.scheduler.requeue(request, at=now)
            return
        self.held.accepted(request.entries, are_written=False)
        done = purpose if was_there else None
        is_gone, is_marked = done is Purpose.REMOVE, done is Purpose.MARK
        self.ledger.removed(entry.partition_key.plan, entry, was_there=is_gone, is_marked=is_marked)
        self._free(request, request.entries)

    def _carry_out(self, request: Request, made: decision.Decision, now: float) -> None:
        plan = request.partition_key.plan
        match made:
            case decision.Requeue(at, is_barrier):
                request.is_barrier = request.is_barrier or is_barrier
                # A barrier was answered: its retries start anew, however long older requests take.
                request.attempts = 0 if is_barrier else request.attempts
                self.scheduler.requeue(request, at=at)
            case decision.Split():
                self._split(request, made, now)
            case decision.Hold(_, errors.RequestRejected() as refusal):
                self.refusals.hold(request, refusal)
            case decision.Hold(entry, Sequence() as findings):
                # With its records in the requests that were to follow.
                later = [part for each in request.chain[1:] for part in each.entries[0].parts]
                self.held.hold(entry.of_parts([*entry.parts, *later]), findings, now)
            case decision.Reject(entry, cause):
                self._reject(request, entry, cause)
            case decision.Stop(errors.RequestRejected() as refusal):
                told = self.words.of_refusal(request.entries, refusal)
                raise ConfigError(f"Stream {plan.title}: {told.reason_key}. {told.advice}")
            case decision.Stop(errors.RetriableError() as failure):
                others = self.service.has_succeeded_since(request)
                why = self.words.of_giving_up(request, failure, now, others_succeed=others)
                raise TransientError(why)

    def _split(self, request: Request, split: decision.Split, now: float) -> None:
        for name in split.lost_fields:
            self.lose_field(name, split.pieces[0].entries[0].records)
        self.service.was_split(request, split.pieces, may_be_size=split.may_be_size)
        if split.is_probe:
            self.service.was_probed(request, split.pieces, now)
        self.scheduler.replace(split.pieces)

    def _reject(self, request: Request | None, entry: BatchEntry, cause: decision.Cause) -> None:
        """Rejects the records of a contact, which is held if it is in no request."""
        if isinstance(cause, errors.RequestRejected):
            rejection = self.words.of_refusal([entry], cause)
        else:
            rejection = self.words.of_report(entry, cause)
        for part in entry.parts:
            self.ledger.rejected(entry.partition_key.plan, part, rejection)
        if request is not None:
            self._free(request, [entry])

    def _free(self, request: Request, entries: Sequence[BatchEntry]) -> None:
        """Frees settled contacts, so that what waits for them is sent."""
        if request.then is None:
            self.accumulator.all_settled(entries)
        else:
            # Later records of the same contact.
            self.scheduler.replace([request.then])

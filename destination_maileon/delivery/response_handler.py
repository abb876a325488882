"""The answer to a call -> what becomes of its records: settled, tried again, or sent apart.

This module alone decides what follows from an answer. Invariant: every record of the call is either
settled once or in exactly one of the calls that take its place. What the account took is settled
before a rejection can end the sync.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeAlias

from destination_maileon.config.targets import names_in
from destination_maileon.delivery import report_matching as reconciliation
from destination_maileon.delivery import strictness
from destination_maileon.delivery.division import halves, halves_of, is_divisible, parts_apart
from destination_maileon.delivery.request import Request
from destination_maileon.delivery.suspicion import Kind
from destination_maileon.errors import ConfigError
from destination_maileon.maileon.error_codes import DUPLICATE_CODES
from destination_maileon.maileon.errors import (
    FatalError,
    MaileonError,
    RequestRejected,
    RetriableError,
)
from destination_maileon.maileon.report import SynchronizationReport
from destination_maileon.protocol.output import Level
from destination_maileon.rejections.masking import without_values
from destination_maileon.rejections.rejection import (
    Rejection,
    concerns_custom_field,
    rejection_by_report,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from destination_maileon.accounting.ledger import Ledger
    from destination_maileon.delivery.report_matching import MatchedReport
    from destination_maileon.delivery.retries import Retries
    from destination_maileon.delivery.scheduler import RequestScheduler
    from destination_maileon.delivery.suspicion import RefusalTracker
    from destination_maileon.delivery.vanished import MissingFields
    from destination_maileon.maileon.report import InvalidContact
    from destination_maileon.mapping.mapped_record import BatchEntry
    from destination_maileon.protocol.output import Log
    from destination_maileon.streams.account import Account
    from destination_maileon.streams.catalog import StreamPlan

Answer: TypeAlias = SynchronizationReport | bool | MaileonError
"""Of a farewell: whether there was such a contact."""

_NEVER_ONE_CONTACT = frozenset({HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_ACCEPTABLE})


@dataclass(eq=False, slots=True, kw_only=True)
class ResponseHandler:
    """What follows from the answers of one sync."""

    dispatch: RequestScheduler
    ledger: Ledger
    failing: Retries
    suspicion: RefusalTracker
    vanished: MissingFields
    log: Log
    _has_warned_of_counts: bool = field(default=False, init=False)

    def starts(self, call: Request, now: float) -> None:
        """A call takes off."""
        self.failing.starts(call, now)

    def ends(self, call: Request, answer: Answer, now: float) -> float | None:
        """A call was answered; the seconds until it is tried again, None if it is not.

        Raises:
            ConfigError: if nothing more can succeed until a person acts.
            StopReading: if one invalid contact is too many.
            TransientError: if the call was tried long enough.
        """
        self.ledger.called(call.lane.plan, now)
        if isinstance(answer, RetriableError):
            return self.failing.fails(call, answer, now)
        self.failing.ends(call)
        if isinstance(answer, RequestRejected):
            self._refused(call, answer)
        elif isinstance(answer, FatalError):
            raise ConfigError(str(answer))
        elif isinstance(answer, SynchronizationReport):
            self._reported(call, answer)
        else:
            self.dispatch.speed_up()
            self.suspicion.lifts(Kind.FAREWELL)
            self.ledger.removed(call.lane.plan, call.entries[0], was_there=bool(answer))
            self.dispatch.settle(call)
        return None

    def close(self) -> None:
        """The last call was answered.

        Raises:
            ConfigError: if calls were refused as a whole, and none was accepted.
        """
        self.suspicion.close()

    def summarize(self) -> None:
        """Says what is said once, at the end."""
        self.vanished.warn()

    def _refused(self, call: Request, refusal: RequestRejected) -> None:
        options = call.lane.plan.options
        # A call of thousands that is only halved is not searched for what must not be shown.
        tell = partial(self._rejection_by_refusal, call, refusal)
        if not _may_be_one_contact(call, refusal):
            told = tell()
            raise ConfigError(f"Stream {call.lane.plan.title}: {told.reason_key}. {told.advice}")
        if not options.ignore_invalid_contacts:
            strictness.fail_by_refusal(call, tell(), self.ledger)
            return
        if is_divisible(call):
            self.suspicion.grows(Kind.of(call), tell)
            self.dispatch.replace(call, halves(call))
            return
        # First the record, then what may end the sync: contacts may still clear a farewell.
        self.suspicion.falls_on(call, tell())
        self.dispatch.settle(call)
        self.suspicion.grows(Kind.of(call), tell, place=call.place)

    def _reported(self, call: Request, report: SynchronizationReport) -> None:
        plan = call.lane.plan
        self.failing.succeeds()
        self.dispatch.speed_up()
        reading = reconciliation.read(call.entries, report)
        self._warn_of_counts(call, reading)
        if not plan.options.ignore_invalid_contacts and (reading.rejected or reading.uncertain):
            invalid = [(e, self._rejection(plan, e, found)) for e, found in reading.rejected]
            strictness.fail_by_report(call, invalid, self.ledger)
            return
        if call.is_recount:
            self.ledger.answered_again(plan, report, sent=reading.sent)
        else:
            self.ledger.answered(plan, report, sent=reading.sent, left_out=reading.left_out)
        self.ledger.written(plan, reading.accepted)
        self.suspicion.lifts(Kind.WRITE)
        self.dispatch.replace(call, self._second_chances(call, reading))

    def _second_chances(self, call: Request, reading: MatchedReport) -> list[list[Request]]:
        """The calls that may still bring in what was not accepted; the rest is rejected."""
        groups: list[list[Request]] = []
        stripped: list[BatchEntry] = []
        for entry, findings in reading.rejected:
            if concerns_custom_field(findings) and (
                without := self.vanished.without(call.lane, entry)
            ):
                stripped.append(without)
            elif findings[0].code in DUPLICATE_CODES and not call.when_oldest:
                groups.append([Request(call.lane, [entry], when_oldest=True)])
            elif len(entry.parts) > 1:
                groups.append(parts_apart(call, entry))
            else:
                rejection = self._rejection(call.lane.plan, entry, findings)
                self.ledger.rejected(call.lane.plan, entry.parts[0], rejection)
        if stripped:
            groups.append([Request(call.lane, stripped)])
        return groups + halves_of(call, reading.uncertain, is_recount=True)

    def _rejection_by_refusal(self, call: Request, refusal: RequestRejected) -> Rejection:
        contacts = (part.contact for entry in call.entries for part in entry.parts)
        known = _known_names(call.lane.plan, self.vanished.account)
        said = without_values(refusal.server_message, *contacts, known_names=known)
        words = f'Maileon says: "{said}".' if said else "Maileon does not say why."
        return Rejection(
            reason=f"Maileon refused the call (HTTP {refusal.status})",
            advice=f"{words} Correct the record, or the options of the sync.",
        )

    def _rejection(
        self, plan: StreamPlan, entry: BatchEntry, findings: Sequence[InvalidContact]
    ) -> Rejection:
        # What was not asked before is not asked for the words' sake: the sync goes on.
        custom_types = self.vanished.account.known_custom_fields
        known = _known_names(plan, self.vanished.account)
        return rejection_by_report(
            entry.contact,
            findings,
            mode=plan.options.identifier_mode,
            custom_types=custom_types,
            known_fields=known,
        )

    def _warn_of_counts(self, call: Request, reading: MatchedReport) -> None:
        if reading.is_miscounted and not self._has_warned_of_counts:
            self._has_warned_of_counts = True
            self.log(
                Level.WARN,
                f"Maileon's report of a call of stream {call.lane.plan.title} counts other "
                f"contacts than the {reading.sent} that were sent. What it does not account for "
                "counts as left out by Maileon. This is said once.",
            )


def _may_be_one_contact(call: Request, refusal: RequestRejected) -> bool:
    """A farewell is about nobody else, unless nobody can be deleted at all."""
    if call.farewell is not None:
        return refusal.status not in _NEVER_ONE_CONTACT
    return refusal.may_be_one_contact


def _known_names(plan: StreamPlan, account: Account) -> set[str]:
    """What is no value of a record for certain: the account's names, and the mapping's."""
    preferences = account.known_preferences
    targets = [*(entry.target for entry in plan.mapping.values()), *plan.properties]
    existing = {name for preference in preferences for name in preference}
    return {*account.known_custom_fields, *existing, *names_in(targets, preferences)}

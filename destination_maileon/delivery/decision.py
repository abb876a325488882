"""The answer to a request -> what is to be done: a closed set of decisions, and nothing else.

    answer                                                  decision
    ------                                                  --------
    report: accepted                                        Settle
    report: code 21, and the account has lost the field     Strip, sent again without the field
    report: codes 4, 5                                      Hold until a pass
    report: other codes, a contact of several records       Split into halves of its records
    report: other codes, one record                         Reject
    report: counted as invalid and not named                Split whoever it may mean
    refused as a whole (400, 413), several records          Split
    refused, alone, once another request was accepted       Reject
    refused, alone, before                                  Hold until one is accepted
    refused, and it cannot be a contact's fault             Stop
    403 after a request of its kind was accepted            the same as if refused (400)
    failed, may be too large, 5 times, others succeed       Split
    failed by timeout, more contacts than the service bears Split into what it bears
    failed, may be too large, none succeeds                 Split, one request at a time
    failed otherwise, and there is time                     Requeue
    failed for too long                                     Stop
    no request can succeed until a person acts              Stop

Where no contact may be invalid (`ignore_invalid_contacts` false) nothing of a refused request is
stored. What comes before the first bad contact is then sent first, and all from it on again:

    codes 4, 5 or none, sent before older ones were settled Requeue, to wait for them
    refused alone, sent before older ones were settled      Requeue, to wait for them
    a contact of several records                            Split into halves of its records
    one record                                              Reject, which ends the sync

Pure. `response_handler` carries decisions out.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TypeAlias

import msgspec

from destination_maileon.delivery.report_matching import MatchedReport
from destination_maileon.delivery.request import Purpose, Request
from destination_maileon.delivery.service_state import ServiceState
from destination_maileon.maileon.contact_xml import contact_bytes
from destination_maileon.maileon.error_codes import DUPLICATE_CODES, NO_SUCH_CUSTOM_FIELD
from destination_maileon.maileon.errors import FailureReason, RequestRejected, RetriableError
from destination_maileon.maileon.report import InvalidContact
from destination_maileon.mapping.mapped_record import BatchEntry

SPLIT_AFTER_OVERLOADS = 5
"""So often a request may be too much for the service, while others succeed."""

_NEVER_ONE_CONTACT = frozenset({HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_ACCEPTABLE})


@dataclass(frozen=True, slots=True)
class Settle:
    """The records of these contacts have reached their end.

    `are_written`: each of them is as it was sent, and none was left out.
    """

    entries: Sequence[BatchEntry]
    are_written: bool = False


@dataclass(frozen=True, slots=True)
class Requeue:
    """The request is sent again, not before this time, or once everything older is settled."""

    at: float
    is_barrier: bool = False


@dataclass(frozen=True, slots=True)
class Strip:
    """The contact is sent again, without these custom fields."""

    entry: BatchEntry
    lost_fields: frozenset[str]


@dataclass(frozen=True, slots=True)
class Split:
    """These requests take the place of the contacts that they hold."""

    pieces: Sequence[Request]
    is_probe: bool = False


@dataclass(frozen=True, slots=True)
class Hold:
    """The contact waits: for a pass, with the report's findings, or until one is accepted."""

    entry: BatchEntry
    findings: Sequence[InvalidContact] = ()


@dataclass(frozen=True, slots=True)
class Reject:
    """The records of the contact are rejected."""

    entry: BatchEntry
    findings: Sequence[InvalidContact] = ()


@dataclass(frozen=True, slots=True)
class Stop:
    """The sync ends: with a contact that cannot be to blame, or since it was tried long enough."""


Decision: TypeAlias = Settle | Requeue | Strip | Split | Hold | Reject | Stop


def on_report(
    request: Request,
    report: MatchedReport,
    *,
    lost_fields: Callable[[Iterable[str]], frozenset[str]],
    are_written: bool = False,
) -> list[Decision]:
    """What a report asks for, contact by contact; `lost_fields` of some that the account had."""
    decisions: list[Decision] = [Settle(report.accepted, are_written)] if report.accepted else []
    for entry, findings in report.rejected:
        is_unknown = any(finding.code == NO_SUCH_CUSTOM_FIELD for finding in findings)
        if is_unknown and (lost := lost_fields(entry.contact.custom_fields)):
            decisions.append(Strip(_without(entry, lost), lost))
        elif findings[0].code in DUPLICATE_CODES:
            decisions.append(Hold(entry, findings))
        elif len(entry.parts) > 1:
            decisions.append(_split(request, [request.record_halves(entry)]))
        else:
            decisions.append(Reject(entry, findings))
    if report.uncertain:
        suspects = request.with_contacts(report.uncertain, is_already_counted=True)
        # One alone is asked for again: of a request with one contact it is known who is meant.
        decisions.append(Split(suspects.halves() if suspects.is_divisible else [suspects]))
    return decisions


def _without(entry: BatchEntry, lost_fields: frozenset[str]) -> BatchEntry:
    parts = []
    for part in entry.parts:
        kept = {n: v for n, v in part.contact.custom_fields.items() if n not in lost_fields}
        payload = contact_bytes(replace(part.contact, custom_fields=kept))
        parts.append(msgspec.structs.replace(part, payload=payload))
    return entry.of_parts(parts)


def on_strict_report(request: Request, report: MatchedReport, now: float) -> Decision:
    """What a report asks for that counts invalid contacts where none may be."""
    bad = dict(report.rejected)
    entries = sorted(request.entries, key=lambda entry: entry.position)
    if not bad:
        return _split(request, request.halves())
    first = next(entry for entry in entries if entry in bad)
    at = entries.index(first)
    if at:
        pieces = [request.with_contacts(entries[:at]), request.with_contacts(entries[at:])]
        return _split(request, pieces)
    code = bad[first][0].code
    is_duplicate = code in DUPLICATE_CODES
    if (is_duplicate or code is None) and not request.was_oldest:
        return Requeue(now, is_barrier=True)
    if len(first.parts) > 1 and not is_duplicate:
        rest = [request.with_contacts(entries[1:])] if entries[1:] else []
        return _split(request, [request.record_halves(first), *rest])
    return Reject(first, bad[first])


def on_refusal(request: Request, refusal: RequestRejected, service: ServiceState) -> Decision:
    """What the refusal of a whole request asks for."""
    if not _may_be_one_contact(request, refusal):
        return Stop()
    if request.is_divisible:
        return _split(request, request.halves())
    entry = request.entries[0]
    if _is_strict(request) and request.purpose is Purpose.WRITE and not request.was_oldest:
        return Requeue(request.sent_at, is_barrier=True)
    if _is_strict(request) or service.is_cleared(request.purpose):
        return Reject(entry)
    return Hold(entry)


def on_failure(
    request: Request, failure: RetriableError, service: ServiceState, *, now: float, chance: float
) -> Decision:
    """What a failure asks for that may pass; `chance` is a number from 0 to 1.

    The request counts the failure already. The records of one contact stay together: the request
    may have been carried out, and the older half of them would overwrite it.
    """
    if len(request.entries) > 1 and (pieces := _smaller(request, failure, service, now=now)):
        return pieces
    wait = service.backoff.delay(
        request.attempts,
        now - request.first_attempt_at,
        retry_after=failure.retry_after,
        random=lambda: chance,
    )
    return Stop() if wait is None else Requeue(now + wait)


def _smaller(
    request: Request, failure: RetriableError, service: ServiceState, *, now: float
) -> Split | None:
    if not failure.may_be_too_large:
        return None
    if service.bears is not None and len(request.entries) > service.bears:
        return _split(request, request.pieces(service.bears))
    if service.has_succeeded_since(request):
        is_due = request.overloads >= SPLIT_AFTER_OVERLOADS
        return _split(request, request.halves()) if is_due else None
    # A service that says when to come again is well enough to be believed.
    is_timeout = failure.reason is FailureReason.TIMEOUT
    if failure.retry_after is None and service.is_probe_due(request, now, is_timeout=is_timeout):
        return replace(_split(request, request.halves()), is_probe=True)
    return None


def _split(request: Request, pieces: list[Request]) -> Split:
    """Side by side; where nothing may follow what is bad, each once everything older is settled."""
    for piece in pieces[1:]:
        piece.is_barrier = _is_strict(request)
    # Only the records of one contact have others behind them, and are cut in one way.
    pieces[-1].last.then = request.then
    return Split(pieces)


def _is_strict(request: Request) -> bool:
    return not request.partition_key.plan.options.ignore_invalid_contacts


def _may_be_one_contact(request: Request, refusal: RequestRejected) -> bool:
    """A removal is about nobody else, unless nobody can be deleted at all."""
    if request.purpose is not Purpose.WRITE:
        return refusal.status not in _NEVER_ONE_CONTACT
    return refusal.may_be_one_contact or refusal.status == HTTPStatus.FORBIDDEN

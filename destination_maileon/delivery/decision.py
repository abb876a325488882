"""Decides what is done about the answer to a request, by this table.

    answer                                                  decision
    ------                                                  --------
    report: accepted                                        Settle
    report: code 21, and the custom field has vanished      Strip: send again without the field
    report: codes 4, 5                                      Hold until a pass
    report: other codes, a contact of several records       Split into halves of its records
    report: other codes, one record                         Reject
    report: invalid contacts counted but not named          Split the contacts it may mean
    refused as a whole (400, 413), several records          Split
    refused, one record, another request was accepted       Reject
    refused, one record, none was accepted yet              Hold until one is accepted
    refused, and no contact can be the cause                Stop
    403 after a request of its kind was accepted            the same as if refused (400)
    failed, may be too large, 5 times, others succeed       Split
    failed by timeout, more contacts than the service bears Split to the size it bears
    failed, may be too large, none succeeds                 Split, one request at a time
    failed otherwise, within the time for retries           Requeue
    failed beyond the time for retries                      Stop
    no request can succeed until a person acts              Stop

In strict mode (`ignore_invalid_contacts` false) Maileon stores nothing of a refused request. The
contacts before the first bad one are then sent first, and the others again after them:

    codes 4, 5 or none, sent before older ones were settled Requeue, to wait for them
    refused, one record, sent before older ones settled     Requeue, to wait for them
    a contact of several records                            Split into halves
    one record                                              Reject, which ends the sync

Nothing is sent here: `response_handler` carries the decisions out.
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
"""A request is split after this many timeouts or overloads while other requests succeed."""

_NEVER_ONE_CONTACT = frozenset({HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_ACCEPTABLE})


@dataclass(frozen=True, slots=True)
class Settle:
    """The records of these contacts are settled.

    `are_written`: Maileon wrote each contact as it was sent and left none out.
    """

    entries: Sequence[BatchEntry]
    are_written: bool = False


@dataclass(frozen=True, slots=True)
class Requeue:
    """The request is sent again at this time or, as a barrier, once everything older is settled."""

    at: float
    is_barrier: bool = False


@dataclass(frozen=True, slots=True)
class Strip:
    """The contact is sent again, without these custom fields."""

    entry: BatchEntry
    lost_fields: frozenset[str]


@dataclass(frozen=True, slots=True)
class Split:
    """These smaller requests replace the request; `is_probe`: to learn why none succeeds."""

    pieces: Sequence[Request]
    is_probe: bool = False


@dataclass(frozen=True, slots=True)
class Hold:
    """The contact waits: with findings for a pass, without until another request is accepted."""

    entry: BatchEntry
    findings: Sequence[InvalidContact] = ()


@dataclass(frozen=True, slots=True)
class Reject:
    """The records of the contact are rejected."""

    entry: BatchEntry
    findings: Sequence[InvalidContact] = ()


@dataclass(frozen=True, slots=True)
class Stop:
    """The sync ends: no contact can be the cause, or the time for retries is over."""


Decision: TypeAlias = Settle | Requeue | Strip | Split | Hold | Reject | Stop


def on_report(
    request: Request,
    report: MatchedReport,
    *,
    lost_fields: Callable[[Iterable[str]], frozenset[str]],
    are_written: bool = False,
) -> list[Decision]:
    """Decides for each contact of a report; `lost_fields` picks the fields the account has lost."""
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
        # One contact alone is sent again: the answer to a request with one contact is unambiguous.
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
    """Decides about a report with invalid contacts in strict mode."""
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
    if is_duplicate or first.records == 1:
        return Reject(first, bad[first])
    return _split(request, request.halves())


def on_refusal(request: Request, refusal: RequestRejected, service: ServiceState) -> Decision:
    """Decides about a request that was refused as a whole."""
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
    """Decides about a failure that may be temporary; `chance` is a number from 0 to 1.

    The request has already counted the failure. The records of one contact stay together: the
    request may have been carried out, and sending the older half again would overwrite it.
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
    # A service that sends Retry-After is well enough to be believed.
    is_timeout = failure.reason is FailureReason.TIMEOUT
    if failure.retry_after is None and service.is_probe_due(request, now, is_timeout=is_timeout):
        return replace(_split(request, request.halves()), is_probe=True)
    return None


def _split(request: Request, pieces: list[Request]) -> Split:
    """A split into independent pieces; in strict mode each piece waits for those before it."""
    for piece in pieces[1:]:
        piece.is_barrier = _is_strict(request)
    # Only a request with the records of one contact has a `then`, and its one piece keeps it.
    pieces[-1].last.then = request.then
    return Split(pieces)


def _is_strict(request: Request) -> bool:
    return not request.partition_key.plan.options.ignore_invalid_contacts


def _may_be_one_contact(request: Request, refusal: RequestRejected) -> bool:
    """Whether the request's contacts may be the cause, and not the options or the key."""
    if request.purpose is not Purpose.WRITE:
        return refusal.status not in _NEVER_ONE_CONTACT
    return refusal.may_be_one_contact or refusal.status == HTTPStatus.FORBIDDEN

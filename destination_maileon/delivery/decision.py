"""Decides what is done about the answer to a request, by this table.

    answer                                                  decision
    ------                                                  --------
    report: accepted                                        settled first
    report: code 21, and the custom field has vanished      Split off without the field
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
    failed, more contacts than the largest size answered    Split to that size
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
from destination_maileon.delivery.service_state import SPLIT_AFTER_OVERLOADS, ServiceState
from destination_maileon.maileon.contact_xml import contact_bytes
from destination_maileon.maileon.error_codes import DUPLICATE_CODES, NO_SUCH_CUSTOM_FIELD
from destination_maileon.maileon.errors import FailureReason, RequestRejected, RetriableError
from destination_maileon.maileon.report import InvalidContact
from destination_maileon.mapping.mapped_record import BatchEntry

Cause: TypeAlias = Sequence[InvalidContact] | RequestRejected
"""What is said against a contact: findings of a report, or the refusal of its request."""


@dataclass(frozen=True, slots=True)
class Requeue:
    """The request is sent again at this time or, as a barrier, once everything older is settled."""

    at: float
    is_barrier: bool = False


@dataclass(frozen=True, slots=True)
class Split:
    """These requests replace the request, without the `lost_fields`. `is_probe`: none succeeds."""

    pieces: Sequence[Request]
    may_be_size: bool = False
    is_probe: bool = False
    lost_fields: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Hold:
    """With findings the contact waits for a pass, with a refusal until a request is accepted."""

    entry: BatchEntry
    cause: Cause


@dataclass(frozen=True, slots=True)
class Reject:
    """The records of the contact are rejected."""

    entry: BatchEntry
    cause: Cause


@dataclass(frozen=True, slots=True)
class Stop:
    """The sync ends."""

    cause: RequestRejected | RetriableError


Decision: TypeAlias = Requeue | Split | Hold | Reject | Stop


def on_report(
    request: Request, report: MatchedReport, lost_fields: Callable[[Iterable[str]], frozenset[str]]
) -> list[Decision]:
    """Decides about the invalid contacts; `lost_fields` picks the fields the account has lost."""
    decisions: list[Decision] = []
    for entry, findings in report.rejected:
        is_unknown = any(finding.code == NO_SUCH_CUSTOM_FIELD for finding in findings)
        if is_unknown and (lost := lost_fields(entry.contact.custom_fields)):
            piece = request.with_contacts([_without(entry, lost)])
            decisions.append(Split(_in_place_of(request, [piece]), lost_fields=lost))
        elif findings[0].code in DUPLICATE_CODES:
            decisions.append(Hold(entry, findings))
        elif len(entry.parts) > 1:
            decisions.append(Split(_in_place_of(request, [request.record_halves(entry)])))
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
    at = next((n for n, entry in enumerate(entries) if entry in bad), len(entries) // 2)
    if at:
        pieces = [request.with_contacts(entries[:at]), request.with_contacts(entries[at:])]
        return Split(_in_place_of(request, pieces))
    first, findings = entries[0], bad[entries[0]]
    is_duplicate = findings[0].code in DUPLICATE_CODES
    if (is_duplicate or findings[0].code is None) and not request.was_oldest:
        return Requeue(now, is_barrier=True)
    if is_duplicate or first.records == 1:
        return Reject(first, findings)
    return Split(_in_place_of(request, request.halves()))


def on_refusal(request: Request, refusal: RequestRejected, service: ServiceState) -> Decision:
    """Decides about a request that was refused as a whole."""
    status, is_write = refusal.status, request.purpose is Purpose.WRITE
    # 403 comes here only if the key has shown before that it has the right.
    may_be_one_contact = refusal.may_be_one_contact or status == HTTPStatus.FORBIDDEN
    if not is_write:
        may_be_one_contact = status not in {405, 406}
    if not may_be_one_contact:
        return Stop(refusal)
    if request.is_divisible:
        is_too_large = status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        return Split(_in_place_of(request, request.halves()), may_be_size=is_too_large)
    entry = request.entries[0]
    is_strict = not request.partition_key.plan.options.ignore_invalid_contacts
    if is_strict and is_write and not request.was_oldest:
        return Requeue(request.sent_at, is_barrier=True)
    is_to_blame = is_strict or service.is_cleared(request.purpose)
    return Reject(entry, refusal) if is_to_blame else Hold(entry, refusal)


def on_failure(
    request: Request, failure: RetriableError, service: ServiceState, *, now: float, chance: float
) -> Decision:
    """Decides about a failure that the request has counted; `chance` is a number from 0 to 1."""
    # The records of one contact stay together: the request may have been carried out, and sending
    # the older half again would overwrite it.
    may_be_split = failure.may_be_too_large and len(request.entries) > 1
    if may_be_split and (smaller := _smaller(request, failure, service, now=now)):
        return smaller
    elapsed = now - request.first_attempt_at
    wait = service.backoff.delay(
        request.attempts, elapsed, retry_after=failure.retry_after, random=lambda: chance
    )
    return Stop(failure) if wait is None else Requeue(now + wait)


def _smaller(
    request: Request, failure: RetriableError, service: ServiceState, *, now: float
) -> Split | None:
    is_timeout = failure.reason is FailureReason.TIMEOUT
    if service.largest_size is not None and len(request.entries) > service.largest_size:
        return Split(_in_place_of(request, request.pieces(service.largest_size)), is_timeout)
    is_probe = not service.has_succeeded_since(request)
    is_due = request.overloads >= SPLIT_AFTER_OVERLOADS
    if is_probe:
        is_due = service.is_probe_due(request, failure, now)
    return Split(_in_place_of(request, request.halves()), is_timeout, is_probe) if is_due else None


def _in_place_of(request: Request, pieces: list[Request]) -> list[Request]:
    """The pieces of a request; in strict mode each waits for those before it."""
    for piece in pieces[1:]:
        piece.is_barrier = not request.partition_key.plan.options.ignore_invalid_contacts
    # Only a request with the records of one contact has a `then`, and its one piece keeps it.
    pieces[-1].chain[-1].then = request.then
    return pieces

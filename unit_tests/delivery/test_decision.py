"""Every row of the table of decisions, and what a decision asks for besides its kind."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from http import HTTPStatus
from unittest.mock import ANY

import pytest
from hypothesis import given
from hypothesis import strategies as st

from destination_maileon.delivery import decision
from destination_maileon.delivery.decision import (
    Decision,
    Hold,
    Reject,
    Requeue,
    Split,
    Stop,
    on_failure,
    on_refusal,
    on_report,
    on_strict_report,
)
from destination_maileon.delivery.report_matching import MatchedReport
from destination_maileon.delivery.request import Purpose, Request
from destination_maileon.delivery.service_state import SPLIT_AFTER_OVERLOADS, ServiceState
from destination_maileon.maileon.backoff import Backoff
from destination_maileon.maileon.errors import FailureReason, RequestRejected, RetriableError
from destination_maileon.mapping.mapped_record import BatchEntry
from destination_maileon.streams.catalog import PartitionKey
from unit_tests.support.harness import BROKEN, NO_CONNECTION, REFUSED, STRICT, THROTTLED, TIMEOUT
from unit_tests.support.rooms import (
    PARTITION,
    a_removal_request,
    a_request,
    invalid,
    places,
    someone,
)

NOW = 10.0


def a_service(*accepted: Purpose, largest_size: int | None = None) -> ServiceState:
    return ServiceState(Backoff(100.0), accepted={*accepted}, largest_size=largest_size)


def two(partition_key: PartitionKey = PARTITION) -> Request:
    return a_request(someone(1), someone(2), partition_key=partition_key)


def reported(code: int, *, records: int = 1, gone: Sequence[str] = ()) -> Decision:
    """What a contact with this code asks for."""
    request = a_request([someone(n, "ada") for n in range(1, records + 1)])
    rejected = [(request.entries[0], [invalid("ada@example.com", code)])]
    matched = MatchedReport(rejected=rejected)
    [made] = on_report(request, matched, lambda _: frozenset(gone))
    return made


def _uncertain() -> Decision:
    request = two()
    matched = MatchedReport(uncertain=request.entries)
    [made] = on_report(request, matched, lambda _: frozenset())
    return made


def reported_strictly(code: int, *, records: int = 1) -> Decision:
    request = a_request([someone(n, "ada") for n in range(1, records + 1)], partition_key=STRICT)
    rejected = [(request.entries[0], [invalid("ada@example.com", code)])]
    return on_strict_report(request, MatchedReport(rejected=rejected), NOW)


def refused(
    request: Request,
    *accepted: Purpose,
    status: int = HTTPStatus.BAD_REQUEST,
    was_oldest: bool = True,
) -> Decision:
    request.was_oldest = was_oldest
    return on_refusal(request, RequestRejected("No.", status=status), a_service(*accepted))


def failed(
    failure: RetriableError,
    *,
    contacts: int = 2,
    times: int = 1,
    since: float = 0.0,
    others_succeed: bool = False,
    largest_size: int | None = None,
) -> Decision:
    service = a_service(largest_size=largest_size)
    request = a_request(*map(someone, range(1, contacts + 1)))
    service.sent(request, NOW - since)
    for _ in range(times):
        service.failed(request, is_overload=failure.may_be_too_large)
    if others_succeed:
        service.answered(a_request(someone(9)), is_report=True)
    return on_failure(request, failure, service, now=NOW, chance=1.0)


CASES: dict[str, Callable[[], Decision]] = {
    "report: code 21, and the custom field has vanished": lambda: reported(21, gone=["HAT"]),
    "report: codes 4, 5": lambda: reported(4),
    "report: other codes, a contact of several records": lambda: reported(8, records=2),
    "report: other codes, one record": lambda: reported(8),
    "report: invalid contacts counted but not named": _uncertain,
    "refused as a whole (400, 413), several records": lambda: refused(two()),
    "refused, one record, another request was accepted": lambda: refused(
        a_request(someone(1)), Purpose.WRITE
    ),
    "refused, one record, none was accepted yet": lambda: refused(a_request(someone(1))),
    "refused, and no contact can be the cause": lambda: refused(two(), status=405),
    "403 after a request of its kind was accepted": lambda: refused(
        two(), Purpose.WRITE, status=403
    ),
    "failed, may be too large, 5 times, others succeed": lambda: failed(
        BROKEN, times=SPLIT_AFTER_OVERLOADS, others_succeed=True
    ),
    "failed, more contacts than the largest size answered": lambda: failed(TIMEOUT, largest_size=1),
    "failed, may be too large, none succeeds": lambda: failed(TIMEOUT, times=2),
    "failed otherwise, within the time for retries": lambda: failed(NO_CONNECTION),
    "failed beyond the time for retries": lambda: failed(NO_CONNECTION, since=100.0),
    "codes 4, 5 or none, sent before older ones were settled": lambda: reported_strictly(5),
    "refused, one record, sent before older ones settled": lambda: refused(
        a_request(someone(1), partition_key=STRICT), was_oldest=False
    ),
    "a contact of several records": lambda: reported_strictly(8, records=2),
    "one record": lambda: reported_strictly(8),
}
"""One case for each row of the table, by its first column."""

ELSEWHERE = {"report: accepted", "no request can succeed until a person acts"}
"""What needs no decision: `test_response_handler` has it."""

AS = {"the same as if refused (400)": "Split"}


def table() -> dict[str, str]:
    """The rows of the module's docstring."""
    lines = (decision.__doc__ or "").splitlines()
    rows = [line for line in lines if line.startswith("    ") and len(line) > 60]
    return {
        row[4:60].strip(): row[60:]
        for row in rows
        if row[60:] != "decision" and not row.startswith("    ---")
    }


def test_every_row_of_the_table_has_a_case_and_every_case_a_row() -> None:
    assert {*table()} == {*CASES, *ELSEWHERE}


@pytest.mark.parametrize("answer", CASES)
def test_what_is_decided_is_what_the_table_says(answer: str) -> None:
    told = table()[answer]
    kind = AS.get(told) or re.split(r"\W", told)[0]
    assert type(CASES[answer]()).__name__ == kind


# Of a report.


def test_of_a_report_the_named_and_the_unnamed_contacts_are_decided_about() -> None:
    request = a_request(*map(someone, (1, 2, 3)))
    one, other, third = request.entries
    matched = MatchedReport(
        accepted=[third], rejected=[(one, [invalid("1@example.com")])], uncertain=[other]
    )
    made = on_report(request, matched, lambda _: frozenset())
    rejected, again = made
    assert rejected == Reject(one, [invalid("1@example.com")])
    assert isinstance(again, Split)
    [piece] = again.pieces
    # Who is searched for was counted by this report already.
    assert (piece.entries, piece.is_already_counted) == ([other], True)


def test_a_duplicate_is_held_whole_with_its_findings() -> None:
    made = reported(5, records=2)
    assert isinstance(made, Hold)
    assert made.cause == [invalid("ada@example.com", 5)]
    assert len(made.entry.parts) == 2


def test_the_fields_that_are_gone_are_named() -> None:
    made = reported(21, gone=["HAT"])
    assert isinstance(made, Split)
    assert made.lost_fields == {"HAT"}
    assert places(made.pieces) == [[[1]]]


def test_halves_of_records_follow_each_other_and_what_stood_behind_the_request_follows_them() -> (
    None
):
    request = a_request([someone(1, "ada"), someone(2, "ada")], then=a_request(someone(3, "ada")))
    matched = MatchedReport(rejected=[(request.entries[0], [invalid("ada@example.com")])])
    [made] = on_report(request, matched, lambda _: frozenset())
    assert isinstance(made, Split)
    [first] = made.pieces
    assert first.then is not None
    assert first.then.then is request.then


# Where no contact may be invalid.


def strictly(request: Request, *bad: BatchEntry, code: int | None = 8) -> Decision:
    rejected = [(entry, [invalid(None, code)]) for entry in bad]
    return on_strict_report(request, MatchedReport(rejected=rejected), NOW)


def in_order(made: Decision) -> list[list[list[int]]]:
    """The pieces, each with what stands behind it; all but the first wait for older records."""
    assert isinstance(made, Split)
    first, *others = made.pieces
    assert not first.is_barrier
    assert all(piece.is_barrier for piece in others)
    requests: list[Request] = []
    for piece in made.pieces:
        requests.append(piece)
        while requests[-1].then is not None:
            requests.append(requests[-1].then)
    return places(requests)


def test_what_comes_before_the_first_bad_contact_goes_first_and_the_rest_after_it() -> None:
    request = a_request(*map(someone, (4, 3, 2, 1)), partition_key=STRICT)
    made = strictly(request, request.entries[0], request.entries[1])
    assert in_order(made) == [[[1], [2]], [[3], [4]]]
    made = strictly(request, *request.entries[:3], code=4)
    assert in_order(made) == [[[1]], [[2], [3], [4]]]


def test_where_none_is_named_the_halves_go_one_after_the_other() -> None:
    request = a_request(*map(someone, (1, 2, 3)), partition_key=STRICT)
    assert in_order(strictly(request)) == [[[1]], [[2], [3]]]


def test_a_bad_contact_of_several_records_is_parted_from_the_rest_and_split() -> None:
    request = a_request([someone(1), someone(3, 1)], someone(2), partition_key=STRICT)
    made = strictly(request, request.entries[0])
    assert in_order(made) == [[[1, 3]], [[2]]]
    assert isinstance(made, Split)
    [alone] = made.pieces[:1]
    assert in_order(strictly(alone, *alone.entries)) == [[[1]], [[3]]]
    alone.was_oldest = True
    assert isinstance(strictly(alone, *alone.entries, code=4), Reject)


@pytest.mark.parametrize("code", [4, 5, None])
def test_what_may_be_a_duplicate_waits_for_older_records_once(code: int | None) -> None:
    request = a_request(someone(1), partition_key=STRICT)
    entry = request.entries[0]
    assert strictly(request, entry, code=code) == Requeue(NOW, is_barrier=True)
    request.was_oldest = True
    assert strictly(request, entry, code=code) == Reject(entry, [invalid(None, code)])


# Of a refusal.


@pytest.mark.parametrize("status", [400, 403, 413])
def test_a_refused_request_of_several_is_halved(status: int) -> None:
    made = refused(two(), status=status)
    assert isinstance(made, Split)
    assert places(made.pieces) == [[[1]], [[2]]]


def test_where_no_contact_may_be_invalid_the_halves_of_a_refused_request_keep_their_order() -> None:
    newest_first = a_request(someone(2), someone(1), partition_key=STRICT)
    assert in_order(refused(newest_first)) == [[[1]], [[2]]]
    alone = a_request(someone(1), partition_key=STRICT)
    assert isinstance(refused(alone, was_oldest=False), Requeue)
    assert isinstance(refused(alone), Reject)


@pytest.mark.parametrize(
    ("status", "stops"), [(400, False), (404, False), (409, False), (405, True), (406, True)]
)
def test_a_removal_is_about_nobody_else_unless_nobody_can_be_removed(
    status: int, stops: bool
) -> None:
    made = refused(a_removal_request(), status=status)
    assert isinstance(made, Stop if stops else Hold)


@pytest.mark.parametrize("status", [402, 404, 405, 409, 422])
def test_what_cannot_be_a_contacts_fault_ends_the_sync(status: int) -> None:
    assert refused(a_request(someone(1)), Purpose.WRITE, status=status) == Stop(ANY)


@pytest.mark.parametrize(
    ("purpose", "accepted", "rejects"),
    [
        (Purpose.WRITE, Purpose.REMOVE, False),
        (Purpose.WRITE, Purpose.LOOK_UP, False),
        (Purpose.REMOVE, Purpose.WRITE, True),
        (Purpose.REMOVE, Purpose.REMOVE, True),
        (Purpose.REMOVE, Purpose.MARK, False),
        (Purpose.LOOK_UP, Purpose.REMOVE, True),
    ],
)
def test_a_record_is_to_blame_once_a_request_like_its_own_was_accepted(
    purpose: Purpose, accepted: Purpose, rejects: bool
) -> None:
    is_write = purpose is Purpose.WRITE
    request = a_request(someone(1)) if is_write else a_removal_request(purpose=purpose)
    made = on_refusal(request, REFUSED, a_service(accepted))
    entry = request.entries[0]
    assert made == (Reject(entry, REFUSED) if rejects else Hold(entry, REFUSED))


# Of a failure.

TOO_LARGE = [TIMEOUT, BROKEN, RetriableError("Broken.", FailureReason.SERVER_ERROR, status=504)]
OTHERWISE = [
    NO_CONNECTION,
    THROTTLED,
    RetriableError("Broken.", FailureReason.SERVER_ERROR, status=502),
    RetriableError("Away.", FailureReason.UNAVAILABLE, status=503),
    RetriableError("What?", FailureReason.UNREADABLE, status=200),
]


@pytest.mark.parametrize("failure", TOO_LARGE)
def test_a_request_that_may_be_too_large_is_halved_the_fifth_time(failure: RetriableError) -> None:
    times = SPLIT_AFTER_OVERLOADS
    made = failed(failure, times=times, others_succeed=True)
    assert isinstance(made, Split)
    assert (places(made.pieces), made.is_probe) == ([[[1]], [[2]]], False)
    assert isinstance(failed(failure, times=times - 1, others_succeed=True), Requeue)


@pytest.mark.parametrize("failure", OTHERWISE)
@pytest.mark.parametrize("others_succeed", [True, False])
def test_a_request_that_fails_otherwise_is_not_split(
    failure: RetriableError, others_succeed: bool
) -> None:
    made = failed(failure, times=9, since=90.0, others_succeed=others_succeed, largest_size=1)
    assert isinstance(made, Requeue)


def test_a_request_that_is_larger_than_the_service_bears_is_split_at_once() -> None:
    made = failed(TIMEOUT, contacts=5, largest_size=2)
    assert isinstance(made, Split)
    assert (places(made.pieces), made.is_probe) == ([[[1], [2]], [[3], [4]], [[5]]], False)


def test_while_none_succeeds_a_split_is_a_probe_unless_the_service_says_when_to_come() -> None:
    made = failed(TIMEOUT, times=2)
    assert isinstance(made, Split)
    assert made.is_probe
    # A service that is ill seldom lets a call wait until it times out.
    assert isinstance(failed(BROKEN, times=2), Requeue)
    assert isinstance(failed(BROKEN, times=2, since=50.0), Split)
    busy = RetriableError("Busy.", FailureReason.TIMEOUT, retry_after=1.0)
    assert isinstance(failed(busy, times=2, since=50.0), Requeue)


def test_one_record_is_never_split_and_never_rejected() -> None:
    assert isinstance(failed(TIMEOUT, contacts=1, times=9, others_succeed=True), Requeue)
    assert failed(TIMEOUT, contacts=1, since=100.0) == Stop(TIMEOUT)


@given(times=st.integers(1, 40), since=st.floats(0, 99.0), asked=st.none() | st.floats(0, 500.0))
def test_a_request_is_tried_again_in_time(times: int, since: float, asked: float | None) -> None:
    failure = RetriableError("No.", FailureReason.CONNECTION, retry_after=asked)
    made = failed(failure, times=times, since=since)
    assert isinstance(made, Requeue)
    assert NOW < made.at <= NOW + 100.0 - since + 1e-6
    assert not made.is_barrier

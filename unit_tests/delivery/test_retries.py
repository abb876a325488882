"""Calls that fail and may succeed later: tried again, sent in halves, or given up."""

from __future__ import annotations

import pytest

from destination_maileon.delivery.probing import OVERLOADS_BEFORE_HALVING
from destination_maileon.delivery.request import Request
from destination_maileon.errors import TransientError
from destination_maileon.maileon.backoff import Backoff
from destination_maileon.maileon.errors import (
    FailureReason,
    MaileonError,
    RetriableError,
)
from unit_tests.support.harness import CUT, PLAN, THROTTLED, TIMEOUT, Desk, places
from unit_tests.support.rooms import (
    a_report,
    someone,
)


def test_a_call_that_may_succeed_later_is_tried_again_after_a_wait() -> None:
    desk = Desk()
    call = desk.call(someone(1))
    assert desk.answer(call, CUT) == 1.0
    assert desk.next() == []
    desk.now = 1.0
    assert desk.next() == [call]
    assert desk.answer(call, CUT) == 2.0
    desk.now = 3.0
    assert desk.next() == [call]
    assert desk.answer(call, a_report(1)) is None
    assert desk.ledger.outcomes == {1: "written"}
    assert desk.ledger.counts[PLAN].calls == 3


def test_the_service_may_ask_for_fewer_calls_and_for_time() -> None:
    desk = Desk()
    assert desk.answer(desk.call(someone(1)), THROTTLED) == 9.0
    assert desk.dispatch.limit == 2
    desk.success()
    assert desk.dispatch.limit == 3


def test_a_call_that_was_tried_long_enough_ends_the_sync_and_names_no_one() -> None:
    desk = Desk()
    call = desk.call(someone(1, "ada"))
    desk.answer(call, CUT)
    desk.now = 100.0
    assert desk.next() == [call]
    with pytest.raises(TransientError) as caught:
        desk.answer(call, CUT)
    said = str(caught.value)
    assert said.startswith("The call for record 1 of stream contacts (")
    assert "failed 2 times in 100 seconds, the last time with: The connection broke." in said
    assert "No other call succeeded meanwhile, so the cause need not be this record." in said
    assert "ada@example" not in said
    assert desk.ledger.outcomes == {}


def test_a_call_of_several_contacts_that_fails_to_the_end_is_told_by_their_number() -> None:
    desk = Desk()
    call = desk.call(someone(1), someone(2))
    desk.answer(call, CUT)
    desk.now = 100.0
    desk.next()
    with pytest.raises(TransientError, match="A call of stream contacts with 2 contacts"):
        desk.answer(call, CUT)


OVERLOADED = [
    TIMEOUT,
    RetriableError("Broken.", FailureReason.SERVER_ERROR, status=500),
    RetriableError("Broken.", FailureReason.SERVER_ERROR, status=504),
]
OTHERWISE = [
    CUT,
    THROTTLED,
    RetriableError("Broken.", FailureReason.SERVER_ERROR, status=502),
    RetriableError("Away.", FailureReason.UNAVAILABLE, status=503),
    RetriableError("What?", FailureReason.UNREADABLE, status=200),
]


def _ended_often(desk: Desk, call: Request, trouble: MaileonError) -> None:
    for _ in range(OVERLOADS_BEFORE_HALVING):
        assert desk.flying == [call]
        desk.answer(call, trouble)
        desk.now += 16.0
        desk.next()


@pytest.mark.parametrize("trouble", OVERLOADED)
def test_a_call_that_is_too_much_while_others_succeed_is_halved(trouble: RetriableError) -> None:
    desk = Desk()
    call = desk.call(someone(1), someone(2))
    desk.success()
    _ended_often(desk, call, trouble)
    assert places(desk.flying) == [[[1]], [[2]]]


@pytest.mark.parametrize("trouble", OTHERWISE)
def test_a_call_that_fails_otherwise_is_not_halved(trouble: RetriableError) -> None:
    desk = Desk()
    call = desk.call(someone(1), someone(2))
    desk.success()
    _ended_often(desk, call, trouble)
    assert desk.flying == [call]


def test_a_call_that_is_too_much_is_not_halved_while_nothing_succeeds() -> None:
    desk = Desk(patience=Backoff(900.0))
    desk.success()
    call = desk.call(someone(1), someone(2))
    _ended_often(desk, call, TIMEOUT)
    assert desk.flying == [call]
    desk.success()
    desk.answer(call, TIMEOUT)
    assert places(desk.next()) == [[[1]], [[2]]]


def test_a_contact_alone_is_too_much_to_the_end_and_never_rejected() -> None:
    desk = Desk()
    call = desk.call(someone(1))
    desk.success()
    _ended_often(desk, call, TIMEOUT)
    assert desk.flying == [call]
    desk.now = 200.0
    with pytest.raises(TransientError, match="record 1 of stream contacts") as caught:
        desk.answer(call, TIMEOUT)
    assert "Other calls succeeded meanwhile, so the cause is likely to be" in str(caught.value)

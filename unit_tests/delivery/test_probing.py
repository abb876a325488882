"""A call that keeps failing while nothing succeeds: cut to find the cause, and not too often."""

from __future__ import annotations

import math
from collections.abc import Collection

import pytest
from hypothesis import given
from hypothesis import strategies as st

from destination_maileon.delivery.request import Request
from destination_maileon.errors import TransientError
from destination_maileon.maileon.backoff import Backoff
from destination_maileon.maileon.errors import FailureReason, RetriableError
from unit_tests.support.builders import a_contact, a_part
from unit_tests.support.harness import TIMEOUT, Desk, places
from unit_tests.support.rooms import a_report, someone

BROKEN = RetriableError("Broken.", FailureReason.SERVER_ERROR, status=500)
SLOW = RetriableError("Busy.", FailureReason.SERVER_ERROR, status=500, retry_after=1.0)
AWAY = RetriableError("Away.", FailureReason.CONNECTION)
LONGEST_WAIT_SECONDS = 30.0


class Service:
    """Answers the calls of a desk at once. Whoever is bad makes each call fail that holds them."""

    def __init__(
        self, bad: Collection[int], *, trouble: RetriableError = BROKEN, back_at: float = math.inf
    ) -> None:
        self.desk = Desk(patience=Backoff(900.0))
        self.trouble = trouble
        self._bad = bad
        self._back_at = back_at
        self.sizes: list[int] = []

    def serve(self) -> TransientError | None:
        """Until all is settled, or the sync ends: then why."""
        while not self.desk.dispatch.is_idle:
            for call in [*self.desk.flying, *self.desk.next()]:
                try:
                    self._answer(call)
                except TransientError as given_up:
                    return given_up
            soonest = self.desk.dispatch.next_attempt_at(None)
            self.desk.now = max(self.desk.now, soonest or 0.0)
        return None

    def _answer(self, call: Request) -> None:
        held = {part.place for entry in call.entries for part in entry.parts}
        self.sizes.append(len(call.entries))
        is_well = held.isdisjoint(self._bad) or self.desk.now >= self._back_at
        self.desk.answer(call, a_report(len(call.entries)) if is_well else self.trouble)

    @property
    def pieces(self) -> int:
        """How many calls are not settled."""
        return len(self.desk.flying) + len(self.desk.dispatch._waiting)

    @property
    def written(self) -> set[int]:
        return {at for at, outcome in self.desk.ledger.outcomes.items() if outcome == "written"}


def a_service(contacts: int, bad: Collection[int], **of: object) -> Service:
    service = Service(bad, **of)  # type: ignore[arg-type]
    service.desk.call(*(someone(place) for place in range(1, contacts + 1)))
    return service


@given(contacts=st.integers(2, 70), data=st.data())
def test_a_bad_contact_of_the_only_call_is_found_and_all_the_others_are_written(
    contacts: int, data: st.DataObject
) -> None:
    everyone = range(1, contacts + 1)
    bad = data.draw(st.integers(1, contacts), label="bad")
    service = a_service(contacts, {bad})
    failure = service.serve()
    assert service.written == {*everyone} - {bad}
    assert service.desk.ledger.rejected_records == 0
    assert f"The call for record {bad} of stream contacts" in str(failure)
    assert "the cause is likely to be this record" in str(failure)


@given(contacts=st.integers(3, 70), data=st.data())
def test_several_bad_contacts_keep_nobody_from_being_written(
    contacts: int, data: st.DataObject
) -> None:
    places_of_bad = st.sets(st.integers(1, contacts), min_size=1, max_size=contacts - 1)
    bad = data.draw(places_of_bad, label="bad")
    service = a_service(contacts, bad)
    service.serve()
    # Each time a call is cut, both halves would have to hold a bad one.
    assert service.written or len(bad) > math.floor(math.log2(contacts))
    if service.written:
        assert service.written == {*range(1, contacts + 1)} - bad


@pytest.mark.parametrize("contacts", [2, 3, 64, 1000])
def test_in_an_outage_one_call_is_cut_into_few_pieces_which_wait_hardly_longer(
    contacts: int,
) -> None:
    service = a_service(contacts, range(2 * contacts + 1))
    service.desk.call(*(someone(contacts + place) for place in range(1, contacts + 1)))
    assert service.serve() is not None
    assert service.written == set()
    levels = math.ceil(math.log2(contacts))
    # With the other call, which is whole, and without the piece that gave up.
    assert service.pieces <= 1 + levels
    assert service.desk.now <= 900.0 + LONGEST_WAIT_SECONDS
    assert len(service.desk.heard.warnings) <= levels


def test_a_service_that_is_back_in_time_is_cut_nothing() -> None:
    service = a_service(8, range(9), back_at=440.0)
    assert service.serve() is None
    assert {*service.sizes} == {8}


def test_pieces_succeed_when_the_service_is_back() -> None:
    service = a_service(8, range(9), back_at=600.0)
    assert service.serve() is None
    assert service.written == {*range(1, 9)}


@pytest.mark.parametrize("trouble", [SLOW, AWAY])
def test_what_is_no_fault_of_the_call_cuts_nothing(trouble: RetriableError) -> None:
    service = a_service(8, range(9), trouble=trouble)
    assert service.serve() is not None
    assert {*service.sizes} == {8}


def test_a_search_that_ended_in_success_does_not_keep_another_from_beginning() -> None:
    service = a_service(2, {2})
    service.desk.call(someone(3), someone(4), someone(5))
    service.serve()
    assert service.written == {1, 3, 4, 5}


def test_where_two_may_be_one_contact_the_second_half_is_not_waited_for() -> None:
    service = Service({1, 2})
    by_id = a_part(4, a_contact(None, id="7"))
    service.desk.call(someone(1), someone(2), someone(3), by_id)
    failure = service.serve()
    assert service.sizes[-1] == 1
    assert "the cause need not be this record" in str(failure)


def test_records_of_one_contact_are_taken_apart_too() -> None:
    service = Service({3})
    service.desk.call([someone(place, 1) for place in (1, 2, 3, 4)])
    failure = service.serve()
    assert service.written == {1, 2}
    assert "The call for record 3 " in str(failure)


def test_a_piece_is_tried_as_long_as_the_call_would_have_been_or_half_as_long_again() -> None:
    desk = Desk(patience=Backoff(100.0))
    call = desk.call(someone(1), someone(2))
    desk.answer(call, TIMEOUT)
    desk.now = 99.0
    assert desk.next() == [call]
    desk.answer(call, TIMEOUT)
    one, other = desk.next()
    assert places([one, other]) == [[[1]], [[2]]]
    desk.answer(other, a_report(1))
    desk.now = 148.0
    assert desk.answer(one, TIMEOUT) == 1.0
    desk.now = 149.0
    desk.next()
    with pytest.raises(TransientError, match=r"record 1 .* failed 4 times"):
        desk.answer(one, TIMEOUT)


def test_while_others_succeed_a_call_is_cut_after_five_times_however_long_they_take() -> None:
    desk = Desk(patience=Backoff(900.0))
    call = desk.call(someone(1), someone(2))
    for _ in range(4):
        desk.now += 120.0
        desk.success()
        wait = desk.answer(call, TIMEOUT)
        assert wait is not None
        desk.now += wait
        assert desk.next() == [call]
    desk.now += 120.0
    assert desk.answer(call, TIMEOUT) is None
    assert desk.heard.warnings == []


def hang(desk: Desk, *, seconds: float) -> None:
    while True:
        (call,) = desk.flying or desk.next()
        desk.now += seconds
        desk.now += desk.answer(call, TIMEOUT) or 0.0


def test_pieces_that_wait_for_each_other_get_more_time_once() -> None:
    desk = Desk(patience=Backoff(900.0))
    desk.call([someone(place, 1) for place in range(1, 1001)])
    with pytest.raises(TransientError):
        hang(desk, seconds=120.0)
    assert desk.now <= 1.5 * 900.0 + 120.0


def test_a_piece_that_waited_for_another_has_time_of_its_own() -> None:
    desk = Desk(patience=Backoff(100.0))
    call = desk.call([someone(place, 1) for place in (1, 2, 3, 4)])
    desk.answer(call, TIMEOUT)
    desk.now = 60.0
    desk.answer(desk.next()[0], TIMEOUT)
    (first,) = desk.next()
    desk.now = 105.0
    desk.answer(first, a_report(1))
    (second,) = desk.next()
    desk.now = 112.0
    assert desk.answer(second, TIMEOUT) is not None

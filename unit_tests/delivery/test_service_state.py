"""A request that keeps failing while none succeeds, and what size of request the service bears."""

from __future__ import annotations

import math
import re
from collections.abc import Collection

import pytest
from hypothesis import given
from hypothesis import strategies as st

from destination_maileon.config.spec import IdentifiersInLogs
from destination_maileon.delivery.explanations import Explanations
from destination_maileon.delivery.request import Purpose, Request
from destination_maileon.delivery.service_state import (
    MAX_REFUSED_REQUESTS,
    RefusalTracker,
    ServiceState,
)
from destination_maileon.errors import ConfigError, StopSync, TransientError
from destination_maileon.maileon.backoff import Backoff
from destination_maileon.maileon.errors import FailureReason, RequestRejected, RetriableError
from destination_maileon.mapping.mapped_record import BatchEntry
from destination_maileon.streams.account import Account
from unit_tests.support.builders import CountingApi, at_once
from unit_tests.support.harness import BROKEN, NO_CONNECTION, REFUSED, STRICT, TIMEOUT, Harness
from unit_tests.support.rooms import (
    a_removal_request,
    a_report,
    a_request,
    places,
    someone,
)

BUSY = RetriableError("Busy.", FailureReason.SERVER_ERROR, status=500, retry_after=1.0)
LONGEST_WAIT_SECONDS = 30.0


class Service:
    """Answers requests at once. Whoever is bad makes each request fail that holds them."""

    def __init__(
        self,
        contacts: int,
        bad: Collection[int],
        *,
        failure: RetriableError = BROKEN,
        back_at: float = math.inf,
    ) -> None:
        self.harness = Harness(backoff=Backoff(900.0))
        self.failure = failure
        self.sizes: list[int] = []
        self._bad = bad
        self._back_at = back_at
        if contacts:
            self.harness.request(*map(someone, range(1, contacts + 1)))

    def serve(self) -> TransientError | None:
        """Until all is settled, or the sync ends: then why."""
        harness = self.harness
        while not harness.scheduler.is_idle:
            for request in [*harness.in_flight, *harness.send()]:
                try:
                    self._answer(request)
                except TransientError as given_up:
                    return given_up
            harness.now = max(harness.now, harness.scheduler.next_attempt_at(lambda: None) or 0.0)
        return None

    def _answer(self, request: Request) -> None:
        held = {part.position for entry in request.entries for part in entry.parts}
        self.sizes.append(len(request.entries))
        is_well = held.isdisjoint(self._bad) or self.harness.now >= self._back_at
        self.harness.answer(request, a_report(len(request.entries)) if is_well else self.failure)

    @property
    def written(self) -> set[int]:
        return {*self.harness.outcomes}


# While none succeeds.


@given(contacts=st.integers(2, 70), data=st.data())
def test_a_bad_contact_of_the_only_request_is_found_and_all_the_others_are_written(
    contacts: int, data: st.DataObject
) -> None:
    bad = data.draw(st.integers(1, contacts), label="bad")
    service = Service(contacts, {bad})
    failure = service.serve()
    assert service.written == {*range(1, contacts + 1)} - {bad}
    assert {*service.harness.outcomes.values()} == {"written"}
    assert f"The call for record {bad} of stream contacts" in str(failure)
    assert "the cause is likely to be this record" in str(failure)


@given(contacts=st.integers(3, 70), data=st.data())
def test_of_several_bad_contacts_none_is_rejected_and_one_is_named(
    contacts: int, data: st.DataObject
) -> None:
    some = st.sets(st.integers(1, contacts), min_size=1, max_size=contacts - 1)
    bad = data.draw(some, label="bad")
    service = Service(contacts, bad)
    failure = str(service.serve())
    assert " times in " in failure
    assert service.written.isdisjoint(bad)
    assert {*service.harness.outcomes.values()} <= {"written"}
    # The patience of the first of them may end before everybody else was found to be well.
    if service.written:
        named = re.search(r"The call for record (\d+) of stream contacts", failure)
        assert named is None or int(named[1]) in bad


@pytest.mark.parametrize("contacts", [2, 3, 64, 1000])
def test_in_an_outage_one_request_is_split_into_few_pieces_which_wait_hardly_longer(
    contacts: int,
) -> None:
    service = Service(contacts, range(2 * contacts + 1))
    harness = service.harness
    harness.request(*map(someone, range(contacts + 1, 2 * contacts + 1)))
    assert service.serve() is not None
    assert service.written == set()
    levels = math.ceil(math.log2(contacts))
    # With the other request, which is whole, and without the piece that gave up.
    assert len(harness.in_flight) + len(harness.scheduler._pending) <= 1 + levels
    assert harness.now <= 900.0 + LONGEST_WAIT_SECONDS
    assert len(harness.heard.warnings) <= levels


@pytest.mark.parametrize(("back_at", "sizes"), [(440.0, {8}), (600.0, {8, 4, 2, 1})])
def test_a_service_that_is_back_in_time_gets_no_pieces(back_at: float, sizes: set[int]) -> None:
    service = Service(8, range(9), back_at=back_at)
    assert service.serve() is None
    assert {*service.sizes} <= sizes
    assert service.written == {*range(1, 9)}


@pytest.mark.parametrize("failure", [BUSY, NO_CONNECTION])
def test_what_is_no_fault_of_the_request_splits_nothing(failure: RetriableError) -> None:
    service = Service(8, range(9), failure=failure)
    assert service.serve() is not None
    assert {*service.sizes} == {8}


def test_a_search_that_ended_in_success_does_not_keep_another_from_beginning() -> None:
    service = Service(2, {2})
    service.harness.request(someone(3), someone(4), someone(5))
    service.serve()
    assert service.written == {1, 3, 4, 5}


def test_records_of_one_contact_stay_together() -> None:
    """A call that seemed to fail may have been carried out: half of it would be older data."""
    service = Service(0, {3})
    service.harness.request([someone(position, 1) for position in (1, 2, 3, 4)])
    failure = service.serve()
    assert service.written == set()
    assert "The call for record 1 " in str(failure)


def test_a_piece_is_tried_as_long_as_the_request_would_have_been_or_half_as_long_again() -> None:
    harness = Harness()
    request = harness.request(someone(1), someone(2))
    harness.answer(request, TIMEOUT)
    harness.now = 99.0
    assert harness.send() == [request]
    harness.answer(request, TIMEOUT)
    [one] = harness.send()
    assert places([one]) == [[[1]]]
    harness.now = 148.0
    assert harness.answer(one, TIMEOUT) == 1.0
    harness.answer(harness.send()[0], a_report(1))
    harness.now = 149.0
    harness.send()
    with pytest.raises(TransientError, match=r"record 1 .* failed 4 times"):
        harness.answer(one, TIMEOUT)


def test_of_pieces_one_at_a_time_is_split_after_all_of_them_were_tried() -> None:
    harness = Harness(backoff=Backoff(900.0))
    request = harness.request(*map(someone, range(1, 9)))
    harness.answer(request, TIMEOUT)
    harness.now = 60.0
    assert harness.send() == [request]
    left = harness.answered(request, TIMEOUT)
    order = [left]
    for _ in range(3):
        harness.now += 60.0
        order.append(harness.answered(harness.in_flight[0], TIMEOUT))
    # The first half is not split before the second was tried.
    sizes = [[len(request) for request in requests] for requests in order]
    assert sizes[:2] == [[4], [4]]
    assert 2 in sizes[2]


def test_while_others_succeed_a_request_is_split_after_five_times_however_long_they_take() -> None:
    harness = Harness(backoff=Backoff(900.0))
    request = harness.request(someone(1), someone(2))
    for _ in range(4):
        harness.now += 120.0
        harness.success()
        wait = harness.answer(request, BROKEN)
        assert wait is not None
        harness.now += wait
        assert harness.send() == [request]
    harness.now += 120.0
    assert harness.answer(request, BROKEN) is None
    assert harness.heard.warnings == []


def test_pieces_that_wait_for_each_other_get_more_time_once() -> None:
    harness = Harness(backoff=Backoff(900.0))
    harness.request([someone(position, 1) for position in range(1, 1001)])
    with pytest.raises(TransientError):  # noqa: PT012 - one of many
        while True:
            [request] = harness.in_flight or harness.send()
            harness.now += 120.0
            harness.now += harness.answer(request, TIMEOUT) or 0.0
    assert harness.now <= 1.5 * 900.0 + 120.0


def test_a_piece_that_waited_for_another_has_time_of_its_own() -> None:
    harness = Harness(partition_key=STRICT)
    request = harness.request(*map(someone, (1, 2, 3, 4)))
    harness.answer(request, TIMEOUT)
    harness.now = 60.0
    harness.answer(harness.send()[0], TIMEOUT)
    [first] = harness.send()
    harness.now = 105.0
    harness.answer(first, a_report(1))
    [second] = harness.send()
    harness.now = 112.0
    assert harness.answer(second, TIMEOUT) is not None


# What the service accepted.


def test_contacts_clear_a_removal_and_no_removal_clears_contacts() -> None:
    cleared = {
        accepted: {purpose for purpose in Purpose if state.is_cleared(purpose)}
        for accepted in Purpose
        for state in [ServiceState(Backoff(1.0), accepted={accepted})]
    }
    questions = {Purpose.MARK, Purpose.LOOK_UP, Purpose.ASK}
    assert cleared == {
        Purpose.WRITE: {*Purpose},
        Purpose.REMOVE: {*Purpose} - {Purpose.WRITE},
        Purpose.MARK: questions,
        Purpose.LOOK_UP: questions,
        Purpose.ASK: questions,
    }


# What size it bears.


def a_timeout_of(contacts: int) -> tuple[ServiceState, list[Request]]:
    """A request that timed out, in pieces."""
    service = ServiceState(Backoff(100.0))
    request = a_request(*map(someone, range(1, contacts + 1)))
    pieces = request.halves()
    service.was_split(request, pieces, may_be_size=True)
    return service, pieces


def answered(service: ServiceState, *pieces: Request, is_report: bool = True) -> list[int | None]:
    return [service.answered(piece, is_report=is_report) for piece in pieces]


def test_a_size_is_learned_once_all_pieces_of_a_request_that_timed_out_are_answered() -> None:
    service, pieces = a_timeout_of(8)
    assert answered(service, *pieces) == [None, 4]
    assert service.largest_size == 4


def test_if_the_pieces_time_out_too_their_own_pieces_teach_the_size() -> None:
    service, [one, other] = a_timeout_of(8)
    smaller, others = one.halves(), other.halves()
    service.was_split(one, smaller, may_be_size=True)
    service.was_split(other, others, may_be_size=True)
    assert answered(service, *smaller, *others) == [None, 2, None, None]
    assert service.largest_size == 2


def test_a_size_that_was_answered_is_borne_unless_it_times_out_again_and_again() -> None:
    service, pieces = a_timeout_of(8)
    # A call as large was answered while the pieces waited.
    assert answered(service, a_request(*map(someone, range(1, 9))), *pieces) == [None] * 3
    assert service.largest_size is None
    # One that is answered in between takes the doubt away.
    assert answered(service, a_request(*map(someone, range(1, 9)))) == [None]
    for learned in (None, 4):
        request = a_request(*map(someone, range(1, 9)))
        halves = request.halves()
        service.was_split(request, halves, may_be_size=True)
        assert answered(service, *halves) == [None, learned]
    assert service.largest_size == 4


def test_the_smallest_size_counts() -> None:
    service, pieces = a_timeout_of(4)
    answered(service, *pieces)
    large = a_request(*map(someone, range(1, 9)))
    halves = large.halves()
    service.was_split(large, halves, may_be_size=True)
    answered(service, *halves)
    assert service.largest_size == 2


@pytest.mark.parametrize("may_be_size", [True, False])
def test_what_was_not_too_large_or_was_refused_again_teaches_nothing(may_be_size: bool) -> None:
    service = ServiceState(Backoff(100.0))
    request = a_request(someone(1), someone(2))
    halves = request.halves()
    service.was_split(request, halves, may_be_size=may_be_size)
    assert answered(service, *halves, is_report=not may_be_size) == [None, None]
    assert service.largest_size is None


def test_a_half_that_was_refused_may_hold_the_cause_though_the_other_one_is_answered() -> None:
    for order in ((False, True), (True, False)):
        service, halves = a_timeout_of(8)
        for piece, is_report in zip(halves, order, strict=True):
            assert service.answered(piece, is_report=is_report) is None
        assert service.largest_size is None


def test_records_of_one_contact_teach_nothing() -> None:
    service = ServiceState(Backoff(100.0))
    request = a_request([someone(1, "ada"), someone(2, "ada")])
    halves = request.halves()
    service.was_split(request, halves, may_be_size=True)
    assert answered(service, *halves) == [None]
    assert service.largest_size is None


class Refusals(RefusalTracker):
    """Remembers the places of the records that are rejected."""

    def __init__(self) -> None:
        words = Explanations(Account(CountingApi({}), at_once), IdentifiersInLogs.MASKED)
        super().__init__(ServiceState(Backoff(1.0)), words, self._reject)
        self.rejected: list[int] = []

    def refuse(self, purpose: Purpose, *places: int) -> None:
        """These records are refused alone."""
        for position in places:
            is_write = purpose is Purpose.WRITE
            request = a_request(someone(position)) if is_write else a_removal_request(position)
            if self.service.is_cleared(purpose):
                self._reject(request, request.entries[0], REFUSED)
            else:
                self.hold(request, REFUSED)
            self.count(request, REFUSED)

    def _reject(self, request: Request, entry: BatchEntry, refusal: RequestRejected) -> None:
        assert ([entry], refusal) == (request.entries, REFUSED)
        self.rejected.append(request.position)


def test_a_record_that_is_refused_is_not_rejected_before_another_request_was_accepted() -> None:
    refusals = Refusals()
    refusals.refuse(Purpose.WRITE, 1, 2)
    assert refusals.rejected == []
    for _ in range(2):
        refusals.accepted(Purpose.WRITE)
        assert refusals.rejected == [1, 2]
    refusals.close()


def test_once_a_request_was_accepted_any_number_may_be_refused() -> None:
    refusals = Refusals()
    refusals.accepted(Purpose.WRITE)
    refusals.refuse(Purpose.WRITE, *range(1, 2 * MAX_REFUSED_REQUESTS))
    assert len(refusals.rejected) == 2 * MAX_REFUSED_REQUESTS - 1
    refusals.close()


def test_if_none_is_accepted_up_to_the_end_the_options_are_wrong() -> None:
    refusals = Refusals()
    refusals.refuse(Purpose.WRITE, 1, 2)
    with pytest.raises(ConfigError, match=r"all 2 calls as a whole .* Correct the record"):
        refusals.close()
    assert refusals.rejected == []


def test_forty_refused_and_none_accepted_are_enough() -> None:
    refusals = Refusals()
    refusals.refuse(Purpose.WRITE, *range(1, MAX_REFUSED_REQUESTS))
    with pytest.raises(ConfigError, match="all 40 calls") as error:
        refusals.refuse(Purpose.WRITE, 99)
    assert not isinstance(error.value, StopSync)


def test_forty_refused_removals_and_nothing_accepted_stop_reading_once() -> None:
    refusals = Refusals()
    refusals.refuse(Purpose.REMOVE, *range(1, MAX_REFUSED_REQUESTS))
    with pytest.raises(StopSync, match="all 40 deletions and unsubscriptions") as error:
        refusals.refuse(Purpose.REMOVE, 99)
    assert error.value.position == 99
    refusals.refuse(Purpose.REMOVE, 100)


def test_if_nobody_can_be_removed_while_contacts_are_accepted_the_sync_fails_at_its_end() -> None:
    refusals = Refusals()
    refusals.accepted(Purpose.WRITE)
    refusals.refuse(Purpose.REMOVE, *range(1, 81))
    assert len(refusals.rejected) == 80
    with pytest.raises(
        ConfigError, match=r"all 80 deletions .* nobody was removed.* Correct the record"
    ):
        refusals.close()


@pytest.mark.parametrize("is_one_removed", [True, False])
def test_a_few_refused_removals_or_one_that_is_accepted_end_well(is_one_removed: bool) -> None:
    refusals = Refusals()
    refusals.accepted(Purpose.WRITE)
    refusals.refuse(Purpose.REMOVE, *range(MAX_REFUSED_REQUESTS - (not is_one_removed)))
    if is_one_removed:
        refusals.accepted(Purpose.REMOVE)
    refusals.close()


@pytest.mark.parametrize("accepted", [Purpose.REMOVE, Purpose.LOOK_UP, Purpose.MARK])
def test_that_somebody_is_removed_clears_no_contact(accepted: Purpose) -> None:
    refusals = Refusals()
    refusals.refuse(Purpose.WRITE, 1)
    refusals.refuse(Purpose.REMOVE, 2)
    refusals.accepted(accepted)
    assert refusals.rejected == ([2] if accepted is Purpose.REMOVE else [])
    with pytest.raises(ConfigError, match="refused all calls as a whole"):
        refusals.close()


def test_a_refusal_that_ends_nothing_is_not_put_into_words() -> None:
    refusals = Refusals()
    # Nobody can read these contacts back.
    unreadable = a_request(someone(1, payload=b"\xff"))
    for _ in range(MAX_REFUSED_REQUESTS - 1):
        refusals.count(unreadable, REFUSED)
    with pytest.raises(UnicodeDecodeError):
        refusals.count(unreadable, REFUSED)


def test_a_sync_without_refusals_ends_well() -> None:
    Refusals().close()

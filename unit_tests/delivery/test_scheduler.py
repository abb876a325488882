"""Which request is sent next: room in flight, waits, who waits for older ones; pieces first."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from destination_maileon.delivery.request import Request
from destination_maileon.delivery.scheduler import (
    BORNE,
    CALLS_AT_FIRST,
    READY_AHEAD,
    TOO_MUCH,
    Pace,
    RequestScheduler,
)
from unit_tests.support.rooms import a_removal_request, a_request, someone

NO_LIMIT = 1_000_000


def nothing_unsent() -> int | None:
    return None


def a_scheduler(*in_requests: int, most: int = 4, max_bytes: int = NO_LIMIT) -> RequestScheduler:
    """These records wait in a request each."""
    scheduler = RequestScheduler(Pace(most), max_bytes)
    for position in in_requests:
        scheduler.submit(a_request(someone(position)))
    return scheduler


def send(
    scheduler: RequestScheduler, now: float = 0.0, oldest_unsent: int | None = None
) -> list[Request]:
    """All that may be sent now leaves."""
    requests = []
    while (request := scheduler.next_ready(now, lambda: oldest_unsent)) is not None:
        requests.append(request)
    return requests


def order(requests: list[Request]) -> list[int]:
    return [request.position for request in requests]


def barrier(scheduler: RequestScheduler, request: Request) -> None:
    """The request, which is in flight, is to wait for what is older."""
    request.is_barrier = True
    scheduler.returned(request)
    scheduler.requeue(request, at=0.0)


# Whatever happens.


@given(sizes=st.lists(st.integers(1, 4), max_size=12), seed=st.integers(0, 1_000_000))
def test_every_request_or_its_pieces_leave_once_in_the_limits_and_barriers_are_the_oldest(
    sizes: list[int], seed: int
) -> None:
    chance, now, position = Random(seed), 0.0, 0
    scheduler = a_scheduler(most=chance.randint(1, 4))
    for size in sizes:
        scheduler.submit(a_request(*(someone(position + n) for n in range(1, size + 1))))
        position += size
    in_flight: list[Request] = []
    settled: list[int] = []
    while not scheduler.is_idle:
        in_flight += (sent := send(scheduler, now))
        for request in sent:
            assert request.not_before <= now == request.sent_at
            others = [one.position for one in (*in_flight, *scheduler._pending)]
            assert request.was_oldest == (request.position == min(others))
            assert request.was_oldest or not request.is_barrier
        assert scheduler.in_flight == len(in_flight) <= scheduler.pace.limit
        if not in_flight:
            at = scheduler.next_attempt_at(nothing_unsent)
            assert at is not None
            now = at
            continue
        request = in_flight.pop(chance.randrange(len(in_flight)))
        scheduler.returned(request)
        fate = chance.random()
        if fate < 0.3:
            request.is_barrier = request.is_barrier or fate < 0.1
            scheduler.requeue(request, at=now + chance.choice([0.0, 3.0]))
        elif fate < 0.5 and request.is_divisible:
            scheduler.replace(request.halves())
        else:
            settled += [entry.position for entry in request.entries]
    assert sorted(settled) == [*range(1, position + 1)]


# Room.


def test_no_more_requests_are_in_flight_than_are_right() -> None:
    scheduler = a_scheduler(1, 2, 3, most=2)
    requests = send(scheduler)
    assert (order(requests), scheduler.in_flight) == ([1, 2], 2)
    assert scheduler.next_attempt_at(nothing_unsent) is None
    scheduler.returned(requests[1])
    assert order(send(scheduler)) == [3]


def test_requests_in_flight_beyond_a_lowered_limit_go_on_and_none_joins_them() -> None:
    scheduler = a_scheduler(*range(1, 7))
    requests = send(scheduler)
    scheduler.pace.slow_down()
    for request in requests[:2]:
        scheduler.returned(request)
    assert (scheduler.in_flight, send(scheduler)) == (2, [])
    scheduler.returned(requests[2])
    assert order(send(scheduler)) == [5]


def test_a_few_more_requests_are_kept_ready_than_may_be_in_flight() -> None:
    scheduler = a_scheduler(most=2)
    capacities = []
    for position in range(1, 3 + READY_AHEAD):
        capacities.append(scheduler.has_capacity)
        scheduler.submit(a_request(someone(position)))
    assert capacities == [True] * (2 + READY_AHEAD)
    assert not scheduler.has_capacity
    scheduler.returned(send(scheduler)[0])
    assert scheduler.has_capacity


def test_there_is_no_capacity_beyond_so_many_bytes() -> None:
    scheduler = a_scheduler(1, max_bytes=a_request(someone(1)).bytes)
    capacities = [scheduler.has_capacity]
    scheduler.submit(a_request(someone(2)))
    capacities.append(scheduler.has_capacity)
    # Sending makes it no less, nor does another try.
    [request, _] = send(scheduler)
    capacities.append(scheduler.has_capacity)
    scheduler.returned(request)
    capacities.append(scheduler.has_capacity)
    scheduler.requeue(request, at=5.0)
    capacities.append(scheduler.has_capacity)
    scheduler.end_at(0)
    capacities.append(scheduler.has_capacity)
    assert capacities == [True, False, False, True, False, True]


# Order.


def test_pieces_of_a_request_come_before_what_waits() -> None:
    scheduler = a_scheduler(most=1)
    whole = a_request(someone(1), someone(2))
    scheduler.submit(whole)
    scheduler.submit(a_request(someone(3)))
    assert send(scheduler) == [whole]
    scheduler.returned(whole)
    scheduler.replace(whole.halves())
    left = []
    while requests := send(scheduler):
        left += order(requests)
        scheduler.returned(requests[0])
    assert left == [1, 2, 3]


def test_a_request_is_tried_again_at_its_time_before_the_others() -> None:
    scheduler = a_scheduler(1, 2, 3, most=1)
    [first] = send(scheduler)
    scheduler.returned(first)
    scheduler.requeue(first, at=5.0)
    [second] = send(scheduler, 4.9)
    assert second.position == 2
    scheduler.returned(second)
    assert scheduler.next_attempt_at(nothing_unsent) == 0.0
    scheduler.returned(*send(scheduler, 4.9))
    assert scheduler.next_attempt_at(nothing_unsent) == 5.0
    assert send(scheduler, 4.999) == []
    # Asked later than that: who waits must not miss it.
    assert scheduler.next_attempt_at(nothing_unsent) == 5.0
    assert send(scheduler, 5.0) == [first]


def test_a_request_that_may_not_be_sent_yet_keeps_nobody_from_being_sent() -> None:
    allowed: list[bool] = []
    scheduler = RequestScheduler(
        Pace(4), NO_LIMIT, lambda request: request.contact_removal is None or bool(allowed)
    )
    removal = a_removal_request(1)
    scheduler.submit(removal)
    assert (send(scheduler), scheduler.next_attempt_at(nothing_unsent)) == ([], None)
    scheduler.submit(a_request(someone(2)))
    assert order(send(scheduler)) == [2]
    allowed.append(True)
    assert send(scheduler) == [removal]


# Who waits for older ones.


def test_a_barrier_waits_until_everything_before_it_is_settled_and_others_may_be_sent() -> None:
    scheduler = a_scheduler(1, 2)
    before, request = send(scheduler)
    assert [scheduler.oldest_barrier] == [None]
    barrier(scheduler, request)
    scheduler.submit(a_request(someone(3)))
    assert scheduler.oldest_barrier == 2
    assert order(send(scheduler)) == [3]
    assert [scheduler.next_attempt_at(nothing_unsent)] == [None]
    scheduler.returned(before)
    assert scheduler.next_attempt_at(nothing_unsent) == 0.0
    assert send(scheduler) == [request]
    assert scheduler.oldest_barrier is None


@pytest.mark.parametrize(("oldest_unsent", "is_sent"), [(4, False), (6, True), (None, True)])
def test_a_barrier_waits_for_older_records_that_are_in_no_request(
    oldest_unsent: int | None, is_sent: bool
) -> None:
    scheduler = a_scheduler(5)
    [request] = send(scheduler)
    barrier(scheduler, request)
    assert (scheduler.next_attempt_at(lambda: oldest_unsent) is not None) is is_sent
    assert send(scheduler, oldest_unsent=oldest_unsent) == [request][: int(is_sent)]


def test_of_barriers_the_oldest_is_sent_first_and_the_next_after_it() -> None:
    scheduler = a_scheduler(3, 8)
    older, younger = send(scheduler)
    barrier(scheduler, older)
    barrier(scheduler, younger)
    assert send(scheduler) == [older]
    assert scheduler.oldest_barrier == 8
    scheduler.returned(older)
    assert send(scheduler) == [younger]


def test_a_barrier_that_fails_waits_for_its_time_too() -> None:
    scheduler = a_scheduler(1)
    [request] = send(scheduler)
    request.is_barrier = True
    scheduler.returned(request)
    scheduler.requeue(request, at=3.0)
    assert scheduler.next_attempt_at(nothing_unsent) == 3.0
    assert send(scheduler, 2.9) == []
    assert send(scheduler, 3.0) == [request]


# Taken out.


def test_requests_that_are_larger_than_the_service_bears_are_taken_out() -> None:
    scheduler = a_scheduler(1)
    large = a_request(*map(someone, (2, 3, 4)))
    scheduler.submit(large)
    assert scheduler.take_larger_than(2) == [large]
    assert order(send(scheduler)) == [1]


def test_what_waits_is_forgotten_when_the_sync_is_to_end_but_for_what_is_older() -> None:
    scheduler = a_scheduler(1, 2, 3, 4, most=1)
    [request] = send(scheduler)
    scheduler.end_at(3)
    assert scheduler.in_flight == 1
    scheduler.returned(request)
    assert order(send(scheduler)) == [2]
    scheduler.end_at(0)
    assert scheduler.in_flight == 1


def test_what_comes_back_is_sent_again_only_if_it_holds_what_came_before_the_end() -> None:
    scheduler = a_scheduler(1, 2, 3, 4)
    older, newer, last, refused = send(scheduler)
    scheduler.end_at(3)
    scheduler.end_at(4)
    for request in (older, newer, last, refused):
        scheduler.returned(request)
    for request in (older, last):
        scheduler.requeue(request, at=0.0)
    scheduler.replace([newer])
    scheduler.replace([refused])
    assert order(send(scheduler)) == [2, 1]
    for request in (older, newer):
        scheduler.returned(request)
    assert scheduler.is_idle


def answer(pace: Pace, seconds: Iterable[float], request: Request | None = None) -> None:
    for taken in seconds:
        pace.answered(request or a_request(someone(1)), taken)


def a_round(pace: Pace, seconds: float) -> int:
    """As many calls as may be in flight take so long; how many may be then."""
    answer(pace, [seconds] * pace.limit)
    return pace.limit


@pytest.mark.parametrize("most", [1, 2, 4, 16])
def test_a_sync_starts_with_few_calls(most: int) -> None:
    assert Pace(most).limit == min(CALLS_AT_FIRST, most)


def test_one_more_is_tried_as_long_as_calls_take_no_longer_for_it() -> None:
    pace = Pace(7)
    assert [a_round(pace, 1.0) for _ in range(5)] == [5, 6, 7, 7, 7]


def test_one_less_when_they_take_longer_and_as_many_in_between() -> None:
    pace = Pace(16)
    limits = [a_round(pace, s) for s in (1.0, BORNE, TOO_MUCH, 2.0, 2.0, 1.0)]
    assert limits == [5, 6, 6, 5, 4, 5]


def test_what_takes_longer_for_good_whatever_is_in_flight_is_usual_after_a_while() -> None:
    pace = Pace(8)
    for _ in range(6):
        a_round(pace, 1.0)
    limits = [a_round(pace, 2.0) for _ in range(9)]
    assert limits == [7, 6, 5, 4, 5, 6, 7, 8, 8]


def test_a_service_that_serves_two_at_a_time_gets_few_more() -> None:
    pace = Pace(16)
    for _ in range(100):
        a_round(pace, max(1.0, pace.limit / 2))
    assert pace.limit == 6


def test_one_slow_call_of_several_says_nothing() -> None:
    pace = Pace(16)
    answer(pace, [1.0, 60.0, 1.0, 1.0])
    assert pace.limit == 5


def test_calls_of_one_size_and_purpose_are_compared() -> None:
    pace = Pace(16)
    large = a_request(*map(someone, range(1, 40)))
    a_round(pace, 1.0)
    answer(pace, [9.0] * pace.limit, large)
    answer(pace, [9.0] * pace.limit, a_removal_request())
    assert pace.limit == 7


def test_half_as_many_when_the_service_asks_for_less() -> None:
    pace = Pace(16)
    for _ in range(5):
        a_round(pace, 1.0)
    limits = []
    for _ in range(5):
        pace.slow_down()
        limits.append(pace.limit)
    assert limits == [4, 2, 1, 1, 1]
    # What was measured before says nothing of now, but for the best.
    assert a_round(pace, 1.0) == 2


@given(
    most=st.integers(1, 16),
    happened=st.lists(st.none() | st.floats(0.0, 200.0), max_size=200),
)
def test_at_least_one_call_and_at_most_so_many_may_be_in_flight(
    most: int, happened: list[float | None]
) -> None:
    pace = Pace(most)
    for seconds in happened:
        if seconds is None:
            pace.slow_down()
        else:
            answer(pace, [seconds])
        assert 1 <= pace.limit <= most

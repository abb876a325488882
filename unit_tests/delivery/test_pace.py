"""How many calls are in flight: one more, one less, or half as many."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from destination_maileon.delivery.pace import BORNE, CALLS_AT_FIRST, TOO_MUCH, Pace
from destination_maileon.delivery.request import Request
from unit_tests.support.rooms import a_removal_request, a_request, someone


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

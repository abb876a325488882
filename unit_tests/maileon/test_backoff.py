from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from destination_maileon.maileon.backoff import MAX_WAIT_SECONDS, Backoff

_PATIENT = Backoff(max_retry_seconds=10_000)


def wait(attempt: int, elapsed: float = 0, *, retry_after: float | None = None) -> float | None:
    return _PATIENT.delay(attempt, elapsed, retry_after=retry_after, random=lambda: 1.0)


@pytest.mark.parametrize(
    ("attempt", "ceiling"), [(1, 1), (2, 2), (3, 4), (4, 8), (5, 16), (6, 30), (7, 30), (999, 30)]
)
def test_the_longest_wait_doubles_up_to_half_a_minute(attempt: int, ceiling: float) -> None:
    assert wait(attempt) == ceiling


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 1.0])
def test_the_wait_is_a_random_share_of_the_longest(share: float) -> None:
    assert _PATIENT.delay(3, 0, retry_after=None, random=lambda: share) == 4 * share


def test_what_the_service_asks_for_is_waited_at_least() -> None:
    assert wait(1, retry_after=90) == 90
    assert wait(3, retry_after=2) == 4
    assert wait(3, retry_after=0) == 4


def test_what_the_service_asks_for_is_bounded_by_the_time_left() -> None:
    assert wait(1, 9_990, retry_after=600) == 10


def test_the_last_attempt_is_made_when_the_time_is_up_and_none_after() -> None:
    assert wait(9, 9_999.5) == 0.5
    assert wait(9, 10_000) is None
    assert wait(9, 10_001, retry_after=1) is None


@given(
    st.integers(1, 10**6),
    st.floats(0, 1e6),
    st.none() | st.floats(0, 86_400),
    st.floats(0, 1),
    st.floats(0.001, 1e6),
)
def test_no_wait_is_negative_or_longer_than_what_is_left(
    attempt: int, elapsed: float, retry_after: float | None, share: float, limit: float
) -> None:
    seconds = Backoff(limit).delay(attempt, elapsed, retry_after=retry_after, random=lambda: share)
    if elapsed >= limit:
        assert seconds is None
        return
    assert seconds is not None
    assert 0 <= seconds <= limit - elapsed
    assert seconds <= max(MAX_WAIT_SECONDS, retry_after or 0)

from __future__ import annotations

import pytest

from destination_maileon.maileon.errors import (
    FailureReason,
    FatalError,
    Forbidden,
    MaileonError,
    RequestRejected,
    RetriableError,
)


@pytest.mark.parametrize("kind", [FatalError, Forbidden])
def test_where_a_person_must_act_the_caller_stops(kind: type[FatalError]) -> None:
    assert issubclass(kind, FatalError)
    assert not issubclass(kind, RetriableError | RequestRejected)


def test_the_three_reactions_exclude_each_other() -> None:
    for kind in (RetriableError, RequestRejected, FatalError):
        assert kind.__bases__ == (MaileonError,)


@pytest.mark.parametrize("trouble", FailureReason)
def test_only_429_and_503_ask_for_fewer_calls(trouble: FailureReason) -> None:
    asks = trouble in {FailureReason.THROTTLED, FailureReason.UNAVAILABLE}
    assert RetriableError("m", trouble).is_throttled is asks


@pytest.mark.parametrize(
    ("trouble", "status", "expected"),
    [
        (FailureReason.TIMEOUT, None, True),
        (FailureReason.TIMEOUT, 408, True),
        (FailureReason.SERVER_ERROR, 500, True),
        (FailureReason.SERVER_ERROR, 504, True),
        (FailureReason.SERVER_ERROR, 502, False),
        (FailureReason.UNAVAILABLE, 503, False),
        (FailureReason.THROTTLED, 429, False),
        (FailureReason.CONNECTION, None, False),
        (FailureReason.UNREADABLE, 200, False),
    ],
)
def test_a_smaller_call_may_pass_after_500_504_and_a_timeout(
    trouble: FailureReason, status: int | None, expected: bool
) -> None:
    assert RetriableError("m", trouble, status=status).may_be_too_large is expected


@pytest.mark.parametrize(
    ("status", "expected"), [(400, True), (413, True), (404, False), (409, False), (422, False)]
)
def test_one_contact_may_be_the_cause_of_400_and_413(status: int, expected: bool) -> None:
    assert RequestRejected("m", status=status).may_be_one_contact is expected


def test_what_the_server_says_is_no_part_of_the_message() -> None:
    error = RequestRejected("refused", status=400, server_message="max@example.com")
    assert "max@example.com" not in str(error) + repr(error)

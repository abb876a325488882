from __future__ import annotations

import pytest

from destination_maileon.maileon.errors import (
    CallRefused,
    KeyRefused,
    MaileonError,
    NotTheApi,
    Redirected,
    RightMissing,
    Stop,
    Trouble,
    TryAgain,
)


@pytest.mark.parametrize("kind", [KeyRefused, RightMissing, NotTheApi, Redirected])
def test_where_a_person_must_act_the_caller_stops(kind: type[Stop]) -> None:
    assert issubclass(kind, Stop)
    assert not issubclass(kind, TryAgain | CallRefused)


def test_the_three_reactions_exclude_each_other() -> None:
    for kind in (TryAgain, CallRefused, Stop):
        assert kind.__bases__ == (MaileonError,)


@pytest.mark.parametrize("trouble", Trouble)
def test_only_429_and_503_ask_for_fewer_calls(trouble: Trouble) -> None:
    asks = trouble in {Trouble.THROTTLED, Trouble.UNAVAILABLE}
    assert TryAgain("m", trouble).asks_for_less is asks


@pytest.mark.parametrize(
    ("trouble", "status", "expected"),
    [
        (Trouble.TIMEOUT, None, True),
        (Trouble.TIMEOUT, 408, True),
        (Trouble.SERVER_ERROR, 500, True),
        (Trouble.SERVER_ERROR, 504, True),
        (Trouble.SERVER_ERROR, 502, False),
        (Trouble.UNAVAILABLE, 503, False),
        (Trouble.THROTTLED, 429, False),
        (Trouble.CONNECTION, None, False),
        (Trouble.UNREADABLE, 200, False),
    ],
)
def test_a_smaller_call_may_pass_after_500_504_and_a_timeout(
    trouble: Trouble, status: int | None, expected: bool
) -> None:
    assert TryAgain("m", trouble, status=status).may_be_overload is expected


@pytest.mark.parametrize(
    ("status", "expected"), [(400, True), (413, True), (404, False), (409, False), (422, False)]
)
def test_one_contact_may_be_the_cause_of_400_and_413(status: int, expected: bool) -> None:
    assert CallRefused("m", status=status).may_be_one_contact is expected


def test_what_the_server_says_is_no_part_of_the_message() -> None:
    error = CallRefused("refused", status=400, server_message="max@example.com")
    assert "max@example.com" not in str(error) + repr(error)

from __future__ import annotations

from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from destination_maileon.maileon.errors import (
    FailureReason,
    Forbidden,
    MaileonError,
    NotMaileonApi,
    Redirected,
    RequestRejected,
    RetriableError,
    Unauthorized,
)
from destination_maileon.maileon.http import Answer
from destination_maileon.maileon.statuses import (
    CLASS_OUTCOMES,
    STATUS_OUTCOMES,
    error_of,
    not_the_api,
    retry_after_seconds,
)

_NOW = 1_700_000_000.0

_EXPECTED: dict[int, type[MaileonError] | FailureReason | None] = {
    **dict.fromkeys((200, 201, 202, 204, 299)),
    **dict.fromkeys((300, 301, 302, 303, 304, 307, 308), Redirected),
    **dict.fromkeys((400, 402, 405, 409, 412, 413, 415, 422, 451), RequestRejected),
    401: Unauthorized,
    403: Forbidden,
    404: NotMaileonApi,
    408: FailureReason.TIMEOUT,
    429: FailureReason.THROTTLED,
    503: FailureReason.UNAVAILABLE,
    **dict.fromkeys((500, 501, 502, 504, 507, 599), FailureReason.SERVER_ERROR),
    **dict.fromkeys((101, 103, 600, 999), FailureReason.UNREADABLE),
}


def answer(
    status: int, *, method: str = "POST", body: bytes = b"secret", after: str = ""
) -> Answer:
    return Answer("the.host", method, status, content_type="", retry_after=after, body=body)


def error_for(status: int, *, method: str = "POST", after: str = "") -> MaileonError | None:
    return error_of(answer(status, method=method, after=after), wall_clock=lambda: _NOW)


@pytest.mark.parametrize(("status", "expected"), _EXPECTED.items())
def test_a_status_means_what_the_table_says(
    status: int, expected: type[MaileonError] | FailureReason | None
) -> None:
    error = error_for(status, after="7")
    if expected is None:
        assert error is None
    elif isinstance(expected, FailureReason):
        assert isinstance(error, RetriableError)
        assert (error.trouble, error.status, error.retry_after) == (expected, status, 7)
    else:
        assert type(error) is expected


def test_every_row_of_the_table_is_expected_here() -> None:
    assert set(STATUS_OUTCOMES) <= set(_EXPECTED)
    assert set(CLASS_OUTCOMES) <= {status // 100 for status in _EXPECTED}


@pytest.mark.parametrize("status", _EXPECTED)
def test_no_message_quotes_the_answer(status: int) -> None:
    assert "secret" not in str(error_for(status))


@pytest.mark.parametrize(
    ("method", "right"),
    [("GET", "retrieve"), ("POST", "update"), ("PUT", "create"), ("DELETE", "delete")],
)
def test_a_missing_right_is_named_as_maileon_names_it(method: str, right: str) -> None:
    message = str(error_for(403, method=method))
    assert f"right to {right} ({method}" in message
    assert "IP allow list" in message


@pytest.mark.parametrize("word", ["wrong", "expired", "deactivated", "blocked", "Check"])
def test_a_refused_key_is_explained(word: str) -> None:
    assert word in str(error_for(401))


@pytest.mark.parametrize("status", [302, 404])
def test_a_wrong_base_url_is_explained_with_its_host(status: int) -> None:
    message = str(error_for(status))
    assert "the.host" in message
    assert "base URL" in message


def test_a_page_is_called_a_page() -> None:
    assert "web page" in str(not_the_api(answer(200, body=b"<html>")))
    assert "web page" not in str(not_the_api(answer(404, body=b"")))


def test_a_refused_call_says_what_the_server_said() -> None:
    error = error_of(
        answer(400, body=b"<error><message>a@b.c</message></error>"), wall_clock=lambda: _NOW
    )
    assert isinstance(error, RequestRejected)
    assert (error.status, error.server_message) == (400, "a@b.c")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120),
        (" 0 ", 0),
        ("1.5", 1.5),
        ("2.", 2),
        ("86401", 86_400),
        ("9" * 500, 86_400),
        (formatdate(_NOW + 30, usegmt=True), 30),
        (formatdate(_NOW + 30), 30),
        (formatdate(_NOW + 10**7, usegmt=True), 86_400),
        (formatdate(_NOW - 30, usegmt=True), None),
        ("-5", None),
        ("", None),
        (None, None),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        ("1e3", None),
        ("\u0663", None),
        ("5, 7", None),
        ("Fri, 31 Feb 2023 00:00:00 GMT", None),
        ("Fri, 01 Jan 99999 00:00:00 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_a_day_at_most(
    text: str | None, seconds: float | None
) -> None:
    assert retry_after_seconds(text, wall_clock=lambda: _NOW) == seconds


@given(st.text() | st.from_regex("[0-9a-zA-Z:, +-]{0,40}"))
def test_whatever_retry_after_says_it_is_a_sensible_wait_or_none(text: str) -> None:
    seconds = retry_after_seconds(text, wall_clock=lambda: _NOW)
    assert seconds is None or 0 <= seconds <= 86_400


@given(st.integers(100, 999))
def test_every_status_has_an_outcome(status: int) -> None:
    assert (error_for(status) is None) is (200 <= status < 300)

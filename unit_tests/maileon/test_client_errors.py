from __future__ import annotations

from collections.abc import Mapping
from email.utils import formatdate

import pytest

from destination_maileon.maileon.client import MaileonClient, authorization, secret_forms
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
from unit_tests.maileon.calls import (
    BY_IDENTIFIER,
    CALLS,
    GONE,
    KEY,
    NOW,
    PAGE,
    Call,
    client_of,
    error_of,
    every_call,
)
from unit_tests.maileon.local_server import (
    LocalServer,
    Seen,
    answering,
    closing_after,
    read_request,
    reply,
)

_STATUSES: Mapping[int, type[MaileonError] | FailureReason] = {
    301: Redirected,
    302: Redirected,
    401: Unauthorized,
    403: Forbidden,
    413: RequestRejected,
    422: RequestRejected,
    408: FailureReason.TIMEOUT,
    429: FailureReason.THROTTLED,
    500: FailureReason.SERVER_ERROR,
    501: FailureReason.SERVER_ERROR,
    502: FailureReason.SERVER_ERROR,
    503: FailureReason.UNAVAILABLE,
    504: FailureReason.SERVER_ERROR,
}


@every_call
def test_each_status_means_the_same_for_every_call(call: Call) -> None:
    for status, expected in _STATUSES.items():
        error = error_of(call, reply(status, b"quoted", headers=("Retry-After: 3",)))
        if isinstance(expected, FailureReason):
            assert isinstance(error, RetriableError)
            assert (error.trouble, error.status) == (expected, status)
            assert error.retry_after == 3
        else:
            assert type(error) is expected
        assert "quoted" not in str(error)


@pytest.mark.parametrize("name", [name for name in CALLS if name not in BY_IDENTIFIER])
def test_404_is_not_the_api_where_no_contact_is_named(name: str) -> None:
    error = error_of(CALLS[name], reply(404, GONE))
    assert isinstance(error, NotMaileonApi)
    assert "127.0.0.1" in str(error)
    assert "/1.0" not in str(error)


@pytest.mark.parametrize("name", [name for name in CALLS if name != "synchronize"])
def test_a_web_page_is_not_the_api_although_it_says_200(name: str) -> None:
    assert isinstance(error_of(CALLS[name], reply(200, PAGE)), NotMaileonApi)


@pytest.mark.parametrize("name", ["custom_fields", "preference_categories", "preferences"])
@pytest.mark.parametrize("body", [b"", b"<x/>", b"<custom", b"<!DOCTYPE x><x/>"])
def test_a_list_that_cannot_be_read_is_tried_again(name: str, body: bytes) -> None:
    error = error_of(CALLS[name], reply(200, body))
    assert isinstance(error, RetriableError)
    assert error.trouble is FailureReason.UNREADABLE


def test_the_method_decides_which_right_is_missing() -> None:
    for name, right in (("custom_fields", "retrieve"), ("synchronize", "update")):
        assert f"right to {right}" in str(error_of(CALLS[name], reply(403)))
    assert "right to delete" in str(error_of(CALLS["delete"], reply(403)))


def test_a_retry_after_that_is_a_date_is_seconds_from_now() -> None:
    date = formatdate(NOW + 90, usegmt=True)
    error = error_of(CALLS["synchronize"], reply(503, headers=(f"Retry-After: {date}",)))
    assert isinstance(error, RetriableError)
    assert error.retry_after == 90


@every_call
@pytest.mark.parametrize("status", [200, 302, 400, 401, 403, 404, 500])
def test_the_key_and_the_contact_stand_in_no_error(call: Call, status: int) -> None:
    answer = reply(status, b"<html>", headers=("Location: http://other.test/max",))
    told = error_of(call, answer)
    secrets = (*secret_forms(KEY), authorization(KEY), "max", "example", "/contacts", "/1.0")
    for text in (str(told), repr(told), *map(str, vars(told).values())):
        assert not [secret for secret in secrets if secret in text]


def test_the_key_stands_in_no_representation() -> None:
    with client_of(reply(200)) as (client, _):
        for text in (repr(client), repr(client._transport), str(client)):
            assert not [secret for secret in secret_forms(KEY) if secret in text]


@every_call
def test_a_call_without_a_connection_is_tried_again_and_names_no_one(call: Call) -> None:
    with LocalServer(answering(reply(200))) as server:
        url = server.url
    with (
        MaileonClient(url, KEY, timeout_seconds=5) as client,
        pytest.raises(RetriableError) as caught,
    ):
        call(client)
    assert caught.value.trouble is FailureReason.CONNECTION
    assert str(caught.value) == "No answer from 127.0.0.1: it refused the connection."


def test_a_body_that_nobody_answered_was_sent_once() -> None:
    seen: list[Seen | None] = []
    with (
        LocalServer(lambda _, connection: seen.append(read_request(connection))) as server,
        MaileonClient(server.url, KEY, timeout_seconds=5) as client,
        pytest.raises(RetriableError, match="was cut"),
    ):
        client.synchronize({}, b"<contacts/>")
    assert len(seen) == 1


def test_headers_that_break_off_are_no_report() -> None:
    broken = closing_after(b"HTTP/1.1 200 OK\r\nContent-Le")
    with (
        LocalServer(broken) as server,
        MaileonClient(server.url, KEY, timeout_seconds=5) as client,
        pytest.raises(RetriableError) as caught,
    ):
        client.synchronize({}, b"<contacts/>")
    assert caught.value.trouble is FailureReason.UNREADABLE


@pytest.mark.parametrize("before", range(0, len(KEY) + 1, 3))
def test_no_piece_of_the_key_is_left_however_often_it_is_quoted(before: int) -> None:
    for key in sorted(secret_forms(KEY)):
        said = "." * before + f"{key} " * 9_000
        body = f"<error><message>{said}</message></error>".encode()
        error = error_of(CALLS["ping GET"], reply(400, body))
        assert isinstance(error, RequestRejected)
        left = error.server_message.replace("*", "").replace(".", "").strip()
        assert (left, len(error.server_message)) == ("", 500)


def test_numbers_that_python_does_not_read_are_a_refusal_like_others() -> None:
    body = b"<error><message>a &amp;#" + b"1" * 5_000 + b"; b</message></error>"
    error = error_of(CALLS["ping GET"], reply(400, body))
    assert isinstance(error, RequestRejected)
    assert error.server_message == "a \ufffd b"

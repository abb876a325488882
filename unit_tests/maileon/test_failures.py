from __future__ import annotations

import errno
import http.client
import socket
import ssl

import pytest
import requests
import urllib3

from destination_maileon.maileon.deadline import time_limit
from destination_maileon.maileon.errors import FailureReason, RetriableError
from destination_maileon.maileon.failures import (
    FAILURES,
    TooLong,
    may_lack_files,
    unanswered,
)

_URL = "https://user:pass@the.host/1.0/contacts/email/max%40example.com"


def worded(error: BaseException, *, limit: float = 60) -> RetriableError:
    with time_limit(limit):
        return unanswered(error, host="the.host", timeout_seconds=limit)


def wrapped(cause: BaseException) -> requests.ConnectionError:
    """As requests has it: in the arguments of an exception in the arguments of an exception."""
    return requests.ConnectionError(urllib3.exceptions.ProtocolError(_URL, cause))


_CASES: list[tuple[BaseException, FailureReason, str]] = [
    (TimeoutError(_URL), FailureReason.TIMEOUT, "within 60 seconds"),
    (socket.gaierror(-2, _URL), FailureReason.CONNECTION, "name could not be resolved"),
    (UnicodeError(_URL), FailureReason.CONNECTION, "name could not be resolved"),
    (ssl.SSLCertVerificationError(1, _URL), FailureReason.CONNECTION, "TLS certificate"),
    (ssl.SSLError(1, _URL), FailureReason.CONNECTION, "no TLS connection"),
    (ConnectionRefusedError(111, _URL), FailureReason.CONNECTION, "refused the connection"),
    (TooLong(), FailureReason.UNREADABLE, "too long"),
    (urllib3.exceptions.DecodeError(_URL), FailureReason.UNREADABLE, "not encoded as it says"),
    (ConnectionResetError(104, _URL), FailureReason.CONNECTION, "was cut"),
    (BrokenPipeError(32, _URL), FailureReason.CONNECTION, "was cut"),
    (http.client.RemoteDisconnected(_URL), FailureReason.CONNECTION, "was cut"),
    (http.client.IncompleteRead(b"secret", 9), FailureReason.CONNECTION, "was cut"),
    (urllib3.exceptions.IncompleteRead(1, 9), FailureReason.CONNECTION, "was cut"),
    (http.client.BadStatusLine(_URL), FailureReason.CONNECTION, "no valid HTTP"),
    (http.client.LineTooLong("header line"), FailureReason.CONNECTION, "no valid HTTP"),
    (urllib3.exceptions.InvalidHeader(_URL), FailureReason.CONNECTION, "no valid HTTP"),
    (requests.exceptions.InvalidURL(_URL), FailureReason.CONNECTION, "base URL, or the proxy"),
    (requests.exceptions.InvalidSchema(_URL), FailureReason.CONNECTION, "base URL, or the proxy"),
    (OSError(_URL), FailureReason.CONNECTION, "no connection came about"),
    (ValueError(_URL), FailureReason.CONNECTION, "no connection came about"),
]


@pytest.mark.parametrize(("cause", "trouble", "words"), _CASES)
def test_the_cause_is_told_in_plain_words_however_deep_it_lies(
    cause: BaseException, trouble: FailureReason, words: str
) -> None:
    for error in (cause, wrapped(cause), wrapped(wrapped(cause))):
        told = worded(error)
        assert told.trouble is trouble
        assert str(told).startswith("No answer from the.host: ")
        assert words in str(told)
        assert not any(part in str(told) for part in ("user", "max", "secret", "0x", "/1.0"))


@pytest.mark.parametrize(("cause", "_trouble", "_words"), _CASES)
def test_every_such_cause_is_caught(cause: BaseException, _trouble: object, _words: str) -> None:
    assert isinstance(cause, FAILURES)


def test_whatever_the_cause_when_the_time_is_up_it_is_a_timeout() -> None:
    assert worded(wrapped(ConnectionResetError()), limit=0).trouble is FailureReason.TIMEOUT


def test_a_proxy_is_said_to_be_one() -> None:
    error = urllib3.exceptions.ProxyError(_URL, ConnectionRefusedError())
    assert "the.host through the proxy: it refused" in str(worded(error))


def test_causes_that_refer_to_each_other_come_to_an_end() -> None:
    first, second = OSError("a"), OSError("b")
    first.__cause__, second.__cause__ = second, first
    assert worded(first).trouble is FailureReason.CONNECTION


@pytest.mark.parametrize(
    ("error", "lacks"),
    [
        (OSError(errno.EMFILE, _URL), True),
        (OSError(errno.ENFILE, _URL), True),
        (socket.gaierror(-3, _URL), True),
        (OSError(errno.ECONNREFUSED, _URL), False),
        (TooLong(), False),
    ],
)
def test_a_failure_for_want_of_files_is_known(error: BaseException, lacks: bool) -> None:
    assert may_lack_files(wrapped(error)) is lacks

"""What the HTTP libraries raise -> TryAgain, with a cause in plain words.

This module alone decides what is said of a call that got no answer. The words name the host and
nothing of the libraries' own messages, in which URLs and addresses of objects stand.
"""

from __future__ import annotations

import errno
import http.client
import socket
import ssl
from typing import TYPE_CHECKING

import requests
import urllib3

from destination_maileon.maileon.deadline import time_is_up
from destination_maileon.maileon.errors import FailureReason, RetriableError

if TYPE_CHECKING:
    from collections.abc import Iterator

# All that the libraries are known to raise of a call. A ValueError: of a URL or a header.
FAILURES = (
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    OSError,
    ValueError,
)


_EXACT_BELOW = 100
"""Seconds. Longer times are told without a fraction."""


class TooLong(ValueError):
    """The answer is longer than anything the API has reason to say."""


# The first row of which a kind occurs among the causes of a failure says what it was.
_CAUSES: tuple[tuple[tuple[type[BaseException], ...], FailureReason, str], ...] = (
    ((TimeoutError,), FailureReason.TIMEOUT, "it did not answer in time"),
    ((socket.gaierror, UnicodeError), FailureReason.CONNECTION, "its name could not be resolved"),
    (
        (ssl.SSLCertVerificationError,),
        FailureReason.CONNECTION,
        "its TLS certificate could not be verified",
    ),
    ((ssl.SSLError,), FailureReason.CONNECTION, "no TLS connection came about"),
    ((ConnectionRefusedError,), FailureReason.CONNECTION, "it refused the connection"),
    ((TooLong,), FailureReason.UNREADABLE, "its answer is too long"),
    (
        (urllib3.exceptions.DecodeError,),
        FailureReason.UNREADABLE,
        "its answer is not encoded as it says",
    ),
    (
        (ConnectionError, http.client.IncompleteRead, urllib3.exceptions.IncompleteRead),
        FailureReason.CONNECTION,
        "the connection was cut",
    ),
    (
        (http.client.HTTPException, urllib3.exceptions.InvalidHeader),
        FailureReason.CONNECTION,
        "its answer is no valid HTTP",
    ),
    (
        (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema),
        FailureReason.CONNECTION,
        "the base URL, or the proxy that the environment names, cannot be used",
    ),
)


def unanswered(error: BaseException, *, host: str, timeout_seconds: float) -> RetriableError:
    """The error to raise; to be made while the call's time limit holds."""
    causes = list(_causes(error))
    through = " through the proxy" if _any(causes, urllib3.exceptions.ProxyError) else ""
    trouble, words = next(
        ((trouble, words) for kinds, trouble, words in _CAUSES if _any(causes, *kinds)),
        (FailureReason.CONNECTION, "no connection came about"),
    )
    if time_is_up() or trouble is FailureReason.TIMEOUT:
        trouble = FailureReason.TIMEOUT
        digits = ".3g" if timeout_seconds < _EXACT_BELOW else ".0f"
        words = f"no complete answer within {timeout_seconds:{digits}} seconds"
    return RetriableError(f"No answer from {host}{through}: {words}.", trouble)


def may_lack_files(error: BaseException) -> bool:
    """Whether the process may have as many files and sockets open as it is allowed to.

    Resolving a name needs one, too, and does not say that it had none.
    """
    return any(
        isinstance(cause, socket.gaierror)
        or (isinstance(cause, OSError) and cause.errno in {errno.EMFILE, errno.ENFILE})
        for cause in _causes(error)
    )


def _any(causes: list[BaseException], *kinds: type[BaseException]) -> bool:
    return any(isinstance(cause, kinds) for cause in causes)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and all that it says it comes from, in the ways in which these libraries say it."""
    seen: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting:
        cause = waiting.pop()
        if not isinstance(cause, BaseException) or any(cause is known for known in seen):
            continue
        seen.append(cause)
        yield cause
        reason = getattr(cause, "reason", None)
        waiting += [*cause.args, reason, cause.__cause__, cause.__context__]

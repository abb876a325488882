"""Answer -> the error that it is, or none.

This module alone decides what a status means to the caller (Maileon docs, HTTP Status Codes; 408,
413, 429 and 503 are not documented there, and mean what HTTP says), and in which words a person is
told. No message quotes the answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from types import MappingProxyType
from typing import TYPE_CHECKING

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
from destination_maileon.maileon.reading import is_html, server_message

if TYPE_CHECKING:
    from destination_maileon.maileon.http import Answer

MAX_RETRY_AFTER_SECONDS = 86_400.0

# What Maileon calls the right to use a method (the names of its official client's ping calls).
_RIGHTS = MappingProxyType(
    {"GET": "retrieve", "POST": "update", "PUT": "create", "DELETE": "delete"}
)
_SECONDS = re.compile(r"[0-9]+(\.[0-9]*)?")

Outcome = Callable[["Answer", float | None], MaileonError | None]


def error_of(answer: Answer, *, wall_clock: Callable[[], float]) -> MaileonError | None:
    """What the answer's status means; None if the call was accepted.

    `wall_clock` gives seconds since 1970, for a `Retry-After` that is a date.
    """
    by_class = CLASS_OUTCOMES.get(answer.status // 100, _unreadable)
    outcome = STATUS_OUTCOMES.get(answer.status, by_class)
    return outcome(answer, retry_after_seconds(answer.retry_after, wall_clock=wall_clock))


def not_the_api(answer: Answer, _retry_after: float | None = None) -> NotMaileonApi:
    page = " with a web page" if is_html(answer) else ""
    return NotMaileonApi(
        f"{answer.host} answers{page} ({answer.status}), not as Maileon's API does:"
        " check the base URL."
    )


def retry_after_seconds(text: str | None, *, wall_clock: Callable[[], float]) -> float | None:
    """The seconds that `Retry-After` asks for, a day at most; None if it is nonsense."""
    value = (text or "").strip()
    seconds = float(value) if _SECONDS.fullmatch(value) else _seconds_until(value, wall_clock())
    return None if seconds is None or seconds < 0 else min(seconds, MAX_RETRY_AFTER_SECONDS)


def _seconds_until(date: str, now: float) -> float | None:
    try:
        return parsedate_to_datetime(date).timestamp() - now
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _accepted(_answer: Answer, _retry_after: float | None) -> None:
    return None


def _redirected(answer: Answer, _retry_after: float | None) -> Redirected:
    return Redirected(
        f"{answer.host} redirects the call ({answer.status}). It is not followed, since the API key"
        " would go along: set the base URL to the API's own address."
    )


def _key_refused(_answer: Answer, _retry_after: float | None) -> Unauthorized:
    return Unauthorized(
        "Maileon does not accept the API key (401): it is wrong, expired or deactivated, or the"
        " account is blocked. Check it in Maileon under Settings, API Keys."
    )


def _right_missing(answer: Answer, _retry_after: float | None) -> Forbidden:
    right = _RIGHTS.get(answer.method, "use this method")
    return Forbidden(
        f"The API key lacks the right to {right} ({answer.method}, 403), or its IP allow list"
        " leaves this machine out. Change either in Maileon under Settings, API Keys."
    )


def _call_refused(answer: Answer, _retry_after: float | None) -> RequestRejected:
    return RequestRejected(
        f"Maileon refuses the call ({answer.status}).",
        status=answer.status,
        server_message=server_message(answer),
    )


def _try_again(trouble: FailureReason) -> Outcome:
    def outcome(answer: Answer, retry_after: float | None) -> RetriableError:
        return RetriableError(
            f"{answer.host} cannot answer now ({answer.status}, {trouble.value}).",
            trouble,
            status=answer.status,
            retry_after=retry_after,
        )

    return outcome


_unreadable = _try_again(FailureReason.UNREADABLE)

STATUS_OUTCOMES: Mapping[int, Outcome] = MappingProxyType(
    {
        401: _key_refused,
        403: _right_missing,
        404: not_the_api,
        408: _try_again(FailureReason.TIMEOUT),
        429: _try_again(FailureReason.THROTTLED),
        503: _try_again(FailureReason.UNAVAILABLE),
    }
)
# By the hundreds of the status, where it has no row of its own.
CLASS_OUTCOMES: Mapping[int, Outcome] = MappingProxyType(
    {
        2: _accepted,
        3: _redirected,
        4: _call_refused,
        5: _try_again(FailureReason.SERVER_ERROR),
    }
)

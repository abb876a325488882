"""One HTTP exchange with the API: method, path and body -> status and body, or an error.

This module alone decides how a call travels: over which connections, with which headers, how long
it may take and how much of an answer is read. It follows no redirect, keeps no cookie, repeats
nothing, and what it raises names the host and the cause, never a path, a query or a body.
"""

import http.client
import logging
import os
import re
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.utils import get_environ_proxies
from urllib3.response import BaseHTTPResponse

from destination_maileon.maileon.deadline import DeadlineAdapter, time_is_up, time_limit
from destination_maileon.maileon.errors import (
    FailureReason,
    MaileonError,
    RetriableError,
    UnusableConnection,
)

MAX_ANSWER_BYTES = 32 * 2**20
"""A report on 10,000 contacts with every error each has about 22 MB."""

MAX_ERROR_BYTES = 2**20
_PIECE_BYTES = 2**16

_MEDIA_TYPE = "application/vnd.maileon.api+xml"
_HEADERS = {
    "User-Agent": "destination-maileon",
    "Accept": _MEDIA_TYPE,
    # Only what the standard library decodes, whatever else is installed.
    "Accept-Encoding": "gzip, deflate",
}
_CONTENT_TYPE = {"Content-Type": f"{_MEDIA_TYPE}; charset=utf-8"}
_CERTIFICATE_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
"""The first of them that is set counts. SSL_CERT_FILE is OpenSSL's, which requests does not ask."""
_TUNNEL = re.compile(r"Tunnel connection failed: (4\d\d)")
_PASSING_STATUSES = frozenset({"408", "429"})
_MULTIPLE_CHOICES = 300
_BAD_REQUEST = 400
# They log paths and queries, in which people are named, at any level.
logging.getLogger("urllib3").setLevel(logging.CRITICAL + 1)


@dataclass(frozen=True, slots=True)
class Response:
    """What the API said. `body` is decoded; None if it was not read, or could not be."""

    host: str
    method: str
    status: int
    content_type: str
    retry_after: str | None
    body: bytes | None
    pages: str | None = None
    """Of a list that comes in pages, its `X-Pages`."""
    items: str | None = None
    """The same, its `X-Items`."""


class HttpTransport:
    """Connections to one API, for several threads at once; to be closed."""

    def __init__(
        self, base_url: str, authorization: str, *, timeout_seconds: float, connections: int
    ) -> None:
        self.host = urlsplit(base_url).hostname or "the base URL"
        self._scheme = base_url.partition(":")[0].lower()
        self._base_url = base_url.rstrip("/")
        self._authorization = authorization
        self._timeout_seconds = timeout_seconds
        # Without a session, which would take passwords from .netrc, keep cookies, and read all of a
        # redirect's body.
        self._adapter = DeadlineAdapter(pool_maxsize=connections, max_retries=0)

    def close(self) -> None:
        self._adapter.close()

    def send(
        self,
        method: str,
        target: str,
        *,
        body: bytes | None = None,
        most_bytes: int = MAX_ANSWER_BYTES,
    ) -> Response:
        """The answer to one call, if it has so many bytes at most.

        `target` is path and query, and arrives exactly as it is.

        Raises RetriableError if there is none, or none that can be read, at the latest when
        `timeout_seconds` have passed since now; UnusableConnection if a proxy or a certificate is
        at fault.
        """
        with time_limit(self._timeout_seconds):
            try:
                request = self._request(method, target, body=body)
                return self._exchange(request, min(most_bytes, MAX_ANSWER_BYTES))
            except FAILURES as error:
                failure = self._failure(error)
        # Raised outside of the handler: a chained error would carry the URL and the body along.
        raise failure

    @cached_property
    def _environment(self) -> dict[str, Any]:
        """What the environment says of proxies and certificates; to ask takes a call's CPU."""
        return {"verify": self._trusted(), "proxies": get_environ_proxies(self._base_url)}

    def _trusted(self) -> str | bool:
        """The file of certificates that the environment names; True: those of the libraries."""
        variable = _first_set(*_CERTIFICATE_VARIABLES)
        if variable is None or self._scheme != "https":
            return True
        path = os.environ[variable]
        if (problem := _problem_of_certificates(path)) is not None:
            raise UnusableConnection(
                f"The environment variable {variable} names the file of trusted certificates "
                f"{path}, which {problem}. Correct or remove the variable."
            )
        return path

    def _failure(self, error: BaseException) -> MaileonError:
        causes = list(causes_of(error))
        # Proxies are named in small letters first, as Python itself looks for them.
        names = (f"{self._scheme}_proxy", "all_proxy")
        proxy = _first_set(*(case for name in names for case in (name, name.upper())))
        problem = _proxy_problem(causes, proxy) or _certificate_problem(causes)
        if problem is not None:
            return UnusableConnection(f"No call reaches {self.host}: {problem}")
        return unanswered(causes, host=self.host, timeout_seconds=self._timeout_seconds)

    def _request(self, method: str, target: str, *, body: bytes | None) -> requests.PreparedRequest:
        request = requests.PreparedRequest()
        headers = _HEADERS if body is None else _HEADERS | _CONTENT_TYPE
        request.prepare(method=method, url=self._base_url, headers=headers, data=body)
        # Set afterwards, since preparing would decode %2E, and prefer a password in the URL.
        request.url = f"{(request.url or '').rstrip('/')}{target}"
        request.headers["Authorization"] = self._authorization
        return request

    def _exchange(self, request: requests.PreparedRequest, most_bytes: int) -> Response:
        with self._adapter.send(request, stream=True, **self._environment) as response:
            return Response(
                host=self.host,
                method=request.method or "",
                status=response.status_code,
                content_type=response.headers.get("Content-Type", ""),
                retry_after=response.headers.get("Retry-After"),
                body=_body(response.raw, response.status_code, most_bytes),
                pages=response.headers.get("X-Pages"),
                items=response.headers.get("X-Items"),
            )


def _body(raw: BaseHTTPResponse, status: int, most_bytes: int) -> bytes | None:
    if _MULTIPLE_CHOICES <= status < _BAD_REQUEST:
        return None
    if status < _BAD_REQUEST:
        return _read(raw, most_bytes)
    try:
        return _read(raw, MAX_ERROR_BYTES)
    except FAILURES:
        # The status says what to do; the body would only explain it.
        if time_is_up():
            raise
        return None


def _read(raw: BaseHTTPResponse, limit: int) -> bytes:
    pieces = []
    size = 0
    # Read in pieces, each decoded to its length at most, so that a bomb ends at the limit.
    while piece := raw.read(_PIECE_BYTES, decode_content=True):
        size += len(piece)
        if size > limit:
            raise TooLong
        pieces.append(piece)
    return b"".join(pieces)


class TooLong(ValueError):
    """The answer is longer than anything the API has reason to say."""


# All that the libraries are known to raise of a call. A ValueError: of a URL or a header.
FAILURES = (
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    OSError,
    ValueError,
)

_UNUSABLE_URLS = (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema)

# The first row of which a kind occurs among the causes of a failure says what it was.
_CAUSES: tuple[tuple[tuple[type[BaseException], ...], FailureReason, str], ...] = (
    ((TimeoutError,), FailureReason.TIMEOUT, "it did not answer in time"),
    ((socket.gaierror, UnicodeError), FailureReason.CONNECTION, "its name could not be resolved"),
    ((ssl.SSLError,), FailureReason.CONNECTION, "no TLS connection came about"),
    ((ConnectionRefusedError,), FailureReason.CONNECTION, "it refused the connection"),
    (
        (TooLong, urllib3.exceptions.DecodeError),
        FailureReason.UNREADABLE,
        "its answer is too long, or not encoded as it says",
    ),
    (
        (ConnectionError, http.client.HTTPException, urllib3.exceptions.InvalidHeader),
        FailureReason.CONNECTION,
        "the connection was cut, or its answer is no valid HTTP",
    ),
)


def _first_set(*variables: str) -> str | None:
    return next((name for name in variables if os.environ.get(name)), None)


def _problem_of_certificates(path: str) -> str | None:
    if os.path.isdir(path):  # noqa: PTH112 - nothing else of pathlib is needed
        return None
    try:
        ssl.create_default_context(cafile=path)
    except FileNotFoundError:
        return "does not exist"
    except ssl.SSLError:
        return "holds no certificate"
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    return None


def _certificate_problem(causes: list[BaseException]) -> str | None:
    """What a person reads of a certificate that is not trusted; None if none of the causes is."""
    kinds = (c for c in causes if isinstance(c, ssl.SSLCertVerificationError))
    if (untrusted := next(kinds, None)) is None:
        return None
    why = getattr(untrusted, "verify_message", None) or "it could not be verified"
    advice = (
        "If a proxy or a firewall looks into TLS, set the environment variable REQUESTS_CA_BUNDLE "
        "to a file with its certificate."
    )
    if (variable := _first_set(*_CERTIFICATE_VARIABLES)) is not None:
        advice = (
            f"The environment variable {variable} names the certificates that are trusted: add the "
            "one that is missing, or remove the variable."
        )
    return f"the TLS certificate that is shown is not trusted ({why.rstrip('.')}). {advice}"


def _proxy_problem(causes: list[BaseException], variable: str | None) -> str | None:
    """What a person reads of a proxy that turns every call away; None if it is none of this."""
    named = f"the proxy that the environment variable {variable or 'HTTPS_PROXY'} names"
    if variable is not None and _any(causes, *_UNUSABLE_URLS):
        return f"{named} cannot be used. Correct or remove the variable."
    texts = (str(cause) for cause in causes if isinstance(cause, OSError))
    refused = next((found[1] for text in texts if (found := _TUNNEL.search(text))), None)
    if refused is None or refused in _PASSING_STATUSES:
        return None
    if refused == "407":
        return (
            f"{named} wants a user name and a password (407). Write them into the variable, "
            "as http://USER:PASSWORD@HOST:PORT, "  # ignore-https-check: a proxy's form
            "or name the host in NO_PROXY."
        )
    return f"{named} does not let it through ({refused}). Allow it there, or use NO_PROXY."


def unanswered(causes: list[BaseException], *, host: str, timeout_seconds: float) -> RetriableError:
    """The error to raise; to be made while the call's time limit holds."""
    through = " through the proxy" if _any(causes, urllib3.exceptions.ProxyError) else ""
    trouble, words = next(
        ((trouble, words) for kinds, trouble, words in _CAUSES if _any(causes, *kinds)),
        (FailureReason.CONNECTION, "no connection came about"),
    )
    if time_is_up() or trouble is FailureReason.TIMEOUT:
        trouble = FailureReason.TIMEOUT
        words = f"no complete answer within {timeout_seconds:.6g} seconds"
    return RetriableError(f"No answer from {host}{through}: {words}.", trouble)


def _any(causes: list[BaseException], *kinds: type[BaseException]) -> bool:
    return any(isinstance(cause, kinds) for cause in causes)


def causes_of(error: BaseException) -> Iterator[BaseException]:
    """The error and all that it comes from: urllib3 names one cause and handles another."""
    yield error
    for behind in {error.__cause__, error.__context__}:
        if behind is not None:
            yield from causes_of(behind)

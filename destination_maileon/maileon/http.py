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
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies_environment

import urllib3
from requests.utils import DEFAULT_CA_BUNDLE_PATH, should_bypass_proxies
from urllib3 import BaseHTTPResponse, PoolManager, ProxyManager, make_headers
from urllib3.util import parse_url

from destination_maileon.maileon.deadline import BOUNDED_POOLS, bounded_tls, time_is_up, time_limit
from destination_maileon.maileon.errors import (
    FailureReason,
    FatalError,
    MaileonError,
    RetriableError,
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
"""The first of them that is set counts. They are heard by requests, by curl and by OpenSSL."""
_TUNNEL = re.compile(r"Tunnel connection failed: (4\d\d)")
_PASSING_STATUSES = frozenset({"408", "429"})
# They log paths and queries, in which people are named, at any level.
logging.getLogger("urllib3").setLevel(logging.CRITICAL + 1)


@dataclass(frozen=True, slots=True)
class Response:
    """What the API said. `body` is decoded; None if it was not read, or could not be."""

    host: str
    method: str
    status: int
    headers: Mapping[str, str]
    """Found in any case."""
    body: bytes | None


class HttpTransport:
    """Connections to one API, for several threads at once; to be closed."""

    def __init__(
        self, base_url: str, authorization: str, *, timeout_seconds: float, connections: int
    ) -> None:
        self.host = urlsplit(base_url).hostname or "the base URL"
        self._scheme = base_url.partition(":")[0].lower()
        self._base_url = base_url.rstrip("/")
        self._headers = _HEADERS | {"Authorization": authorization}
        self._timeout_seconds = timeout_seconds
        self._connections = connections
        self._pools = PoolManager()
        self._problem: Exception | None = None
        try:
            # At once, since several threads may make the first call.
            self._pools = self._open()
        except (FatalError, *FAILURES) as problem:
            # Every call raises it.
            self._problem = problem

    def close(self) -> None:
        self._pools.clear()

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
        `timeout_seconds` have passed since now; FatalError if a proxy or a certificate keeps every
        call from the API.
        """
        with time_limit(self._timeout_seconds):
            try:
                return self._exchange(method, target, body=body, most_bytes=most_bytes)
            except FAILURES as error:
                failure = self._failure(error)
        # Raised outside of the handler: a chained error would carry the URL and the body along.
        raise failure

    def _exchange(
        self, method: str, target: str, *, body: bytes | None, most_bytes: int
    ) -> Response:
        if self._problem is not None:
            raise self._problem
        with self._pools.urlopen(
            method,
            f"{self._base_url}{target}",
            body=body,
            headers=self._headers if body is None else self._headers | _CONTENT_TYPE,
            redirect=False,
            retries=False,
            preload_content=False,
        ) as answer:
            read = _body(answer, most_bytes)
            return Response(self.host, method, answer.status, headers=answer.headers, body=read)

    def _open(self) -> PoolManager:
        """The connections, with the proxy and the certificates that the environment names."""
        tls = bounded_tls()
        if self._scheme == "https":
            _load_certificates(tls)
        settings: dict[str, Any] = {"maxsize": self._connections, "ssl_context": tls}
        proxies = getproxies_environment()
        proxy = proxies.get(self._scheme) or proxies.get("all")
        if proxy is None or should_bypass_proxies(self._base_url, no_proxy=None):
            manager = PoolManager(**settings)
        else:
            if "://" not in proxy:
                proxy = f"http://{proxy}"  # ignore-https-check: what is meant by a bare name
            url = parse_url(proxy)
            login = make_headers(proxy_basic_auth=unquote(url.auth)) if url.auth else None
            manager = ProxyManager(url.url, proxy_headers=login, proxy_ssl_context=tls, **settings)
        manager.pool_classes_by_scheme = BOUNDED_POOLS
        return manager

    def _proxy_variable(self) -> str | None:
        own = f"{self._scheme}_proxy"
        # In small letters first, as Python itself looks for them.
        return _first_set(own, own.upper(), "all_proxy", "ALL_PROXY")

    def _failure(self, error: BaseException) -> MaileonError:
        """What to raise; to be asked while the call's time limit holds."""
        causes = list(_causes_of(error))
        problem = _proxy_problem(causes, self._proxy_variable()) or _certificate_problem(causes)
        if problem is not None:
            return FatalError(f"No call reaches {self.host}: {problem}")
        through = " through the proxy" if _any(causes, urllib3.exceptions.ProxyError) else ""
        reason, words = next((r, words) for kinds, r, words in _CAUSES if _any(causes, *kinds))
        if time_is_up() or _any(causes, TimeoutError):
            reason = FailureReason.TIMEOUT
            words = f"no complete answer within {self._timeout_seconds:.6g} seconds"
        return RetriableError(f"No answer from {self.host}{through}: {words}.", reason)


def _body(answer: BaseHTTPResponse, most_bytes: int) -> bytes | None:
    if HTTPStatus.MULTIPLE_CHOICES <= answer.status < HTTPStatus.BAD_REQUEST:
        return None
    if answer.status < HTTPStatus.BAD_REQUEST:
        return _read(answer, most_bytes)
    try:
        return _read(answer, MAX_ERROR_BYTES)
    except FAILURES:
        # The status says what to do; the body would only explain it.
        if time_is_up():
            raise
        return None


def _read(answer: BaseHTTPResponse, limit: int) -> bytes:
    pieces = []
    size = 0
    # Read in pieces, each decoded to its length at most, so that a bomb ends at the limit.
    while piece := answer.read(_PIECE_BYTES, decode_content=True):
        size += len(piece)
        if size > limit:
            raise TooLong
        pieces.append(piece)
    return b"".join(pieces)


class TooLong(ValueError):
    """The answer is longer than anything the API has reason to say."""


# All that the libraries are known to raise of a call. A ValueError: of a URL or a header.
FAILURES = (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError, ValueError)

# The first row of which a kind occurs among the causes of a failure says what it was.
_CAUSES: tuple[tuple[tuple[type[BaseException], ...], FailureReason, str], ...] = (
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
    ((BaseException,), FailureReason.CONNECTION, "no connection came about"),
)


def _first_set(*variables: str) -> str | None:
    return next((name for name in variables if os.environ.get(name)), None)


def _load_certificates(tls: ssl.SSLContext) -> None:
    """Those that the environment names, or the public ones."""
    variable = _first_set(*_CERTIFICATE_VARIABLES)
    path = os.environ[variable] if variable else DEFAULT_CA_BUNDLE_PATH
    kind = "capath" if os.path.isdir(path) else "cafile"  # noqa: PTH112 - no pathlib for this
    try:
        tls.load_verify_locations(**{kind: path})
    except OSError as error:
        is_empty = isinstance(error, ssl.SSLError)
        problem = "holds no certificate" if is_empty else f"cannot be read ({error.strerror})"
        raise FatalError(
            f"The environment variable {variable} names the file of trusted certificates {path}, "
            f"which {problem}. Correct or remove the variable."
        ) from None


def _certificate_problem(causes: list[BaseException]) -> str | None:
    """What a person reads of a certificate that is not trusted; None if none of the causes is."""
    kind = ssl.SSLCertVerificationError
    untrusted = next((cause for cause in causes if isinstance(cause, kind)), None)
    if untrusted is None:
        return None
    variable = _first_set(*_CERTIFICATE_VARIABLES) or _CERTIFICATE_VARIABLES[0]
    why = untrusted.verify_message.rstrip(".")
    return (
        f"the TLS certificate that is shown is not trusted ({why})."
        f" The environment variable {variable} has to name a file with every certificate that is"
        " trusted, also that of a proxy or firewall that looks into TLS."
    )


def _proxy_problem(causes: list[BaseException], variable: str | None) -> str | None:
    """What a person reads of a proxy that turns every call away; None if it is none of this."""
    named = f"the proxy that the environment variable {variable or 'HTTPS_PROXY'} names"
    if variable is not None and _any(causes, urllib3.exceptions.LocationValueError):
        return f"{named} cannot be used. Correct or remove the variable."
    refused = _TUNNEL.search("\n".join(str(c) for c in causes if isinstance(c, OSError)))
    if refused is None or refused[1] in _PASSING_STATUSES:
        return None
    if refused[1] == "407":
        return (
            f"{named} wants a user name and a password (407). Write them into the variable, "
            "as http://USER:PASSWORD@HOST:PORT, "  # ignore-https-check: a proxy's form
            "or name the host in NO_PROXY."
        )
    return f"{named} does not let it through ({refused[1]}). Allow it there, or use NO_PROXY."


def _any(causes: list[BaseException], *kinds: type[BaseException]) -> bool:
    return any(isinstance(cause, kinds) for cause in causes)


def _causes_of(error: BaseException) -> Iterator[BaseException]:
    """The error and all that it comes from: urllib3 names one cause and handles another."""
    yield error
    for behind in {error.__cause__, error.__context__}:
        if behind is not None:
            yield from _causes_of(behind)

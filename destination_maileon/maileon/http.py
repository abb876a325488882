"""One HTTP exchange with the API: method, path and body -> status and body, or an error.

It follows no redirect, keeps no cookie, repeats nothing, and what it raises names the host and the
cause, never a path, a query or a body.
"""

import http.client
import logging
import os
import re
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeAlias
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies_environment

import urllib3
from requests.utils import DEFAULT_CA_BUNDLE_PATH, select_proxy, should_bypass_proxies

from destination_maileon.maileon import errors
from destination_maileon.maileon.deadline import BOUNDED_POOLS, bounded_tls, time_is_up, time_limit
from destination_maileon.maileon.errors import FailureReason

MAX_ANSWER_BYTES = 32 * 2**20
"""A report on 10,000 contacts with every error each has about 22 MB."""
MAX_ERROR_BYTES = 2**20
_PIECE_BYTES = 2**16
_MEDIA_TYPE = "application/vnd.maileon.api+xml"
_CONTENT_TYPE = {"Content-Type": f"{_MEDIA_TYPE}; charset=utf-8"}
_CERTIFICATE_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
"""The first that is set counts. They are those of requests, of curl and of OpenSSL."""
_REFUSED_BY_PROXY = re.compile(r"Tunnel connection failed: (4(?!08|29)\d\d)")
NEEDS_LOGIN = (
    "wants a user name and a password (407). Write them into the environment variable with its"
    " address, as http://USER:PASSWORD@HOST:PORT"  # ignore-https-check: a proxy's form
)
# They log paths and queries, in which people are named, at any level.
logging.getLogger("urllib3").setLevel(logging.CRITICAL + 1)

# All that the libraries are known to raise of a call. A ValueError: of a URL or a header.
FAILURES = (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError, ValueError)
_Kinds: TypeAlias = tuple[type[BaseException], ...]
_UNREADABLE: _Kinds = (urllib3.exceptions.DecodeError,)
_CUT: _Kinds = (ConnectionError, http.client.HTTPException, urllib3.exceptions.InvalidHeader)
_CAUSES: tuple[tuple[_Kinds, str], ...] = (
    ((socket.gaierror, UnicodeError), "its name could not be resolved"),
    ((ssl.SSLError,), "no TLS connection could be made"),
    ((ConnectionRefusedError,), "it refused the connection"),
    (_UNREADABLE, "its answer is too long, or not encoded as it says"),
    (_CUT, "the connection was cut, or its answer is no valid HTTP"),
    ((BaseException,), "no connection could be made"),
)
"""The first row of which a kind occurs among the causes of a failure says what it was."""


@dataclass(frozen=True, slots=True)
class Response:
    """What the API said. `body` is decoded; None if it was not read, or could not be."""

    host: str
    method: str
    status: int
    headers: Mapping[str, str]
    body: bytes | None


class HttpTransport:
    """Connections to one API, for several threads at once; to be closed."""

    def __init__(
        self, base_url: str, authorization: str, *, timeout_seconds: float, connections: int
    ) -> None:
        self.host = urlsplit(base_url).hostname or "the base URL"
        self._base_url = base_url.rstrip("/")
        self._timeout_seconds = timeout_seconds
        self._headers = {
            "User-Agent": "destination-maileon",
            "Accept": _MEDIA_TYPE,
            # Only what the standard library decodes, whatever else is installed.
            "Accept-Encoding": "gzip, deflate",
            "Authorization": authorization,
        }
        named = filter(os.environ.get, _CERTIFICATE_VARIABLES)
        self._certificate_variable, self._proxy_variable = next(named, ""), ""
        self._pools = urllib3.PoolManager()
        self._problem: Exception | None = None
        try:
            # At once, since several threads may make the first call; each call raises a problem.
            self._open(base_url.partition(":")[0].lower(), connections)
        except (errors.FatalError, *FAILURES) as problem:
            self._problem = problem

    def close(self) -> None:
        self._pools.clear()

    def send(
        self, method: str, target: str, *, body: bytes | None = None, limit: int = MAX_ANSWER_BYTES
    ) -> Response:
        """The answer to one call; `target` is path and query, and arrives exactly as it is.

        Raises RetriableError if none comes in the time, or none of `limit` bytes that can be read;
        FatalError if a proxy or a certificate keeps every call from the API.
        """
        url = f"{self._base_url}{target}"
        headers = self._headers if body is None else self._headers | _CONTENT_TYPE
        with time_limit(self._timeout_seconds):
            try:
                if self._problem is not None:
                    raise self._problem
                with self._pools.urlopen(
                    method, url, body=body, headers=headers, redirect=False, preload_content=False
                ) as answer:
                    read = _body(answer, limit)
                    return Response(self.host, method, answer.status, answer.headers, read)
            except FAILURES as error:
                failure = self._failure(error)
        # Raised outside of the handler: a chained error would carry the URL and the body along.
        raise failure

    def _open(self, scheme: str, connections: int) -> None:
        """Makes the connections, with the proxy and certificates that the environment names."""
        tls = bounded_tls()
        if scheme == "https":
            _load_certificates(tls, self._certificate_variable)
        settings: dict[str, Any] = {"maxsize": connections, "retries": False, "ssl_context": tls}
        proxy = select_proxy(self._base_url, getproxies_environment())
        if proxy is None or should_bypass_proxies(self._base_url, no_proxy=None):
            self._pools = urllib3.PoolManager(**settings)
        else:
            named = [n for n in os.environ if n.lower() in {f"{scheme}_proxy", "all_proxy"}]
            self._proxy_variable = next(name for name in named if os.environ[name] == proxy)
            if "://" not in proxy:
                proxy = f"http://{proxy}"  # ignore-https-check: what is meant by a bare name
            url = urllib3.util.parse_url(proxy)
            user = unquote(url.auth) if url.auth else None
            settings["proxy_headers"] = urllib3.make_headers(proxy_basic_auth=user)
            self._pools = urllib3.ProxyManager(url.url, proxy_ssl_context=tls, **settings)
        self._pools.pool_classes_by_scheme = BOUNDED_POOLS

    def _failure(self, error: BaseException) -> errors.MaileonError:
        """What to raise; to be asked while the call's time limit holds."""
        causes = [error]
        for cause in causes:
            # urllib3 names one cause and handles another.
            behind = (cause.__cause__, cause.__context__)
            causes += [other for other in behind if other is not None and other not in causes]
        if problem := self._lasting_problem(causes):
            return errors.FatalError(f"No call reaches {self.host}: {problem}")
        through = " through the proxy" if _any(causes, urllib3.exceptions.ProxyError) else ""
        kinds, words = next(row for row in _CAUSES if _any(causes, *row[0]))
        reason = FailureReason.UNREADABLE if kinds is _UNREADABLE else FailureReason.CONNECTION
        if time_is_up() or _any(causes, TimeoutError):
            reason = FailureReason.TIMEOUT
            words = f"no complete answer within {self._timeout_seconds:.6g} seconds"
        return errors.RetriableError(f"No answer from {self.host}{through}: {words}.", reason)

    def _lasting_problem(self, causes: list[BaseException]) -> str | None:
        """What a person reads of a certificate or a proxy that turns every call away."""
        for cause in causes:
            if isinstance(cause, ssl.SSLCertVerificationError):
                variable = self._certificate_variable or _CERTIFICATE_VARIABLES[0]
                why = cause.verify_message.rstrip(".")
                return (
                    f"the TLS certificate that is shown is not trusted ({why}). The environment"
                    f" variable {variable} has to name a file with every certificate that is"
                    " trusted, also that of a proxy or firewall that looks into TLS."
                )
        proxy = f"the proxy that the environment variable {self._proxy_variable} names"
        if self._proxy_variable and _any(causes, urllib3.exceptions.LocationValueError):
            return f"{proxy} cannot be used. Correct or remove the variable."
        refused = _REFUSED_BY_PROXY.search("\n".join(map(str, causes)))
        if not refused or not self._proxy_variable:
            return None
        if refused[1] == "407":
            return f"{proxy} {NEEDS_LOGIN}, or name the host in NO_PROXY."
        return f"{proxy} does not let it through ({refused[1]}). Allow it there, or use NO_PROXY."


def _body(answer: urllib3.BaseHTTPResponse, limit: int) -> bytes | None:
    if HTTPStatus.MULTIPLE_CHOICES <= answer.status < HTTPStatus.BAD_REQUEST:
        return None
    is_error = answer.status >= HTTPStatus.BAD_REQUEST
    body = bytearray()
    try:
        # In pieces, each decoded to its length at most, so that a bomb ends at the limit.
        while piece := answer.read(_PIECE_BYTES, decode_content=True):
            body += piece
            if len(body) > (MAX_ERROR_BYTES if is_error else limit):
                raise urllib3.exceptions.DecodeError("too long")
    except FAILURES:
        # The status of an error says what to do; its body would only explain it.
        if not is_error or time_is_up():
            raise
        return None
    return bytes(body)


def _load_certificates(tls: ssl.SSLContext, variable: str) -> None:
    path = os.environ[variable] if variable else DEFAULT_CA_BUNDLE_PATH
    kind = "capath" if os.path.isdir(path) else "cafile"  # noqa: PTH112 - no pathlib for this
    try:
        tls.load_verify_locations(**{kind: path})
    except OSError as error:
        is_empty = isinstance(error, ssl.SSLError)
        problem = "holds no certificate" if is_empty else f"cannot be read ({error.strerror})"
        raise errors.FatalError(
            f"The environment variable {variable} names the file of trusted certificates {path}, "
            f"which {problem}. Correct or remove the variable."
        ) from None


def _any(causes: list[BaseException], *kinds: type[BaseException]) -> bool:
    return any(isinstance(cause, kinds) for cause in causes)

"""HTTP connections that stop when the time of the call that uses them is over.

Connecting, the TLS handshake, sending and receiving each get what is left of the time that
`time_limit` set for this thread: a peer that sends one byte a second is cut off as one that is
silent. How long a name may take to resolve is the system's business.
"""

import http.client
import math
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from http import HTTPStatus
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.util.ssl_ import create_urllib3_context

_MAX_SECONDS = 86_400.0
"""A socket refuses a timeout that is much longer."""
_MOMENT_SECONDS = 0.05
"""So much more or less than its call's time an operation may take."""
_ends_at: ContextVar[float] = ContextVar("ends_at")


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Ends what this thread does with these connections inside; or an outer limit does, earlier."""
    ends_at = time.monotonic() + min(seconds, _MAX_SECONDS)
    token = _ends_at.set(min(ends_at, _ends_at.get(ends_at)))
    try:
        yield
    finally:
        _ends_at.reset(token)


def time_is_up() -> bool:
    return time.monotonic() >= _ends_at.get()


def _seconds_left() -> float:
    if (left := _ends_at.get() - time.monotonic()) <= 0:
        raise TimeoutError("the time for this call is up")
    return left


class _BoundedSocket(socket.socket):
    """A socket whose sending and receiving end with the call's time, give or take a moment."""

    def recv_into(self, *args: Any) -> int:
        self._bound()
        return super().recv_into(*args)

    def sendall(self, *args: Any) -> None:
        self._bound()
        super().sendall(*args)

    def settimeout(self, value: float | None) -> None:
        """Ignored: the libraries would reset the timeout several times in each call."""

    def _bound(self) -> None:
        # Only if it changed: each system call hands Python's lock to the loop, and this thread then
        # waits for it. Done every time, it caused half of those waits.
        left = _seconds_left()
        if abs((self.gettimeout() or math.inf) - left) >= _MOMENT_SECONDS:
            super().settimeout(left)


class _BoundedTlsSocket(_BoundedSocket, ssl.SSLSocket):
    """The same under TLS, where `sendall` calls `send` again and again."""

    def send(self, *args: Any) -> int:
        self._bound()
        return super().send(*args)

    def do_handshake(self, block: bool = False) -> None:  # noqa: FBT001, FBT002 - as ssl has it
        self._bound()
        super().do_handshake(block)


class _FinalAnswer(http.client.HTTPResponse):
    """The one behind interim answers (RFC 9110, 15.2): Python takes any but 100 for the answer."""

    def begin(self) -> None:
        for _ in range(100):
            super().begin()
            if self.status >= HTTPStatus.OK:
                return
            # An answer begins only where there are no headers yet.
            self.headers = None  # type: ignore[assignment] # as http.client itself sets it
        raise http.client.HTTPException("too many interim answers")


class _BoundedConnection(HTTPConnection):
    response_class = _FinalAnswer

    def _new_conn(self) -> socket.socket:
        self.timeout = _seconds_left()
        sock = super()._new_conn()
        return _BoundedSocket(sock.family, sock.type, sock.proto, fileno=sock.detach())


# HTTPSConnection of urllib3 is a subclass of its HTTPConnection.
class _BoundedTlsConnection(HTTPSConnection, _BoundedConnection):
    """With a context of `bounded_tls`."""


class _BoundedPool(HTTPConnectionPool):
    ConnectionCls = _BoundedConnection


class _BoundedTlsPool(HTTPSConnectionPool):
    ConnectionCls = _BoundedTlsConnection


BOUNDED_POOLS: dict[str, type] = {"http": _BoundedPool, "https": _BoundedTlsPool}
"""By scheme, for a manager of urllib3."""


def bounded_tls() -> ssl.SSLContext:
    """urllib3's own context, verification included, with bounded sockets; it trusts nobody yet."""
    context = create_urllib3_context()
    context.sslsocket_class = _BoundedTlsSocket
    return context

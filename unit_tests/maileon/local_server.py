"""A real server on this machine that says, byte by byte, what a test wants.

`LocalServer` runs a conversation with each connection, in a thread; `answering` is the usual one.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

_MAX_HEAD_BYTES = 100_000


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as it arrived."""

    method: str
    target: str
    headers: dict[str, str] = field(repr=False)
    body: bytes = b""


Conversation = Callable[["LocalServer", socket.socket], None]


class LocalServer:
    """Listens on a free port of the loopback while it is entered."""

    def __init__(self, converse: Conversation, *, tls: ssl.SSLContext | None = None) -> None:
        self._converse = converse
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.seen: list[Seen] = []
        self.connections = 0
        self.closing = threading.Event()

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://{self.address}/1.0"

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        for sock in (self._listener, *self._sockets):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        for thread in self._threads:
            thread.join(timeout=2)

    def trickle(self, connection: socket.socket, data: bytes) -> None:
        """The bytes one at a time, 20 ms apart, until the server closes."""
        for position in range(len(data)):
            if self.closing.wait(0.02):
                return
            connection.sendall(data[position : position + 1])

    def _start(self, run: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=run, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                self._sockets.append(connection)
                self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        # A client that goes away is what many of the tests want.
        with contextlib.suppress(OSError), self._secured(connection) as secured:
            self._converse(self, secured)

    def _secured(self, connection: socket.socket) -> socket.socket:
        if self._tls is None:
            return connection
        secured = self._tls.wrap_socket(connection, server_side=True)
        self._sockets.append(secured)
        return secured


def answering(*replies: bytes) -> Conversation:
    """One reply for each request, over all connections; the last one for all further ones."""
    rest = list(replies)

    def converse(server: LocalServer, connection: socket.socket) -> None:
        while (seen := read_request(connection)) is not None:
            server.seen.append(seen)
            connection.sendall(rest.pop(0) if len(rest) > 1 else rest[0])

    return converse


def closing_after(data: bytes) -> Conversation:
    """One request, these bytes, and the end of the connection."""

    def converse(server: LocalServer, connection: socket.socket) -> None:
        seen = read_request(connection)
        assert seen is not None
        server.seen.append(seen)
        connection.sendall(data)
        connection.shutdown(socket.SHUT_RDWR)

    return converse


def reply(status: int, body: bytes = b"", *, headers: tuple[str, ...] = ()) -> bytes:
    """A complete answer; a `Content-Length` of its own is left as it is."""
    lines = [f"HTTP/1.1 {status} As It Is", *headers]
    if not any(line.lower().startswith(("content-length", "transfer")) for line in headers):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def read_request(connection: socket.socket) -> Seen | None:
    """The next request; None if the client closes."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65_536)
        if not piece or len(data) > _MAX_HEAD_BYTES:
            return None
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    while len(body) < int(headers.get("content-length", "0")):
        body += connection.recv(65_536)
    method, target, _ = first.split(" ")
    return Seen(method, target, headers=headers, body=body)


def seconds_of(call: Callable[[], object]) -> float:
    """How long the call takes, whatever comes of it."""
    began = time.monotonic()
    with contextlib.suppress(Exception):
        call()
    return time.monotonic() - began

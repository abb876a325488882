"""The HTTP server: connections stay open between calls and are closed when it stops."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from contextlib import suppress
from threading import Condition, Thread
from typing import TYPE_CHECKING, Any

from werkzeug.datastructures import Headers
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler
from werkzeug.test import run_wsgi_app
from werkzeug.wsgi import ClosingIterator

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

HOST = "127.0.0.1"
_POLL_SECONDS = 0.01
_CLOSE_SECONDS = 5.0


class _Handler(WSGIRequestHandler):
    """One connection. An answer is buffered and sent at once, and the connection stays open.

    Werkzeug's own `run_wsgi` closes every connection, since an application might leave a body
    unread, and spends 10 ms looking for the rest; here the middleware reads every body completely.
    """

    protocol_version = "HTTP/1.1"
    # Sets TCP_NODELAY: an answer must not wait for the acknowledgement of the previous one.
    disable_nagle_algorithm = True
    wbufsize = 1 << 16

    def run_wsgi(self) -> None:
        chunks, status, headers = run_wsgi_app(self.server.app, self.make_environ())
        try:
            self._send(status, headers, chunks=chunks)
        finally:
            # Ends a trickled answer that the client did not wait for.
            if isinstance(chunks, ClosingIterator):
                chunks.close()

    def _send(self, status: str, headers: Headers, *, chunks: Iterable[bytes]) -> None:
        code, _, reason = status.partition(" ")
        self.send_response(int(code), reason)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        for chunk in chunks:
            self.wfile.write(chunk)
            self.wfile.flush()

    def finish(self) -> None:
        """Discards the buffered rest of an answer if the client has disconnected."""
        with suppress(ConnectionError):
            super().finish()

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - werkzeug's
        """Does nothing: the sandbox keeps its own record of calls."""


class Server(ThreadedWSGIServer):
    """One thread accepts connections, and one serves each connection."""

    def __init__(self, app: WSGIApplication, port: int) -> None:
        self._changed = Condition()
        self._open: set[socket.socket] = set()
        super().__init__(HOST, port, app, _Handler)
        self._thread = Thread(target=self.serve_forever, args=(_POLL_SECONDS,), daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Accepts no more, ends every connection, and waits for their threads."""
        self.shutdown()
        self._thread.join()
        with self._changed:
            for connection in self._open:
                _end(connection)
            self._changed.wait_for(lambda: not self._open, timeout=_CLOSE_SECONDS)

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - socketserver's
        with self._changed:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:  # noqa: ANN401 - socketserver's
        super().shutdown_request(request)
        with self._changed:
            self._open.discard(request)
            self._changed.notify_all()


def _end(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # the client closed it first

"""Single exchanges with a server that says what a test wants."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from destination_maileon.maileon.http import HttpTransport
from unit_tests.maileon.local_server import LocalServer, answering


@contextmanager
def transport_to(url: str) -> Iterator[HttpTransport]:
    transport = HttpTransport(url, "Basic a2V5", timeout_seconds=60, connections=2)
    try:
        yield transport
    finally:
        transport.close()


def body_of(answer: bytes) -> bytes | None:
    with LocalServer(answering(answer)) as server, transport_to(server.url) as transport:
        return transport.send("GET", "/x").body

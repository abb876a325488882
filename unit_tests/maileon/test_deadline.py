from __future__ import annotations

import socket
import threading
import time
from pathlib import Path

import pytest

from destination_maileon.maileon.deadline import time_is_up, time_limit
from destination_maileon.maileon.errors import FailureReason, RetriableError
from destination_maileon.maileon.http import HttpTransport
from unit_tests.maileon.certificates import self_signed
from unit_tests.maileon.local_server import (
    Conversation,
    LocalServer,
    answering,
    read_request,
    reply,
)

_LIMIT_SECONDS = 0.3
_SLACK_SECONDS = 60.0
"""That a busy machine may take; without a limit a call would last longer, or for ever."""


def transport_to(url: str) -> HttpTransport:
    return HttpTransport(url, "Basic a2V5", timeout_seconds=_LIMIT_SECONDS, connections=1)


def assert_times_out(url: str, body: bytes | None = None) -> None:
    transport = transport_to(url)
    began = time.monotonic()
    with pytest.raises(RetriableError) as caught:
        transport.send("POST", "/ping", body=body)
    seconds = time.monotonic() - began
    transport.close()
    assert caught.value.reason is FailureReason.TIMEOUT
    assert "within 0.3 seconds" in str(caught.value)
    assert _LIMIT_SECONDS <= seconds + 0.01 < _LIMIT_SECONDS + _SLACK_SECONDS


def silent(_server: LocalServer, connection: socket.socket) -> None:
    while connection.recv(65_536):
        pass


def deaf(server: LocalServer, _connection: socket.socket) -> None:
    server.closing.wait()


def trickling(start: bytes, rest: bytes) -> Conversation:
    def converse(server: LocalServer, connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(start)
        server.trickle(connection, rest)

    return converse


_BODY = b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n"
_CHUNKS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
_SLOW: dict[str, Conversation] = {
    "nothing": silent,
    "a status line that trickles": trickling(b"", b"HTTP/1.1 200 " + b"O" * 9_999),
    "headers that trickle": trickling(b"HTTP/1.1 200 OK\r\n", b"A: b\r\n" * 9_999),
    "an endless preparation": trickling(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 999),
    "a body that trickles": trickling(_BODY, b"x" * 9_999),
    "a body without an end": trickling(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 9_999),
    "chunks that trickle": trickling(_CHUNKS, b"1\r\nx\r\n" * 9_999),
    "trailers that trickle": trickling(_CHUNKS + b"0\r\n", b"A: b\r\n" * 9_999),
    "an error that trickles": trickling(_BODY.replace(b"200", b"400"), b"x" * 9_999),
}


@pytest.mark.parametrize("converse", _SLOW.values(), ids=_SLOW)
def test_an_answer_that_takes_too_long_ends_with_the_time(converse: Conversation) -> None:
    with LocalServer(converse) as server:
        assert_times_out(server.url)


@pytest.mark.parametrize("name", ["nothing", "headers that trickle", "a body that trickles"])
def test_so_it_does_under_tls(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = self_signed(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate.bundle))
    with LocalServer(_SLOW[name], tls=certificate.context) as server:
        assert_times_out(server.url)


def test_a_server_that_takes_nothing_of_the_body_ends_with_the_time() -> None:
    with LocalServer(deaf) as server:
        assert_times_out(server.url, body=b"x" * 9_000_000)


def test_so_does_one_that_takes_the_body_in_sips() -> None:
    def sipping(server: LocalServer, connection: socket.socket) -> None:
        while not server.closing.wait(0.02):
            connection.recv(10_000)

    with LocalServer(sipping) as server:
        assert_times_out(server.url, body=b"x" * 20_000_000)


def test_so_does_a_body_under_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = self_signed(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate.bundle))
    with LocalServer(deaf, tls=certificate.context) as server:
        assert_times_out(server.url, body=b"x" * 9_000_000)


def test_a_handshake_that_gets_no_answer_ends_with_the_time() -> None:
    with LocalServer(silent) as server:
        assert_times_out(server.url.replace("http:", "https:"))


@pytest.mark.parametrize("name", ["nothing", "headers that trickle"])
def test_a_proxy_that_opens_no_tunnel_ends_with_the_time(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with LocalServer(_SLOW[name]) as proxy:
        monkeypatch.setenv("https_proxy", f"http://{proxy.address}")
        assert_times_out("https://192.0.2.1/1.0")


def test_a_connection_that_is_never_accepted_ends_with_the_time() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        waiting = []
        for _ in range(3):
            queued = socket.socket()
            queued.setblocking(False)
            queued.connect_ex(listener.getsockname())
            waiting.append(queued)
        assert_times_out(f"http://127.0.0.1:{listener.getsockname()[1]}")
        for queued in waiting:
            queued.close()


def test_a_call_has_its_full_time_however_long_the_connection_was_idle() -> None:
    with LocalServer(answering(reply(200))) as server:
        transport = transport_to(server.url)
        for _ in range(2):
            assert transport.send("GET", "/ping").status == 200
            time.sleep(_LIMIT_SECONDS)
        transport.close()
    assert server.connections == 1


def test_a_call_on_a_kept_connection_has_its_own_time_and_not_that_of_the_call_before() -> None:
    def once(server: LocalServer, connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(reply(200))
        server.closing.wait()

    with LocalServer(once) as server:
        transport = HttpTransport(server.url, "Basic a2V5", timeout_seconds=600, connections=1)
        transport.send("GET", "/ping")
        began = time.monotonic()
        with time_limit(_LIMIT_SECONDS), pytest.raises(RetriableError) as caught:
            transport.send("GET", "/ping")
        assert time.monotonic() - began < _LIMIT_SECONDS + _SLACK_SECONDS
        transport.close()
    assert caught.value.reason is FailureReason.TIMEOUT
    assert server.connections == 1


def test_a_connection_whose_answer_was_cut_off_is_not_used_again() -> None:
    late = threading.Event()

    def first_late(server: LocalServer, connection: socket.socket) -> None:
        while (seen := read_request(connection)) is not None:
            server.seen.append(seen)
            if len(server.seen) == 1:
                late.wait(60)
                connection.sendall(reply(500))
            connection.sendall(reply(200))

    with LocalServer(first_late) as server:
        transport = transport_to(server.url)
        with pytest.raises(RetriableError):
            transport.send("GET", "/first")
        late.set()
        assert transport.send("GET", "/second").status == 200
        transport.close()
    assert server.connections == 2


def test_a_limit_holds_inside_only_and_for_its_own_thread() -> None:
    elsewhere: list[bool] = []

    def other() -> None:
        with time_limit(60):
            elsewhere.append(time_is_up())

    with time_limit(60):
        with time_limit(0):
            assert time_is_up()
            thread = threading.Thread(target=other)
            thread.start()
            thread.join()
        assert not time_is_up()
    assert elsewhere == [False]


def test_a_limit_within_another_ends_with_it_at_the_latest() -> None:
    with time_limit(0), time_limit(60):
        assert time_is_up()

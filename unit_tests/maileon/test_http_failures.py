from __future__ import annotations

import gzip
import logging
import socket
import tracemalloc
import zlib
from pathlib import Path

import pytest

from destination_maileon.maileon import http as module
from destination_maileon.maileon.errors import FailureReason, RetriableError
from unit_tests.maileon.certificates import self_signed
from unit_tests.maileon.exchanges import body_of, transport_to
from unit_tests.maileon.local_server import (
    Conversation,
    LocalServer,
    answering,
    closing_after,
    reply,
)

_GZIP = ("Content-Encoding: gzip",)


def trouble_with(converse: Conversation, *, body: bytes | None = None) -> FailureReason:
    with LocalServer(converse) as server, transport_to(server.url) as transport:
        with pytest.raises(RetriableError) as caught:
            transport.exchange("POST", "/contacts?secret", body=body)
        assert "127.0.0.1" in str(caught.value)
        assert "secret" not in str(caught.value)
        assert caught.value.__cause__ is None
        assert caught.value.__context__ is None
        assert len(server.seen) <= 1
    return caught.value.trouble


def test_a_proxy_that_refuses_is_said_to_be_the_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    monkeypatch.setenv("https_proxy", f"http://user:secret@127.0.0.1:{port}")
    with transport_to("https://the.host/1.0") as transport, pytest.raises(RetriableError) as caught:
        transport.exchange("GET", "/ping")
    assert (
        str(caught.value) == "No answer from the.host through the proxy: it refused the connection."
    )


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"HTTP/1.1 20",
        reply(200, b"x", headers=("Content-Length: 10",)),
        reply(200, b"5\r\nabc", headers=("Transfer-Encoding: chunked",)),
        reply(200, b"zz\r\nabc", headers=("Transfer-Encoding: chunked",)),
        reply(200, b"x", headers=("Content-Length: 1, 2",)),
        b"SSH-2.0-OpenSSH_9\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 101 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nA: " + b"b" * 70_000 + b"\r\n\r\n",
    ],
)
def test_an_answer_that_breaks_off_or_is_no_http_is_no_connection(data: bytes) -> None:
    assert trouble_with(closing_after(data), body=b"x") is FailureReason.CONNECTION


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_body_that_is_not_encoded_as_it_says_is_unreadable(encoding: str) -> None:
    answer = reply(200, b"no such thing", headers=(f"Content-Encoding: {encoding}",))
    assert trouble_with(answering(answer)) is FailureReason.UNREADABLE


def test_the_longest_body_is_read_and_a_longer_one_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ANSWER_BYTES", 100_000)
    assert body_of(reply(200, b"x" * 100_000)) == b"x" * 100_000
    assert trouble_with(answering(reply(200, b"x" * 100_001))) is FailureReason.UNREADABLE


def test_a_body_that_unpacks_to_gigabytes_ends_at_the_longest_body() -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    zeros = bytes(10**6)
    bomb = b"".join([*(packer.compress(zeros) for _ in range(400)), packer.flush()])
    tracemalloc.start()
    try:
        assert trouble_with(answering(reply(200, bomb, headers=_GZIP))) is FailureReason.UNREADABLE
        assert tracemalloc.get_traced_memory()[1] < 70 * 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "answer",
    [
        reply(401, b"x" * (2**20 + 1)),
        reply(401, gzip.compress(bytes(2**20 + 1)), headers=_GZIP),
        reply(401, b"no such thing", headers=_GZIP),
    ],
)
def test_an_error_whose_body_cannot_be_read_is_that_error_still(answer: bytes) -> None:
    assert body_of(answer) is None


def test_the_longest_body_of_an_error_is_read() -> None:
    assert body_of(reply(400, b"x" * 2**20)) == b"x" * 2**20


def test_an_error_that_breaks_off_is_that_error_still() -> None:
    broken = closing_after(reply(403, b"x", headers=("Content-Length: 10",)))
    with LocalServer(broken) as server, transport_to(server.url) as transport:
        answer = transport.exchange("GET", "/ping")
    assert (answer.status, answer.body) == (403, None)


def test_a_refusal_before_the_body_was_taken_is_heard() -> None:
    def early(_server: LocalServer, connection: socket.socket) -> None:
        connection.recv(1_000)
        connection.sendall(reply(413, headers=("Connection: close",)))
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(2**20):
            pass

    with LocalServer(early) as server, transport_to(server.url) as transport:
        assert transport.exchange("POST", "/contacts", body=b"x" * 5_000_000).status == 413


def test_a_server_that_nobody_runs_refuses() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    with (
        transport_to(url) as transport,
        pytest.raises(RetriableError, match="refused the connection"),
    ):
        transport.exchange("GET", "/ping")


@pytest.mark.parametrize("url", ["http://", "http://a..b", "http://[x", "x", "http://a:99999", ""])
def test_a_base_url_that_is_none_is_an_error_of_ours(url: str) -> None:
    with transport_to(url) as transport, pytest.raises(RetriableError):
        transport.exchange("GET", "/ping")


def test_a_certificate_that_is_not_trusted_ends_the_call(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path)
    with LocalServer(answering(reply(200)), tls=certificate.context) as server:
        with transport_to(server.url) as transport, pytest.raises(RetriableError) as caught:
            transport.exchange("GET", "/ping")
        assert "its TLS certificate could not be verified" in str(caught.value)
        assert caught.value.trouble is FailureReason.CONNECTION
        assert server.seen == []


def test_so_does_a_certificate_for_another_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = self_signed(tmp_path, address="127.0.0.2")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate.bundle))
    with LocalServer(answering(reply(200)), tls=certificate.context) as server:
        with (
            transport_to(server.url) as transport,
            pytest.raises(RetriableError, match="certificate"),
        ):
            transport.exchange("GET", "/ping")
        assert server.seen == []


def test_a_certificate_that_is_trusted_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = self_signed(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate.bundle))
    with LocalServer(answering(reply(200, b"x" * 99_999)), tls=certificate.context) as server:
        with transport_to(server.url) as transport:
            for _ in range(2):
                answer = transport.exchange("POST", "/contacts", body=b"y" * 999_999)
                assert answer.body == b"x" * 99_999
        assert (len(server.seen), server.connections) == (2, 1)


def test_a_plain_server_under_https_is_no_tls() -> None:
    def plain(_server: LocalServer, connection: socket.socket) -> None:
        connection.recv(10_000)
        connection.sendall(reply(400))

    with (
        LocalServer(plain) as server,
        transport_to(f"https://{server.address}") as transport,
        pytest.raises(RetriableError, match="no TLS connection"),
    ):
        transport.exchange("GET", "/ping")


def test_nothing_is_logged_of_paths_and_queries(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    odd_header = b"HTTP/1.1 200 OK\r\nA: b\r\n: c\r\nno header\r\n\r\n"
    with LocalServer(closing_after(odd_header)) as server, transport_to(server.url) as transport:
        transport.exchange("DELETE", "/contacts/email/secret?secret")
    assert "secret" not in caplog.text


def test_a_proxy_that_wants_a_password_is_said_to_be_the_cause(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with LocalServer(answering(reply(407))) as proxy:
        monkeypatch.setenv("https_proxy", f"http://{proxy.address}")
        with (
            transport_to("https://the.host/1.0") as transport,
            pytest.raises(RetriableError) as caught,
        ):
            transport.exchange("GET", "/ping")
        assert proxy.seen[0].method == "CONNECT"
        assert "authorization" not in proxy.seen[0].headers
    assert "through the proxy" in str(caught.value)
    assert caught.value.trouble is FailureReason.CONNECTION

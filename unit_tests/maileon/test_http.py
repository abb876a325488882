from __future__ import annotations

import gzip
import http.client
import logging
import socket
import ssl
import tracemalloc
import zlib
from pathlib import Path

import pytest
import urllib3

from destination_maileon.maileon.deadline import time_limit
from destination_maileon.maileon.errors import (
    FailureReason,
    FatalError,
    MaileonError,
    RetriableError,
)
from destination_maileon.maileon.http import FAILURES, HttpTransport
from unit_tests.maileon.certificates import self_signed
from unit_tests.maileon.exchanges import body_of, transport_to
from unit_tests.maileon.local_server import (
    Conversation,
    LocalServer,
    answering,
    closing_after,
    read_request,
    reply,
)

_GZIP = ("Content-Encoding: gzip",)
_MEDIA_TYPE = "application/vnd.maileon.api+xml"


def test_a_call_with_a_body_arrives_as_it_should() -> None:
    with LocalServer(answering(reply(200))) as server, transport_to(server.url) as transport:
        transport.send("POST", "/contacts", body=b"<contacts/>")
    (seen,) = server.seen
    assert (seen.method, seen.target, seen.body) == ("POST", "/1.0/contacts", b"<contacts/>")
    assert seen.headers == {
        "host": server.address,
        "authorization": "Basic a2V5",
        "accept": _MEDIA_TYPE,
        "accept-encoding": "gzip, deflate",
        "content-type": f"{_MEDIA_TYPE}; charset=utf-8",
        "content-length": "11",
        "user-agent": "destination-maileon",
    }


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_call_without_a_body_names_no_type_of_it(method: str) -> None:
    with LocalServer(answering(reply(200))) as server, transport_to(server.url) as transport:
        transport.send(method, "/ping")
    assert "content-type" not in server.seen[0].headers
    assert "expect" not in server.seen[0].headers


@pytest.mark.parametrize(
    "target",
    [
        "/contacts/email/max%40example%2Ecom",
        "/contacts/externalid/a%2Fb%20c%25",
        "/contacts/externalid/%2E%2E",
        "/contacts/fields/custom/x?type=string&a=%7E%2D",
    ],
)
@pytest.mark.parametrize("slash", ["", "/"])
def test_a_target_arrives_exactly_as_it_was_given(target: str, slash: str) -> None:
    with LocalServer(answering(reply(200))) as server:
        with transport_to(server.url + slash) as transport:
            transport.send("DELETE", target)
        assert server.seen[0].target == f"/1.0{target}"


def test_so_it_does_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with LocalServer(answering(reply(200))) as proxy:
        monkeypatch.setenv("http_proxy", f"http://{proxy.address}")
        with transport_to("http://192.0.2.1/1.0") as transport:
            transport.send("DELETE", "/contacts/email/max%40a%2E")
        assert proxy.seen[0].target == "http://192.0.2.1/1.0/contacts/email/max%40a%2E"


def test_a_proxy_gets_the_user_and_the_password_that_its_variable_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with LocalServer(answering(reply(200))) as proxy:
        monkeypatch.setenv("http_proxy", f"http://me:p%40ss@{proxy.address}")
        with transport_to("http://192.0.2.1/1.0") as transport:
            transport.send("GET", "/ping")
        headers = proxy.seen[0].headers
        assert headers["proxy-authorization"] == "Basic bWU6cEBzcw=="
        assert headers["authorization"] == "Basic a2V5"


def test_what_no_proxy_names_is_reached_without_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with LocalServer(answering(reply(200))) as proxy, LocalServer(answering(reply(200))) as server:
        monkeypatch.setenv("http_proxy", proxy.address)
        monkeypatch.setenv("no_proxy", "127.0.0.0/8")
        with transport_to(server.url) as transport:
            transport.send("GET", "/ping")
        assert (proxy.connections, len(server.seen)) == (0, 1)


def test_what_the_answer_says_is_handed_on() -> None:
    headers = ("Content-Type: text/plain", "Retry-After: 5")
    busy = answering(reply(503, b"busy", headers=headers))
    with LocalServer(busy) as server, transport_to(server.url) as transport:
        answer = transport.send("POST", "/ping", body=b"")
    assert (answer.host, answer.method, answer.status) == ("127.0.0.1", "POST", 503)
    assert (answer.headers["content-type"], answer.headers["retry-after"]) == ("text/plain", "5")
    assert answer.body == b"busy"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_redirect_is_not_followed_and_the_other_server_sees_nothing(
    status: int, method: str
) -> None:
    with LocalServer(answering(reply(200))) as other:
        redirect = reply(status, b"x", headers=(f"Location: {other.url}/stolen",))
        with LocalServer(answering(redirect)) as server, transport_to(server.url) as transport:
            answer = transport.send(method, "/ping", body=b"a" if method == "POST" else None)
        assert (answer.status, answer.body) == (status, None)
        assert len(server.seen) == 1
        assert other.connections == 0


@pytest.mark.parametrize("location", ["", "http://[", "//\xff", "/1.0/x", "file:///etc/passwd"])
def test_an_odd_redirect_is_a_redirect(location: str) -> None:
    assert body_of(reply(302, headers=(f"Location: {location}",))) is None


def test_a_password_in_netrc_does_not_replace_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login somebody password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with LocalServer(answering(reply(200))) as server, transport_to(server.url) as transport:
        transport.send("GET", "/ping")
    assert server.seen[0].headers["authorization"] == "Basic a2V5"


def test_a_password_in_the_base_url_does_not_replace_the_key() -> None:
    with LocalServer(answering(reply(200))) as server:
        with transport_to(server.url.replace("http://", "http://me:pw@")) as transport:
            answer = transport.send("GET", "/ping")
        assert answer.host == "127.0.0.1"
        assert server.seen[0].headers["authorization"] == "Basic a2V5"


def test_no_cookie_comes_back() -> None:
    cookie = reply(200, headers=("Set-Cookie: session=1; Path=/",))
    with LocalServer(answering(cookie)) as server, transport_to(server.url) as transport:
        transport.send("GET", "/a")
        transport.send("GET", "/b")
    assert not any("cookie" in seen.headers for seen in server.seen)


def test_calls_one_after_the_other_share_a_connection() -> None:
    with LocalServer(answering(reply(200, b"x"), reply(204), reply(400, b"y"))) as server:
        with transport_to(server.url) as transport:
            for _ in range(4):
                transport.send("GET", "/ping")
        assert (len(server.seen), server.connections) == (4, 1)


def test_a_connection_that_the_server_closed_meanwhile_costs_no_call() -> None:
    def once(server: LocalServer, connection: socket.socket) -> None:
        seen = read_request(connection)
        assert seen is not None
        server.seen.append(seen)
        connection.sendall(reply(200))
        connection.shutdown(socket.SHUT_RDWR)

    with LocalServer(once) as server, transport_to(server.url) as transport:
        for number in range(3):
            server.closing.wait(0.05)
            assert transport.send("POST", f"/{number}", body=b"x").status == 200
        assert [seen.target for seen in server.seen] == ["/1.0/0", "/1.0/1", "/1.0/2"]


def test_an_encoded_body_is_decoded() -> None:
    assert body_of(reply(200, gzip.compress(b"text"), headers=_GZIP)) == b"text"
    deflated = reply(200, zlib.compress(b"text"), headers=("Content-Encoding: deflate",))
    assert body_of(deflated) == b"text"


def test_a_body_may_come_in_chunks() -> None:
    chunks = b"2\r\nte\r\n2;x=y\r\nxt\r\n0\r\nA: b\r\n\r\n"
    assert body_of(reply(200, chunks, headers=("Transfer-Encoding: chunked",))) == b"text"


def trouble_with(converse: Conversation, *, body: bytes | None = None) -> FailureReason:
    with LocalServer(converse) as server, transport_to(server.url) as transport:
        with pytest.raises(RetriableError) as caught:
            transport.send("POST", "/contacts?secret", body=body)
        assert "127.0.0.1" in str(caught.value)
        assert "secret" not in str(caught.value)
        assert caught.value.__cause__ is None
        assert caught.value.__context__ is None
        assert len(server.seen) <= 1
    return caught.value.reason


def test_a_proxy_that_refuses_is_said_to_be_the_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    monkeypatch.setenv("https_proxy", f"http://user:secret@127.0.0.1:{port}")
    with transport_to("https://the.host/1.0") as transport, pytest.raises(RetriableError) as caught:
        transport.send("GET", "/ping")
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


def test_the_longest_body_is_read_and_a_longer_one_is_not() -> None:
    answers = answering(reply(200, b"x" * 100_000), reply(200, b"x" * 100_001))
    with LocalServer(answers) as server, transport_to(server.url) as transport:
        assert transport.send("GET", "/ping", limit=100_000).body == b"x" * 100_000
        with pytest.raises(RetriableError) as caught:
            transport.send("GET", "/ping", limit=100_000)
    assert caught.value.reason is FailureReason.UNREADABLE


@pytest.mark.long
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
        answer = transport.send("GET", "/ping")
    assert (answer.status, answer.body) == (403, None)


def test_a_refusal_before_the_body_was_taken_is_heard() -> None:
    def early(_server: LocalServer, connection: socket.socket) -> None:
        connection.recv(1_000)
        connection.sendall(reply(413, headers=("Connection: close",)))
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(2**20):
            pass

    with LocalServer(early) as server, transport_to(server.url) as transport:
        assert transport.send("POST", "/contacts", body=b"x" * 5_000_000).status == 413


def test_a_server_that_nobody_runs_refuses() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    with (
        transport_to(url) as transport,
        pytest.raises(RetriableError, match="refused the connection"),
    ):
        transport.send("GET", "/ping")


@pytest.mark.parametrize("url", ["http://", "http://a..b", "no://x", "http://a:99999"])
def test_a_base_url_that_is_none_is_an_error_of_ours(url: str) -> None:
    with transport_to(url) as transport, pytest.raises(RetriableError):
        transport.send("GET", "/ping")


def test_a_certificate_that_is_not_trusted_ends_the_call(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path)
    with LocalServer(answering(reply(200)), tls=certificate.context) as server:
        with transport_to(server.url) as transport, pytest.raises(FatalError) as caught:
            transport.send("GET", "/ping")
        assert server.seen == []
    assert str(caught.value) == (
        "No call reaches 127.0.0.1: the TLS certificate that is shown is not trusted (self-signed "
        "certificate). The environment variable REQUESTS_CA_BUNDLE has to name a file with every "
        "certificate that is trusted, also that of a proxy or firewall that looks into TLS."
    )
    assert caught.value.__context__ is None


def test_so_does_a_certificate_for_another_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = self_signed(tmp_path, address="127.0.0.2")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate.bundle))
    with LocalServer(answering(reply(200)), tls=certificate.context) as server:
        with (
            transport_to(server.url) as transport,
            pytest.raises(FatalError, match=r"IP address mismatch.*REQUESTS_CA_BUNDLE"),
        ):
            transport.send("GET", "/ping")
        assert server.seen == []


def test_a_certificate_that_is_trusted_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = self_signed(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate.bundle))
    with LocalServer(answering(reply(200, b"x" * 99_999)), tls=certificate.context) as server:
        with transport_to(server.url) as transport:
            for _ in range(2):
                answer = transport.send("POST", "/contacts", body=b"y" * 999_999)
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
        transport.send("GET", "/ping")


def test_nothing_is_logged_of_paths_and_queries(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    odd_header = b"HTTP/1.1 200 OK\r\nA: b\r\n: c\r\nno header\r\n\r\n"
    with LocalServer(closing_after(odd_header)) as server, transport_to(server.url) as transport:
        transport.send("DELETE", "/contacts/email/secret?secret")
    assert "secret" not in caplog.text


@pytest.mark.parametrize("variable", ["https_proxy", "HTTPS_PROXY", "all_proxy"])
@pytest.mark.parametrize(
    ("status", "words"), [(407, "user name and a password"), (403, "does not let it through (403)")]
)
def test_a_proxy_that_turns_the_call_away_is_at_fault(
    monkeypatch: pytest.MonkeyPatch, variable: str, status: int, words: str
) -> None:
    with LocalServer(answering(reply(status))) as proxy:
        monkeypatch.setenv(variable, f"http://me:secret@{proxy.address}")
        with (
            transport_to("https://the.host/1.0") as transport,
            pytest.raises(FatalError) as caught,
        ):
            transport.send("GET", "/ping")
        assert proxy.seen[0].method == "CONNECT"
    assert f"the proxy that the environment variable {variable} names" in str(caught.value)
    assert words in str(caught.value)
    assert "secret" not in str(caught.value)
    assert caught.value.__context__ is None


def test_an_empty_variable_in_small_letters_switches_the_proxy_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("http_proxy", "")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")  # ignore-https-check: this machine
    with LocalServer(answering(reply(200))) as server, transport_to(server.url) as transport:
        assert transport.send("GET", "/ping").status == 200


@pytest.mark.parametrize("status", [408, 429, 502, 503])
def test_a_proxy_that_cannot_now_may_later(monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    with LocalServer(answering(reply(status))) as proxy:
        monkeypatch.setenv("https_proxy", f"http://{proxy.address}")
        with (
            transport_to("https://the.host/1.0") as transport,
            pytest.raises(RetriableError, match="through the proxy"),
        ):
            transport.send("GET", "/ping")


@pytest.mark.parametrize("proxy", ["no://127.0.0.1", "http://[x"])
def test_a_proxy_that_is_none_is_at_fault(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with (
        transport_to("https://the.host/1.0") as transport,
        pytest.raises(FatalError, match="HTTPS_PROXY names cannot be used"),
    ):
        transport.send("GET", "/ping")


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_a_file_of_certificates_that_cannot_be_used_is_at_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    empty = tmp_path / "empty.pem"
    empty.touch()
    odd = tmp_path / "odd.pem"
    odd.write_text("no certificate")
    for path, problem in (
        (tmp_path / "missing.pem", "cannot be read (No such file or directory)"),
        (empty, "holds no certificate"),
        (odd, "holds no certificate"),
        (empty / "below", "cannot be read (Not a directory)"),
    ):
        monkeypatch.setenv(variable, str(path))
        with (
            transport_to("https://127.0.0.1:9") as transport,
            pytest.raises(FatalError) as caught,
        ):
            transport.send("GET", "/ping")
        assert f"environment variable {variable} names" in str(caught.value)
        assert f"{path}, which {problem}" in str(caught.value)


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_each_variable_that_names_certificates_is_heard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    certificate = self_signed(tmp_path)
    monkeypatch.setenv(variable, str(certificate.bundle))
    with (
        LocalServer(answering(reply(200)), tls=certificate.context) as server,
        transport_to(server.url) as transport,
    ):
        assert transport.send("GET", "/ping").status == 200


def test_without_tls_no_certificates_are_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere")
    with LocalServer(answering(reply(200))) as server, transport_to(server.url) as transport:
        assert transport.send("GET", "/ping").status == 200


_INTERIM = b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"


def test_interim_answers_are_skipped_and_every_call_gets_its_own_answer() -> None:
    replies = [_INTERIM + reply(200, b"%d" % n) for n in range(3)]
    with LocalServer(answering(*replies)) as server, transport_to(server.url) as transport:
        answers = [transport.send("POST", "/contacts", body=b"x") for _ in replies]
    assert [(answer.status, answer.body) for answer in answers] == [
        (200, b"0"), (200, b"1"), (200, b"2"),
    ]  # fmt: skip
    assert server.connections == 1


@pytest.mark.parametrize("status", [100, 101, 102, 103, 150, 199])
def test_whatever_its_number_an_interim_answer_is_none(status: int) -> None:
    interim = f"HTTP/1.1 {status} Wait\r\nA: b\r\n\r\n".encode()
    assert body_of(interim * 99 + reply(200, b"x")) == b"x"


def test_interim_answers_come_to_an_end() -> None:
    endless = closing_after(b"HTTP/1.1 102 Processing\r\n\r\n" * 101 + reply(200, b"x"))
    assert trouble_with(endless) is FailureReason.CONNECTION


_URL = "https://user:pass@the.host/1.0/contacts/email/max%40example.com"


def worded(error: BaseException, *, limit: float = 60) -> MaileonError:
    transport = HttpTransport(
        "https://the.host/1.0", "Basic a2V5", timeout_seconds=limit, connections=1
    )
    with time_limit(limit):
        return transport._failure(error)


def wrapped(cause: BaseException) -> urllib3.exceptions.HTTPError:
    """Behind an exception that is behind an exception."""
    error = urllib3.exceptions.HTTPError(_URL)
    error.__context__ = urllib3.exceptions.ProtocolError(_URL)
    error.__context__.__cause__ = cause
    return error


_CASES: list[tuple[BaseException, FailureReason, str]] = [
    (TimeoutError(_URL), FailureReason.TIMEOUT, "within 60 seconds"),
    (socket.gaierror(-2, _URL), FailureReason.CONNECTION, "name could not be resolved"),
    (UnicodeError(_URL), FailureReason.CONNECTION, "name could not be resolved"),
    (ssl.SSLError(1, _URL), FailureReason.CONNECTION, "no TLS connection"),
    (ConnectionRefusedError(111, _URL), FailureReason.CONNECTION, "refused the connection"),
    (urllib3.exceptions.DecodeError(_URL), FailureReason.UNREADABLE, "not encoded as it says"),
    (ConnectionResetError(104, _URL), FailureReason.CONNECTION, "was cut"),
    (BrokenPipeError(32, _URL), FailureReason.CONNECTION, "was cut"),
    (http.client.RemoteDisconnected(_URL), FailureReason.CONNECTION, "was cut"),
    (http.client.IncompleteRead(b"secret", 9), FailureReason.CONNECTION, "was cut"),
    (urllib3.exceptions.IncompleteRead(1, 9), FailureReason.CONNECTION, "was cut"),
    (http.client.BadStatusLine(_URL), FailureReason.CONNECTION, "no valid HTTP"),
    (http.client.LineTooLong("header line"), FailureReason.CONNECTION, "no valid HTTP"),
    (urllib3.exceptions.InvalidHeader(_URL), FailureReason.CONNECTION, "no valid HTTP"),
    (OSError(_URL), FailureReason.CONNECTION, "no connection could be made"),
    (ValueError(_URL), FailureReason.CONNECTION, "no connection could be made"),
]


@pytest.mark.parametrize(("cause", "trouble", "words"), _CASES)
def test_the_cause_is_told_in_plain_words_however_deep_it_lies(
    cause: BaseException, trouble: FailureReason, words: str
) -> None:
    for error in (cause, wrapped(cause), wrapped(wrapped(cause))):
        told = worded(error)
        assert isinstance(told, RetriableError)
        assert told.reason is trouble
        assert str(told).startswith("No answer from the.host: ")
        assert words in str(told)
        assert not any(part in str(told) for part in ("user", "max", "secret", "0x", "/1.0"))


@pytest.mark.parametrize(("cause", "_trouble", "_words"), _CASES)
def test_every_such_cause_is_caught(cause: BaseException, _trouble: object, _words: str) -> None:
    assert isinstance(cause, FAILURES)


def test_whatever_the_cause_when_the_time_is_up_it_is_a_timeout() -> None:
    told = worded(wrapped(ConnectionResetError()), limit=0)
    assert isinstance(told, RetriableError)
    assert told.reason is FailureReason.TIMEOUT


def test_a_proxy_is_said_to_be_one() -> None:
    error = urllib3.exceptions.ProxyError(_URL, OSError())
    error.__cause__ = ConnectionRefusedError()
    assert "the.host through the proxy: it refused" in str(worded(error))

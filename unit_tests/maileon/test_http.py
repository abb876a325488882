from __future__ import annotations

import gzip
import socket
import zlib
from pathlib import Path

import pytest

from unit_tests.maileon.exchanges import body_of, transport_to
from unit_tests.maileon.local_server import (
    LocalServer,
    answering,
    read_request,
    reply,
)

_GZIP = ("Content-Encoding: gzip",)
_MEDIA_TYPE = "application/vnd.maileon.api+xml"


def test_a_call_with_a_body_arrives_as_it_should() -> None:
    with LocalServer(answering(reply(200))) as server, transport_to(server.url) as transport:
        transport.exchange("POST", "/contacts", body=b"<contacts/>")
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
        transport.exchange(method, "/ping")
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
            transport.exchange("DELETE", target)
        assert server.seen[0].target == f"/1.0{target}"


def test_so_it_does_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with LocalServer(answering(reply(200))) as proxy:
        monkeypatch.setenv("http_proxy", f"http://{proxy.address}")
        with transport_to("http://192.0.2.1/1.0") as transport:
            transport.exchange("DELETE", "/contacts/email/max%40a%2E")
        assert proxy.seen[0].target == "http://192.0.2.1/1.0/contacts/email/max%40a%2E"


def test_what_the_answer_says_is_handed_on() -> None:
    headers = ("Content-Type: text/plain", "Retry-After: 5")
    busy = answering(reply(503, b"busy", headers=headers))
    with LocalServer(busy) as server, transport_to(server.url) as transport:
        answer = transport.exchange("POST", "/ping", body=b"")
    assert (answer.host, answer.method, answer.status) == ("127.0.0.1", "POST", 503)
    assert (answer.content_type, answer.retry_after) == ("text/plain", "5")
    assert answer.body == b"busy"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_redirect_is_not_followed_and_the_other_server_sees_nothing(
    status: int, method: str
) -> None:
    with LocalServer(answering(reply(200))) as other:
        redirect = reply(status, b"x", headers=(f"Location: {other.url}/stolen",))
        with LocalServer(answering(redirect)) as server, transport_to(server.url) as transport:
            answer = transport.exchange(method, "/ping", body=b"a" if method == "POST" else None)
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
        transport.exchange("GET", "/ping")
    assert server.seen[0].headers["authorization"] == "Basic a2V5"


def test_a_password_in_the_base_url_does_not_replace_the_key() -> None:
    with LocalServer(answering(reply(200))) as server:
        with transport_to(server.url.replace("http://", "http://me:pw@")) as transport:
            answer = transport.exchange("GET", "/ping")
        assert answer.host == "127.0.0.1"
        assert server.seen[0].headers["authorization"] == "Basic a2V5"


def test_no_cookie_comes_back() -> None:
    cookie = reply(200, headers=("Set-Cookie: session=1; Path=/",))
    with LocalServer(answering(cookie)) as server, transport_to(server.url) as transport:
        transport.exchange("GET", "/a")
        transport.exchange("GET", "/b")
    assert not any("cookie" in seen.headers for seen in server.seen)


def test_calls_one_after_the_other_share_a_connection() -> None:
    with LocalServer(answering(reply(200, b"x"), reply(204), reply(400, b"y"))) as server:
        with transport_to(server.url) as transport:
            for _ in range(4):
                transport.exchange("GET", "/ping")
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
            assert transport.exchange("POST", f"/{number}", body=b"x").status == 200
        assert [seen.target for seen in server.seen] == ["/1.0/0", "/1.0/1", "/1.0/2"]


def test_an_encoded_body_is_decoded() -> None:
    assert body_of(reply(200, gzip.compress(b"text"), headers=_GZIP)) == b"text"
    deflated = reply(200, zlib.compress(b"text"), headers=("Content-Encoding: deflate",))
    assert body_of(deflated) == b"text"


def test_a_body_may_come_in_chunks() -> None:
    chunks = b"2\r\nte\r\n2;x=y\r\nxt\r\n0\r\nA: b\r\n\r\n"
    assert body_of(reply(200, chunks, headers=("Transfer-Encoding: chunked",))) == b"text"

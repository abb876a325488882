"""Keys, rights, paths and methods (Maileon docs, Authentication; HTTP status codes)."""

from __future__ import annotations

import gzip
import socket
from base64 import b64encode
from collections.abc import Iterator

import pytest
import requests
from lxml import etree

from maileon_sandbox import Sandbox
from maileon_sandbox.tests.client import EVERY_PARAMETER, Client, contact, message_of

METHODS = ["GET", "POST", "PUT", "DELETE"]


@pytest.fixture
def guarded() -> Iterator[Sandbox]:
    keys = {f"only-{method}": {method} for method in METHODS}
    with Sandbox(api_keys={**keys, "no-rights": set()}) as running:
        yield running


@pytest.mark.parametrize("method", METHODS)
def test_ping_answers_every_method(client: Client, method: str) -> None:
    response = client.call(method, "/ping")
    assert response.status_code == 200
    # Maileon's PHP client compares the whole header, and the pages show no charset.
    assert response.headers["Content-Type"] == "application/vnd.maileon.api+xml"


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("right", METHODS)
def test_a_missing_right_is_403(guarded: Sandbox, method: str, right: str) -> None:
    with Client(guarded.base_url, f"only-{right}") as client:
        response = client.call(method, "/ping")
    assert response.status_code == (200 if method == right else 403)
    if method != right:
        assert method in message_of(response)


def test_without_the_right_nothing_is_stored(guarded: Sandbox) -> None:
    with Client(guarded.base_url, "only-GET") as client:
        assert client.post(contact(email="a@example.com")).status_code == 403
    assert guarded.account.contacts() == []


def test_a_key_without_rights_is_known_all_the_same(guarded: Sandbox) -> None:
    with Client(guarded.base_url, "no-rights") as client:
        assert client.call("GET", "/ping").status_code == 403


KEY = "a-key-of-the-tests"


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Basic",
        f"Basic {KEY}",
        f"Bearer {b64encode(KEY.encode()).decode()}",
        f"Basic {b64encode(f'{KEY}::'.encode()).decode()}",
        f"Basic {b64encode(f'{KEY}:password'.encode()).decode()}",
        f"Basic {b64encode(KEY.upper().encode()).decode()}",
    ],
)
def test_anything_but_the_key_in_base64_is_401(sandbox: Sandbox, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    response = requests.get(f"{sandbox.base_url}/ping", headers=headers, timeout=60)
    assert response.status_code == 401
    assert message_of(response)


@pytest.mark.parametrize("written", [KEY, f"{KEY}:"])
def test_the_key_is_known_with_and_without_a_colon(sandbox: Sandbox, written: str) -> None:
    headers = {"Authorization": f"Basic {b64encode(written.encode()).decode()}"}
    assert requests.get(f"{sandbox.base_url}/ping", headers=headers, timeout=60).status_code == 200


def test_an_unknown_path_is_404_and_a_wrong_method_405_in_xml(client: Client) -> None:
    assert client.call("GET", "//ping").status_code == 404
    unknown = client.call("GET", "/contact")
    wrong = client.call("PUT", "/contacts")
    assert (unknown.status_code, wrong.status_code) == (404, 405)
    assert message_of(unknown)
    assert message_of(wrong)


def test_a_path_outside_the_api_is_a_web_page(sandbox: Sandbox) -> None:
    response = requests.get(f"{sandbox.url}/2.0/ping", timeout=60)
    assert response.status_code == 404
    assert response.headers["Content-Type"].startswith("text/html")


def test_account_info_comes_as_xml_or_as_json(client: Client) -> None:
    url = f"{client.base_url}/account/info"
    as_xml = client.session.get(url, timeout=60)
    as_json = client.session.get(url, headers={"Accept": "application/json"}, timeout=60)
    root = etree.fromstring(as_xml.content)
    assert root.tag == "account_info"
    assert {e.tag: e.text for e in root} == as_json.json()
    assert root.findtext("type") == "demo"


def test_a_connection_is_kept_for_the_next_call(sandbox: Sandbox, client: Client) -> None:
    for _ in range(3):
        response = client.post(contact(email="a@example.com"))
        assert "Connection" not in response.headers
    (pool,) = client.session.adapters["http://"].poolmanager.pools._container.values()  # type: ignore[attr-defined]
    assert (pool.num_requests, pool.num_connections) == (3, 1)
    assert len(sandbox.calls) == 3


def test_a_chunked_body_is_read_to_its_end(sandbox: Sandbox, client: Client) -> None:
    parts = iter([b"<contacts><contact><email>", b"a@example.com</email></contact></contacts>"])
    for body in (parts, b"<contacts/>"):
        response = client.session.post(f"{client.base_url}/contacts", data=body, timeout=60)
        assert response.status_code == 200
    assert [call.contacts for call in sandbox.calls] == [1, 0]


PACKED = {"Content-Encoding": "gzip", "Content-Type": "application/vnd.maileon.api+xml"}


@pytest.mark.parametrize("cut", [0, 5])
def test_a_packed_body_is_unpacked_and_a_broken_one_is_refused(
    sandbox: Sandbox, client: Client, cut: int
) -> None:
    whole = f"<contacts>{contact(email='a@example.com')}</contacts>".encode()
    body = gzip.compress(whole)[cut:]
    response = client.session.post(
        f"{client.base_url}/contacts", data=body, headers=PACKED, timeout=60
    )
    assert response.status_code == (400 if cut else 200)
    assert len(sandbox.account.contacts()) == (0 if cut else 1)
    assert sandbox.calls[0].body == (body if cut else whole)


def test_a_body_that_unpacks_to_more_than_is_allowed_is_413(client: Client) -> None:
    body = gzip.compress(b" " * 9_000_001)
    response = client.session.post(
        f"{client.base_url}/contacts", data=body, headers=PACKED, timeout=60
    )
    assert response.status_code == 413


def test_a_slash_at_the_end_of_a_path_changes_nothing(sandbox: Sandbox, client: Client) -> None:
    body = f"<contacts>{contact(email='a@example.com')}</contacts>".encode()
    assert client.call("POST", "/contacts/", body=body, **EVERY_PARAMETER).status_code == 200
    assert client.call("GET", "/contacts/email/a%40example.com/").status_code == 200
    assert client.call("GET", "/contacts/preference_categories/").status_code == 200
    assert [call.contacts for call in sandbox.calls] == [1, None, None]
    assert sandbox.violations == []


def test_only_this_machine_is_served(sandbox: Sandbox) -> None:
    assert sandbox.url == f"http://127.0.0.1:{sandbox.port}"
    assert sandbox.base_url == f"{sandbox.url}/1.0"


def test_stopping_closes_connections_that_wait_for_a_next_call() -> None:
    with Sandbox() as sandbox:
        idle = socket.create_connection(("127.0.0.1", sandbox.port), timeout=60)
        idle.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert idle.recv(1 << 16).startswith(b"HTTP/1.1 200")
    with idle:
        assert idle.recv(1) == b""

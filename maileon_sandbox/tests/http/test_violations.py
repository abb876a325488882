"""What a well-behaved client never does."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from maileon_sandbox import Fault, Sandbox
from maileon_sandbox.tests.client import EVERY_PARAMETER, NIL, Client, contact, fields, preference

A = contact(email="a@example.com", external_id="x-1", id="7")
ZIP_AGAIN = "<field><name>ZIP</name><value>2</value></field></standard_fields>"


@pytest.fixture
def slow() -> Iterator[Sandbox]:
    with Sandbox(latency_seconds=0.15) as running:
        yield running


def together(sandbox: Sandbox, *calls: tuple[str, str, bytes | None]) -> None:
    """Starts the calls one after the other, while the earlier ones are in flight."""

    def send(method: str, path: str, *, body: bytes | None) -> None:
        with Client(sandbox.base_url, sandbox.api_key) as client:
            parameters = EVERY_PARAMETER if method == "POST" else {}
            client.call(method, path, body=body, **parameters)

    with ThreadPoolExecutor(len(calls)) as pool:
        for number, (method, path, body) in enumerate(calls):
            pool.submit(send, method, path, body=body)
            while len(sandbox.calls) <= number:
                time.sleep(0.002)


def post(*contacts: str) -> tuple[str, str, bytes]:
    return "POST", "/contacts", f"<contacts>{''.join(contacts)}</contacts>".encode()


def test_a_well_behaved_client_has_none(sandbox: Sandbox, client: Client) -> None:
    b = contact(email="b@example.com", external_id=NIL, standard={"CITY": "a", "ZIP": "b"})
    client.synchronize(A, b)
    client.synchronize(A, b, permission="5")
    client.call("GET", "/ping")
    client.call("POST", "/ping", body=b"foobar")
    assert sandbox.violations == []


@pytest.mark.parametrize("name", EVERY_PARAMETER)
def test_a_documented_parameter_that_is_left_out_is_one(
    sandbox: Sandbox, client: Client, name: str
) -> None:
    client.post(A, **{k: v for k, v in EVERY_PARAMETER.items() if k != name})
    assert sandbox.violations == [f"call 1: {name} left out"]


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (contact(email="A@example.com"), "email 'a@example.com' in 2 contacts"),
        (contact(email="b@x.de", external_id="x-1"), "external_id 'x-1' in 2 contacts"),
        (contact(email="b@x.de", id="7"), "id '7' in 2 contacts"),
    ],
)
def test_an_identifier_twice_in_one_call_is_one(
    sandbox: Sandbox, client: Client, other: str, expected: str
) -> None:
    client.synchronize(A, other)
    assert sandbox.violations == [f"call 1: {expected}"]


@pytest.mark.parametrize(
    ("inner", "expected"),
    [
        ("<permission>1</permission>", "unknown element <permission> in <contact>"),
        ("<email>b@x.de</email>", "<email> twice in one contact"),
        (
            fields("standard_fields", {"ZIP": "1"}).replace("</standard_fields>", ZIP_AGAIN),
            "field 'ZIP' twice in one contact",
        ),
        (
            "<preferences>" + preference("C", "N", value="true") * 2 + "</preferences>",
            "preference 'C', 'N' twice in one contact",
        ),
    ],
)
def test_an_odd_contact_is_one(sandbox: Sandbox, client: Client, inner: str, expected: str) -> None:
    client.synchronize(A.replace("</contact>", f"{inner}</contact>"))
    assert sandbox.violations == [f"call 1: {expected}"]


@pytest.mark.parametrize(
    ("content_type", "count"),
    [
        ("application/vnd.maileon.api+xml; charset=utf-8", 0),
        ("application/vnd.maileon.api+xml; charset=UTF-8", 0),
        ("application/vnd.maileon.api+xml", 0),
        ("application/vnd.maileon.api+xml; charset=latin-1", 1),
        ("application/xml", 1),
        (None, 1),
    ],
)
def test_a_wrong_content_type_is_one(
    sandbox: Sandbox, client: Client, content_type: str | None, count: int
) -> None:
    client.session.post(
        f"{client.base_url}/contacts",
        params=EVERY_PARAMETER,
        data=f"<contacts>{A}</contacts>".encode(),
        headers={"Content-Type": content_type} if content_type else {},
        timeout=60,
    )
    assert len(sandbox.violations) == count


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (contact(email="A@Example.com"), "email 'a@example.com'"),
        (contact(external_id="x-1"), "external_id 'x-1'"),
        (contact(id="7"), "id '7'"),
    ],
)
def test_two_calls_in_flight_that_share_an_identifier_are_one(
    slow: Sandbox, other: str, expected: str
) -> None:
    together(slow, post(A), post(other))
    assert slow.calls[0].overlaps(slow.calls[1])
    assert slow.violations == [f"call 2: shares {expected} with a call that is still in flight"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/contacts/email/A%40example.com"),
        ("DELETE", "/contacts/externalid/x-1/unsubscribe"),
        ("PUT", "/contacts/email/A%40example.com/unsubscription"),
    ],
)
def test_a_removal_beside_a_call_in_flight_that_has_the_contact_is_one(
    slow: Sandbox, method: str, path: str
) -> None:
    together(slow, post(A), (method, path, None))
    assert len(slow.violations) == 1


def test_calls_in_flight_that_share_nothing_are_none(slow: Sandbox) -> None:
    together(slow, post(A), post(contact(email="b@x.de", external_id="a@example.com", id="8")))
    assert slow.calls[0].overlaps(slow.calls[1])
    assert slow.violations == []


def test_one_call_after_the_other_is_none(slow: Sandbox) -> None:
    with Client(slow.base_url, slow.api_key) as client:
        client.synchronize(A)
        client.synchronize(A)
    assert not slow.calls[0].overlaps(slow.calls[1])
    assert slow.violations == []


def test_a_call_that_the_client_gave_up_is_not_in_flight_for_it(
    sandbox: Sandbox, client: Client
) -> None:
    sandbox.script(Fault(delay_seconds=1))
    with requests.Session() as impatient, pytest.raises(requests.ReadTimeout):
        impatient.post(
            f"{client.base_url}/contacts",
            params=EVERY_PARAMETER,
            data=f"<contacts>{A}</contacts>".encode(),
            headers={**client.session.headers, "Content-Type": "application/vnd.maileon.api+xml"},
            timeout=0.1,
        )
    client.synchronize(A)
    assert sandbox.calls[0].finished is None
    assert sandbox.violations == []


def test_a_dropped_call_is_not_in_flight_when_it_is_repeated(
    sandbox: Sandbox, client: Client
) -> None:
    sandbox.script(Fault(drop="after"))
    with pytest.raises(requests.ConnectionError):
        client.synchronize(A)
    client.synchronize(A)
    assert sandbox.violations == []


def test_a_call_that_a_fault_answers_is_judged_all_the_same(
    sandbox: Sandbox, client: Client
) -> None:
    sandbox.script(Fault(status=503))
    assert client.post(A, A, **EVERY_PARAMETER).status_code == 503
    assert len(sandbox.violations) == 3

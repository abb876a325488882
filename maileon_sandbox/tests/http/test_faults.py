"""Scripted faults: their effects, and the calls they hit."""

from __future__ import annotations

import socket
import struct
import time
from base64 import b64encode
from random import Random
from threading import Thread
from urllib.parse import urlsplit

import pytest
import requests

from maileon_sandbox import Fault, Sandbox
from maileon_sandbox.tests.client import Client, contact, message_of

A = contact(email="a@example.com")
B = contact(email="b@example.com")


def statuses(client: Client, times: int, path: str = "/ping") -> list[int]:
    return [client.call("GET", path).status_code for _ in range(times)]


def test_a_status_is_answered_and_nothing_is_stored(sandbox: Sandbox, client: Client) -> None:
    fault = Fault(status=503, retry_after="7")
    sandbox.script(fault)

    response = client.post(A)

    assert (response.status_code, response.headers["Retry-After"]) == (503, "7")
    assert message_of(response)
    assert sandbox.account.contacts() == []
    assert sandbox.calls[0].fault == fault
    assert client.post(A).status_code == 200
    assert sandbox.calls[1].fault is None


def test_a_status_may_come_after_the_call_was_carried_out(sandbox: Sandbox, client: Client) -> None:
    sandbox.script(Fault(status=500, processed=True))
    assert client.post(A).status_code == 500
    assert len(sandbox.account.contacts()) == 1
    assert sandbox.calls[0].report == {
        "contacts": 1, "existing": 0, "new": 1, "invalid": 0, "unsubscribed": 0
    }  # fmt: skip


@pytest.mark.parametrize(("drop", "stored"), [("before", 0), ("after", 1)])
def test_a_dropped_call_has_no_answer(
    sandbox: Sandbox, client: Client, drop: str, stored: int
) -> None:
    sandbox.script(Fault(drop="before" if drop == "before" else "after"))

    with pytest.raises(requests.ConnectionError):
        client.post(A)

    assert len(sandbox.account.contacts()) == stored
    assert sandbox.calls[0].status is None
    assert sandbox.calls[0].finished is not None


def test_a_body_is_answered_as_it_is(sandbox: Sandbox, client: Client) -> None:
    sandbox.script(Fault(body=b"<html>", content_type="text/html"), Fault(body=b""))
    first, second = client.post(A), client.post(A)
    assert (first.status_code, first.content) == (200, b"<html>")
    assert first.headers["Content-Type"] == "text/html"
    assert (second.status_code, second.content) == (200, b"")
    assert sandbox.account.contacts() == []


def test_a_body_may_have_a_status(sandbox: Sandbox, client: Client) -> None:
    sandbox.script(Fault(status=502, body=b"bad gateway"))
    response = client.post(A)
    assert (response.status_code, response.content) == (502, b"bad gateway")


def test_a_redirect_names_its_location(sandbox: Sandbox, client: Client) -> None:
    sandbox.script(Fault(redirect="https://example.com/1.0"), Fault(redirect="/x", status=302))
    first, second = client.post(A), client.post(A)
    assert (first.status_code, first.headers["Location"]) == (307, "https://example.com/1.0")
    assert (second.status_code, second.headers["Location"]) == (302, "/x")


def test_a_delay_comes_between_the_work_and_the_answer(sandbox: Sandbox, client: Client) -> None:
    sandbox.script(Fault(delay_seconds=30))
    with pytest.raises(requests.ReadTimeout):
        client.session.post(
            f"{client.base_url}/contacts", data=f"<contacts>{A}</contacts>", timeout=0.1
        )
    while not sandbox.account.contacts():
        time.sleep(0.01)
    assert sandbox.calls[0].status is None


def test_a_trickled_answer_is_whole_but_slow(sandbox: Sandbox, client: Client) -> None:
    quick = client.call("GET", "/account/info")
    sandbox.script(Fault(trickle=True, trickle_seconds=0.001))
    start = time.monotonic()
    slow = client.call("GET", "/account/info")
    assert slow.content == quick.content
    assert time.monotonic() - start > 0.001 * len(slow.content)
    assert sandbox.calls[1].finished
    assert sandbox.calls[1].finished - sandbox.calls[1].started > 0.001 * (len(slow.content) - 1)


def test_a_client_that_leaves_a_trickled_answer_is_no_trouble(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with Sandbox() as sandbox:
        sandbox.script(Fault(trickle=True, trickle_seconds=0.01))
        address = urlsplit(sandbox.base_url)
        key = b64encode(sandbox.api_key.encode()).decode()
        asked = (
            f"GET /1.0/account/info HTTP/1.1\r\nHost: here\r\nAuthorization: Basic {key}\r\n\r\n"
        )
        with socket.create_connection((address.hostname, address.port)) as leaving:
            leaving.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            leaving.sendall(asked.encode())
            assert leaving.recv(20).startswith(b"HTTP/1.1 200")
        while not sandbox.calls[0].finished:
            time.sleep(0.01)
    # The sandbox has stopped, and so has the thread that answered.
    assert capfd.readouterr().err == ""


def test_every_call_waits_as_long_as_the_sandbox_is_told() -> None:
    with (
        Sandbox(latency_seconds=0.1) as slow,
        Client(slow.base_url, slow.api_key) as client,
    ):
        start = time.monotonic()
        statuses(client, 2)
        assert time.monotonic() - start >= 0.2


def test_stopping_does_not_wait_for_a_delay() -> None:
    sandbox = Sandbox().start()
    sandbox.script(Fault(delay_seconds=60))
    refused = []

    def ask() -> None:
        with Client(sandbox.base_url, sandbox.api_key) as client:
            try:
                client.call("GET", "/ping")
            except requests.ConnectionError:
                refused.append("connection")

    thread = Thread(target=ask)
    thread.start()
    while not sandbox.calls:
        time.sleep(0.005)
    sandbox.stop()
    thread.join()
    # An answer would only have come after the delay.
    assert refused == ["connection"]


def test_faults_come_in_the_order_of_the_script(sandbox: Sandbox, client: Client) -> None:
    sandbox.script(Fault(status=500, times=2), Fault(status=502))
    sandbox.script(Fault(status=504))
    assert statuses(client, 5) == [500, 500, 502, 504, 200]


def test_the_first_calls_pass_and_then_each_nth_is_hit(sandbox: Sandbox, client: Client) -> None:
    sandbox.script(Fault(status=500, skip=1, every=2, times=2))
    assert statuses(client, 7) == [200, 200, 500, 200, 500, 200, 200]


def test_times_none_is_for_ever(sandbox: Sandbox, client: Client) -> None:
    sandbox.script(Fault(status=500, times=None))
    assert statuses(client, 4) == [500] * 4


def test_method_and_path_choose_the_calls(sandbox: Sandbox, client: Client) -> None:
    sandbox.script(
        Fault(status=500, method="POST", path="/ping", times=None),
        Fault(status=502, path="/1.0/account", times=None),
        Fault(status=504, path="/contacts", whole_path=True, times=None),
    )
    assert statuses(client, 1) == [200]
    assert client.call("POST", "/ping").status_code == 500
    assert statuses(client, 1, "/account/info") == [502]
    assert statuses(client, 1, "/contacts") == [504]
    assert statuses(client, 1, "/contacts/count") == [200]


def test_a_text_poisons_every_call_that_holds_it(sandbox: Sandbox, client: Client) -> None:
    sandbox.script(Fault(status=400, contains="b@example.com", times=None))
    assert [client.post(*people).status_code for people in ((A, B), (A,), (B,))] == [400, 200, 400]
    assert [stored.email for stored in sandbox.account.contacts()] == ["a@example.com"]


def test_reset_forgets_faults_calls_and_violations_but_not_the_account(
    sandbox: Sandbox, client: Client
) -> None:
    sandbox.script(Fault(status=500, skip=1, times=None))
    client.post(A)
    assert sandbox.violations
    sandbox.reset()
    assert (sandbox.calls, sandbox.violations) == ([], [])
    assert statuses(client, 2) == [200, 200]
    assert len(sandbox.account.contacts()) == 1


@pytest.mark.parametrize("wrong", [{"every": 0}, {"skip": -1}, {"times": 0}])
def test_a_fault_that_could_never_hit_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at least"):
        Fault(
            status=500,
            every=wrong.get("every", 1),
            skip=wrong.get("skip", 0),
            times=wrong.get("times", 1),
        )


def test_faults_by_chance_hit_their_share_of_the_calls_they_fit(
    sandbox: Sandbox, client: Client
) -> None:
    faults = (Fault(status=503), Fault(status=500), Fault(status=504, method="POST"))
    sandbox.fail_at_random(*faults, share=0.5, random=Random(1))
    sandbox.script(Fault(status=408))
    answered = statuses(client, 60)
    # A scripted fault comes before a random one.
    assert answered[0] == 408
    assert set(answered[1:]) == {200, 500, 503}
    assert 15 < answered.count(200) < 45
    sandbox.reset()
    assert statuses(client, 20) == [200] * 20

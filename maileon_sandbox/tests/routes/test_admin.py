"""The door for other processes, and the command."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest
import requests

from maileon_sandbox import Sandbox
from maileon_sandbox.tests.client import Client, contact

SEED = {
    "custom_fields": {"Color": "string", "Size": "integer"},
    "preferences": {"News": ["Daily", "Weekly"], "Empty": []},
    "contacts": [
        {
            "email": "a@example.com",
            "external_id": "x-1",
            "permission": 4,
            "standard_fields": {"CITY": "c"},
            "custom_fields": {"Color": "red"},
            "preferences": [{"category": "News", "name": "Daily", "value": "true"}],
        },
        {"email": "B@example.com", "unsubscribed": True},
    ],
}


def admin(sandbox: Sandbox, method: str, path: str, *, json: object = None) -> requests.Response:
    return requests.request(method, f"{sandbox.url}/_sandbox/{path}", json=json, timeout=60)


def test_an_account_is_seeded_and_read(sandbox: Sandbox) -> None:
    assert admin(sandbox, "POST", "account", json=SEED).status_code == 204

    state = admin(sandbox, "GET", "state").json()

    assert state["custom_fields"] == SEED["custom_fields"]
    assert state["preferences"] == SEED["preferences"]
    assert state["markers"] == ["b@example.com"]
    assert state["violations"] == []
    first, second = state["contacts"]
    assert first == {
        "id": sandbox.account.contacts()[0].id,
        "email": "a@example.com",
        "external_id": "x-1",
        "permission": 4,
        "standard_fields": {"CITY": "c"},
        "custom_fields": {"Color": "red"},
        "preferences": [{"category": "News", "name": "Daily", "value": "true", "source": None}],
        "unsubscribed": False,
        "updates": 0,
    }
    assert (second["email"], second["unsubscribed"]) == ("B@example.com", True)


@pytest.mark.parametrize(
    "seed",
    [
        [],
        {"custom_fields": {"Color": "colour"}},
        {"contacts": [{"mail": "a@example.com"}]},
        {"contacts": [{"email": "a@example.com", "permission": 7}]},
        {"contacts": [{"email": "a@example.com"}, {"email": "A@example.com"}]},
    ],
)
def test_a_seed_that_does_not_fit_is_refused(sandbox: Sandbox, seed: object) -> None:
    response = admin(sandbox, "POST", "account", json=seed)
    assert response.status_code == 400
    assert response.json()["error"]


def test_calls_are_shown_with_their_report(sandbox: Sandbox, client: Client) -> None:
    parameters = {"permission": "5", "sync_mode": "1", "ignore_invalid_contacts": "true"}
    client.post(contact(email="a@example.com"), contact(email="b"), **parameters)
    (call,) = admin(sandbox, "GET", "calls").json()
    assert (call["method"], call["path"], call["status"]) == ("POST", "/1.0/contacts", 200)
    assert call["parameters"] == parameters
    assert call["contacts"] == 2
    assert call["report"]["new"] == 1
    assert call["refused"] == [
        {
            "email": "b",
            "external_id": None,
            "id": None,
            "code": 3,
            "field": "email",
            "value": "b",
        }
    ]
    assert "<email>a@example.com</email>" in call["body"]
    assert call["started"] < call["finished"]
    assert call["fault"] is None


def test_faults_are_scripted_and_forgotten(sandbox: Sandbox, client: Client) -> None:
    faults = [{"status": 503, "retry_after": "1"}, {"body": "<x/>"}, {"status": 500, "times": None}]
    assert admin(sandbox, "POST", "faults", json=faults).status_code == 204
    answers = [client.call("GET", "/ping") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [503, 200, 500]
    assert answers[1].content == b"<x/>"
    assert admin(sandbox, "GET", "calls").json()[0]["fault"]["retry_after"] == "1"

    assert admin(sandbox, "POST", "reset").status_code == 204

    assert admin(sandbox, "GET", "calls").json() == []
    assert client.call("GET", "/ping").status_code == 200


@pytest.mark.parametrize("faults", [[{"stauts": 500}], [{"drop": "never"}], {"status": 500}, 1])
def test_a_fault_that_does_not_exist_is_refused(sandbox: Sandbox, faults: object) -> None:
    assert admin(sandbox, "POST", "faults", json=faults).status_code == 400


def test_the_front_page_says_where_to_look(sandbox: Sandbox) -> None:
    assert "/_sandbox/state" in requests.get(sandbox.url, timeout=60).text


def test_bodies_are_forgotten_if_they_are_not_to_be_kept() -> None:
    with Sandbox(keep_bodies=False) as sandbox, Client(sandbox.base_url, sandbox.api_key) as client:
        assert client.synchronize(contact(email="a@example.com")).new == 1
        assert (sandbox.calls[0].body, sandbox.calls[0].contacts) == (b"", 1)


def test_two_accounts_are_equal_whatever_the_order_and_the_ids() -> None:
    with Sandbox() as one, Sandbox() as other:
        for sandbox, order in ((one, (0, 1)), (other, (1, 0))):
            people = [contact(email="a@x.de", standard={"CITY": "c"}), contact(email="b@x.de")]
            with Client(sandbox.base_url, sandbox.api_key) as client:
                for position in order:
                    client.synchronize(people[position])
        assert one.account.snapshot() == other.account.snapshot()
        other.account.markers.add("a@x.de")
        assert one.account.snapshot() != other.account.snapshot()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_runs_until_it_is_told_to_stop(number: int) -> None:
    command = [sys.executable, "-m", "maileon_sandbox", "--port", "0", "--api-key", "a-key"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout
        assert run.stderr
        base_url = run.stdout.readline().split()[-1]
        assert "a-key" in run.stdout.readline()
        with Client(base_url, "a-key") as client:
            assert client.call("GET", "/ping").status_code == 200
            run.send_signal(number)
            assert run.wait(timeout=60) == 0
        assert run.stderr.read() == ""

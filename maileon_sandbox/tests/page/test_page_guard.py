"""What the page prevents: values that run as scripts, access from other pages, changes."""

from __future__ import annotations

import re

import pytest
import requests

from maileon_sandbox import Sandbox
from maileon_sandbox.tests.client import Client, contact
from maileon_sandbox.tests.page.reader import Words, address, show

ATTACK = "<script>document.title='owned'</script>"
ADDRESSES = ["", "contacts", "calls", "calls/1", "refused", "definitions", "contacts/1"]


def test_whatever_is_stored_or_sent_is_text(sandbox: Sandbox, client: Client) -> None:
    sandbox.account.add_custom_field(ATTACK)
    sandbox.account.add_preference(ATTACK, ATTACK, description=ATTACK)
    stored = sandbox.account.add_contact(
        ATTACK + "@example.com",
        external_id=ATTACK,
        standard_fields={"FIRSTNAME": ATTACK, ATTACK: ATTACK},
        custom_fields={ATTACK: ATTACK},
        preferences={(ATTACK, ATTACK): ("true", ATTACK)},
    )
    client.post(
        contact(email=ATTACK, custom={ATTACK: ATTACK}), contact(email="a@b.c", external_id=ATTACK)
    )
    client.call("GET", f"/contacts/email/{ATTACK}", x=ATTACK)
    paths = ["", "contacts", f"contacts/{stored.id}", "calls", "calls/1", "calls/2", "refused"]

    for path in [*paths, "definitions", f"contacts?search={ATTACK}", f"calls?search={ATTACK}"]:
        words = Words(requests.get(address(sandbox, path), timeout=60).text)
        assert words.tags.count("script") == 1
        assert "document.title" in " ".join(words.text) or path == ""


@pytest.mark.parametrize("path", ADDRESSES)
def test_a_browser_may_load_nothing_from_elsewhere_and_keep_nothing(
    sandbox: Sandbox, path: str
) -> None:
    answer = requests.get(address(sandbox, path), timeout=60)
    policy = answer.headers["Content-Security-Policy"]
    sources = set(re.findall(r"'[^']*'", policy))

    assert policy.startswith("default-src 'none';")
    assert sources == {"'none'", "'self'", "'script'"}
    assert "*" not in policy
    assert ":" not in policy
    assert answer.headers["Cache-Control"] == "no-store"
    assert not re.search(r'(src|href|action)="(?!/|#)', answer.text)


@pytest.mark.parametrize("path", ["contacts/1", "calls/1", "calls/0", "calls/1/body", "nothing"])
def test_what_does_not_exist_is_not_found(sandbox: Sandbox, path: str) -> None:
    assert requests.get(address(sandbox, path), timeout=60).status_code == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("path", ["", "contacts", "calls/1"])
def test_the_page_changes_nothing(busy: Sandbox, method: str, path: str) -> None:
    before = busy.account.snapshot()
    answer = requests.request(method, address(busy, path), timeout=60)
    assert answer.status_code == 405
    assert busy.account.snapshot() == before


def test_looking_is_no_call(busy: Sandbox) -> None:
    show(busy, "calls")
    assert len(busy.calls) == 2


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8025", 200),
        ("localhost", 200),
        ("LOCALHOST:1", 200),
        ("[::1]:8025", 200),
        ("sandbox.localhost", 200),
        ("rebound.example.com", 421),
        ("127.0.0.1.example.com", 421),
        ("localhost.example.com:8025", 421),
        ("[", 421),
    ],
)
@pytest.mark.parametrize("path", ["/page/contacts", "/_sandbox/state"])
def test_a_foreign_name_that_leads_here_reads_nothing(
    sandbox: Sandbox, host: str, status: int, path: str
) -> None:
    sandbox.account.add_contact("max@example.com")
    answer = requests.get(sandbox.url + path, headers={"Host": host}, timeout=60)
    assert answer.status_code == status
    assert ("max@example.com" in " ".join(Words(answer.text).text)) == (status == 200)


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://127.0.0.1:8025", 204),
        ("http://localhost", 204),
        ("https://other.example.com", 403),
        ("null", 403),
    ],
)
def test_a_page_of_others_cannot_reset_or_seed_the_sandbox(
    busy: Sandbox, origin: str, status: int
) -> None:
    headers = {"Origin": origin}
    answer = requests.post(f"{busy.url}/_sandbox/reset", headers=headers, timeout=60)
    assert answer.status_code == status
    assert bool(busy.calls) == (status == 403)


def test_the_api_goes_by_any_name_since_it_has_its_key(client: Client) -> None:
    client.session.headers["Host"] = "maileon.example.com"
    assert client.call("GET", "/ping").status_code == 200

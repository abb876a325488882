"""Reading, deleting and unsubscribing contacts (Maileon docs; paths as in the official clients)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from lxml import etree
from lxml.etree import _Element

from maileon_sandbox import Sandbox, StoredContact
from maileon_sandbox.tests.client import Client, contact, message_of

EMAIL = "a+b/c@example.com"


@pytest.fixture
def stored(sandbox: Sandbox) -> StoredContact:
    sandbox.account.add_contact("other@example.com")
    return sandbox.account.add_contact(
        EMAIL,
        external_id="x/1",
        permission=4,
        standard_fields={"CITY": "c"},
        custom_fields={"Color": "red"},
        preferences={("News", "Weekly"): ("true", "shop")},
    )


def path_to(stored: StoredContact, way: int, *, action: str = "") -> str:
    """By email, by external id or by id."""
    return (
        f"/contacts/email/{quote(EMAIL.upper(), safe='')}{action}",
        f"/contacts/externalid/x%2F1{action}",
        f"/contacts/contact{action}?id={stored.id}&ignore_checksum=true",
    )[way]


def pairs(root: _Element, path: str) -> dict[str | None, str | None]:
    return {e.findtext("name"): e.findtext("value") for e in root.iterfind(path)}


@pytest.mark.parametrize("way", [0, 1, 2])
def test_a_contact_is_read_with_the_fields_asked_for(
    client: Client, stored: StoredContact, way: int
) -> None:
    response = client.session.get(
        client.base_url + path_to(stored, way),
        params=[
            ("standard_field", "CITY"),
            ("standard_field", "ZIP"),
            ("custom_field", "Color"),
            ("standard_field", "PERMISSION_STATUS"),
            ("standard_field", "SENDOUT_STATUS"),
            ("custom_field", "None"),
            ("preference_categories", "News"),
        ],
        timeout=60,
    )

    assert response.status_code == 200
    root = etree.fromstring(response.content)
    found = root if root.tag == "contact" else root.find("contact")
    assert found is not None
    assert found.findtext("id") == str(stored.id)
    assert found.findtext("permission") == "4"
    assert found.findtext("email") == EMAIL
    assert found.findtext("external_id") == "x/1"
    assert pairs(found, "standard_fields/field") == {
        "CITY": "c",
        "ZIP": "",
        "PERMISSION_STATUS": "available",
        "SENDOUT_STATUS": "allowed",
    }
    assert pairs(found, "custom_fields/field") == {"Color": "red"}
    assert pairs(found, "preferences/preference") == {"Weekly": "true"}
    assert found.findtext("preferences/preference/last_modified")
    (empty,) = found.iterfind("standard_fields/field/value[@nil='true']")
    assert empty.text is None


def test_without_a_category_there_are_no_preferences(client: Client, stored: StoredContact) -> None:
    root = etree.fromstring(client.call("GET", path_to(stored, 0)).content)
    assert [child.tag for child in root] == [
        *("id", "permission", "email", "external_id", "created", "updated"),
        *("standard_fields", "custom_fields"),
    ]


def test_by_id_a_contact_is_read_only_without_regard_to_its_checksum(
    client: Client, stored: StoredContact
) -> None:
    for wrong in ({}, {"checksum": "abc"}, {"ignore_checksum": "false"}):
        answer = client.call("GET", "/contacts/contact", body=None, id=str(stored.id), **wrong)
        assert answer.status_code == 400
        assert "checksum" in message_of(answer)


def test_all_contacts_with_an_address_come_in_a_list(client: Client, stored: StoredContact) -> None:
    answer = client.call("GET", f"/contacts/emails/{quote(EMAIL, safe='')}")
    (found,) = etree.fromstring(answer.content).iterfind("contact/id")
    assert found.text == str(stored.id)
    assert client.call("GET", "/contacts/emails/nobody%40example.com").status_code == 404


def test_a_list_of_contacts_comes_in_pages(sandbox: Sandbox, client: Client) -> None:
    for number in range(5):
        sandbox.account.add_contact(f"p{number}@example.com")

    response = client.call("GET", "/contacts", page_index="2", page_size="2", custom_field="a b")

    root = etree.fromstring(response.content)
    emails = [e.text for e in root.iterfind("contact/email")]
    assert emails == ["p2@example.com", "p3@example.com"]
    assert (response.headers["X-Pages"], response.headers["X-Items"]) == ("3", "5")
    (external_id, *_) = root.iterfind("contact/external_id")
    assert external_id.get("nil") == "true"
    address = f"{client.base_url}/contacts?custom_field=a+b&page_index={{}}&page_size=2"
    assert {name: link["url"] for name, link in response.links.items()} == {
        name: address.format(index)
        for name, index in {"first": 1, "prev": 1, "next": 3, "last": 3}.items()
    }


def test_a_list_of_nobody_links_no_pages(client: Client) -> None:
    response = client.call("GET", "/contacts")
    assert (response.headers["X-Pages"], "Link" in response.headers) == ("0", False)


def test_a_page_has_100_contacts_unless_told_otherwise(sandbox: Sandbox, client: Client) -> None:
    for number in range(101):
        sandbox.account.add_contact(f"p{number}@example.com")
    response = client.call("GET", "/contacts")
    assert len(etree.fromstring(response.content)) == 100
    assert response.headers["X-Pages"] == "2"


def test_only_contacts_written_after_a_moment_are_listed_and_counted(
    sandbox: Sandbox, client: Client
) -> None:
    for name, day in (("old", 1), ("new", 3)):
        written = datetime(2026, 1, day, tzinfo=UTC)
        known = sandbox.account.add_contact(f"{name}@example.com")
        sandbox.account.put(replace(known, updated_at=written))

    listed = client.call("GET", "/contacts", updated_after="2026-01-02 00:00:00")
    counted = client.call("GET", "/contacts/count", updated_after="2026-01-02 00:00:00")

    emails = [e.text for e in etree.fromstring(listed.content).iterfind("contact/email")]
    assert emails == ["new@example.com"]
    assert etree.fromstring(counted.content).text == "1"


@pytest.mark.parametrize(
    "query",
    [
        {"page_index": "0"},
        {"page_size": "0"},
        {"page_size": "many"},
        {"page_index": "9" * 5000},
        {"updated_after": "2026-01-02"},
    ],
)
def test_a_page_that_cannot_be_is_a_bad_request(client: Client, query: dict[str, str]) -> None:
    answer = client.call("GET", "/contacts", body=None, **query)
    assert answer.status_code == 400
    assert next(iter(query)) in message_of(answer)


def test_a_page_over_1000_is_refused_in_the_documented_words(client: Client) -> None:
    response = client.call("GET", "/contacts", page_size="200000")
    assert response.status_code == 400
    assert message_of(response) == "page_size must not exceed 1000 but was 200000"


def test_contacts_are_counted(client: Client, stored: StoredContact) -> None:
    root = etree.fromstring(client.call("GET", "/contacts/count").content)
    assert root.text == "2"
    assert stored.email


@pytest.mark.parametrize("way", [0, 1, 2])
def test_a_deleted_contact_is_gone_and_deleting_again_is_404(
    sandbox: Sandbox, client: Client, stored: StoredContact, way: int
) -> None:
    path = path_to(stored, way)

    assert client.call("DELETE", path).status_code == 204

    assert [left.email for left in sandbox.account.contacts()] == ["other@example.com"]
    assert sandbox.account.markers == set()
    for method in ("GET", "DELETE"):
        response = client.call(method, path)
        assert response.status_code == 404
        assert message_of(response)


@pytest.mark.parametrize("way", [0, 1, 2])
def test_unsubscribing_nobody_is_404(client: Client, way: int) -> None:
    path = path_to(StoredContact(id=999), way, action="/unsubscribe")
    assert client.call("DELETE", path).status_code == 404


def test_a_marker_is_read_set_and_deleted(sandbox: Sandbox, client: Client) -> None:
    path = "/contacts/email/Some%40Example.com/unsubscription"
    statuses = [
        client.call(method, path).status_code
        for method in ("GET", "DELETE", "PUT", "PUT", "GET", "DELETE", "GET")
    ]
    assert statuses == [404, 404, 201, 200, 200, 200, 404]
    assert sandbox.account.markers == set()
    assert client.call("PUT", "/contacts/email/some/unsubscription").status_code == 400


def test_a_resubscribed_contact_may_carry_a_marker_and_is_skipped(
    sandbox: Sandbox, client: Client
) -> None:
    before = sandbox.account.add_contact("a@example.com", permission=4)
    client.call("PUT", "/contacts/email/a%40example.com/unsubscription")

    report = client.synchronize(contact(email="a@example.com", standard={"CITY": "c"}))

    assert report.unsubscribed == 1
    assert sandbox.account.contacts() == [before]

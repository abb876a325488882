"""Reading, deleting and unsubscribing contacts (Maileon docs; paths as in the official clients)."""

from __future__ import annotations

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
        f"/contacts/contact{action}?id={stored.id}",
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
            ("custom_field", "None"),
            ("preference_categories", "News"),
        ],
        timeout=10,
    )

    assert response.status_code == 200
    root = etree.fromstring(response.content)
    found = root if root.tag == "contact" else root.find("contact")
    assert found is not None
    assert found.findtext("id") == str(stored.id)
    assert found.findtext("permission") == "4"
    assert found.findtext("email") == EMAIL
    assert found.findtext("external_id") == "x/1"
    assert pairs(found, "standard_fields/field") == {"CITY": "c", "ZIP": ""}
    assert pairs(found, "custom_fields/field") == {"Color": "red"}
    assert pairs(found, "preferences/preference") == {"Weekly": "true"}
    (empty,) = found.iterfind("standard_fields/field/value[@nil='true']")
    assert empty.text is None


def test_a_list_of_contacts_comes_in_pages(sandbox: Sandbox, client: Client) -> None:
    for number in range(5):
        sandbox.account.add_contact(f"p{number}@example.com")

    response = client.call("GET", "/contacts", page_index="2", page_size="2")

    root = etree.fromstring(response.content)
    emails = [e.text for e in root.iterfind("contact/email")]
    assert emails == ["p2@example.com", "p3@example.com"]
    assert (response.headers["X-Pages"], response.headers["X-Items"]) == ("3", "5")
    (external_id, *_) = root.iterfind("contact/external_id")
    assert external_id.get("nil") == "true"


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
def test_unsubscribing_marks_the_address_and_takes_the_data_away(
    sandbox: Sandbox, client: Client, stored: StoredContact, way: int
) -> None:
    path = path_to(stored, way, action="/unsubscribe")

    assert client.call("DELETE", path).status_code == 204

    after = sandbox.account.by_id(stored.id)
    assert after is not None
    assert after.unsubscribed is True
    assert (after.permission, after.email, after.external_id) == (1, EMAIL, "x/1")
    assert (after.standard_fields, after.custom_fields, after.preferences) == ({}, {}, {})
    assert sandbox.account.markers == {EMAIL}
    report = client.synchronize(contact(email=EMAIL))
    assert (report.unsubscribed, report.existing) == (1, 0)


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

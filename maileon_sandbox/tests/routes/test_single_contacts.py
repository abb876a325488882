"""Creating and updating one contact (Maileon docs, Create Contact; Update Contact)."""

from __future__ import annotations

import json

import pytest
from lxml import etree

from maileon_sandbox import Sandbox
from maileon_sandbox.tests.client import Client, contact, message_of, preference

BY_EMAIL = "/contacts/email/a%40example.com"
BY_EXTERNAL_ID = "/contacts/externalid/x-1"
JSON_TYPE = "application/vnd.maileon.api+json"


def send_json(client: Client, method: str, path: str, data: object, **query: str) -> int:
    return client.session.request(
        method,
        client.base_url + path,
        params=query,
        data=json.dumps(data),
        headers={"Content-Type": f"{JSON_TYPE}; charset=utf-8"},
        timeout=60,
    ).status_code


def test_a_contact_is_created_and_its_id_is_the_answer(sandbox: Sandbox, client: Client) -> None:
    body = contact(external_id="x-1", standard={"CITY": "c"}).encode()
    answer = client.call("POST", BY_EMAIL, body=body, permission="4")
    (known,) = sandbox.account.contacts()
    assert answer.status_code == 201
    assert etree.fromstring(answer.content).text == str(known.id)
    assert (known.email, known.external_id, known.permission) == ("a@example.com", "x-1", 4)
    assert (known.standard_fields, known.updates) == ({"CITY": "c"}, 0)


def test_by_external_id_a_contact_is_created_with_the_address_of_the_body(
    sandbox: Sandbox, client: Client
) -> None:
    body = contact(email="a@example.com").encode()
    assert client.call("POST", BY_EXTERNAL_ID, body=body).status_code == 201
    assert client.call("POST", "/contacts/externalid/y", body=b"<contact/>").status_code == 400
    (known,) = sandbox.account.contacts()
    assert (known.email, known.external_id, known.permission) == ("a@example.com", "x-1", 1)


def test_who_exists_is_left_alone_unless_the_sync_mode_is_update(
    sandbox: Sandbox, client: Client
) -> None:
    before = sandbox.account.add_contact("a@example.com", permission=2)
    body = contact(standard={"CITY": "c"}).encode()
    assert client.call("POST", BY_EMAIL, body=body, permission="3").status_code == 201
    assert sandbox.account.contacts() == [before]
    assert client.call("POST", BY_EMAIL, body=body, permission="3", sync_mode="1").ok
    (after,) = sandbox.account.contacts()
    assert (after.standard_fields, after.permission) == ({"CITY": "c"}, 3)


@pytest.mark.parametrize(("stored", "sent", "kept"), [(4, 2, 4), (5, 4, 4), (2, 1, 1), (4, 5, 5)])
def test_creating_again_never_replaces_a_double_opt_in_by_less(
    sandbox: Sandbox, client: Client, *, stored: int, sent: int, kept: int
) -> None:
    sandbox.account.add_contact("a@example.com", permission=stored)
    query = {"permission": str(sent), "sync_mode": "1"}
    assert client.call("POST", BY_EMAIL, body=b"<contact/>", **query).status_code == 201
    assert sandbox.account.contacts()[0].permission == kept


def test_json_says_the_same_as_xml(sandbox: Sandbox, client: Client) -> None:
    sandbox.account.add_custom_field("size", "integer")
    sandbox.account.add_custom_field("vip", "boolean")
    sandbox.account.add_preference("News", "Weekly")
    data = {
        "external_id": "x-1",
        "standard_fields": {"CITY": "c"},
        "custom_fields": {"size": 5, "vip": True},
        "preferences": [{"category": "News", "name": "Weekly", "value": True, "source": "shop"}],
    }
    assert send_json(client, "POST", BY_EMAIL, data) == 201
    clearing = {"custom_fields": {"size": "", "vip": None}, "permission": 6}
    assert send_json(client, "PUT", BY_EMAIL, clearing) == 201
    (known,) = sandbox.account.contacts()
    assert (known.external_id, known.permission) == ("x-1", 6)
    assert (known.standard_fields, known.custom_fields) == ({"CITY": "c"}, {})
    assert known.preferences == {("News", "Weekly"): ("true", "shop")}


@pytest.mark.parametrize(
    "data",
    [
        [],
        {"name": "x"},
        {"standard_fields": ["CITY"]},
        {"custom_fields": {"size": {"a": 1}}},
        {"preferences": {"News": True}},
        {"permission": 7},
        {"standard_fields": {"GENDER": "x"}},
    ],
)
def test_json_of_another_form_is_a_bad_request(client: Client, data: object) -> None:
    assert send_json(client, "POST", BY_EMAIL, data) == 400


@pytest.mark.parametrize(
    "path", [BY_EMAIL, BY_EXTERNAL_ID, "/contacts/contact?id=10001&ignore_checksum=true"]
)
def test_an_update_changes_what_is_sent_and_nothing_else(
    sandbox: Sandbox, client: Client, path: str
) -> None:
    sandbox.account.add_preference("News", "Weekly")
    sandbox.account.add_contact(
        "a@example.com", external_id="x-1", permission=4, standard_fields={"CITY": "c", "ZIP": "1"}
    )
    body = contact(
        email="new@example.com",
        external_id="x-2",
        standard={"ZIP": "2"},
        preferences=preference("News", "Weekly", value="true"),
    )
    assert client.call("PUT", path, body=body.encode()).status_code == 201
    (known,) = sandbox.account.contacts()
    assert (known.email, known.external_id, known.permission) == ("new@example.com", "x-2", 4)
    assert known.standard_fields == {"CITY": "c", "ZIP": "2"}
    assert known.preferences == {("News", "Weekly"): ("true", None)}


def test_an_update_takes_the_permission_of_the_body(sandbox: Sandbox, client: Client) -> None:
    sandbox.account.add_contact("a@example.com", permission=4)
    body = b"<contact><permission>1</permission></contact>"
    assert client.call("PUT", BY_EMAIL, body=body).status_code == 201
    assert sandbox.account.contacts()[0].permission == 1


def test_nobody_can_be_updated_who_is_not_there(client: Client) -> None:
    for path in (BY_EMAIL, BY_EXTERNAL_ID, "/contacts/contact?id=1&ignore_checksum=true"):
        assert client.call("PUT", path, body=b"<contact/>").status_code == 404


def test_an_external_id_that_several_share_is_a_conflict(sandbox: Sandbox, client: Client) -> None:
    for name in ("a", "b"):
        sandbox.account.add_contact(f"{name}@example.com", external_id="x-1")
    for method in ("POST", "PUT"):
        assert client.call(method, BY_EXTERNAL_ID, body=b"<contact/>").status_code == 409
    listed = etree.fromstring(client.call("GET", BY_EXTERNAL_ID).content)
    assert len(listed) == 2


@pytest.mark.parametrize(
    ("method", "path", "body", "words"),
    [
        ("POST", "/contacts/email/nobody", "<contact/>", "not an email address"),
        ("POST", BY_EMAIL, "<contact>", "not well-formed"),
        ("POST", BY_EMAIL, "<contacts/>", "<contact> was expected"),
        ("POST", BY_EMAIL, "<contact><phone>1</phone></contact>", "unknown element <phone>"),
        ("POST", BY_EMAIL, contact(standard={"GENDER": "x"}), "illegal gender: GENDER"),
        ("POST", BY_EMAIL, contact(custom={"none": "x"}), "no such custom field: none"),
        ("POST", f"{BY_EMAIL}?permission=7", "<contact/>", "permission must be one of"),
        ("POST", f"{BY_EMAIL}?sync_mode=3", "<contact/>", "sync_mode must be 1 or 2"),
        ("PUT", BY_EMAIL, contact(email="b@example.com"), "belongs to another contact"),
        ("PUT", BY_EMAIL, contact(email="b"), "not an email address"),
        ("PUT", BY_EMAIL, "<contact><id>10001</id></contact>", "must not be part of the body"),
        ("PUT", "/contacts/contact?id=10001", "<contact/>", "checksum"),
    ],
)
def test_what_cannot_be_is_a_bad_request(
    sandbox: Sandbox, client: Client, method: str, path: str, *, body: str, words: str
) -> None:
    for name in ("a", "b"):
        sandbox.account.add_contact(f"{name}@example.com")
    before = sandbox.account.snapshot()
    answer = client.call(method, path, body=body.encode())
    assert answer.status_code == 400
    assert words in message_of(answer)
    assert sandbox.account.snapshot() == before

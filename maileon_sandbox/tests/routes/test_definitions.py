"""Custom fields and preferences (Maileon docs, custom contact fields; Create Preference)."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from lxml import etree

from maileon_sandbox import Sandbox
from maileon_sandbox.tests.client import Client, message_of

CATEGORIES = "/contacts/preference_categories"


def create(client: Client, name: str, type_: str) -> int:
    path = f"/contacts/fields/custom/{quote(name, safe='')}"
    return client.call("POST", path, type=type_).status_code


def definition(tag: str, name: str, description: str = "") -> bytes:
    inner = f"<name>{name}</name><description>{description}</description>"
    return f"<{tag}>{inner}</{tag}>".encode()


@pytest.mark.parametrize("type_", ["string", "integer", "float", "date", "boolean"])
@pytest.mark.parametrize("name", ["abc", "x" * 64, "Eye Color", "a&b/c%2F+?", "Größe"])
def test_a_custom_field_is_created_and_listed(
    sandbox: Sandbox, client: Client, name: str, type_: str
) -> None:
    assert create(client, name, type_) == 201

    root = etree.fromstring(client.call("GET", "/contacts/fields/custom").content)
    assert root.tag == "custom_fields"
    listed = [(e.findtext("name"), e.findtext("type")) for e in root.iterfind("custom_field")]
    assert listed == [(name, type_)]
    assert sandbox.account.custom_fields == {name: type_}


@pytest.mark.parametrize(
    ("name", "type_"),
    [
        ("ab", "string"),
        ("x" * 65, "string"),
        ("a\nb", "string"),
        ("FIRSTNAME", "string"),
        ("external_id", "string"),
        ("local_part", "string"),
        ("exists", "string"),
        ("exists", "integer"),
        ("color", ""),
        ("color", "double"),
        ("color", "timestamp"),
        ("color", "STRING"),
    ],
)
def test_a_bad_name_or_type_is_a_bad_request(
    sandbox: Sandbox, client: Client, name: str, type_: str
) -> None:
    sandbox.account.add_custom_field("exists", "date")
    assert create(client, name, type_) == 400
    assert sandbox.account.custom_fields == {"exists": "date"}


def test_categories_and_preferences_are_created_and_listed(client: Client) -> None:
    category = "News & Co/Weekly"
    path = f"{CATEGORIES}/{quote(category, safe='')}/preferences"
    body = definition("preference_category", "News &amp; Co/Weekly", "All news")
    assert client.call("POST", CATEGORIES, body=body).status_code == 201
    body = definition("preference", "On/Off", "Every day")
    assert client.call("POST", path, body=body).status_code == 201

    categories = etree.fromstring(client.call("GET", CATEGORIES).content)
    preferences = etree.fromstring(client.call("GET", path).content)

    assert categories.tag == "preference_categories"
    assert categories.findtext("preference_category/name") == category
    assert categories.findtext("preference_category/description") == "All news"
    assert preferences.tag == "preferences"
    assert preferences.findtext("preference/name") == "On/Off"
    assert preferences.findtext("preference/description") == "Every day"


def test_an_encoded_slash_is_no_separator(sandbox: Sandbox, client: Client) -> None:
    sandbox.account.add_preference("A/B", "one")
    assert client.call("GET", f"{CATEGORIES}/A%2FB/preferences").status_code == 200
    assert client.call("GET", f"{CATEGORIES}/A%252FB/preferences").status_code == 404
    assert client.call("GET", f"{CATEGORIES}/A/B/preferences").status_code == 404


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (CATEGORIES, definition("preference_category", "News"), 400),
        (CATEGORIES, definition("preference", "Other"), 400),
        (CATEGORIES, definition("preference_category", ""), 400),
        (CATEGORIES, definition("preference_category", "x" * 256), 400),
        (CATEGORIES, definition("preference_category", "x", "x" * 256), 400),
        (CATEGORIES, b"<", 400),
        (f"{CATEGORIES}/News/preferences", definition("preference", "p0"), 400),
        (f"{CATEGORIES}/News/preferences", definition("preference", "the 21st"), 400),
        (f"{CATEGORIES}/Other/preferences", definition("preference", "p0"), 404),
    ],
)
def test_a_definition_that_does_not_fit_is_refused(
    sandbox: Sandbox, client: Client, path: str, body: bytes, status: int
) -> None:
    for number in range(20):
        sandbox.account.add_preference("News", f"p{number}")
    before = sandbox.account.snapshot()

    response = client.call("POST", path, body=body)

    assert response.status_code == status
    assert message_of(response)
    assert sandbox.account.snapshot() == before


def test_preferences_of_an_unknown_category_are_404(client: Client) -> None:
    assert client.call("GET", f"{CATEGORIES}/Other/preferences").status_code == 404


@pytest.fixture
def defined(sandbox: Sandbox) -> Sandbox:
    """One contact with a value of a custom field and two preferences."""
    sandbox.account.add_custom_field("Eye Color")
    sandbox.account.add_custom_field("size", "integer")
    for name in ("Daily", "Weekly"):
        sandbox.account.add_preference("News", name)
    sandbox.account.add_contact(
        "a@example.com",
        custom_fields={"Eye Color": "blue", "size": "1"},
        preferences={("News", "Weekly"): ("true", None), ("News", "Daily"): ("false", "shop")},
    )
    return sandbox


FIELDS = "/contacts/fields/custom"


def test_a_renamed_custom_field_keeps_its_type_and_values(defined: Sandbox, client: Client) -> None:
    assert client.call("PUT", f"{FIELDS}/Eye%20Color/a%2Fb").status_code == 200
    assert defined.account.custom_fields == {"a/b": "string", "size": "integer"}
    assert defined.account.contacts()[0].custom_fields == {"a/b": "blue", "size": "1"}


def test_a_deleted_custom_field_takes_its_values_along(defined: Sandbox, client: Client) -> None:
    assert client.call("DELETE", f"{FIELDS}/Eye%20Color").status_code == 200
    assert defined.account.custom_fields == {"size": "integer"}
    assert defined.account.contacts()[0].custom_fields == {"size": "1"}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("PUT", f"{FIELDS}/none/other", 404),
        ("PUT", f"{FIELDS}/size/Eye%20Color", 400),
        ("PUT", f"{FIELDS}/size/FIRSTNAME", 400),
        ("PUT", f"{FIELDS}/size/ab", 400),
        ("DELETE", f"{FIELDS}/none", 404),
        ("GET", f"{CATEGORIES}/Other", 404),
        ("DELETE", f"{CATEGORIES}/Other", 404),
        ("GET", f"{CATEGORIES}/News/preferences/Other", 404),
        ("DELETE", f"{CATEGORIES}/News/preferences/Other", 404),
        ("DELETE", f"{CATEGORIES}/Other/preferences/Weekly", 404),
    ],
)
def test_what_is_not_there_or_not_allowed_is_not_changed(
    defined: Sandbox, client: Client, method: str, path: str, status: int
) -> None:
    before = defined.account.snapshot()
    response = client.call(method, path)
    assert response.status_code == status
    assert message_of(response)
    assert defined.account.snapshot() == before


def test_a_category_and_a_preference_are_read_one_by_one(defined: Sandbox, client: Client) -> None:
    defined.account.add_preference("News", "Weekly", description="every Monday")
    category = etree.fromstring(client.call("GET", f"{CATEGORIES}/News").content)
    preference = etree.fromstring(
        client.call("GET", f"{CATEGORIES}/News/preferences/Weekly").content
    )
    assert (category.tag, category.findtext("name")) == ("preference_category", "News")
    assert (preference.tag, preference.findtext("description")) == ("preference", "every Monday")


def test_a_renamed_category_and_preference_keep_what_people_said(
    defined: Sandbox, client: Client
) -> None:
    bodies = {
        f"{CATEGORIES}/News": definition("preference_category", "Letters", "by mail"),
        f"{CATEGORIES}/Letters/preferences/Weekly": definition("preference", "Monday"),
        # The same name changes the description alone.
        f"{CATEGORIES}/Letters/preferences/Daily": definition("preference", "Daily", "noon"),
    }
    statuses = [client.call("PUT", path, body=body).status_code for path, body in bodies.items()]
    assert statuses == [200, 200, 200]
    assert defined.account.category_descriptions == {"Letters": "by mail"}
    assert defined.account.preferences == {"Letters": {"Daily": "noon", "Monday": ""}}
    assert defined.account.contacts()[0].preferences == {
        ("Letters", "Monday"): ("true", None),
        ("Letters", "Daily"): ("false", "shop"),
    }


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (f"{CATEGORIES}/News", definition("preference_category", "Events"), 400),
        (f"{CATEGORIES}/News", definition("preference_category", ""), 400),
        (f"{CATEGORIES}/None", definition("preference_category", "x"), 404),
        (f"{CATEGORIES}/News/preferences/Daily", definition("preference", "Weekly"), 400),
        (f"{CATEGORIES}/News/preferences/Daily", b"<", 400),
        (f"{CATEGORIES}/News/preferences/None", definition("preference", "x"), 404),
    ],
)
def test_an_update_that_does_not_fit_is_refused(
    defined: Sandbox, client: Client, path: str, *, body: bytes, status: int
) -> None:
    defined.account.add_preference_category("Events")
    before = defined.account.snapshot()
    assert client.call("PUT", path, body=body).status_code == status
    assert defined.account.snapshot() == before


def test_what_is_deleted_takes_along_what_people_said(defined: Sandbox, client: Client) -> None:
    assert client.call("DELETE", f"{CATEGORIES}/News/preferences/Weekly").status_code == 200
    assert defined.account.contacts()[0].preferences == {("News", "Daily"): ("false", "shop")}
    assert client.call("DELETE", f"{CATEGORIES}/News").status_code == 200
    assert defined.account.contacts()[0].preferences == {}
    assert (defined.account.preferences, defined.account.category_descriptions) == ({}, {})

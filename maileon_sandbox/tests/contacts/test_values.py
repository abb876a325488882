"""Nil, empty and absent values, and the rules of preferences (Maileon docs, XML; Preferences)."""

from __future__ import annotations

import pytest

from maileon_sandbox import Sandbox
from maileon_sandbox.tests.client import NIL, Client, Value, contact, message_of, preference
from maileon_sandbox.vocabulary import STANDARD_FIELDS

KEY = ("News", "Weekly")


def test_nil_clears_absent_keeps_and_empty_is_a_text(sandbox: Sandbox, client: Client) -> None:
    sandbox.account.add_custom_field("Color")
    sandbox.account.add_custom_field("Count", "integer")
    sandbox.account.add_contact(
        "a@example.com",
        standard_fields={"CITY": "c", "ZIP": "z", "BIRTHDAY": "2000-01-01", "TITLE": "t"},
        custom_fields={"Color": "red", "Count": "1"},
    )

    client.synchronize(
        contact(
            email="a@example.com",
            standard={"CITY": NIL, "BIRTHDAY": NIL, "TITLE": "", "REGION": NIL},
            custom={"Color": "", "Count": NIL},
        )
    )

    (stored,) = sandbox.account.contacts()
    assert stored.standard_fields == {"ZIP": "z", "TITLE": ""}
    assert stored.custom_fields == {"Color": ""}


def test_nil_for_an_unknown_custom_field_is_still_an_error(client: Client) -> None:
    report = client.synchronize(contact(email="a@example.com", custom={"none": NIL}))
    assert [code for _, _, code, _ in report.rejected] == [21]


def test_all_17_standard_fields_can_be_written(sandbox: Sandbox, client: Client) -> None:
    special = {"BIRTHDAY": "2000-01-01", "NAMEDAY": "2000-01-01", "GENDER": "d", "LOCALE": "en"}
    values: dict[str, Value] = {name: special.get(name, name) for name in STANDARD_FIELDS}
    client.synchronize(contact(email="a@example.com", standard=values))
    assert len(values) == 17
    assert sandbox.account.contacts()[0].standard_fields == values


@pytest.mark.parametrize(
    ("parts", "stored"),
    [
        ({"value": "true"}, ("true", "shop")),
        ({"value": "false"}, ("false", "shop")),
        ({"value": "false", "source": NIL}, ("false", None)),
        ({"value": "true", "source": ""}, ("true", None)),
        ({"value": "true", "source": "web"}, ("true", "web")),
    ],
)
def test_a_source_is_kept_if_absent_deleted_if_empty_and_set_if_filled(
    sandbox: Sandbox, client: Client, parts: dict[str, Value], stored: tuple[str, str | None]
) -> None:
    sandbox.account.add_preference(*KEY)
    sandbox.account.add_preference("News", "Daily")
    sandbox.account.add_contact(
        "a@example.com",
        preferences={KEY: ("true", "shop"), ("News", "Daily"): ("false", None)},
    )

    client.synchronize(
        contact(email="a@example.com", preferences=preference("News", "Weekly", **parts))
    )

    assert sandbox.account.contacts()[0].preferences == {
        KEY: stored,
        ("News", "Daily"): ("false", None),
    }


def test_a_new_preference_without_a_source_has_none(sandbox: Sandbox, client: Client) -> None:
    sandbox.account.add_preference(*KEY)
    client.synchronize(contact(email="a@example.com", preferences=preference(*KEY, value="true")))
    assert sandbox.account.contacts()[0].preferences == {KEY: ("true", None)}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<contacts>",
        b"<contact/>",
        b"<contacts><person/></contacts>",
        b"<contacts><contact><email><b/></email></contact></contacts>",
        b"<contacts><contact><standard_fields><field/></standard_fields></contact></contacts>",
        b"<contacts><contact><email>\xff@x.de</email></contact></contacts>",
        b"<contacts><contact><email>a&#1;@x.de</email></contact></contacts>",
        b'<!DOCTYPE contacts [<!ENTITY a "x">]><contacts/>',
        b'<!DOCTYPE contacts SYSTEM "file:///etc/hostname"><contacts/>',
    ],
)
def test_a_malformed_body_is_a_bad_request(client: Client, body: bytes) -> None:
    response = client.call("POST", "/contacts", body=body)
    assert response.status_code == 400
    assert message_of(response)


def test_cdata_comments_and_empty_containers_are_xml_like_any_other(
    sandbox: Sandbox, client: Client
) -> None:
    body = b"""<?xml version="1.0" encoding="UTF-8"?><contacts><!-- note --><contact>
      <custom_fields/><id></id><email>a@example.com</email><standard_fields><field>
      <name>CITY</name><value><![CDATA[<Sankt> & Co]]><!-- note --> KG</value>
      </field></standard_fields></contact></contacts>"""
    assert client.call("POST", "/contacts", body=body).status_code == 200
    assert sandbox.account.contacts()[0].standard_fields == {"CITY": "<Sankt> & Co KG"}


def test_an_empty_list_is_a_success_of_nothing(client: Client) -> None:
    report = client.synchronize()
    assert (report.success, report.contacts) == (True, 0)


def test_a_body_over_9_million_bytes_is_too_large(sandbox: Sandbox, client: Client) -> None:
    padding = b" " * (9_000_000 - len(b"<contacts></contacts>"))
    fits = b"<contacts>" + padding + b"</contacts>"
    assert client.call("POST", "/contacts", body=fits).status_code == 200
    response = client.call("POST", "/contacts", body=fits + b" ")
    assert response.status_code == 413
    assert message_of(response)
    assert sandbox.calls[1].status == 413


def test_a_thousand_contacts_fit_one_call(sandbox: Sandbox, client: Client) -> None:
    values: dict[str, Value] = {"FIRSTNAME": "Erika", "LASTNAME": "Mustermann", "CITY": "Köln"}
    people = [contact(email=f"p{i}@example.com", standard=values) for i in range(1000)]
    assert client.synchronize(*people).new == 1000
    assert len(sandbox.calls) == 1

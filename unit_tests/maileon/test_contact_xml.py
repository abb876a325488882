from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from destination_maileon.maileon.contact import Contact, Preference
from destination_maileon.maileon.contact_xml import (
    ENVELOPE_BYTES,
    contact_bytes,
    contact_of,
    document,
    escape,
    without_forbidden,
)

# Maileon docs, Synchronize Contacts, "Example (Request)"; the second one adds {preferences}.
_DOCUMENTED_CONTACT = """
  <contact>
    <email>{first}.mustermann@xqueue.com</email>
    <external_id>external-id-{number}</external_id>
    <standard_fields>
      <field>
        <name>LASTNAME</name>
        <value>Mustermann</value>
      </field>
      <field>
        <name>FIRSTNAME</name>
        <value>{name}</value>
      </field>
    </standard_fields>
    <custom_fields>
      <field>
        <name>COLOR</name>
        <value>{color}</value>
      </field>
    </custom_fields>{preferences}
  </contact>"""
_DOCUMENTED_PREFERENCES = """
    <preferences>
      <preference>
        <name>Shopware</name>
        <category>Development</category>
        <value>true</value>
        <source>test</source>
      </preference>
      <preference>
        <name>Magento</name>
        <category>Development</category>
        <value>false</value>
        <source>test</source>
      </preference>
    </preferences>"""
_PEOPLE = (("max", 1, "Max", "BLUE"), ("erika", 2, "Erika", "RED"))
_PREFERENCES = {
    ("Development", "Shopware"): Preference("true", "test"),
    ("Development", "Magento"): Preference("false", "test"),
}

# Every character a Python text can have, the troublesome ones often.
_ANY = st.text(
    st.characters(codec=None)
    | st.sampled_from("\r\n\t\x00\x0b\x1f\x7f\x85\ud800\udfff\ufffe\uffff\U0001f600&<>\"']")
)
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def canonical(xml: bytes) -> str:
    text: str = etree.canonicalize(xml.decode(), strip_text=True)
    return text


def parsed(contact: Contact) -> etree._Element:
    (element,) = etree.fromstring(document([contact_bytes(contact)]))
    return element


def allowed(text: str) -> str:
    return _FORBIDDEN.sub("", text)


def texts(element: etree._Element, path: str) -> list[str]:
    return [found.text or "" for found in element.findall(path)]


@pytest.mark.parametrize("with_preferences", [False, True])
def test_the_documented_requests_come_out(with_preferences: bool) -> None:
    contacts = [
        Contact(
            email=f"{first}.mustermann@xqueue.com",
            external_id=f"external-id-{number}",
            standard_fields={"LASTNAME": "Mustermann", "FIRSTNAME": name},
            custom_fields={"COLOR": color},
            preferences=_PREFERENCES if with_preferences else {},
        )
        for first, number, name, color in _PEOPLE
    ]
    preferences = _DOCUMENTED_PREFERENCES if with_preferences else ""
    documented = "".join(
        _DOCUMENTED_CONTACT.format(
            first=first, number=number, name=name, color=color, preferences=preferences
        )
        for first, number, name, color in _PEOPLE
    )
    expected = canonical(f"<contacts>{documented}</contacts>".encode())
    assert canonical(document(contact_bytes(contact) for contact in contacts)) == expected


@given(_ANY, st.dictionaries(_ANY, _ANY, max_size=3))
def test_what_is_parsed_is_what_was_put_in_less_what_xml_forbids(
    identifier: str, fields: dict[str, str]
) -> None:
    contact = Contact(
        email=identifier,
        external_id=identifier,
        id=identifier,
        standard_fields=dict(fields),
        custom_fields=dict(fields),
        preferences={(name, value): Preference(value, name) for name, value in fields.items()},
    )
    element = parsed(contact)
    for name in ("id", "email", "external_id"):
        assert texts(element, name) == ([allowed(identifier)] if identifier else [])
    names, values = [allowed(name) for name in fields], [allowed(v) for v in fields.values()]
    for kind in ("standard_fields", "custom_fields"):
        assert texts(element, f"{kind}/field/name") == names
        assert texts(element, f"{kind}/field/value") == values
    for child, expected in (
        ("category", names),
        ("name", values),
        ("value", values),
        ("source", names),
    ):
        assert texts(element, f"preferences/preference/{child}") == expected


@given(_ANY)
def test_escaped_text_is_read_back_as_element_content(text: str) -> None:
    assert (etree.fromstring(f"<a>{escape(text)}</a>").text or "") == allowed(text)


@given(_ANY)
def test_exactly_what_xml_forbids_is_removed(text: str) -> None:
    assert without_forbidden(text) == allowed(text)


@pytest.mark.parametrize("text", ["a\r\nb\r", "]]>", "  a  ", "\t\n", "a\x85b\u2028c", "&amp;"])
def test_white_space_carriage_returns_and_markup_survive(text: str) -> None:
    element = parsed(Contact(email="a", standard_fields={"CITY": text}))
    assert texts(element, "standard_fields/field/value") == [text]


def test_a_field_that_is_none_is_nil_and_an_empty_one_is_not() -> None:
    element = parsed(Contact(custom_fields={"a": None, "b": ""}))
    values = element.findall("custom_fields/field/value")
    assert [(value.get("nil"), value.text) for value in values] == [("true", None), (None, None)]


def test_what_a_contact_does_not_say_is_not_sent() -> None:
    assert contact_bytes(Contact()) == b"<contact></contact>"
    assert len(parsed(Contact(email="", external_id="", id=""))) == 0


@pytest.mark.parametrize(
    ("preference", "source"),
    [
        (Preference("true"), []),
        (Preference("true", ""), [""]),
        (Preference("true", "shop"), ["shop"]),
    ],
)
def test_a_source_is_kept_deleted_or_set_by_its_element(
    preference: Preference, source: list[str]
) -> None:
    element = parsed(Contact(preferences={("c", "n"): preference}))
    assert texts(element, "preferences/preference/source") == source


def test_a_document_is_as_long_as_its_contacts_and_the_envelope() -> None:
    contacts = [contact_bytes(Contact(email=email)) for email in ("é@b.c", "d@e.f")]
    assert len(document(contacts)) == ENVELOPE_BYTES + sum(map(len, contacts))
    assert len(document([])) == ENVELOPE_BYTES
    assert len(etree.fromstring(document(contacts))) == 2


_WORD = _ANY.map(without_forbidden).filter(bool)
_WRITTEN = st.builds(
    Contact,
    email=st.none() | _WORD,
    external_id=st.none() | _WORD,
    id=st.none() | _WORD,
    standard_fields=st.dictionaries(_WORD, st.none() | _ANY.map(without_forbidden), max_size=3),
    custom_fields=st.dictionaries(_WORD, st.none() | _ANY.map(without_forbidden), max_size=3),
    preferences=st.dictionaries(
        st.tuples(_WORD, _WORD),
        st.builds(Preference, _WORD, st.none() | _ANY.map(without_forbidden)),
        max_size=3,
    ),
)


@given(_WRITTEN)
def test_what_is_written_can_be_read_back(contact: Contact) -> None:
    assert contact_of(contact_bytes(contact)) == contact

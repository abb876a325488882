"""The body of a synchronize call as plain values.

Absent, nil (`None`) and empty (`""`) elements are distinguished. Values are not validated. Sources:
Maileon docs, Synchronize Contacts (structure) and XML guidelines (nil, empty).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from lxml import etree
from lxml.etree import _Element


class MalformedError(Exception):
    """The body is not a list of contacts; the call is answered with 400."""


class SentField(NamedTuple):
    """A field and its value; None clears it."""

    name: str
    value: str | None


class SentPreference(NamedTuple):
    """A preference. `source` is used only if `has_source`; then None deletes the stored source."""

    category: str
    name: str
    value: str | None
    source: str | None
    has_source: bool


@dataclass(slots=True)
class SentContact:
    """One `<contact>`. Identifiers that are absent, nil or empty are None."""

    id: str | None = None
    email: str | None = None
    external_id: str | None = None
    standard_fields: list[SentField] = field(default_factory=list)
    custom_fields: list[SentField] = field(default_factory=list)
    preferences: list[SentPreference] = field(default_factory=list)
    # What a well-behaved client would not have sent.
    oddities: list[str] = field(default_factory=list)

    def identifiers(self) -> Iterator[tuple[str, str]]:
        """The kind and the value of each identifier, in the form for comparison."""
        if self.email:
            yield "email", self.email.lower()
        if self.external_id:
            yield "external_id", self.external_id
        if self.id:
            yield "id", self.id


def parse(body: bytes) -> list[SentContact]:
    """The contacts in the body. Raises MalformedError if it is not as documented."""
    root = parse_xml(body)
    if root.tag != "contacts":
        raise MalformedError("the root element must be <contacts>")
    return [_contact(element) for element in root]


def parse_one(body: bytes) -> tuple[SentContact, str | None]:
    """The body of a call about one contact, and the permission in it.

    Raises:
        MalformedError: if the body is not a contact.
    """
    root = parse_xml(body)
    permission = root.findtext("permission")
    for element in root.findall("permission"):
        root.remove(element)
    contact = _contact(root)
    if contact.oddities:
        raise MalformedError(contact.oddities[0])
    return contact, permission


def parse_xml(body: bytes) -> _Element:
    """The root element. Raises MalformedError if it is not well-formed or has a document type."""
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise MalformedError(f"the body is not well-formed XML: {error}") from error
    if _has_document_type(root):
        raise MalformedError("a document type is not allowed")
    return root


def _has_document_type(root: _Element) -> bool:
    # The stubs of lxml do not know this attribute.
    return bool(getattr(root.getroottree().docinfo, "doctype", ""))


def _contact(element: _Element) -> SentContact:
    if element.tag != "contact":
        raise MalformedError(f"<contact> was expected, not <{element.tag}>")
    contact = SentContact()
    seen = set()
    for child in element:
        tag = child.tag
        if tag in seen:
            contact.oddities.append(f"<{tag}> twice in one contact")
        seen.add(tag)
        _take(contact, child)
    return contact


def _take(contact: SentContact, element: _Element) -> None:
    match tag := element.tag:
        case "id" | "email" | "external_id":
            setattr(contact, tag, _text(element) or None)
        case "standard_fields":
            contact.standard_fields = _fields(element, contact.oddities)
        case "custom_fields":
            contact.custom_fields = _fields(element, contact.oddities)
        case "preferences":
            contact.preferences = _preferences(element, contact.oddities)
        case _:
            contact.oddities.append(f"unknown element <{tag}> in <contact>")


def _text(element: _Element) -> str | None:
    if element.get("nil") == "true":
        return None
    if len(element):
        raise MalformedError(f"<{element.tag}> must hold text only")
    return element.text or ""


def _parts(element: _Element, allowed: frozenset[str]) -> dict[str, str | None]:
    parts = {}
    for child in element:
        if child.tag not in allowed:
            raise MalformedError(f"unknown element <{child.tag}> in <{element.tag}>")
        parts[child.tag] = _text(child)
    return parts


_FIELD_PARTS = frozenset({"name", "value"})
_PREFERENCE_PARTS = frozenset({"name", "category", "value", "source"})


def _fields(element: _Element, oddities: list[str]) -> list[SentField]:
    fields: dict[str, str | None] = {}
    for child in element:
        parts = _parts(child, _FIELD_PARTS)
        name = parts.get("name")
        if child.tag != "field" or not name or "value" not in parts:
            raise MalformedError(f"<{element.tag}> may only hold <field> with <name> and <value>")
        if name in fields:
            oddities.append(f"field {name!r} twice in one contact")
        fields[name] = parts["value"]
    return [SentField(name, value) for name, value in fields.items()]


def _preferences(element: _Element, oddities: list[str]) -> list[SentPreference]:
    preferences: dict[tuple[str, str], SentPreference] = {}
    for child in element:
        parts = _parts(child, _PREFERENCE_PARTS)
        category, name = parts.get("category"), parts.get("name")
        if child.tag != "preference" or not category or not name:
            raise MalformedError("<preferences> may only hold <preference> with name and category")
        if (category, name) in preferences:
            oddities.append(f"preference {category!r}, {name!r} twice in one contact")
        preferences[category, name] = SentPreference(
            category, name, parts.get("value"), parts.get("source") or None, "source" in parts
        )
    return list(preferences.values())

"""What a call carried, read from its XML: fields by name, of every contact by its address."""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree import ElementTree as ET

from maileon_sandbox import Call


@dataclass(frozen=True, slots=True)
class Sent:
    """One contact as it was sent. A value is None for `nil`, and absent if nothing was sent."""

    standard: dict[str, str | None]
    custom: dict[str, str | None]
    preferences: dict[tuple[str, str], tuple[str, str | None]]


def sent(call: Call) -> dict[str, Sent]:
    """The contacts of the call, by address."""
    contacts = ET.fromstring(call.body)  # noqa: S314 - the program's own output
    return {contact.findtext("email", ""): _contact(contact) for contact in contacts}


def _contact(contact: ET.Element) -> Sent:
    preferences = {
        (one.findtext("category", ""), one.findtext("name", "")): (
            one.findtext("value", ""),
            one.findtext("source"),
        )
        for one in contact.iterfind("preferences/preference")
    }
    return Sent(_fields(contact, "standard_fields"), _fields(contact, "custom_fields"), preferences)


def _fields(contact: ET.Element, kind: str) -> dict[str, str | None]:
    return {
        field.findtext("name", ""): _value(field) for field in contact.iterfind(f"{kind}/field")
    }


def _value(field: ET.Element) -> str | None:
    (value,) = field.findall("value")
    return None if value.get("nil") == "true" else value.text or ""

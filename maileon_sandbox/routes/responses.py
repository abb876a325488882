"""The answers of the API, as XML.

Sources: Maileon docs, HTTP status codes (`<error><message>`), XML guidelines (nil), Get Contacts
(elements of `<contact>`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from html import escape
from typing import NamedTuple, NewType, Self

from flask import Response, request

from maileon_sandbox.account.stored_contact import StoredContact
from maileon_sandbox.vocabulary import READ_ONLY_FIELDS, STANDARD_FIELDS, XML_TYPE, Permission

# An element as text: building a tree takes twice as long, which is noticeable in long lists.
Element = NewType("Element", str)


def element(tag: str, *children: Element, text: str = "") -> Element:
    """An element with children, or with text."""
    return Element(f"<{tag}>{''.join(children)}{_escaped(text)}</{tag}>")


def nullable(tag: str, text: str | None) -> Element:
    """An element with text, or with `nil="true"`."""
    return Element(f'<{tag} nil="true"/>') if text is None else element(tag, text=text)


def _escaped(text: str) -> str:
    """Escapes text; XML parsers would read a bare carriage return as a newline."""
    return escape(text, quote=False).replace("\r", "&#13;")


def answer(body: bytes, status: int = 200) -> Response:
    """An answer without a charset (Maileon docs, Get Contacts, Get Contact By Email)."""
    return Response(body, status, content_type=XML_TYPE)


def xml(root: Element, status: int = 200) -> Response:
    return answer(f'<?xml version="1.0" encoding="UTF-8"?>\n{root}'.encode(), status)


def empty(status: int = 200) -> Response:
    """An answer without a body. What Maileon sends in such cases is not documented."""
    return answer(b"", status)


def error(status: int, message: str) -> Response:
    # A quoted name may contain characters that XML forbids.
    printable = "".join(c if c.isprintable() else "?" for c in message)
    return xml(element("error", element("message", text=printable)), status)


def missing(what: str) -> Response:
    return error(404, f"{what} not found")


class Wanted(NamedTuple):
    """The fields that a request asks for. Each parameter may occur several times."""

    standard_fields: list[str]
    custom_fields: list[str]
    preference_categories: list[str]

    @classmethod
    def by_request(cls) -> Self:
        readable = STANDARD_FIELDS | READ_ONLY_FIELDS
        return cls(
            [name for name in request.args.getlist("standard_field") if name in readable],
            request.args.getlist("custom_field"),
            request.args.getlist("preference_categories"),
        )


def contact_element(contact: StoredContact, wanted: Wanted) -> Element:
    """One contact (Maileon docs, Get Contacts).

    A standard field without a value is nil, and a custom field without a value is left out. There
    is no `<preferences>` unless a category is asked for.
    """
    standard = {**contact.standard_fields, **_read_only(contact)}
    custom = [name for name in wanted.custom_fields if name in contact.custom_fields]
    parts = [
        element("id", text=str(contact.id)),
        element("permission", text=str(int(contact.permission))),
        nullable("email", contact.email),
        nullable("external_id", contact.external_id),
        element("created", text=_time(contact.created_at)),
        element("updated", text=_time(contact.updated_at)),
        element("standard_fields", *_fields(wanted.standard_fields, standard)),
        element("custom_fields", *_fields(custom, contact.custom_fields)),
    ]
    if wanted.preference_categories:
        shown = _preferences(contact, wanted.preference_categories)
        parts.append(element("preferences", *shown))
    return element("contact", *parts)


def _read_only(contact: StoredContact) -> dict[str, str]:
    """Fields that "can only be retrieved, not set" (Maileon docs, Standard Contact Fields)."""
    status = "none" if contact.permission is Permission.NONE else "available"
    return {
        "PERMISSION_STATUS": "unsubscribed" if contact.unsubscribed else status,
        # The sandbox has no blacklists and no bounces, so nobody is blocked.
        "SENDOUT_STATUS": "allowed",
    }


def _time(value: datetime) -> str:
    return f"{value.isoformat(' ', 'seconds')[:19]}.0"


def _fields(names: Iterable[str], values: Mapping[str, str]) -> list[Element]:
    return [
        element("field", element("name", text=name), nullable("value", values.get(name)))
        for name in names
    ]


def _preferences(contact: StoredContact, categories: list[str]) -> list[Element]:
    return [
        element(
            "preference",
            element("name", text=name),
            element("category", text=category),
            element("value", text=preference.value),
            nullable("source", preference.source),
            element("last_modified", text=_time(_changed_at(contact, (category, name)))),
        )
        for (category, name), preference in contact.preferences.items()
        if category in categories
    ]


def _changed_at(contact: StoredContact, preference: tuple[str, str]) -> datetime:
    return contact.preference_times.get(preference, contact.created_at)

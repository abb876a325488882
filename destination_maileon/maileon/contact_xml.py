"""Contact -> bytes, once, and back; a document is `HEAD` + contacts + `TAIL`.

This module alone decides how a contact looks on the wire (Maileon docs, Synchronize Contacts).
Invariant: whatever the input, the bytes parse, and what is parsed is what was put in, less the
characters that XML 1.0 forbids.

A contact that waits is kept as its bytes: `contact_of` reads them back for the few of which more
must be known. Written by hand because every record passes here: an lxml tree takes about
six times as long (`make bench`).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from destination_maileon.maileon.contact import Contact, Preference

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

HEAD = b"<contacts>"
TAIL = b"</contacts>"
ENVELOPE_BYTES = len(HEAD) + len(TAIL)

_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_MARKUP = re.compile("[&<>\r]")
# A parser turns a bare carriage return into a line feed (XML 1.0, 2.11), a reference it keeps.
_REFERENCES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"}
_REFERENCE = re.compile("|".join(_REFERENCES.values()))
_CHARACTERS = {reference: character for character, reference in _REFERENCES.items()}

_IDENTIFIER = re.compile("<(id|email|external_id)>([^<]*)</")
_FIELD = re.compile("<field><name>([^<]*)</name><value(?:>([^<]*)</value>)?")
_PREFERENCE = re.compile(
    "<preference><name>([^<]*)</name><category>([^<]*)</category><value>([^<]*)</value>"
    "(?:<source>([^<]*)</source>)?"
)


def without_forbidden(text: str) -> str:
    """The text less the characters that XML 1.0 (2.2, Char) does not allow."""
    return _FORBIDDEN.sub("", text)


def escape(text: str) -> str:
    """The text as element content."""
    if text.isprintable():
        if not _MARKUP.search(text):
            return text
    else:
        text = without_forbidden(text)
    return _MARKUP.sub(lambda match: _REFERENCES[match[0]], text)


def contact_bytes(contact: Contact) -> bytes:
    """One `<contact>` element, UTF-8."""
    parts = ["<contact>"]
    if contact.id:
        parts.append(f"<id>{escape(contact.id)}</id>")
    if contact.email:
        parts.append(f"<email>{escape(contact.email)}</email>")
    if contact.external_id:
        parts.append(f"<external_id>{escape(contact.external_id)}</external_id>")
    if contact.standard_fields:
        _add_fields(parts, "standard_fields", fields=contact.standard_fields)
    if contact.custom_fields:
        _add_fields(parts, "custom_fields", fields=contact.custom_fields)
    if contact.preferences:
        _add_preferences(parts, contact.preferences)
    parts.append("</contact>")
    return "".join(parts).encode()


def contact_of(payload: bytes) -> Contact:
    """The contact of which `contact_bytes` made these bytes. No other XML can be read so."""
    # No text holds a bare "<", so that the parts can be told by their tags.
    text = payload.decode()
    rest, _, preferences = text.partition("<preferences>")
    rest, _, custom = rest.partition("<custom_fields>")
    identifiers, _, standard = rest.partition("<standard_fields>")
    return Contact(
        **{name: _unescape(value) for name, value in _IDENTIFIER.findall(identifiers)},
        standard_fields=_fields_of(standard),
        custom_fields=_fields_of(custom),
        preferences=dict(map(_preference_of, _PREFERENCE.finditer(preferences))),
    )


def document(contacts: Iterable[bytes]) -> bytes:
    """The body of one call."""
    return b"".join((HEAD, *contacts, TAIL))


def _add_fields(parts: list[str], element: str, *, fields: Mapping[str, str | None]) -> None:
    parts.append(f"<{element}>")
    for name, value in fields.items():
        if value is None:
            parts.append(f'{_field_head(name)}<value nil="true"/></field>')
        elif value.isprintable() and not _MARKUP.search(value):
            parts.append(f"{_field_head(name)}<value>{value}</value></field>")
        else:
            parts.append(f"{_field_head(name)}<value>{escape(value)}</value></field>")
    parts.append(f"</{element}>")


def _fields_of(text: str) -> dict[str, str | None]:
    return {
        _unescape(field[1]): None if field[2] is None else _unescape(field[2])
        for field in _FIELD.finditer(text)
    }


def _preference_of(match: re.Match[str]) -> tuple[tuple[str, str], Preference]:
    name, category, value, source = match.groups()
    preference = Preference(_unescape(value), _unescape(source or "") or None, source is not None)
    return (_unescape(category), _unescape(name)), preference


def _unescape(text: str) -> str:
    if "&" not in text:
        return text
    return _REFERENCE.sub(lambda match: _CHARACTERS[match[0]], text)


@lru_cache(maxsize=4096)
def _field_head(name: str) -> str:
    return f"<field><name>{escape(name)}</name>"


def _add_preferences(parts: list[str], preferences: Mapping[tuple[str, str], Preference]) -> None:
    parts.append("<preferences>")
    for (category, name), preference in preferences.items():
        parts.append(
            f"<preference><name>{escape(name)}</name><category>{escape(category)}</category>"
            f"<value>{escape(preference.value)}</value>"
        )
        if preference.has_source:
            parts.append(f"<source>{escape(preference.source or '')}</source>")
        parts.append("</preference>")
    parts.append("</preferences>")

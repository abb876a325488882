"""Body of an answer -> what it says: lists, the message of an error, or that it is no API's at all.

This module alone decides how the API's answers are read, but for reports. Shapes: Maileon docs,
HTTP Status Codes (`<error><message>`), and the official clients (fields, preference categories).
"""

from __future__ import annotations

import html
import json
import re
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import unquote

from destination_maileon.maileon.contact import FieldType
from destination_maileon.maileon.errors import FailureReason, RetriableError
from destination_maileon.maileon.xml_reading import (
    UnreadableXml,
    child_text,
    local_name,
    read_xml,
)

if TYPE_CHECKING:
    from lxml import etree

    from destination_maileon.maileon.http import Answer

MAX_SERVER_MESSAGE_CHARACTERS = 500
_MAX_QUOTED = 3
# `html` makes a number of it, which Python refuses to do with thousands of digits. What it becomes
# must be a character: what stood around it would be the next such reference.
_NO_CHARACTER = re.compile("&#[0-9]{20,}+;?")
_JSON_ESCAPES = re.compile(r"(?:\\u[0-9A-Fa-f]{4})+")

_NO_CONTENT = 204
# A type of more than these occurs in error codes only (24 double, 27 timestamp).
_FIELD_TYPES = MappingProxyType(
    {
        "string": FieldType.STRING,
        "integer": FieldType.INTEGER,
        "float": FieldType.FLOAT,
        "double": FieldType.FLOAT,
        "date": FieldType.DATE,
        "timestamp": FieldType.DATE,
        "boolean": FieldType.BOOLEAN,
    }
)
# Possessive throughout: what follows many comments must not be tried in every way to part them.
_PAGE = re.compile(
    rb"(\xef\xbb\xbf)?\s*+(<\?xml[^>]*+>\s*+)?+(<!--.*?-->\s*+)*+<(!doctype\s+html|html|head|body)\b",
    re.IGNORECASE | re.DOTALL,
)
_ERROR_ROOTS = frozenset({"error", "errors", "message"})


def custom_fields(answer: Answer) -> dict[str, FieldType]:
    """Name and type of each custom field; a type that is not known counts as text."""
    found = {}
    for element in _list(answer, "custom_fields", child="custom_field"):
        kind = (child_text(element, "type") or "").strip().lower()
        name = child_text(element, "name")
        if name:
            found[name] = _FIELD_TYPES.get(kind, FieldType.STRING)
    return found


def names(answer: Answer, root: str, *, child: str) -> list[str]:
    """The names of the elements of a list; raises TryAgain if it is no such list."""
    found = [child_text(element, "name") for element in _list(answer, root, child=child)]
    return [name for name in found if name]


def is_html(answer: Answer) -> bool:
    """Whether the answer is a web page: the API has none."""
    body = answer.body or b""
    if _PAGE.match(body):
        return True
    # Some servers call everything text/html: what is the API's error by its content, is no page.
    labelled = answer.content_type.lower().startswith(("text/html", "application/xhtml"))
    return labelled and body.lstrip().startswith(b"<") and _error_root(body) is None


def says_gone(answer: Answer) -> bool:
    """Whether a 404 speaks of the contact, in a form that the API uses, and not of the path.

    Those are none, XML, or a short text (older pages of Maileon's docs).
    """
    if answer.body is None or is_html(answer):
        return False
    text = answer.body.strip()
    if text.startswith(b"<"):
        return _xml(text) is not None
    return len(text) <= MAX_SERVER_MESSAGE_CHARACTERS and not text.startswith((b"{", b"["))


def server_message(answer: Answer) -> str:
    """What the server says of an error, on one line; may be empty, or as long as an error can be.

    It may quote a contact, or the key: who cuts it before the key is hidden leaves half of one.
    """
    body = (answer.body or b"").strip()
    if is_html(answer):
        return ""
    if body.startswith((b"<", b"\xef\xbb\xbf<")):
        return _one_line(_message_in(body))
    text = body.decode(errors="replace")
    return _one_line(text) if len(text) <= MAX_SERVER_MESSAGE_CHARACTERS else ""


def _message_in(body: bytes) -> str:
    root = _error_root(body)
    if root is None:
        return ""
    return next((message.text for message in root.iter("{*}message") if message.text), "")


def _one_line(text: str) -> str:
    # A value that is quoted as HTML, as part of a URL or as JSON could not be told from the words
    # around it; nor one that is quoted twice.
    for _ in range(_MAX_QUOTED):
        text = _NO_CHARACTER.sub("\ufffd", _JSON_ESCAPES.sub(_unescaped, text))
        text = unquote(html.unescape(text))
    printable = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(printable.split())


def _unescaped(escapes: re.Match[str]) -> str:
    # Together, since two may be one character.
    return str(json.loads(f'"{escapes[0]}"'))


def _list(answer: Answer, root: str, *, child: str) -> list[etree._Element]:
    if answer.status == _NO_CONTENT:
        return []
    tree = _xml(answer.body or b"")
    if tree is None or local_name(tree) != root:
        raise RetriableError(
            f"The list that {answer.host} answered with cannot be read.",
            FailureReason.UNREADABLE,
            status=answer.status,
        )
    return tree.findall(f"{{*}}{child}")


def _error_root(body: bytes) -> etree._Element | None:
    root = _xml(body)
    return root if root is not None and local_name(root) in _ERROR_ROOTS else None


def _xml(body: bytes) -> etree._Element | None:
    try:
        return read_xml(body)
    except UnreadableXml:
        return None

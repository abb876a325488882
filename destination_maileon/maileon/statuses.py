"""What an answer means: the error that its status is, and what its body says.

This module alone decides what a status means to the caller (Maileon docs, HTTP Status Codes; 408,
413, 429 and 503 are not documented there, and mean what HTTP says) and in which words a person is
told, and how lists and error messages are read (their shapes: the same page, and the official
clients). No message quotes the answer. Reports are read in report.py; what a proxy says instead of
connecting is told in http.py.
"""

import html
import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from urllib.parse import unquote

from lxml import etree

from destination_maileon.maileon.contact import Contact, FieldType
from destination_maileon.maileon.errors import (
    FailureReason,
    FatalError,
    Forbidden,
    MaileonError,
    RequestRejected,
    RetriableError,
)
from destination_maileon.maileon.http import Response
from destination_maileon.maileon.report import child_texts, local_name, read_xml

MAX_RETRY_AFTER_SECONDS = 86_400.0
MAX_SERVER_MESSAGE_CHARACTERS = 500
_WHOLE = re.compile("[+-]?[0-9]{1,18}")
# `html` makes a number of it, which Python refuses to do with thousands of digits. What it becomes
# must be a character: what stood around it would be the next such reference.
_NO_CHARACTER = re.compile("&#[0-9]{20,}+;?")
_JSON_ESCAPES = re.compile(r"(?:\\u[0-9A-Fa-f]{4})+")

_ACCEPTED, _REFUSED = 2, 4
_NO_TYPES = {FieldType.GENDER, FieldType.LOCALE}
# A type of more than these occurs in error codes only (24 double, 27 timestamp).
_FIELD_TYPES = {t.value: t for t in FieldType if t not in _NO_TYPES} | {"double": FieldType.FLOAT}
# Possessive throughout: what follows many comments must not be tried in every way to part them.
_PAGE = re.compile(
    rb"(\xef\xbb\xbf)?\s*+(<\?xml[^>]*+>\s*+)?+(<!--.*?-->\s*+)*+<(!doctype\s+html|html|head|body)\b",
    re.IGNORECASE | re.DOTALL,
)
_IDENTIFIERS = ("email", "external_id", "id")
_ERROR_ROOTS = frozenset({"error", "errors", "message"})

# What Maileon calls the right to use a method (the names of its official client's ping calls).
_RIGHTS = {"GET": "retrieve", "POST": "update", "PUT": "create", "DELETE": "delete"}
_SECONDS = re.compile(r"[0-9]+(\.[0-9]*)?")

FATAL: Mapping[int, str] = {
    3: (
        "{host} redirects the call ({status}). It is not followed, since the API key would go"
        " along. The base URL is not the API's, or a proxy answers in its place."
    ),
    401: (
        "Maileon does not accept the API key (401): it is wrong, expired or deactivated, or the"
        " account is blocked. Check it in Maileon under Settings, API Keys."
    ),
    403: (
        "The API key lacks the right to {right} ({method}, 403), or its IP allow list leaves this"
        " machine out. Change either in Maileon under Settings, API Keys."
    ),
    404: (
        "{host} answers{page} ({status}), not as Maileon's API does: the base URL is not the API's,"
        " or a proxy or firewall answers in its place."
    ),
    407: (
        "A proxy on the way to {host} wants a user name and a password (407). Write them into the"
        " environment variable that names it,"
        " as http://USER:PASSWORD@HOST:PORT."  # ignore-https-check: a proxy's form
    ),
}
"""By status, or by its hundreds where it has no row of its own."""

RETRIABLE: Mapping[int, FailureReason] = {
    408: FailureReason.TIMEOUT,
    429: FailureReason.THROTTLED,
    503: FailureReason.UNAVAILABLE,
    5: FailureReason.SERVER_ERROR,
}
"""Likewise. Every other 4xx refuses the call, and what is no status of HTTP cannot be read."""


def error_of(answer: Response, *, wall_clock: Callable[[], float]) -> MaileonError | None:
    """What the answer's status means; None if the call was accepted.

    `wall_clock` gives seconds since 1970, for a `Retry-After` that is a date.
    """
    status, hundreds = answer.status, answer.status // 100
    if hundreds == _ACCEPTED:
        return None
    if (fatal := FATAL.get(status) or FATAL.get(hundreds)) is not None:
        return _fatal(answer, fatal)
    reason = RETRIABLE.get(status) or RETRIABLE.get(hundreds)
    if reason is None and hundreds == _REFUSED:
        said = server_message(answer)
        words = f"Maileon refuses the call ({status})."
        return RequestRejected(words, status=status, server_message=said)
    reason = reason or FailureReason.UNREADABLE
    return RetriableError(
        f"{answer.host} cannot answer now ({status}, {reason.value}).",
        reason,
        status=status,
        retry_after=retry_after_seconds(answer.headers.get("Retry-After"), wall_clock=wall_clock),
    )


def not_the_api(answer: Response) -> FatalError:
    """What an answer in no form of the API means, whatever its status."""
    return _fatal(answer, FATAL[404])


def _fatal(answer: Response, words: str) -> FatalError:
    kind = Forbidden if answer.status == HTTPStatus.FORBIDDEN else FatalError
    return kind(
        words.format(
            host=answer.host,
            status=answer.status,
            method=answer.method,
            right=_RIGHTS[answer.method],
            page=" with a web page" if is_html(answer) else "",
        )
    )


def retry_after_seconds(text: str | None, *, wall_clock: Callable[[], float]) -> float | None:
    """The seconds that `Retry-After` asks for, a day at most; None if it is nonsense."""
    value = (text or "").strip()
    seconds = float(value) if _SECONDS.fullmatch(value) else None
    if seconds is None:
        with suppress(ValueError, TypeError, IndexError, OverflowError):
            seconds = parsedate_to_datetime(value).timestamp() - wall_clock()
    return None if seconds is None or seconds < 0 else min(seconds, MAX_RETRY_AFTER_SECONDS)


def custom_fields(answer: Response) -> dict[str, FieldType]:
    """Name and type of each custom field; a type that is not known counts as text."""
    found = {}
    for texts in map(child_texts, _list(answer, "custom_fields")):
        if name := texts.get("name"):
            kind = (texts.get("type") or "").strip().lower()
            found[name] = _FIELD_TYPES.get(kind, FieldType.STRING)
    return found


def names(answer: Response, root: str) -> list[str]:
    """The names in this list; raises RetriableError if it is another one."""
    found = (texts.get("name") for texts in map(child_texts, _list(answer, root)))
    return [name for name in found if name]


@dataclass(frozen=True, slots=True)
class ContactPage:
    """One page of the account's contacts: identifiers, and the number in a custom field.

    The number is None where the field is empty, or holds no whole number. `pages`: how many the
    list has, None if the service does not say.
    """

    contacts: tuple[tuple[Contact, int | None], ...]
    pages: int | None


def contact_page(answer: Response, field: str) -> ContactPage:
    """The contacts of one page (Maileon docs, Get Contacts); raises RetriableError."""
    elements = _list(answer, "contacts")
    contacts = tuple((_identifiers(element), _number_in(element, field)) for element in elements)
    return ContactPage(contacts, _whole(answer.headers.get("X-Pages")))


def identified(answer: Response) -> list[Contact]:
    """The identifiers of the contact, or of the contacts, in an answer; raises RetriableError."""
    tree = _tree(answer, {"contact", "contacts"})
    contacts = [tree] if local_name(tree) == "contact" else list(tree)
    return [_identifiers(contact) for contact in contacts]


def _identifiers(contact: etree._Element) -> Contact:
    texts = child_texts(contact)
    email, external_id, maileon_id = [(texts.get(e) or "").strip() for e in _IDENTIFIERS]
    return Contact(email or None, external_id or None, maileon_id or None)


def _number_in(contact: etree._Element, name: str) -> int | None:
    for fields in contact:
        for field in fields if local_name(fields) == "custom_fields" else ():
            texts = child_texts(field)
            if texts.get("name") == name:
                return _whole(texts.get("value"))
    return None


def _whole(text: str | None) -> int | None:
    digits = (text or "").strip()
    return int(digits) if _WHOLE.fullmatch(digits) else None


def is_html(answer: Response) -> bool:
    """Whether the answer is a web page: the API has none."""
    body = answer.body or b""
    if _PAGE.match(body):
        return True
    # Some servers call everything text/html: what is the API's error by its content, is no page.
    content_type = answer.headers.get("Content-Type", "").lower()
    labelled = content_type.startswith(("text/html", "application/xhtml"))
    return labelled and body.lstrip().startswith(b"<") and _error_root(body) is None


def says_gone(answer: Response) -> bool:
    """Whether a 404 speaks of the contact, in a form that the API uses, and not of the path.

    Those are none, XML, or a short text (older pages of Maileon's docs).
    """
    if answer.body is None or is_html(answer):
        return False
    text = answer.body.strip()
    if text.startswith(b"<"):
        return read_xml(text) is not None
    return len(text) <= MAX_SERVER_MESSAGE_CHARACTERS and not text.startswith((b"{", b"["))


def server_message(answer: Response) -> str:
    """What the server says of an error, on one line; may be empty, or as long as an error can be.

    It may quote a contact, or the key: who cuts it before the key is hidden leaves half of one.
    """
    body = (answer.body or b"").strip()
    if is_html(answer):
        return ""
    if body.startswith((b"<", b"\xef\xbb\xbf<")):
        root = _error_root(body)
        messages = () if root is None else root.iter("{*}message")
        return _readable(next((message.text for message in messages if message.text), ""))
    text = body.decode(errors="replace")
    return _readable(text) if len(text) <= MAX_SERVER_MESSAGE_CHARACTERS else ""


def _readable(text: str) -> str:
    # A value that is quoted as HTML, as part of a URL or as JSON could not be told from the words
    # around it. JSON's escapes together, since two may be one character.
    text = _JSON_ESCAPES.sub(lambda escapes: str(json.loads(f'"{escapes[0]}"')), text)
    text = _NO_CHARACTER.sub("\ufffd", text)
    return one_line(unquote(html.unescape(text)))


def one_line(text: str, *, instead: str = " ") -> str:
    """The text with single spaces, and this in the place of what cannot be printed."""
    printable = "".join(c if c.isprintable() else instead for c in text)
    return " ".join(printable.split())


def _list(answer: Response, root: str) -> list[etree._Element]:
    return [] if answer.status == HTTPStatus.NO_CONTENT else list(_tree(answer, {root}))


def _tree(answer: Response, roots: set[str]) -> etree._Element:
    tree = read_xml(answer.body or b"")
    if tree is None or local_name(tree) not in roots:
        raise RetriableError(
            f"The answer of {answer.host} cannot be read.",
            FailureReason.UNREADABLE,
            status=answer.status,
        )
    return tree


def _error_root(body: bytes) -> etree._Element | None:
    root = read_xml(body)
    return root if root is not None and local_name(root) in _ERROR_ROOTS else None

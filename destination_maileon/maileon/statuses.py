"""What an answer means: the error that its status is, and what lists and error messages say.

Maileon docs, HTTP Status Codes, and the official clients; 408, 413, 429 and 503 are not documented,
and mean what HTTP says. No error's own message quotes the answer.
"""

import html
import json
import re
from codecs import BOM_UTF8
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from urllib.parse import unquote

from lxml import etree

from destination_maileon.maileon import errors
from destination_maileon.maileon.contact import Contact, FieldType
from destination_maileon.maileon.error_codes import CUSTOM_FIELD_CODES
from destination_maileon.maileon.errors import FailureReason
from destination_maileon.maileon.http import NEEDS_LOGIN, Response
from destination_maileon.maileon.report import child_texts, local_name, read_xml, whole_number

MAX_SERVER_MESSAGE_CHARACTERS = 500
_SECONDS = re.compile(r"[0-9]+(\.[0-9]*)?")
# `html.unescape` fails at thousands of digits. They are replaced and not removed, since the text
# around them could form another reference.
_NO_CHARACTER = re.compile("&#[0-9]{20,}+;?")
_JSON_ESCAPES = re.compile(r"(?:\\u[0-9A-Fa-f]{4})+")
# Possessive: what follows many comments must not be tried in every way to part them.
_PAGE = re.compile(
    rb"(<\?xml[^>]*+>\s*+)?+(<!--.*?-->\s*+)*+<(!doctype\s+html|html|head|body)\b",
    re.IGNORECASE | re.DOTALL,
)
_IDENTIFIERS = ("email", "external_id", "id")
_ERROR_ROOTS = frozenset({"error", "errors", "message"})
_ACCEPTED, _REFUSED = 2, 4
_FIELD_TYPES = {kind.value: kind for kind in CUSTOM_FIELD_CODES} | {"double": FieldType.FLOAT}
"""`double` occurs in error codes only (24)."""
# What Maileon calls the right to use a method (the names of its official client's ping calls).
_RIGHTS = {"GET": "retrieve", "POST": "update", "PUT": "create", "DELETE": "delete"}

FATAL: Mapping[int, str] = {
    3: "{answer.host} redirects the call ({answer.status}). It is not followed, since the API key"
    " would go along. The base URL is not the API's, or a proxy answers in its place.",
    401: "Maileon does not accept the API key (401): it is wrong, expired or deactivated, or the"
    " account is blocked. Check it in Maileon under Settings, API Keys.",
    403: "The API key lacks the right to {right} ({answer.method}, 403), or its IP allow list"
    " leaves this machine out. Change either in Maileon under Settings, API Keys.",
    404: "{answer.host} answers{page} ({answer.status}), not as Maileon's API does: the base URL is"
    " not the API's, or a proxy or firewall answers in its place.",
    407: f"A proxy on the way to {{answer.host}} {NEEDS_LOGIN}.",
}
"""By status, or by its hundreds where it has no row of its own."""

RETRIABLE: Mapping[int, FailureReason] = {
    408: FailureReason.TIMEOUT,
    429: FailureReason.THROTTLED,
    503: FailureReason.UNAVAILABLE,
    5: FailureReason.SERVER_ERROR,
}
"""Likewise. Every other 4xx refuses the call, and what is no status of HTTP cannot be read."""


def error_of(
    answer: Response, *, wall_clock: Callable[[], float], redact: Callable[[str], str] = str
) -> errors.MaileonError | None:
    """What the answer's status means; None if the call was accepted. `redact` hides the key."""
    status, hundreds = answer.status, answer.status // 100
    if hundreds == _ACCEPTED:
        return None
    if words := FATAL.get(status) or FATAL.get(hundreds):
        return fatal_error(answer, words)
    if hundreds == _REFUSED and status not in RETRIABLE:
        # The key first of all: half of one could not be found again.
        said = redact(server_message(answer))[:MAX_SERVER_MESSAGE_CHARACTERS]
        words = f"Maileon refuses the call ({status})."
        return errors.RequestRejected(words, status=status, server_message=said)
    reason = RETRIABLE.get(status) or RETRIABLE.get(hundreds, FailureReason.UNREADABLE)
    wait = retry_after_seconds(answer.headers.get("Retry-After"), wall_clock=wall_clock)
    words = f"{answer.host} cannot answer now ({status}, {reason.value})."
    return errors.RetriableError(words, reason, status=status, retry_after=wait)


def fatal_error(answer: Response, words: str = FATAL[404]) -> errors.FatalError:
    """The error in these words; by default of an answer in no form that the API has."""
    kind = errors.Forbidden if answer.status == HTTPStatus.FORBIDDEN else errors.FatalError
    page = " with a web page" if is_html(answer) else ""
    return kind(words.format(answer=answer, right=_RIGHTS[answer.method], page=page))


def retry_after_seconds(text: str | None, *, wall_clock: Callable[[], float]) -> float | None:
    """The seconds that `Retry-After` asks for, a day at most; None if it is nonsense."""
    value = (text or "").strip()
    seconds = float(value) if _SECONDS.fullmatch(value) else -1.0
    if seconds < 0:
        with suppress(ValueError, TypeError, IndexError, OverflowError):
            seconds = parsedate_to_datetime(value).timestamp() - wall_clock()
    return None if seconds < 0 else min(seconds, 86_400.0)


def custom_fields(answer: Response | None) -> dict[str, FieldType]:
    """Name and type of each custom field; a type that is not known counts as text."""
    fields = [child_texts(field) for field in _tree(answer, "custom_fields")]
    kinds = {f.get("name") or "": (f.get("type") or "").strip().lower() for f in fields}
    return {name: _FIELD_TYPES.get(k, FieldType.STRING) for name, k in kinds.items() if name}


def names(answer: Response | None, root: str) -> list[str]:
    """The names in the list with this root."""
    found = (child_texts(element).get("name") for element in _tree(answer, root))
    return [name for name in found if name]


@dataclass(frozen=True, slots=True)
class ContactPage:
    """Identifiers of contacts, and the whole number from 0 on that a custom field holds, if any.

    `pages`: how many the list has, None if the service does not say.
    """

    contacts: tuple[tuple[Contact, int | None], ...]
    pages: int | None


def contact_page(answer: Response | None, field: str) -> ContactPage:
    """The contacts of one page (Maileon docs, Get Contacts)."""
    contacts = [(_identifiers(c), _number_in(c, field)) for c in _tree(answer, "contacts")]
    pages = whole_number(answer.headers.get("X-Pages")) if answer else None
    return ContactPage(tuple(contacts), pages)


def identified(answer: Response | None) -> list[Contact]:
    tree = _tree(answer, "contact", "contacts")
    return [_identifiers(c) for c in ([tree] if local_name(tree) == "contact" else tree)]


def _identifiers(contact: etree._Element) -> Contact:
    texts = child_texts(contact)
    found = {name: (texts.get(name) or "").strip() or None for name in _IDENTIFIERS}
    return Contact(found["email"], found["external_id"], found["id"])


def _number_in(contact: etree._Element, name: str) -> int | None:
    fields = map(child_texts, contact.iterfind("{*}custom_fields/*"))
    return next((whole_number(f.get("value")) for f in fields if f.get("name") == name), None)


def is_html(answer: Response) -> bool:
    """Whether the answer is a web page: the API has none."""
    body = _stripped(answer)
    if not body.startswith(b"<"):
        return False
    if _PAGE.match(body):
        return True
    # Some servers call everything text/html: what is the API's error by its content, is no page.
    content_type = answer.headers.get("Content-Type", "").lower()
    return content_type.startswith(("text/html", "application/xhtml")) and _error_root(body) is None


def says_gone(answer: Response) -> bool:
    """Whether a 404 is about the contact, not the path: empty, XML or short text (Maileon docs)."""
    if answer.body is None or is_html(answer):
        return False
    text = _stripped(answer)
    if text.startswith(b"<"):
        return read_xml(text) is not None
    return len(text) <= MAX_SERVER_MESSAGE_CHARACTERS and not text.startswith((b"{", b"["))


def server_message(answer: Response) -> str:
    """What the server says of an error, on one line, uncut: it may quote a contact, or the key."""
    body = _stripped(answer)
    if is_html(answer):
        return ""
    if body.startswith(b"<"):
        root = _error_root(body)
        messages = () if root is None else root.iter("{*}message")
        text = next((message.text for message in messages if message.text), "")
    else:
        text = body.decode(errors="replace")
        if len(text) > MAX_SERVER_MESSAGE_CHARACTERS:
            return ""
    # Else a value that is quoted as HTML, in a URL or in JSON could not be found and masked.
    # JSON's escapes together, since two may be one character.
    text = _JSON_ESCAPES.sub(lambda escapes: str(json.loads(f'"{escapes[0]}"')), text)
    return one_line(unquote(html.unescape(_NO_CHARACTER.sub("\ufffd", text))))


def _stripped(answer: Response) -> bytes:
    """The body without a byte order mark and the space around it."""
    return (answer.body or b"").strip().removeprefix(BOM_UTF8).lstrip()


def one_line(text: str, *, instead: str = " ") -> str:
    """The text with single spaces, and this in the place of what cannot be printed."""
    printable = "".join(c if c.isprintable() else instead for c in text)
    return " ".join(printable.split())


def _tree(answer: Response | None, *roots: str) -> etree._Element:
    """The root, empty if nothing is there; raises RetriableError if its name is another."""
    if answer is None or answer.status == HTTPStatus.NO_CONTENT:
        return etree.Element(roots[-1])
    tree = read_xml(answer.body or b"")
    if tree is None or local_name(tree) not in roots:
        words = f"The answer of {answer.host} cannot be read."
        raise errors.RetriableError(words, FailureReason.UNREADABLE, status=answer.status)
    return tree


def _error_root(body: bytes) -> etree._Element | None:
    root = read_xml(body)
    return root if root is not None and local_name(root) in _ERROR_ROOTS else None

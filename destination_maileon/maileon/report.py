"""What became of the contacts of one call (Maileon docs, Synchronize Contacts); and reading XML.

No answer is trusted. Comments, processing instructions and namespaces make no difference.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import NoReturn
from xml.parsers import expat

from lxml import etree

from destination_maileon.maileon.errors import FailureReason, RetriableError
from destination_maileon.maileon.http import MAX_ANSWER_BYTES

MAX_ELEMENTS = 600_000
"""A report on 10,000 contacts with every error each has fewer. An empty element takes 4 bytes, and
about thirty times as many in memory; an attribute 7, and twice as much memory."""


def max_report_bytes(sent: bytes, contacts: int) -> int:
    """How long a true report on so many contacts can be; `sent` is the body of the call.

    A longer one is refused, since it takes many times its bytes in memory. All errors of a contact
    take about 2,200 bytes in the form of Maileon's sample, and what a report quotes was sent.
    """
    return min(MAX_ANSWER_BYTES, 2**20 + 8_000 * contacts + 16 * len(sent))


@dataclass(frozen=True, slots=True)
class InvalidContact:
    """One reason for which Maileon refused one contact, with the identifiers of the report.

    `code` is None if it is no number of at most six digits. `error_field` names a field, or quotes
    the value that is wrong (code 3 in the documented sample): it may be personal data.
    """

    email: str | None
    external_id: str | None
    code: int | None
    error_field: str | None


@dataclass(frozen=True, slots=True)
class SynchronizationReport:
    """What Maileon counted in one call, and whom it refused."""

    contacts: int
    new: int
    existing: int
    invalid: int
    unsubscribed: int
    invalid_contacts: tuple[InvalidContact, ...]


def parse_report(body: bytes, *, contacts: int = 0) -> SynchronizationReport:
    """The report on a call with so many contacts.

    `success` is not evaluated: the documented sample says false, as one contact is invalid. Raises
    RetriableError if a count cannot be read, or counts fewer contacts than were sent.
    """
    root = read_xml(body)
    if root is None or local_name(root) != "report":
        raise _unreadable("it is no report in XML")
    texts = child_texts(root)
    report = SynchronizationReport(
        contacts=_count(texts, "count_contacts"),
        new=_count(texts, "count_new_contacts"),
        existing=_count(texts, "count_existing_contacts"),
        invalid=_count(texts, "count_invalid_contacts"),
        unsubscribed=_count(texts, "count_unsubscribed_contacts"),
        invalid_contacts=tuple(_invalid_contacts(root)),
    )
    if report.contacts < contacts:
        raise _unreadable("the report counts fewer contacts than were sent")
    return report


def _unreadable(reason: str) -> RetriableError:
    return RetriableError(f"Maileon's answer cannot be read: {reason}.", FailureReason.UNREADABLE)


def _count(texts: Mapping[str, str | None], name: str) -> int:
    if (number := whole_number(texts.get(name))) is None:
        raise _unreadable(f"the report has no readable {name}")
    return number


def _invalid_contacts(root: etree._Element) -> Iterator[InvalidContact]:
    for contact in root.iterfind("{*}invalid_contacts/{*}contact"):
        texts = child_texts(contact)
        email, external_id = texts.get("email"), texts.get("external_id")
        errors = [child for child in contact if local_name(child) == "error"]
        if not errors:
            yield InvalidContact(email, external_id, code=None, error_field=None)
        for error in errors:
            code = whole_number(error.get("code"), most_digits=6)
            field = child_texts(error).get("error_field")
            yield InvalidContact(email, external_id, code=code, error_field=field)


def read_xml(body: bytes) -> etree._Element | None:
    """The root element; None if the bytes are no XML, or none that is accepted.

    No DOCTYPE is (hence no entities), and nothing beyond libxml2's limits and MAX_ELEMENTS.
    """
    # Counted before they take memory: every element has a tag that opens, every attribute a "=".
    elements = body.count(b"<") - body.count(b"</")
    if max(elements, body.count(b"=")) > MAX_ELEMENTS:
        return None
    if not _begins_plainly(body):
        return None
    # A parser for each document: threads would wait for a common one.
    parser = etree.XMLParser(resolve_entities=False, remove_comments=True, remove_pis=True)
    with suppress(etree.LxmlError, ValueError):
        return etree.fromstring(body, parser)
    return None


def _begins_plainly(body: bytes) -> bool:
    """Whether the root element comes before any DOCTYPE, in some of which libxml2 takes hours."""
    found: list[bool] = []

    def stop(*_: object, is_plain: bool) -> NoReturn:
        found.append(is_plain)
        raise StopIteration

    prolog = expat.ParserCreate()
    prolog.StartElementHandler = partial(stop, is_plain=True)
    prolog.StartDoctypeDeclHandler = partial(stop, is_plain=False)
    with suppress(expat.ExpatError, StopIteration, LookupError, ValueError):
        prolog.Parse(body, True)  # noqa: FBT003 - all of it
    return found == [True]


def local_name(element: etree._Element) -> str:
    return str(element.tag).rpartition("}")[2]


def child_texts(parent: etree._Element) -> dict[str, str | None]:
    """The text of the first child of each name; None if empty, or `nil` (Maileon docs, XML)."""
    texts: dict[str, str | None] = {}
    for child in parent:
        text = None if child.get("nil") == "true" else child.text or None
        texts.setdefault(local_name(child), text)
    return texts


def whole_number(text: str | None, *, most_digits: int = 18) -> int | None:
    """The number; None if the text is not so many digits, with or without space around them."""
    text = (text or "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= most_digits else None

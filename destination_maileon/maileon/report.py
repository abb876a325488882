"""bytes -> what became of the contacts of one call.

This module alone decides what is a readable report (Maileon docs, Synchronize Contacts). All five
counts must be there. `success` is not evaluated: the documented sample says false with HTTP 2xx, as
soon as one contact is invalid; nor need the counts add up, as the same sample shows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from destination_maileon.maileon.report_size import LARGEST
from destination_maileon.maileon.xml_reading import (
    UnreadableXml,
    child_text,
    local_name,
    read_xml,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lxml import etree

    from destination_maileon.maileon.report_size import ReportSize

_COUNT = re.compile("[0-9]{1,18}")
_CODE = re.compile("[0-9]{1,6}")


class UnreadableReport(ValueError):
    """The answer is no report. The message holds nothing of it."""


@dataclass(frozen=True, slots=True)
class InvalidContact:
    """One reason for which Maileon refused one contact; a contact with several gives several.

    The identifiers are those of the report, which has no Maileon id. `code` is None if it is no
    number of at most six digits. `error_field` names a field, or quotes the value that is wrong
    (code 3 in the documented sample): it may be personal data.
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


def parse_report(body: bytes, *, size: ReportSize = LARGEST) -> SynchronizationReport:
    """The report in the body of an answer, of that size at most; raises UnreadableReport."""
    root = _root(body, size)
    return SynchronizationReport(
        contacts=_count(root, "count_contacts"),
        new=_count(root, "count_new_contacts"),
        existing=_count(root, "count_existing_contacts"),
        invalid=_count(root, "count_invalid_contacts"),
        unsubscribed=_count(root, "count_unsubscribed_contacts"),
        invalid_contacts=tuple(_invalid_contacts(root)),
    )


def _root(body: bytes, size: ReportSize) -> etree._Element:
    try:
        root = read_xml(body, most_elements=size.most_elements, most_signs=size.most_signs)
    except UnreadableXml:
        root = None
    # Raised outside of the handler, so that no chained error carries a piece of the answer.
    if root is None:
        raise UnreadableReport("the answer is no XML")
    if local_name(root) != "report":
        raise UnreadableReport("the answer is XML, but no report")
    return root


def _count(root: etree._Element, name: str) -> int:
    text = (child_text(root, name) or "").strip()
    if not _COUNT.fullmatch(text):
        raise UnreadableReport(f"the report has no readable {name}")
    return int(text)


def _invalid_contacts(root: etree._Element) -> Iterator[InvalidContact]:
    for contact in root.iterfind("{*}invalid_contacts/{*}contact"):
        email = child_text(contact, "email")
        external_id = child_text(contact, "external_id")
        errors = contact.findall("{*}error")
        if not errors:
            yield InvalidContact(email, external_id, code=None, error_field=None)
        for error in errors:
            yield InvalidContact(
                email,
                external_id,
                code=_code(error.get("code")),
                error_field=child_text(error, "error_field"),
            )


def _code(text: str | None) -> int | None:
    digits = (text or "").strip()
    return int(digits) if _CODE.fullmatch(digits) else None

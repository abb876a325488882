"""No report that can be true is too large to be read; a lie costs no more than its call allows."""

from __future__ import annotations

import pytest
from lxml import etree

from destination_maileon.maileon.contact import Contact
from destination_maileon.maileon.contact_xml import contact_bytes, document
from destination_maileon.maileon.error_codes import ERROR_CODES
from destination_maileon.maileon.report import UnreadableReport, parse_report
from destination_maileon.maileon.report_size import LARGEST, ReportSize, report_size
from unit_tests.maileon.test_report import report_with

NAMESPACES = ' xmlns:a="urn:a" xmlns:b="urn:b" xmlns:c="urn:c"'
LONG = "\u00f6=&" * 85
CODES = list(ERROR_CODES)


def sent(contacts: int, fields: int = 0, text: str = "x") -> bytes:
    custom: dict[str, str | None] = {f"{text}{n}": text for n in range(fields)}
    contact = Contact(email=text, external_id=text, custom_fields=custom)
    return document([contact_bytes(contact)] * contacts)


def told(
    contacts: int, errors: list[tuple[int, str]], text: str, *, is_apart: bool = False
) -> bytes:
    """A report in which each contact has every error: in one element, or in one for each."""
    groups = [[error] for error in errors] if is_apart else [errors]
    root = etree.fromstring(report_with().replace(b"<report", f"<report{NAMESPACES}".encode()))
    invalid = root.find("invalid_contacts")
    assert invalid is not None
    for group in groups * contacts:
        contact = etree.SubElement(invalid, "contact", nil="false")
        for name in ("email", "external_id"):
            etree.SubElement(contact, name, nil="false").text = text
        for code, said in group:
            error = etree.SubElement(contact, "error", code=str(code))
            etree.SubElement(error, "error_field", nil="false").text = said
    etree.indent(root, space="    ")
    return etree.tostring(root, encoding="UTF-8")


def is_read(report: bytes, size: ReportSize, errors: int) -> bool:
    read = len(parse_report(report, size=size).invalid_contacts)
    return len(report) <= size.most_bytes and read == errors


@pytest.mark.parametrize("contacts", [1, 30, 1_000])
@pytest.mark.parametrize("text", ["x", LONG])
def test_every_error_of_every_contact_is_read(contacts: int, text: str) -> None:
    errors = [(code, text) for code in CODES]
    size = report_size(sent(contacts, text=text))
    assert is_read(told(contacts, errors, text), size, contacts * len(CODES))


@pytest.mark.parametrize("contacts", [1, 30, 100])
@pytest.mark.parametrize("text", ["x", "person.of.some.length@example.com", "=" * 60])
@pytest.mark.parametrize("is_apart", [False, True])
def test_each_of_many_fields_may_be_wrong(contacts: int, text: str, *, is_apart: bool) -> None:
    errors = [(21, f"{text}{n}") for n in range(300)]
    size = report_size(sent(contacts, fields=300, text=text))
    report = told(contacts, errors, text, is_apart=is_apart)
    assert is_read(report, size, contacts * len(errors))


@pytest.mark.parametrize("contacts", [1, 1_000])
def test_ten_errors_of_every_contact_may_name_it_each_time(contacts: int) -> None:
    text = "person.of.some.length@example.com"
    errors = [(code, text) for code in CODES[:10]]
    size = report_size(sent(contacts, text=text))
    assert is_read(told(contacts, errors, text, is_apart=True), size, contacts * 10)


@pytest.mark.parametrize(
    "heavy", ["<a/>", "<a>x</a>", '<a a=""/>', '<a a="" b="" c="" d="" e=""/>', "<a xmlns:a='a'/>"]
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_small_call_has_no_heavy_answer(heavy: str, encoding: str) -> None:
    size = report_size(sent(1))
    assert size.most_bytes < 1_100_000
    body = report_with(heavy * 1_300).decode()
    assert parse_report(body.encode(encoding)).invalid_contacts == ()
    with pytest.raises(UnreadableReport):
        parse_report(body.encode(encoding), size=size)


def test_one_element_may_not_have_a_million_attributes() -> None:
    attributes = " ".join(f'a{n}=""' for n in range(700_000))
    body = report_with().replace(b"<report>", f"<report {attributes}>".encode())
    with pytest.raises(UnreadableReport):
        parse_report(body)


def test_the_largest_call_has_no_larger_answer_than_any() -> None:
    assert report_size(sent(10_000, fields=10)) == LARGEST
    assert report_size(sent(10_000, text="=")).most_signs == LARGEST.most_signs + 20 * 20_000

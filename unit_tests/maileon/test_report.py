"""No report that can be true is too large to be read; a lie costs no more than its call allows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from destination_maileon.maileon import report as module
from destination_maileon.maileon.contact import Contact
from destination_maileon.maileon.contact_xml import contact_bytes, document
from destination_maileon.maileon.error_codes import ERROR_CODES
from destination_maileon.maileon.errors import RetriableError
from destination_maileon.maileon.http import MAX_ANSWER_BYTES
from destination_maileon.maileon.report import (
    MAX_ELEMENTS,
    InvalidContact,
    SynchronizationReport,
    child_texts,
    local_name,
    max_report_bytes,
    parse_report,
    read_xml,
)

# Maileon docs, Synchronize Contacts, "Report when ignore_invalid_contacts is set to true".
DOCUMENTED = b"""<report>
    <success>false</success>
    <count_contacts>3</count_contacts>
    <count_existing_contacts>0</count_existing_contacts>
    <count_new_contacts>0</count_new_contacts>
    <count_invalid_contacts>2</count_invalid_contacts>
    <count_unsubscribed_contacts>0</count_unsubscribed_contacts>
    <invalid_contacts>
        <contact>
            <email>max.mustermann.3@xqueue</email>
            <external_id nil="true"/>
            <error code="3">
                <error_field>max.mustermann.3@xqueue</error_field>
            </error>
        </contact>
        <contact>
            <email>max.mustermann.2@xqueue.com</email>
            <external_id nil="true"/>
            <error code="21">
                <error_field>test</error_field>
            </error>
        </contact>
    </invalid_contacts>
</report>"""

COUNTS = (
    "count_contacts",
    "count_new_contacts",
    "count_existing_contacts",
    "count_invalid_contacts",
    "count_unsubscribed_contacts",
)


def report_with(contacts: str = "", **counts: str) -> bytes:
    elements = "".join(f"<{name}>{counts.get(name, '0')}</{name}>" for name in COUNTS)
    return f"<report>{elements}<invalid_contacts>{contacts}</invalid_contacts></report>".encode()


def only_invalid(contact: str) -> InvalidContact:
    (invalid,) = parse_report(report_with(contact)).invalid_contacts
    return invalid


def test_the_documented_report_is_read_although_it_says_success_false() -> None:
    invalid = (
        InvalidContact("max.mustermann.3@xqueue", None, code=3, error_field=DOCUMENTED_VALUE),
        InvalidContact("max.mustermann.2@xqueue.com", None, code=21, error_field="test"),
    )
    assert parse_report(DOCUMENTED) == SynchronizationReport(
        contacts=3, new=0, existing=0, invalid=2, unsubscribed=0, invalid_contacts=invalid
    )


DOCUMENTED_VALUE = "max.mustermann.3@xqueue"


def test_each_count_is_read_from_its_own_element() -> None:
    counts = dict(zip(COUNTS, "12345", strict=True))
    assert parse_report(report_with(**counts)) == SynchronizationReport(
        contacts=1, new=2, existing=3, invalid=4, unsubscribed=5, invalid_contacts=()
    )


@pytest.mark.parametrize("name", COUNTS)
def test_a_report_that_lacks_a_count_is_unreadable(name: str) -> None:
    body = report_with().replace(f"<{name}>0</{name}>".encode(), b"")
    with pytest.raises(RetriableError, match=name):
        parse_report(body)


@pytest.mark.parametrize("name", COUNTS)
@pytest.mark.parametrize(
    "text", ["", " ", "-1", "+1", "1.0", "1e3", "one", "\u0663", "1 2", "1" * 19, "1" * 5_000]
)
def test_a_count_that_is_no_whole_number_of_18_digits_makes_it_unreadable(
    name: str, text: str
) -> None:
    with pytest.raises(RetriableError, match=name):
        parse_report(report_with(**{name: text}))


def test_a_report_that_counts_fewer_contacts_than_were_sent_is_unreadable() -> None:
    body = report_with(count_contacts="9", count_new_contacts="10")
    assert parse_report(body, contacts=9).contacts == 9
    with pytest.raises(RetriableError, match="fewer contacts than were sent"):
        parse_report(body, contacts=10)


def test_a_count_of_18_digits_and_one_in_white_space_are_readable() -> None:
    report = parse_report(report_with(count_contacts="9" * 18, count_new_contacts=" 7\n"))
    assert (report.contacts, report.new) == (10**18 - 1, 7)


def test_a_count_that_is_nil_makes_it_unreadable() -> None:
    body = report_with().replace(b"<count_contacts>", b'<count_contacts nil="true">')
    with pytest.raises(RetriableError):
        parse_report(body)


def test_a_report_needs_no_list_of_invalid_contacts() -> None:
    body = report_with().replace(b"<invalid_contacts></invalid_contacts>", b"")
    assert parse_report(body).invalid_contacts == ()


def test_the_namespace_is_ignored() -> None:
    body = report_with("<contact><email>a</email><error code='3'/></contact>")
    plain = parse_report(body)
    assert parse_report(body.replace(b"<report>", b'<report xmlns="urn:x">')) == plain
    assert plain.invalid_contacts


def test_what_is_nil_is_none_whatever_its_text() -> None:
    assert only_invalid('<contact><email nil="true">text</email></contact>').email is None


def test_what_is_not_nil_and_what_is_empty_is_told_apart() -> None:
    invalid = only_invalid(
        "<contact><email nil='false'>a@b.c</email><external_id></external_id></contact>"
    )
    assert (invalid.email, invalid.external_id) == ("a@b.c", None)


def test_a_contact_with_several_errors_gives_one_for_each() -> None:
    body = report_with(
        "<contact><email>a@b.c</email><external_id>x</external_id>"
        "<error code='6'><error_field>ADDRESS</error_field></error><error code='21'/></contact>"
    )
    assert parse_report(body).invalid_contacts == (
        InvalidContact("a@b.c", "x", code=6, error_field="ADDRESS"),
        InvalidContact("a@b.c", "x", code=21, error_field=None),
    )


def test_a_contact_without_an_error_gives_one_without_a_code() -> None:
    assert only_invalid("<contact><email>a</email></contact>") == InvalidContact(
        "a", None, code=None, error_field=None
    )


@pytest.mark.parametrize(
    ("text", "code"),
    [("3", 3), (" 21 ", 21), ("999999", 999_999), ("007", 7)]
    + [(text, None) for text in ("", "x", "-3", "3.0", "1234567", "\u0663")],
)
def test_a_code_is_a_number_of_at_most_six_digits(text: str, code: int | None) -> None:
    assert only_invalid(f"<contact><error code='{text}'/></contact>").code == code


def test_an_error_without_a_code_has_none() -> None:
    assert only_invalid("<contact><error/></contact>").code is None


def test_comments_and_processing_instructions_are_ignored() -> None:
    body = report_with("<contact><email>a<!-- x -->b<?x y?>c</email></contact>", count_contacts="1")
    report = parse_report(body.replace(b"<count_contacts>1", b"<count_contacts><!-- 5 -->1"))
    assert report.contacts == 1
    assert report.invalid_contacts[0].email == "abc"


def test_character_data_sections_and_references_are_text() -> None:
    invalid = only_invalid("<contact><email><![CDATA[<a&b>]]>&lt;&#233;</email></contact>")
    assert invalid.email == "<a&b><é"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"<html><body>report</body></html>",
        b"<reports/>",
        b"not xml",
        b"\xff\xfe\x00",
        report_with()[:-3],
        report_with() + report_with(),
        b"<report>" + b"<a>" * 5_000 + b"</a>" * 5_000 + b"</report>",
        b'{"report": {}}',
    ],
)
def test_what_is_no_report_is_unreadable(body: bytes) -> None:
    with pytest.raises(RetriableError):
        parse_report(body)


_BOMB = b"""<!DOCTYPE report [<!ENTITY a "aaaaaaaaaa">%s]>""" % b"".join(
    b'<!ENTITY %c "%s">' % (98 + i, b"&%c;" % (97 + i) * 10) for i in range(9)
)
_DOCTYPES = [
    b"<!DOCTYPE report>",
    b'<!DOCTYPE report SYSTEM "http://127.0.0.1:9/x.dtd">',
    b'<!DOCTYPE report [<!ENTITY x SYSTEM "file:///etc/hostname">]>',
    b'<!DOCTYPE report [<!ENTITY x "a@b.c">]>',
    _BOMB,
]


@pytest.mark.parametrize("doctype", _DOCTYPES)
@pytest.mark.parametrize("entity", ["", "&x;", "&j;"])
def test_a_document_type_makes_it_unreadable(doctype: bytes, entity: str) -> None:
    body = report_with(f"<contact><email>{entity}</email></contact>")
    with pytest.raises(RetriableError):
        parse_report(doctype + body)
    with pytest.raises(RetriableError):
        parse_report((doctype + body).decode().encode("utf-16"))


@pytest.mark.parametrize("before", [b"", b"\xef\xbb\xbf", b'<?xml version="1.0"?>\n<!-- a -->'])
def test_no_document_type_is_looked_into(before: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    attributes = b" ".join(b'a%d CDATA "x"' % number for number in range(20_000))
    # libxml2 takes cubic time for them.
    monkeypatch.setattr("lxml.etree.fromstring", lambda *_: pytest.fail("it is parsed"))
    assert read_xml(before + b"<!DOCTYPE r [<!ATTLIST r %s>]><report/>" % attributes) is None


def test_the_same_report_in_another_encoding_is_readable() -> None:
    body = report_with("<contact><email>é</email></contact>")
    assert parse_report(body.decode().encode("utf-16")) == parse_report(body)


def test_a_report_of_ten_thousand_invalid_contacts_is_read_whole() -> None:
    contact = f"<contact><email>{'x' * 250}</email><error code='3'/></contact>"
    assert len(parse_report(report_with(contact * 10_000)).invalid_contacts) == 10_000


@pytest.mark.parametrize("body", [b"<report>secret", b"<secret/>", report_with("<secret>")])
def test_no_message_quotes_the_answer(body: bytes) -> None:
    with pytest.raises(RetriableError) as caught:
        parse_report(body)
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


@given(st.binary(max_size=300) | st.text(max_size=300).map(report_with))
def test_whatever_arrives_is_a_report_or_unreadable(body: bytes) -> None:
    try:
        report = parse_report(body)
    except RetriableError:
        return
    assert report.contacts == 0


NAMESPACES = ' xmlns:a="urn:a" xmlns:b="urn:b" xmlns:c="urn:c"'
LONG = "\u00f6;&" * 85
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


def is_read(report: bytes, call: bytes, errors: int) -> bool:
    read = len(parse_report(report).invalid_contacts)
    contacts = call.count(b"<contact>")
    return len(report) <= max_report_bytes(call, contacts) and read == errors


@pytest.mark.long
@pytest.mark.parametrize("contacts", [1, 30, 1_000])
@pytest.mark.parametrize("text", ["x", LONG])
def test_every_error_of_every_contact_is_read(contacts: int, text: str) -> None:
    errors = [(code, text) for code in CODES]
    call = sent(contacts, text=text)
    assert is_read(told(contacts, errors, text), call, contacts * len(CODES))


@pytest.mark.long
@pytest.mark.parametrize("contacts", [1, 30, 100])
@pytest.mark.parametrize("text", ["x", "person.of.some.length@example.com", "=&"])
@pytest.mark.parametrize("is_apart", [False, True])
def test_each_of_many_fields_may_be_wrong(contacts: int, text: str, *, is_apart: bool) -> None:
    errors = [(21, f"{text}{n}") for n in range(300)]
    call = sent(contacts, fields=300, text=text)
    report = told(contacts, errors, text, is_apart=is_apart)
    assert is_read(report, call, contacts * len(errors))


@pytest.mark.parametrize("contacts", [1, 1_000])
def test_ten_errors_of_every_contact_may_name_it_each_time(contacts: int) -> None:
    text = "person.of.some.length@example.com"
    errors = [(code, text) for code in CODES[:10]]
    call = sent(contacts, text=text)
    assert is_read(told(contacts, errors, text, is_apart=True), call, contacts * 10)


def test_one_element_may_not_have_a_million_attributes() -> None:
    attributes = " ".join(f'a{n}=""' for n in range(700_000))
    body = report_with().replace(b"<report>", f"<report {attributes}>".encode())
    with pytest.raises(RetriableError):
        parse_report(body)


def test_a_small_call_has_a_small_answer_and_none_is_longer_than_the_longest() -> None:
    assert max_report_bytes(sent(1), 1) < 1_100_000
    assert max_report_bytes(sent(10_000), 10_000) == MAX_ANSWER_BYTES


def test_an_element_is_known_by_its_name_without_namespace() -> None:
    root = etree.fromstring(b'<x:a xmlns:x="urn:x"><x:b>text</x:b></x:a>')
    assert local_name(root) == "a"
    assert child_texts(root) == {"b": "text"}


def test_an_empty_and_a_nil_child_have_no_text_and_of_several_the_first_counts() -> None:
    root = etree.fromstring(b'<a><b/><c></c><d nil="true">x</d><b>late</b></a>')
    assert child_texts(root) == {"b": None, "c": None, "d": None}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<!-- only a comment -->",
        b"<!DOCTYPE a><a/>",
        b"<!doctype html><html/>",
        b'<!DOCTYPE a [<!ENTITY x "y">]><a b="&x;"/>',
        b"<a>&undefined;</a>",
        b"<a>\x00</a>",
        b'<?xml version="1.0" encoding="no-such"?><a/>',
        b"<a>" * 1_000 + b"</a>" * 1_000,
    ],
)
def test_what_is_not_accepted_is_not_read(body: bytes) -> None:
    assert read_xml(body) is None


def test_as_many_elements_as_an_answer_may_have_are_read_and_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_ELEMENTS", 50_000)
    # An element takes four bytes of the answer, and more than a hundred in memory.
    root = read_xml(b"<a>" + b"<b/>" * 49_999 + b"</a>")
    assert root is not None
    assert len(root) == 49_999
    too_many = "<a>" + "<b/>" * 50_000 + "</a>"
    for encoding in ("utf-8", "utf-16"):
        assert read_xml(too_many.encode(encoding)) is None


def test_a_report_of_ten_thousand_contacts_with_every_error_has_fewer() -> None:
    elements_of_a_contact = 3 + 2 * len(ERROR_CODES)
    assert 10_000 * elements_of_a_contact < MAX_ELEMENTS

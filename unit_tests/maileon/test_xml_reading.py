from __future__ import annotations

import pytest

from destination_maileon.maileon import xml_reading
from destination_maileon.maileon.error_codes import ERROR_CODES
from destination_maileon.maileon.xml_reading import (
    UnreadableXml,
    child_text,
    local_name,
    read_xml,
)


def test_an_element_is_known_by_its_name_without_namespace() -> None:
    root = read_xml(b'<x:a xmlns:x="urn:x"><x:b>text</x:b></x:a>')
    assert local_name(root) == "a"
    assert child_text(root, "b") == "text"


def test_a_missing_an_empty_and_a_nil_child_have_no_text() -> None:
    root = read_xml(b'<a><b/><c></c><d nil="true">x</d></a>')
    assert [child_text(root, name) for name in "bcde"] == [None] * 4


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
def test_what_is_not_accepted_is_unreadable_and_not_quoted(body: bytes) -> None:
    with pytest.raises(UnreadableXml, match=r"^no XML without a document type$") as caught:
        read_xml(body)
    assert caught.value.__context__ is None


def test_as_many_elements_as_an_answer_may_have_are_read_and_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # An element takes four bytes of the answer, and more than a hundred in memory.
    monkeypatch.setattr(xml_reading, "MAX_ELEMENTS", 50_000)
    assert len(read_xml(b"<a>" + b"<b/>" * 49_999 + b"</a>")) == 49_999
    too_many = "<a>" + "<b/>" * 50_000 + "</a>"
    for encoding in ("utf-8", "utf-16"):
        with pytest.raises(UnreadableXml):
            read_xml(too_many.encode(encoding))


def test_a_report_of_ten_thousand_contacts_with_every_error_has_fewer() -> None:
    elements_of_a_contact = 3 + 2 * len(ERROR_CODES)
    assert 10_000 * elements_of_a_contact < xml_reading.MAX_ELEMENTS

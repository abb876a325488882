from __future__ import annotations

import pytest

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

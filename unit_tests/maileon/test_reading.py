from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from destination_maileon.maileon.contact import FieldType
from destination_maileon.maileon.errors import FailureReason, RetriableError
from destination_maileon.maileon.http import Answer
from destination_maileon.maileon.reading import (
    custom_fields,
    is_html,
    names,
    says_gone,
    server_message,
)

_XML = "application/vnd.maileon.api+xml"


# Maileon docs, HTTP Status Codes.
def _quoting(text: bytes) -> bytes:
    return b"<error><message>" + text + b"</message></error>"


_DOCUMENTED_ERROR = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n'
    b"<error><message>page_size must not exceed 1000 but was 200000</message></error>"
)


def answer(body: bytes | None, *, content_type: str = _XML, status: int = 200) -> Answer:
    return Answer("host", "GET", status, content_type=content_type, retry_after=None, body=body)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("string", FieldType.STRING),
        ("integer", FieldType.INTEGER),
        ("float", FieldType.FLOAT),
        ("double", FieldType.FLOAT),
        ("date", FieldType.DATE),
        ("timestamp", FieldType.DATE),
        ("boolean", FieldType.BOOLEAN),
        ("Boolean ", FieldType.BOOLEAN),
        ("gender", FieldType.STRING),
        ("money", FieldType.STRING),
        ("", FieldType.STRING),
    ],
)
def test_a_field_has_the_type_that_the_service_says(kind: str, expected: FieldType) -> None:
    body = f"<custom_fields><custom_field><name>Eye Color</name><type>{kind}</type>"
    body += "</custom_field><custom_field><name/><type>string</type></custom_field></custom_fields>"
    assert custom_fields(answer(body.encode())) == {"Eye Color": expected}


def test_a_field_without_a_type_is_text() -> None:
    body = b"<custom_fields><custom_field><name>a</name></custom_field></custom_fields>"
    assert custom_fields(answer(body)) == {"a": FieldType.STRING}


def test_an_empty_list_and_no_content_are_no_names() -> None:
    assert names(answer(b"<preferences/>"), "preferences", child="preference") == []
    assert names(answer(b"", status=204), "preferences", child="preference") == []


def test_names_come_in_the_order_of_the_list_namespace_or_not() -> None:
    described = b"<p><name>b</name><description>d</description></p>"
    body = b'<l xmlns="urn:x">' + described + b"<p><name>a</name></p></l>"
    assert names(answer(body), "l", child="p") == ["b", "a"]


@pytest.mark.parametrize("body", [b"", b"secret", b"<secret/>", b"<l>", b"<!DOCTYPE l><l/>", None])
def test_what_is_no_such_list_may_be_one_later(body: bytes | None) -> None:
    with pytest.raises(RetriableError) as caught:
        names(answer(body), "l", child="p")
    assert caught.value.trouble is FailureReason.UNREADABLE
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "body",
    [
        b"<html></html>",
        b"<HTML lang=de>",
        b"\xef\xbb\xbf\n<!DOCTYPE html>",
        b"<!doctype HTML PUBLIC x>",
        b"<!-- a --><!-- b -->\n<html>",
        b'<?xml version="1.0"?><!DOCTYPE html><html/>',
        b"<head>",
        b"<body>",
    ],
)
def test_a_page_is_known_by_its_beginning(body: bytes) -> None:
    assert is_html(answer(body))


@pytest.mark.parametrize(
    ("body", "page"),
    [
        (b"<h1>Not found</h1>", True),
        (b"\n<p>Sorry<p>", True),
        (_DOCUMENTED_ERROR, False),
        (b"<message>x</message>", False),
        (b"OK", False),
        (b"", False),
        (None, False),
    ],
)
def test_what_is_called_html_is_a_page_unless_it_is_the_apis_error(
    body: bytes | None, page: bool
) -> None:
    assert is_html(answer(body, content_type="text/HTML; charset=utf-8")) is page


@pytest.mark.parametrize("body", [b"<report/>", b"<header/>", b"<htmlx/>", b"text <html>"])
def test_what_only_resembles_a_page_is_none(body: bytes) -> None:
    assert not is_html(answer(body))


@pytest.mark.parametrize(
    ("body", "gone"),
    [
        (b"", True),
        (b" \n", True),
        (_DOCUMENTED_ERROR, True),
        (b"Contact not found", True),
        (None, False),
        (b"<html>Not found</html>", False),
        (b"<error>", False),
        (b'{"message": "no route"}', False),
        (b"[]", False),
        (b"x" * 501, False),
    ],
)
def test_a_404_speaks_of_the_contact_only_in_a_form_of_the_api(
    body: bytes | None, gone: bool
) -> None:
    assert says_gone(answer(body, status=404)) is gone


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (_DOCUMENTED_ERROR, "page_size must not exceed 1000 but was 200000"),
        (b"\xef\xbb\xbf" + _DOCUMENTED_ERROR[39:], "page_size must not exceed 1000 but was 200000"),
        (b"<errors><error><message>a</message></error></errors>", "a"),
        (b"<message> a\r\n\x7f b\xe2\x80\xaec </message>", "a b c"),
        (b"<error><message>" + b"x" * 2_100 + b"</message></error>", "x" * 2_100),
        (b"<error/>", ""),
        (b"<error><message/></error>", ""),
        (b"<report><message>a</message></report>", ""),
        (b"<error><message>a", ""),
        (b"<!DOCTYPE error><error><message>a</message></error>", ""),
        (b"duplicate\x00 contact\x1b[31m", "duplicate contact [31m"),
        (b"x" * 500, "x" * 500),
        (b"x" * 501, ""),
        (
            b"O&#39;Brien &amp;amp; S&ouml;hne, max%40example.com%0A",
            "O'Brien & S\u00f6hne, max@example.com",
        ),
        (
            b'{"said": "S\\u00f6hne \\uD83D\\uDE00 \\ud800 \\u12"}',
            '{"said": "S\u00f6hne \U0001f600 \\u12"}',
        ),
        (b"max%2540example.com &amp;#233; &amp;#x65;&#769;", "max@example.com \u00e9 e\u0301"),
        (b"a &#" + b"1" * 400 + b"; b", "a \ufffd b"),
        (_quoting(b"a &amp;#" + b"1" * 5_000 + b"; b"), "a \ufffd b"),
        (_quoting(b"a &amp;#x" + b"1" * 5_000 + b"; b"), "a \ufffd b"),
        (_quoting(b"&amp;amp;amp;amp;#" + b"1" * 5_000), "&#" + "1" * 5_000),
        (_quoting(b"&amp;&amp;#" + b"1" * 30 + b";#" + b"2" * 5_000), "&\ufffd#" + "2" * 5_000),
        (_quoting(b"%26%2523" + b"1" * 5_000), "\ufffd"),
        (b"<html>a</html>", ""),
        (b"\xff", "\ufffd"),
        (b"", ""),
        (None, ""),
    ],
)
def test_the_message_of_an_error_is_one_line_of_text(body: bytes | None, message: str) -> None:
    assert server_message(answer(body, status=400)) == message


@pytest.mark.parametrize(
    "piece",
    [
        b"&amp;",
        b"&amp;#",
        b"&amp;#1",
        b"%",
        b"%25",
        b"\\u",
        b"\\u0020",
        b" ",
        b"1",
        b"&amp;#" + b"1" * 30,
    ],
)
def test_a_message_of_a_megabyte_takes_linear_time(piece: bytes) -> None:
    # Otherwise it would not end while anyone waits.
    text = piece * (1_000_000 // len(piece))
    for end in (b"", b";"):
        assert len(server_message(answer(_quoting(text + end), status=400))) <= 1_000_001


@pytest.mark.parametrize(
    "body", [b"<!---->" * 1_000_000 + b"x", b"<!--" * 1_000_000, b"<?xml " * 1_000_000]
)
def test_no_beginning_takes_more_than_linear_time(body: bytes) -> None:
    # As an expression that looks back, it would not end while anyone waits.
    assert not is_html(answer(body))


@given(st.binary(max_size=1_000), st.sampled_from(["text/html", _XML, ""]))
def test_whatever_arrives_its_message_is_short_and_printable(body: bytes, label: str) -> None:
    given_answer = answer(body, content_type=label, status=404)
    message = server_message(given_answer)
    assert len(message) <= 500
    assert message.isprintable()
    assert not (is_html(given_answer) and (message or says_gone(given_answer)))

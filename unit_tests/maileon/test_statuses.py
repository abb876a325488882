from __future__ import annotations

from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from destination_maileon.maileon.contact import FieldType
from destination_maileon.maileon.errors import (
    FailureReason,
    FatalError,
    Forbidden,
    MaileonError,
    RequestRejected,
    RetriableError,
)
from destination_maileon.maileon.http import Response
from destination_maileon.maileon.statuses import (
    FATAL,
    RETRIABLE,
    contact_page,
    custom_fields,
    error_of,
    fatal_error,
    is_html,
    names,
    retry_after_seconds,
    says_gone,
    server_message,
)

_NOW = 1_700_000_000.0

_EXPECTED: dict[int, type[MaileonError] | FailureReason | None] = {
    **dict.fromkeys((200, 201, 202, 204, 299)),
    **dict.fromkeys((300, 301, 302, 303, 304, 307, 308), FatalError),
    **dict.fromkeys((400, 402, 405, 409, 412, 413, 415, 422, 451), RequestRejected),
    401: FatalError,
    403: Forbidden,
    404: FatalError,
    407: FatalError,
    408: FailureReason.TIMEOUT,
    429: FailureReason.THROTTLED,
    503: FailureReason.UNAVAILABLE,
    **dict.fromkeys((500, 501, 502, 504, 507, 599), FailureReason.SERVER_ERROR),
    **dict.fromkeys((101, 103, 600, 999), FailureReason.UNREADABLE),
}


def answer(
    status: int, *, method: str = "POST", body: bytes = b"secret", after: str = ""
) -> Response:
    return Response("the.host", method, status, headers={"Retry-After": after}, body=body)


def error_for(status: int, *, method: str = "POST", after: str = "") -> MaileonError | None:
    return error_of(answer(status, method=method, after=after), wall_clock=lambda: _NOW)


@pytest.mark.parametrize(("status", "expected"), _EXPECTED.items())
def test_a_status_means_what_the_table_says(
    status: int, expected: type[MaileonError] | FailureReason | None
) -> None:
    error = error_for(status, after="7")
    if expected is None:
        assert error is None
    elif isinstance(expected, FailureReason):
        assert isinstance(error, RetriableError)
        assert (error.reason, error.status, error.retry_after) == (expected, status, 7)
    else:
        assert type(error) is expected


def test_every_row_of_the_table_is_expected_here() -> None:
    assert {*FATAL, *RETRIABLE} <= {*_EXPECTED, *(status // 100 for status in _EXPECTED)}


@pytest.mark.parametrize("status", _EXPECTED)
def test_no_message_quotes_the_answer(status: int) -> None:
    assert "secret" not in str(error_for(status))


@pytest.mark.parametrize(
    ("method", "right"),
    [("GET", "retrieve"), ("POST", "update"), ("PUT", "create"), ("DELETE", "delete")],
)
def test_a_missing_right_is_named_as_maileon_names_it(method: str, right: str) -> None:
    message = str(error_for(403, method=method))
    assert f"right to {right} ({method}" in message
    assert "IP allow list" in message


@pytest.mark.parametrize("word", ["wrong", "expired", "deactivated", "blocked", "Check"])
def test_a_refused_key_is_explained(word: str) -> None:
    assert word in str(error_for(401))


@pytest.mark.parametrize("status", [302, 404])
def test_a_wrong_base_url_is_explained_with_its_host(status: int) -> None:
    message = str(error_for(status))
    assert "the.host" in message
    assert "base URL" in message


def test_a_page_is_called_a_page() -> None:
    assert "web page" in str(fatal_error(answer(200, body=b"<html>")))
    assert "web page" not in str(fatal_error(answer(404, body=b"")))


def test_a_refused_call_says_what_the_server_said() -> None:
    error = error_of(
        answer(400, body=b"<error><message>a@b.c</message></error>"), wall_clock=lambda: _NOW
    )
    assert isinstance(error, RequestRejected)
    assert (error.status, error.server_message) == (400, "a@b.c")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120),
        (" 0 ", 0),
        ("1.5", 1.5),
        ("2.", 2),
        ("86401", 86_400),
        ("9" * 500, 86_400),
        (formatdate(_NOW + 30, usegmt=True), 30),
        (formatdate(_NOW + 30), 30),
        (formatdate(_NOW + 10**7, usegmt=True), 86_400),
        (formatdate(_NOW - 30, usegmt=True), None),
        ("-5", None),
        ("", None),
        (None, None),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        ("1e3", None),
        ("\u0663", None),
        ("5, 7", None),
        ("Fri, 31 Feb 2023 00:00:00 GMT", None),
        ("Fri, 01 Jan 99999 00:00:00 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_a_day_at_most(
    text: str | None, seconds: float | None
) -> None:
    assert retry_after_seconds(text, wall_clock=lambda: _NOW) == seconds


@given(st.text() | st.from_regex("[0-9a-zA-Z:, +-]{0,40}"))
def test_whatever_retry_after_says_it_is_a_sensible_wait_or_none(text: str) -> None:
    seconds = retry_after_seconds(text, wall_clock=lambda: _NOW)
    assert seconds is None or 0 <= seconds <= 86_400


@given(st.integers(100, 999))
def test_every_status_has_an_outcome(status: int) -> None:
    assert (error_for(status) is None) is (200 <= status < 300)


_XML = "application/vnd.maileon.api+xml"


# Maileon docs, HTTP Status Codes.
def _quoting(text: bytes) -> bytes:
    return b"<error><message>" + text + b"</message></error>"


_DOCUMENTED_ERROR = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n'
    b"<error><message>page_size must not exceed 1000 but was 200000</message></error>"
)


def answer_with(body: bytes | None, *, content_type: str = _XML, status: int = 200) -> Response:
    return Response("host", "GET", status, headers={"Content-Type": content_type}, body=body)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("string", FieldType.STRING),
        ("integer", FieldType.INTEGER),
        ("float", FieldType.FLOAT),
        ("double", FieldType.FLOAT),
        ("date", FieldType.DATE),
        ("timestamp", FieldType.TIMESTAMP),
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
    assert custom_fields(answer_with(body.encode())) == {"Eye Color": expected}


def test_a_field_without_a_type_is_text() -> None:
    body = b"<custom_fields><custom_field><name>a</name></custom_field></custom_fields>"
    assert custom_fields(answer_with(body)) == {"a": FieldType.STRING}


def test_an_empty_list_and_no_content_are_no_names() -> None:
    assert names(answer_with(b"<preferences/>"), "preferences") == []
    assert names(answer_with(b"", status=204), "preferences") == []


def test_names_come_in_the_order_of_the_list_namespace_or_not() -> None:
    described = b"<p><name>b</name><description>d</description></p>"
    body = b'<l xmlns="urn:x">' + described + b"<p><name>a</name></p></l>"
    assert names(answer_with(body), "l") == ["b", "a"]


@pytest.mark.parametrize("body", [b"", b"secret", b"<secret/>", b"<l>", b"<!DOCTYPE l><l/>", None])
def test_what_is_no_such_list_may_be_one_later(body: bytes | None) -> None:
    with pytest.raises(RetriableError) as caught:
        names(answer_with(body), "l")
    assert caught.value.reason is FailureReason.UNREADABLE
    assert "secret" not in str(caught.value)


def test_space_around_an_identifier_is_no_part_of_it() -> None:
    answer = answer_with(
        b"<contacts><contact><id>\n 5 \n</id><email> a@b.de </email></contact></contacts>"
    )
    ((found, _),) = contact_page(answer, "vip").contacts
    assert (found.id, found.email, found.external_id) == ("5", "a@b.de", None)


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
    assert is_html(answer_with(body))


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
    assert is_html(answer_with(body, content_type="text/HTML; charset=utf-8")) is page


@pytest.mark.parametrize(
    "body",
    [
        b"<report/>",
        b"<header/>",
        b"<htmlx/>",
        b"text <html>",
        b"<error><message><![CDATA[no contact with external id <body>7]]></message></error>",
        b"<error><!-- <html> --><message>a</message></error>",
    ],
)
def test_what_only_resembles_a_page_is_none(body: bytes) -> None:
    assert not is_html(answer_with(body))


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
        (b"\xef\xbb\xbf<error>", False),
        (b'\xef\xbb\xbf{"error": "no route"}', False),
        (b'{"message": "no route"}', False),
        (b"[]", False),
        (b"x" * 501, False),
    ],
)
def test_a_404_speaks_of_the_contact_only_in_a_form_of_the_api(
    body: bytes | None, gone: bool
) -> None:
    assert says_gone(answer_with(body, status=404)) is gone


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
        ("Ungültiger Wert Павел п".encode(), "Ungültiger Wert Павел п"),
        ("Ｔaro und «x»".encode(), "Ｔaro und «x»"),
        (b"duplicate\x00 contact\x1b[31m", "duplicate contact [31m"),
        (b"x" * 500, "x" * 500),
        (b"x" * 501, ""),
        (
            b"O&#39;Brien &amp; S&ouml;hne, max%40example.com%0A",
            "O'Brien & S\u00f6hne, max@example.com",
        ),
        (
            b'{"said": "S\\u00f6hne \\uD83D\\uDE00 \\ud800 \\u12"}',
            '{"said": "S\u00f6hne \U0001f600 \\u12"}',
        ),
        (b"a &#" + b"1" * 400 + b"; b", "a \ufffd b"),
        (_quoting(b"a &amp;#" + b"1" * 5_000 + b"; b"), "a \ufffd b"),
        (_quoting(b"a &amp;#x" + b"1" * 5_000 + b"; b"), "a \ufffd b"),
        (b"<html>a</html>", ""),
        (b"\xff", "\ufffd"),
        (b"", ""),
        (None, ""),
    ],
)
def test_the_message_of_an_error_is_one_line_of_text(body: bytes | None, message: str) -> None:
    assert server_message(answer_with(body, status=400)) == message


@pytest.mark.long
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
        assert len(server_message(answer_with(_quoting(text + end), status=400))) <= 1_000_001


@pytest.mark.parametrize(
    "body", [b"<!---->" * 1_000_000 + b"x", b"<!--" * 1_000_000, b"<?xml " * 1_000_000]
)
def test_no_beginning_takes_more_than_linear_time(body: bytes) -> None:
    # As an expression that looks back, it would not end while anyone waits.
    assert not is_html(answer_with(body))


@given(st.binary(max_size=1_000), st.sampled_from(["text/html", _XML, ""]))
def test_whatever_arrives_its_message_is_short_and_printable(body: bytes, label: str) -> None:
    response = answer_with(body, content_type=label, status=404)
    message = server_message(response)
    assert len(message) <= 500
    assert message.isprintable()
    assert not (is_html(response) and (message or says_gone(response)))

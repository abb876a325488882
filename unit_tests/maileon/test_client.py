from __future__ import annotations

import socket
import threading
from collections.abc import Mapping
from email.utils import formatdate
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from destination_maileon.maileon.auth import authorization, secret_forms
from destination_maileon.maileon.client import MaileonClient, _address, is_addressable
from destination_maileon.maileon.contact import Contact, FieldType, IdentifierMode
from destination_maileon.maileon.errors import (
    FailureReason,
    FatalError,
    Forbidden,
    MaileonError,
    RequestRejected,
    RetriableError,
)
from unit_tests.maileon.calls import (
    BY_IDENTIFIER,
    CALLS,
    FIELDS,
    GONE,
    KEY,
    MAX,
    NOW,
    PAGE,
    REPORT,
    Call,
    client_of,
    error_of,
    every_call,
    seen_by,
)
from unit_tests.maileon.local_server import (
    LocalServer,
    Seen,
    answering,
    closing_after,
    read_request,
    reply,
)

EMAIL, EXTERNAL_ID, MAILEON_ID = IdentifierMode


def test_contacts_are_synchronized_with_all_parameters_and_the_body_as_it_is() -> None:
    with client_of(reply(200, REPORT)) as (client, server):
        report = client.synchronize({"permission": "5", "a b": "c&d"}, "<é/>".encode(), 1)
    assert (report.contacts, report.new) == (1, 1)
    (seen,) = server.seen
    assert (seen.method, seen.target) == ("POST", "/1.0/contacts?permission=5&a%20b=c%26d")
    assert seen.body == "<é/>".encode()
    assert seen.headers["content-type"] == "application/vnd.maileon.api+xml; charset=utf-8"
    assert seen.headers["authorization"] == "Basic YS1zZWNyZXQta2V5OsO8"


def test_any_2xx_with_a_report_is_a_success() -> None:
    for status in (200, 201, 202):
        with client_of(reply(status, REPORT)) as (client, _):
            assert client.synchronize({}, b"", 1).contacts == 1


@pytest.mark.parametrize(
    "answer",
    [
        reply(200, PAGE, headers=("Content-Type: text/html",)),
        reply(200, b"<report/>"),
        reply(200),
        reply(204),
        reply(200, b"secret"),
        reply(200, REPORT.replace(b"<count_contacts>1", b"<count_contacts>0")),
        # Longer than the report on one contact can be.
        reply(200, REPORT + b" " * 1_200_000),
    ],
)
def test_a_synchronization_without_a_readable_report_is_tried_again(answer: bytes) -> None:
    error = error_of(CALLS["synchronize"], answer)
    assert isinstance(error, RetriableError)
    assert error.reason is FailureReason.UNREADABLE
    assert "secret" not in str(error)
    assert error.__context__ is None


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_a_ping_uses_the_method_that_it_asks_about(method: str) -> None:
    assert seen_by(CALLS[f"ping {method}"], reply(200, b"pong")) == [(method, "/ping")]


def test_custom_fields_are_read() -> None:
    with client_of(reply(200, FIELDS)) as (client, server):
        assert client.custom_fields() == {"COLOR": FieldType.STRING, "Size": FieldType.FLOAT}
    assert [seen.target for seen in server.seen] == ["/1.0/contacts/fields/custom"]


@pytest.mark.parametrize(
    ("field_type", "named"),
    [
        (FieldType.STRING, "string"),
        (FieldType.INTEGER, "integer"),
        (FieldType.FLOAT, "float"),
        (FieldType.DATE, "date"),
        (FieldType.BOOLEAN, "boolean"),
    ],
)
def test_a_custom_field_is_created_with_a_type_that_maileon_has(
    field_type: FieldType, named: str
) -> None:
    seen = seen_by(lambda client: client.create_custom_field("Eye/Color ü", field_type), reply(201))
    assert seen == [("POST", f"/contacts/fields/custom/Eye%2FColor%20%C3%BC?type={named}")]


@pytest.mark.parametrize("status", [400, 409, 422])
def test_a_custom_field_that_exists_already_is_no_error(status: int) -> None:
    seen = seen_by(
        lambda client: client.create_custom_field("COLOR", FieldType.STRING),
        reply(status, GONE),
        reply(200, FIELDS),
    )
    assert [method for method, _ in seen] == ["POST", "GET"]


@pytest.mark.parametrize("status", [400, 409, 422])
def test_a_custom_field_that_is_refused_and_does_not_exist_is_an_error(status: int) -> None:
    with (
        client_of(reply(status, GONE), reply(200, FIELDS)) as (client, _),
        pytest.raises(RequestRejected) as caught,
    ):
        client.create_custom_field("color", FieldType.STRING)
    assert caught.value.status == status
    assert caught.value.server_message == "contact not found"


def _names(root: str, child: str, *names: str) -> bytes:
    elements = "".join(f"<{child}><name>{name}</name></{child}>" for name in names)
    return reply(200, f"<{root}>{elements}</{root}>".encode())


def test_preferences_of_a_category_are_read_whether_it_has_some_or_not() -> None:
    some = _names("preferences", "preference", "Weekly", "Daily")
    none = _names("preferences", "preference")
    with client_of(some, none, reply(404, GONE)) as (client, server):
        found = [client.preferences_of(name) for name in ("A/B ü", "Empty", "Gone")]
    assert found == [["Weekly", "Daily"], [], []]
    base = "/1.0/contacts/preference_categories"
    assert [seen.target for seen in server.seen] == [
        f"{base}/A%2FB%20%C3%BC/preferences",
        f"{base}/Empty/preferences",
        f"{base}/Gone/preferences",
    ]


def test_categories_are_read_in_order() -> None:
    with client_of(_names("preference_categories", "preference_category", "B", "A")) as (client, _):
        assert client.preference_categories() == ["B", "A"]


@pytest.mark.parametrize(
    ("mode", "contact", "path", "query"),
    [
        (EMAIL, Contact(email="a+b@c.de"), "email/a%2Bb%40c.de", ""),
        (EMAIL, Contact(email=" a@b\t"), "email/a%40b", ""),
        (EMAIL, Contact(email="a..b@c.de"), "email/a..b%40c.de", ""),
        (EXTERNAL_ID, Contact(external_id="x/1? é"), "externalid/x%2F1%3F%20%C3%A9", ""),
        (MAILEON_ID, Contact(id="42", email="a@b"), "contact", "?id=42"),
        (MAILEON_ID, Contact(email="a@b"), "email/a%40b", ""),
    ],
)
def test_a_contact_is_deleted_and_unsubscribed_by_what_its_mode_recognises(
    mode: IdentifierMode, contact: Contact, path: str, query: str
) -> None:
    def both(client: MaileonClient) -> None:
        assert client.delete(mode, contact)
        assert client.unsubscribe(mode, contact)

    assert seen_by(both, reply(200), reply(204)) == [
        ("DELETE", f"/contacts/{path}{query}"),
        ("DELETE", f"/contacts/{path}/unsubscribe{query}"),
    ]


def test_a_contact_is_looked_up_by_its_id_without_a_checksum() -> None:
    seen = seen_by(lambda client: client.find(MAILEON_ID, Contact(id="42")), reply(404))
    assert seen == [("GET", "/contacts/contact?id=42&ignore_checksum=true")]


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_an_identifier_is_one_segment_that_says_the_identifier(identifier: str) -> None:
    for mode, contact, said in (
        (EMAIL, Contact(email=identifier), identifier.strip()),
        (EXTERNAL_ID, Contact(external_id=identifier), identifier),
    ):
        segment = _address(mode, contact)[0].split("/")[3:]
        assert [unquote(part) for part in segment] == [said]
        assert not set(segment[0]) & set("/?#\\ ")


@pytest.mark.parametrize("identifier", ["..", ".", "a/../b", "..\\a", " . ", "", "a/./b"])
def test_an_identifier_that_would_lead_elsewhere_cannot_be_addressed(identifier: str) -> None:
    assert not is_addressable(EXTERNAL_ID, Contact(external_id=identifier))
    assert is_addressable(EXTERNAL_ID, Contact(external_id="a/..b"))


def test_a_plain_address_is_unsubscribed_and_not_deleted() -> None:
    seen = seen_by(lambda client: client.unsubscribe(*MAX), reply(204))
    assert seen == [("DELETE", "/contacts/email/max%40example.com/unsubscribe")]


@pytest.mark.parametrize("name", BY_IDENTIFIER)
@pytest.mark.parametrize("body", [b"", GONE, b"Contact not found"])
def test_a_contact_that_is_not_there_is_no_error(name: str, body: bytes) -> None:
    with client_of(reply(404, body)) as (client, _):
        assert CALLS[name](client) is False


@pytest.mark.parametrize("name", BY_IDENTIFIER)
@pytest.mark.parametrize("body", [PAGE, b'{"message":"no route"}', b"x" * (2**20 + 1)])
def test_a_path_that_is_not_there_is_not_the_api(name: str, body: bytes) -> None:
    assert isinstance(error_of(CALLS[name], reply(404, body)), FatalError)


@pytest.mark.parametrize("identifier", ["", ".", "..", "...", "../x", "x/..", "a/./b", "..\\", " "])
@pytest.mark.parametrize("mode", [EMAIL, EXTERNAL_ID])
@pytest.mark.parametrize("name", BY_IDENTIFIER)
def test_an_identifier_that_would_name_something_else_is_never_sent(
    identifier: str, mode: IdentifierMode, name: str
) -> None:
    contact = Contact(email=identifier, external_id=identifier)
    with client_of(reply(200)) as (client, server):
        with pytest.raises(RequestRejected) as caught:
            getattr(client, name)(mode, contact)
        assert server.connections == 0
    assert caught.value.status == 400


def test_neither_is_an_empty_maileon_id() -> None:
    with client_of(reply(200)) as (client, server):
        with pytest.raises(RequestRejected):
            client.delete(MAILEON_ID, Contact(id=""))
        assert server.connections == 0


def _page(*contacts: str) -> bytes:
    headers = ("X-Pages: 3",)
    return reply(200, f"<contacts>{''.join(contacts)}</contacts>".encode(), headers=headers)


def _contact(id_: int, *fields: str) -> str:
    return f"<contact><id>{id_}</id><email>a@b.c</email>{''.join(fields)}</contact>"


def _fields(**values: str) -> str:
    fields = (f"<field><name>{n}</name><value>{v}</value></field>" for n, v in values.items())
    return f"<custom_fields>{''.join(fields)}</custom_fields>"


def test_a_page_of_contacts_has_their_ids_and_the_number_in_one_field() -> None:
    nil = "<custom_fields><field><name>m</name><value nil='true'/></field></custom_fields>"
    page = _page(
        _contact(7, _fields(x="1", m="42")),
        _contact(8, nil),
        _contact(9),
        _contact(10, _fields(m="-1")),
        _contact(11, _fields(m="many")),
        "<contact/>",
    )
    with client_of(page) as (client, server):
        found = client.contacts(2, custom_field="m")
    assert [(contact.id, number) for contact, number in found.contacts] == [
        ("7", 42), ("8", None), ("9", None), ("10", None), ("11", None), (None, None),
    ]  # fmt: skip
    assert found.contacts[0][0] == Contact("a@b.c", id="7")
    assert found.pages == 3
    query = "page_index=2&page_size=1000&custom_field=m"
    assert [(seen.method, seen.target) for seen in server.seen] == [
        ("GET", f"/1.0/contacts?{query}")
    ]


def test_an_account_without_contacts_has_an_empty_page() -> None:
    for answer in (reply(200, b"<contacts/>"), reply(204)):
        with client_of(answer) as (client, _):
            found = client.contacts(1, custom_field="m")
        assert (found.contacts, found.pages) == ((), None)


@pytest.mark.parametrize(
    "body",
    [
        b"<contact><id>1</id></contact>",
        b"<!DOCTYPE contacts><contacts/>",
        b"<!DOCTYPE c [<!ENTITY x '7'>]><contacts><contact><id>&x;</id></contact></contacts>",
        b"<contacts>" + b"<a/>" * 600_000 + b"</contacts>",
        b"<contacts>" + b" " * (8 * 2**20) + b"</contacts>",
    ],
)
def test_a_page_that_cannot_be_read_or_is_too_large_is_tried_again(body: bytes) -> None:
    error = error_of(CALLS["contacts"], reply(200, body))
    assert isinstance(error, RetriableError)
    assert error.reason is FailureReason.UNREADABLE


def test_a_contact_is_found_by_its_address() -> None:
    body = (
        b"<contact><id>42</id><email>max@example.com</email><external_id>x</external_id></contact>"
    )
    with client_of(reply(200, body)) as (client, server):
        assert client.find(*MAX) == [Contact("max@example.com", "x", "42")]
    assert server.seen[0].target == "/1.0/contacts/email/max%40example.com"


def test_several_contacts_may_be_found_by_an_external_id() -> None:
    body = b"<contacts><contact><id>1</id></contact><contact><id>2</id></contact></contacts>"
    with client_of(reply(200, body)) as (client, _):
        assert [contact.id for contact in client.find(*MAX)] == ["1", "2"]


@pytest.mark.parametrize("body", [b"", GONE, b"Contact not found"])
def test_a_contact_that_is_not_there_is_not_found(body: bytes) -> None:
    with client_of(reply(404, body)) as (client, _):
        assert client.find(*MAX) == []


@pytest.mark.parametrize("body", [b"", b"<report/>", b"<contact>"])
def test_an_answer_in_which_no_contact_can_be_read_is_asked_for_again(body: bytes) -> None:
    error = error_of(CALLS["find"], reply(200, body))
    assert isinstance(error, RetriableError)
    assert error.reason is FailureReason.UNREADABLE


@pytest.mark.parametrize("status", [200, 201])
def test_an_address_is_marked_as_unsubscribed(status: int) -> None:
    seen = seen_by(CALLS["mark_unsubscribed"], reply(status))
    assert seen == [("PUT", "/contacts/email/max%40example.com/unsubscription")]


@pytest.mark.parametrize(("status", "is_marked"), [(200, True), (404, False)])
def test_whether_an_address_has_a_marker_is_asked(*, status: int, is_marked: bool) -> None:
    with client_of(reply(status)) as (client, _):
        assert client.is_marked_unsubscribed("max@example.com") is is_marked


@pytest.mark.parametrize("email", ["", " ", ".", ".."])
def test_an_address_that_no_path_can_name_is_never_asked_for(email: str) -> None:
    with client_of(reply(200)) as (client, server):
        with pytest.raises(RequestRejected):
            client.mark_unsubscribed(email)
        assert server.connections == 0


def test_several_threads_use_one_client_at_once() -> None:
    together = threading.Barrier(4)

    def converse(server: LocalServer, connection: socket.socket) -> None:
        together.wait(timeout=60)
        answering(reply(200, REPORT))(server, connection)

    results: list[int] = []
    with (
        LocalServer(converse) as server,
        MaileonClient(server.url, KEY, timeout_seconds=60) as client,
    ):

        def run() -> None:
            results.extend(client.synchronize({}, b"x" * 10_000, 1).contacts for _ in range(5))

        threads = [threading.Thread(target=run) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert results == [1] * 20
    assert server.connections == 4


_STATUSES: Mapping[int, type[MaileonError] | FailureReason] = {
    301: FatalError,
    302: FatalError,
    401: FatalError,
    403: Forbidden,
    413: RequestRejected,
    422: RequestRejected,
    408: FailureReason.TIMEOUT,
    429: FailureReason.THROTTLED,
    500: FailureReason.SERVER_ERROR,
    501: FailureReason.SERVER_ERROR,
    502: FailureReason.SERVER_ERROR,
    503: FailureReason.UNAVAILABLE,
    504: FailureReason.SERVER_ERROR,
}


@every_call
def test_each_status_means_the_same_for_every_call(call: Call) -> None:
    for status, expected in _STATUSES.items():
        error = error_of(call, reply(status, b"quoted", headers=("Retry-After: 3",)))
        if isinstance(expected, FailureReason):
            assert isinstance(error, RetriableError)
            assert (error.reason, error.status) == (expected, status)
            assert error.retry_after == 3
        else:
            assert type(error) is expected
        assert "quoted" not in str(error)


@pytest.mark.parametrize(
    "name", [name for name in CALLS if name not in {*BY_IDENTIFIER, "find", "preferences_of"}]
)
def test_404_is_not_the_api_where_no_contact_is_named(name: str) -> None:
    error = error_of(CALLS[name], reply(404, GONE))
    assert isinstance(error, FatalError)
    assert "127.0.0.1" in str(error)
    assert "/1.0" not in str(error)


@pytest.mark.parametrize("name", [name for name in CALLS if name != "synchronize"])
def test_a_web_page_is_not_the_api_although_it_says_200(name: str) -> None:
    assert isinstance(error_of(CALLS[name], reply(200, PAGE)), FatalError)


@pytest.mark.parametrize("name", ["custom_fields", "preference_categories", "preferences_of"])
@pytest.mark.parametrize("body", [b"", b"<x/>", b"<custom", b"<!DOCTYPE x><x/>"])
def test_a_list_that_cannot_be_read_is_tried_again(name: str, body: bytes) -> None:
    error = error_of(CALLS[name], reply(200, body))
    assert isinstance(error, RetriableError)
    assert error.reason is FailureReason.UNREADABLE


def test_the_method_decides_which_right_is_missing() -> None:
    for name, right in (("custom_fields", "retrieve"), ("synchronize", "update")):
        assert f"right to {right}" in str(error_of(CALLS[name], reply(403)))
    assert "right to delete" in str(error_of(CALLS["delete"], reply(403)))


def test_a_retry_after_that_is_a_date_is_seconds_from_now() -> None:
    date = formatdate(NOW + 90, usegmt=True)
    error = error_of(CALLS["synchronize"], reply(503, headers=(f"Retry-After: {date}",)))
    assert isinstance(error, RetriableError)
    assert error.retry_after == 90


@every_call
@pytest.mark.parametrize("status", [200, 302, 400, 401, 403, 404, 500])
def test_the_key_and_the_contact_stand_in_no_error(call: Call, status: int) -> None:
    answer = reply(status, b"<html>", headers=("Location: http://other.test/max",))
    told = error_of(call, answer)
    secrets = (*secret_forms(KEY), authorization(KEY), "max", "example", "/contacts", "/1.0")
    for text in (str(told), repr(told), *map(str, vars(told).values())):
        assert not [secret for secret in secrets if secret in text]


def test_the_key_stands_in_no_representation() -> None:
    with client_of(reply(200)) as (client, _):
        for text in (repr(client), repr(client._transport), str(client)):
            assert not [secret for secret in secret_forms(KEY) if secret in text]


@every_call
def test_a_call_without_a_connection_is_tried_again_and_names_no_one(call: Call) -> None:
    with LocalServer(answering(reply(200))) as server:
        url = server.url
    with (
        MaileonClient(url, KEY, timeout_seconds=60) as client,
        pytest.raises(RetriableError) as caught,
    ):
        call(client)
    assert caught.value.reason is FailureReason.CONNECTION
    assert str(caught.value) == "No answer from 127.0.0.1: it refused the connection."


def test_a_body_that_nobody_answered_was_sent_once() -> None:
    seen: list[Seen | None] = []
    with (
        LocalServer(lambda _, connection: seen.append(read_request(connection))) as server,
        MaileonClient(server.url, KEY, timeout_seconds=60) as client,
        pytest.raises(RetriableError, match="was cut"),
    ):
        client.synchronize({}, b"<contacts/>", 1)
    assert len(seen) == 1


def test_headers_that_break_off_are_no_report() -> None:
    broken = closing_after(b"HTTP/1.1 200 OK\r\nContent-Le")
    with (
        LocalServer(broken) as server,
        MaileonClient(server.url, KEY, timeout_seconds=60) as client,
        pytest.raises(RetriableError) as caught,
    ):
        client.synchronize({}, b"<contacts/>", 1)
    assert caught.value.reason is FailureReason.UNREADABLE


@pytest.mark.parametrize("before", range(0, len(KEY) + 1, 3))
def test_no_piece_of_the_key_is_left_however_often_it_is_quoted(before: int) -> None:
    for key in sorted(secret_forms(KEY)):
        said = "." * before + f"{key} " * 9_000
        body = f"<error><message>{said}</message></error>".encode()
        error = error_of(CALLS["ping GET"], reply(400, body))
        assert isinstance(error, RequestRejected)
        left = error.server_message.replace("*", "").replace(".", "").strip()
        assert (left, len(error.server_message)) == ("", 500)


def test_numbers_that_python_does_not_read_are_a_refusal_like_others() -> None:
    body = b"<error><message>a &amp;#" + b"1" * 5_000 + b"; b</message></error>"
    error = error_of(CALLS["ping GET"], reply(400, body))
    assert isinstance(error, RequestRejected)
    assert error.server_message == "a \ufffd b"

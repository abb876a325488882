from __future__ import annotations

import socket
import threading

import pytest

from destination_maileon.maileon.client import MaileonClient
from destination_maileon.maileon.contact import Contact, FieldType
from destination_maileon.maileon.errors import (
    FailureReason,
    NotMaileonApi,
    RequestRejected,
    RetriableError,
)
from destination_maileon.maileon.identifier import Endpoint, IdentifierMode
from unit_tests.maileon.calls import (
    BY_IDENTIFIER,
    CALLS,
    EMAIL,
    FIELDS,
    GONE,
    KEY,
    PAGE,
    REPORT,
    client_of,
    error_of,
    seen_by,
)
from unit_tests.maileon.local_server import (
    LocalServer,
    answering,
    reply,
)


def test_contacts_are_synchronized_with_all_parameters_and_the_body_as_it_is() -> None:
    with client_of(reply(200, REPORT)) as (client, server):
        report = client.synchronize({"permission": "5", "a b": "c&d"}, "<é/>".encode())
    assert (report.contacts, report.new) == (1, 1)
    (seen,) = server.seen
    assert (seen.method, seen.target) == ("POST", "/1.0/contacts?permission=5&a%20b=c%26d")
    assert seen.body == "<é/>".encode()
    assert seen.headers["content-type"] == "application/vnd.maileon.api+xml; charset=utf-8"
    assert seen.headers["authorization"] == "Basic YS1zZWNyZXQta2V5OsO8"


def test_any_2xx_with_a_report_is_a_success() -> None:
    for status in (200, 201, 202):
        with client_of(reply(status, REPORT)) as (client, _):
            assert client.synchronize({}, b"").contacts == 1


@pytest.mark.parametrize(
    "answer",
    [
        reply(200, PAGE, headers=("Content-Type: text/html",)),
        reply(200, b"<report/>"),
        reply(200),
        reply(204),
        reply(200, b"secret"),
    ],
)
def test_a_synchronization_without_a_readable_report_is_tried_again(answer: bytes) -> None:
    error = error_of(CALLS["synchronize"], answer)
    assert isinstance(error, RetriableError)
    assert error.trouble is FailureReason.UNREADABLE
    assert "secret" not in str(error)
    assert error.__context__ is None


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
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
        (FieldType.GENDER, "string"),
        (FieldType.LOCALE, "string"),
    ],
)
def test_a_custom_field_is_created_with_a_type_that_maileon_has(
    field_type: FieldType, named: str
) -> None:
    seen = seen_by(lambda client: client.create_custom_field("Eye/Color ü", field_type), reply(201))
    assert seen == [("POST", f"/contacts/fields/custom/Eye%2FColor%20%C3%BC?type={named}")]


@pytest.mark.parametrize("status", [400, 409])
def test_a_custom_field_that_exists_already_is_no_error(status: int) -> None:
    seen = seen_by(
        lambda client: client.create_custom_field("COLOR", FieldType.STRING),
        reply(status, GONE),
        reply(200, FIELDS),
    )
    assert [method for method, _ in seen] == ["POST", "GET"]


@pytest.mark.parametrize("status", [400, 409])
def test_a_custom_field_that_is_refused_and_does_not_exist_is_an_error(status: int) -> None:
    with (
        client_of(reply(status, GONE), reply(200, FIELDS)) as (client, _),
        pytest.raises(RequestRejected) as caught,
    ):
        client.create_custom_field("color", FieldType.STRING)
    assert caught.value.status == status
    assert caught.value.server_message == "contact not found"


def test_another_refusal_of_a_custom_field_asks_for_no_list() -> None:
    with client_of(reply(422)) as (client, server), pytest.raises(RequestRejected):
        client.create_custom_field("COLOR", FieldType.STRING)
    assert len(server.seen) == 1


def _names(root: str, child: str, *names: str) -> bytes:
    elements = "".join(f"<{child}><name>{name}</name></{child}>" for name in names)
    return reply(200, f"<{root}>{elements}</{root}>".encode())


def test_preferences_of_all_categories_are_read_with_and_without() -> None:
    categories = _names("preference_categories", "preference_category", "A/B ü", "Empty", "Gone")
    some = _names("preferences", "preference", "Weekly", "Daily")
    none = _names("preferences", "preference")
    with client_of(categories, some, none, reply(404, GONE)) as (client, server):
        assert client.preferences() == {("A/B ü", "Weekly"), ("A/B ü", "Daily")}
    base = "/1.0/contacts/preference_categories"
    assert [seen.target for seen in server.seen] == [
        base,
        f"{base}/A%2FB%20%C3%BC/preferences",
        f"{base}/Empty/preferences",
        f"{base}/Gone/preferences",
    ]


def test_categories_are_read_in_order() -> None:
    with client_of(_names("preference_categories", "preference_category", "B", "A")) as (client, _):
        assert client.preference_categories() == ["B", "A"]


def test_a_category_that_no_path_can_name_has_no_preferences() -> None:
    with client_of(_names("preference_categories", "preference_category", "..")) as (
        client,
        server,
    ):
        assert client.preferences() == frozenset()
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    ("mode", "contact", "path", "query"),
    [
        (IdentifierMode.EMAIL, Contact(email="a+b@c.de"), "email/a%2Bb%40c.de", ""),
        (IdentifierMode.EXTERNAL_ID, Contact(external_id="x/1?"), "externalid/x%2F1%3F", ""),
        (IdentifierMode.MAILEON_ID, Contact(id="42"), "contact", "?id=42"),
    ],
)
def test_a_contact_is_deleted_and_unsubscribed_at_its_own_address(
    mode: IdentifierMode, contact: Contact, path: str, query: str
) -> None:
    def both(client: MaileonClient) -> None:
        assert client.delete(mode.address(contact))
        assert client.unsubscribe(mode.unsubscribe_address(contact))

    assert seen_by(both, reply(200), reply(204)) == [
        ("DELETE", f"/contacts/{path}{query}"),
        ("DELETE", f"/contacts/{path}/unsubscribe{query}"),
    ]


def test_a_plain_address_is_unsubscribed_and_not_deleted() -> None:
    seen = seen_by(lambda client: client.unsubscribe(EMAIL), reply(204))
    assert seen == [("DELETE", "/contacts/email/max%40example.com/unsubscribe")]


@pytest.mark.parametrize("name", BY_IDENTIFIER)
@pytest.mark.parametrize("body", [b"", GONE, b"Contact not found"])
def test_a_contact_that_is_not_there_is_no_error(name: str, body: bytes) -> None:
    with client_of(reply(404, body)) as (client, _):
        assert CALLS[name](client) is False


@pytest.mark.parametrize("name", BY_IDENTIFIER)
@pytest.mark.parametrize("body", [PAGE, b'{"message":"no route"}', b"x" * (2**20 + 1)])
def test_a_path_that_is_not_there_is_not_the_api(name: str, body: bytes) -> None:
    assert isinstance(error_of(CALLS[name], reply(404, body)), NotMaileonApi)


@pytest.mark.parametrize("identifier", ["", ".", "..", "...", "../x", "x/..", "a/./b", "..\\", " "])
@pytest.mark.parametrize("mode", [IdentifierMode.EMAIL, IdentifierMode.EXTERNAL_ID])
@pytest.mark.parametrize("name", BY_IDENTIFIER)
def test_an_identifier_that_would_name_something_else_is_never_sent(
    identifier: str, mode: IdentifierMode, name: str
) -> None:
    contact = Contact(email=identifier, external_id=identifier)
    address = mode.address(contact) if name == "delete" else mode.unsubscribe_address(contact)
    with client_of(reply(200)) as (client, server):
        with pytest.raises(RequestRejected) as caught:
            getattr(client, name)(address)
        assert server.connections == 0
    assert caught.value.status == 400


def test_neither_is_an_empty_maileon_id() -> None:
    with client_of(reply(200)) as (client, server):
        with pytest.raises(RequestRejected):
            client.delete(Endpoint("/contacts/contact", {"id": ""}))
        assert server.connections == 0


def test_several_threads_use_one_client_at_once() -> None:
    together = threading.Barrier(4)

    def converse(server: LocalServer, connection: socket.socket) -> None:
        together.wait(timeout=3)
        answering(reply(200, REPORT))(server, connection)

    results: list[int] = []
    with (
        LocalServer(converse) as server,
        MaileonClient(server.url, KEY, timeout_seconds=5) as client,
    ):

        def run() -> None:
            results.extend(client.synchronize({}, b"x" * 10_000).contacts for _ in range(5))

        threads = [threading.Thread(target=run) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert results == [1] * 20
    assert server.connections == 4

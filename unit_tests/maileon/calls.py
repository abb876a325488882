"""Every call of the client, and what a server may answer to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import pytest

from destination_maileon.maileon.client import MaileonClient
from destination_maileon.maileon.contact import Contact, FieldType, IdentifierMode
from destination_maileon.maileon.errors import MaileonError
from unit_tests.maileon.local_server import LocalServer, answering

KEY = "a-secret-key:ü"
NOW = 1_700_000_000.0
GONE = b"<error><message>contact not found</message></error>"
PAGE = b"<!DOCTYPE html><html><body>Welcome</body></html>"
REPORT = (
    b"<report><success>true</success><count_contacts>1</count_contacts>"
    b"<count_existing_contacts>0</count_existing_contacts><count_new_contacts>1</count_new_contacts>"
    b"<count_invalid_contacts>0</count_invalid_contacts>"
    b"<count_unsubscribed_contacts>0</count_unsubscribed_contacts></report>"
)
FIELDS = (
    b"<custom_fields><custom_field><name>COLOR</name><type>string</type></custom_field>"
    b"<custom_field><name>Size</name><type>double</type></custom_field></custom_fields>"
)
MAX = (IdentifierMode.EMAIL, Contact(email="max@example.com"))

Call = Callable[[MaileonClient], object]
CALLS: Mapping[str, Call] = {
    "synchronize": lambda client: client.synchronize({}, b"<contacts/>", 1),
    "ping GET": lambda client: client.ping("GET"),
    "ping POST": lambda client: client.ping("POST"),
    "ping PUT": lambda client: client.ping("PUT"),
    "contacts": lambda client: client.contacts(1, custom_field="member"),
    "find": lambda client: client.find(*MAX),
    "mark_unsubscribed": lambda client: client.mark_unsubscribed("max@example.com"),
    "ping DELETE": lambda client: client.ping("DELETE"),
    "custom_fields": lambda client: client.custom_fields(),
    "create_custom_field": lambda client: client.create_custom_field("f", FieldType.DATE),
    "preference_categories": lambda client: client.preference_categories(),
    "preferences_of": lambda client: client.preferences_of("News"),
    "unsubscribe": lambda client: client.unsubscribe(*MAX),
    "delete": lambda client: client.delete(*MAX),
}
BY_IDENTIFIER = ("unsubscribe", "delete")
"""They say whether there was such a contact."""
every_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


@contextmanager
def client_of(*replies: bytes) -> Iterator[tuple[MaileonClient, LocalServer]]:
    with (
        LocalServer(answering(*replies)) as server,
        MaileonClient(server.url, KEY, timeout_seconds=60, wall_clock=lambda: NOW) as client,
    ):
        yield client, server


def seen_by(call: Call, *replies: bytes) -> list[tuple[str, str]]:
    with client_of(*replies) as (client, server):
        call(client)
        return [(seen.method, seen.target.removeprefix("/1.0")) for seen in server.seen]


def error_of(call: Call, answer: bytes) -> MaileonError:
    with client_of(answer) as (client, _), pytest.raises(MaileonError) as caught:
        call(client)
    assert caught.value.__cause__ is None
    return caught.value

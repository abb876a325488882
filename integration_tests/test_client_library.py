"""The connector's own client library reads everything that the sandbox answers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from destination_maileon.maileon.client import MaileonClient
from destination_maileon.maileon.contact import Contact, FieldType, IdentifierMode
from destination_maileon.maileon.errors import Forbidden, RequestRejected
from maileon_sandbox import Sandbox
from maileon_sandbox.tests.client import EVERY_PARAMETER, contact

ADDRESS = (IdentifierMode.EMAIL, Contact("a@example.com"))


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(api_keys={"reader": {"GET"}}) as running:
        yield running


def connect(sandbox: Sandbox, key: str) -> MaileonClient:
    return MaileonClient(sandbox.base_url, key, timeout_seconds=30)


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[MaileonClient]:
    with connect(sandbox, sandbox.api_key) as connected:
        yield connected


def test_definitions_are_read_and_created(sandbox: Sandbox, client: MaileonClient) -> None:
    sandbox.account.add_custom_field("since", "timestamp")
    sandbox.account.add_preference("News", "Weekly")
    sandbox.account.add_preference_category("Empty")
    client.create_custom_field("COLOR", FieldType.STRING)
    # A second time it is refused, and there all the same.
    client.create_custom_field("COLOR", FieldType.STRING)
    assert set(client.custom_fields()) == {"since", "COLOR"}
    assert set(client.preference_categories()) == {"News", "Empty"}
    assert client.preferences_of("News") == ["Weekly"]
    assert client.preferences_of("Empty") == []
    assert client.preferences_of("gone") == []


def test_a_report_with_every_kind_of_contact_is_read(
    sandbox: Sandbox, client: MaileonClient
) -> None:
    sandbox.account.add_contact("old@example.com")
    sandbox.account.unsubscribe(sandbox.account.add_contact("gone@example.com"))
    names = ("old@example.com", "new@example.com", "gone@example.com", "none")
    body = f"<contacts>{''.join(contact(email=name) for name in names)}</contacts>".encode()
    report = client.synchronize(EVERY_PARAMETER, body, contacts=4)
    assert (report.contacts, report.new, report.existing) == (4, 1, 1)
    assert (report.unsubscribed, report.invalid) == (1, 1)
    (invalid,) = report.invalid_contacts
    assert invalid.email == "none"


@pytest.mark.parametrize("method", ["unsubscribe", "delete"])
def test_somebody_is_removed_once_and_then_is_not_there(
    sandbox: Sandbox, client: MaileonClient, method: str
) -> None:
    sandbox.account.add_contact("a@example.com")
    removals = [getattr(client, method)(*ADDRESS) for _ in range(2)]
    assert removals == [True, False]


def test_contacts_are_read_page_by_page_with_their_number_in_an_audience(
    sandbox: Sandbox, client: MaileonClient
) -> None:
    sandbox.account.add_custom_field("vip", "integer")
    ids = [
        sandbox.account.add_contact(f"p{number}@example.com", custom_fields=fields).id
        for number, fields in enumerate([{"vip": "7"}, {}, {"vip": "0"}] * 334)
    ]
    first, second = (client.contacts(page, custom_field="vip") for page in (1, 2))
    assert (first.pages, len(first.contacts)) == (2, 1_000)
    listed = [(found.id, number) for found, number in (*first.contacts, *second.contacts)]
    assert [id_ for id_, _ in listed] == list(map(str, ids))
    assert [number for _, number in listed[:3]] == [7, None, 0]


@pytest.mark.parametrize("is_known", [False, True])
def test_an_address_is_looked_up_and_marked_whether_it_is_known_or_not(
    sandbox: Sandbox, client: MaileonClient, *, is_known: bool
) -> None:
    known = sandbox.account.add_contact("a@example.com") if is_known else None
    found = [contact.id for contact in client.find(*ADDRESS)]
    assert found == ([str(known.id)] if known else [])
    for _ in range(2):
        client.mark_unsubscribed("a@example.com")
    assert sandbox.account.markers == {"a@example.com"}


def test_a_missing_right_and_a_refused_call_are_told(
    sandbox: Sandbox, client: MaileonClient
) -> None:
    with connect(sandbox, "reader") as reader:
        reader.ping("GET")
        with pytest.raises(Forbidden):
            reader.ping("POST")
    with pytest.raises(RequestRejected) as problem:
        client.synchronize({**EVERY_PARAMETER, "permission": "7"}, b"<contacts/>", contacts=0)
    assert problem.value.status == 400
    assert problem.value.server_message == "permission must be one of 1, 2, 3, 4, 5, 6"

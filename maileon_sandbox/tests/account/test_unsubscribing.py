"""Unsubscribing (Maileon docs, Unsubscribe Contacts; Adding Unsubscription Reason)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

import pytest

from maileon_sandbox import Sandbox, StoredContact
from maileon_sandbox.rules import Kept, Rules
from maileon_sandbox.tests.client import Client, contact, message_of

EMAIL = "a+b/c@example.com"
WAYS = ["email", "external_id", "id"]
KEPT: dict[Kept, tuple[str | None, str | None]] = {
    "id": (None, None),
    "external_id": (None, "x/1"),
    "address": (EMAIL, "x/1"),
}


@contextmanager
def account_with_one(keep: Kept = "id", delay: float = 0.0) -> Iterator[tuple[Sandbox, Client]]:
    with (
        Sandbox(rules=Rules(unsubscribed_keep=keep, unsubscribe_delay_seconds=delay)) as sandbox,
        Client(sandbox.base_url, sandbox.api_key) as client,
    ):
        sandbox.account.add_contact(
            EMAIL,
            external_id="x/1",
            permission=4,
            standard_fields={"CITY": "c"},
            custom_fields={"Color": "red"},
            preferences={("News", "Weekly"): ("true", "shop")},
        )
        yield sandbox, client


def unsubscribe(client: Client, known: StoredContact, way: str, **query: str) -> int:
    paths = {
        "email": f"/contacts/email/{quote(EMAIL.upper(), safe='')}/unsubscribe",
        "external_id": "/contacts/externalid/x%2F1/unsubscribe",
        "id": "/contacts/contact/unsubscribe",
    }
    query |= {"id": str(known.id)} if way == "id" else {}
    return client.call("DELETE", paths[way], body=None, **query).status_code


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("keep", KEPT)
def test_who_unsubscribes_is_marked_and_keeps_nothing_but_what_the_setting_says(
    way: str, keep: Kept
) -> None:
    with account_with_one(keep) as (sandbox, client):
        (known,) = sandbox.account.contacts()

        assert unsubscribe(client, known, way) == 204

        (after,) = sandbox.account.contacts()
        assert (after.id, after.unsubscribed, after.permission) == (known.id, True, 1)
        assert (after.email, after.external_id) == KEPT[keep]
        assert (after.standard_fields, after.custom_fields, after.preferences) == ({}, {}, {})
        assert sandbox.account.markers == {EMAIL}
        is_found = client.call("GET", f"/contacts/email/{quote(EMAIL, safe='')}").status_code
        assert is_found == (200 if keep == "address" else 404)
        by_id = client.call(
            *("GET", "/contacts/contact"),
            id=str(known.id),
            ignore_checksum="true",
            standard_field="PERMISSION_STATUS",
        )
        assert b"<value>unsubscribed</value>" in by_id.content


@pytest.mark.parametrize("keep", KEPT)
def test_the_marked_address_is_left_out_whatever_is_kept(keep: Kept) -> None:
    with account_with_one(keep) as (sandbox, client):
        unsubscribe(client, sandbox.account.contacts()[0], "email")
        report = client.synchronize(contact(email=EMAIL))
        assert (report.unsubscribed, report.existing, report.new) == (1, 0, 0)


@pytest.mark.parametrize(("keep", "counts"), [("id", (0, 1)), ("address", (1, 0))])
def test_who_comes_again_is_new_unless_the_address_was_kept(
    keep: Kept, counts: tuple[int, int]
) -> None:
    with account_with_one(keep) as (sandbox, client):
        unsubscribe(client, sandbox.account.contacts()[0], "email")
        report = client.synchronize(
            contact(email=EMAIL), permission="4", reimport_unsubscribed_contacts="true"
        )
        assert (report.existing, report.new) == counts
        again = sandbox.account.by_email(EMAIL)
        assert again
        # An existing contact keeps its permission; a new one gets that of the call.
        assert (again.unsubscribed, int(again.permission)) == (False, 4 if report.new else 1)


def test_by_id_an_unsubscribed_contact_without_an_address_is_left_out() -> None:
    with account_with_one() as (sandbox, client):
        (known,) = sandbox.account.contacts()
        unsubscribe(client, known, "email")
        report = client.synchronize(
            contact(id=str(known.id), email="other@example.com"), prefer_maileon_id="true"
        )
        assert (report.unsubscribed, report.existing, report.new) == (1, 0, 0)


def test_by_external_id_an_unsubscribed_person_with_another_address_is_new() -> None:
    with account_with_one() as (sandbox, client):
        unsubscribe(client, sandbox.account.contacts()[0], "email")
        report = client.synchronize(
            contact(external_id="x/1", email="other@example.com"), use_external_id="true"
        )
        assert (report.unsubscribed, report.new) == (0, 1)


def test_an_unsubscription_that_waits_has_not_taken_effect_and_then_has() -> None:
    with account_with_one(delay=3_600) as (sandbox, client):
        (known,) = sandbox.account.contacts()

        assert [unsubscribe(client, known, "email") for _ in range(2)] == [204, 204]
        assert sandbox.account.contacts() == [known]
        assert sandbox.account.markers == set()

        sandbox.carry_out_unsubscriptions()
        assert unsubscribe(client, known, "email") == 404
        assert sandbox.account.markers == {EMAIL}


def test_an_unsubscription_waits_no_longer_than_the_sandbox_runs() -> None:
    with account_with_one(delay=3_600) as (sandbox, client):
        unsubscribe(client, sandbox.account.contacts()[0], "email")
    assert sandbox.account.markers == {EMAIL}


def test_an_unsubscription_takes_effect_by_itself_after_the_delay() -> None:
    with account_with_one(delay=0.05) as (sandbox, client):
        unsubscribe(client, sandbox.account.contacts()[0], "email")
        while not sandbox.account.markers:
            client.call("GET", "/ping")
        assert sandbox.account.contacts()[0].unsubscribed


def test_who_is_deleted_while_the_unsubscription_waits_stays_deleted() -> None:
    with account_with_one(delay=3_600) as (sandbox, client):
        (known,) = sandbox.account.contacts()
        unsubscribe(client, known, "email")
        sandbox.account.remove(known)
        sandbox.carry_out_unsubscriptions()
        assert sandbox.account.contacts() == []


@pytest.mark.parametrize("action", ["", "/unsubscribe"])
def test_all_contacts_with_an_external_id_are_removed(
    sandbox: Sandbox, client: Client, action: str
) -> None:
    for name in ("a", "b", "c"):
        external_id = "other" if name == "c" else "shared"
        sandbox.account.add_contact(f"{name}@example.com", external_id=external_id)

    assert client.call("DELETE", f"/contacts/externalid/shared{action}").status_code == 204
    assert client.call("DELETE", f"/contacts/externalid/shared{action}").status_code == 404

    left = [known.email for known in sandbox.account.contacts() if not known.unsubscribed]
    assert left == ["c@example.com"]
    assert len(sandbox.account.markers) == (2 if action else 0)


@pytest.mark.parametrize(
    ("reason", "status"),
    [("no_demand", 204), ("other|too loud", 204), ("loud", 400), ("", 400)],
)
def test_a_reason_has_one_of_six_types(
    sandbox: Sandbox, client: Client, reason: str, status: int
) -> None:
    known = sandbox.account.add_contact(EMAIL)
    assert unsubscribe(client, known, "email", reason=reason) == status
    assert sandbox.account.contacts()[0].unsubscribed is (status == 204)


def test_a_reason_can_be_added_later_but_only_to_who_has_unsubscribed(
    sandbox: Sandbox, client: Client
) -> None:
    known = sandbox.account.add_contact(EMAIL)
    path = "/contacts/contact/unsubscribe/reasons"
    query = {"id": str(known.id), "reason": "other|too loud", "ignore_checksum": "true"}

    before = client.call("PUT", path, body=None, **query)
    unsubscribe(client, known, "email")
    statuses = [
        client.call("PUT", path, body=None, **{**query, **change}).status_code
        for change in ({}, {"reason": "loud"}, {"id": "1"}, {"ignore_checksum": "false"})
    ]

    assert (before.status_code, statuses) == (400, [204, 400, 404, 400])
    assert message_of(before) == "the contact is not unsubscribed"

"""The query parameters of Maileon docs, Synchronize Contacts, one test per sentence."""

from __future__ import annotations

import pytest

from maileon_sandbox import Permission, Rules, Sandbox
from maileon_sandbox.tests.client import (
    EVERY_PARAMETER,
    Client,
    contact,
    message_of,
    read_report,
)

A = contact(email="a@example.com", standard={"CITY": "new"})
INVALID = contact(email="b@example")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("permission", "0"),
        ("permission", "7"),
        ("permission", ""),
        ("permission", "none"),
        ("sync_mode", "0"),
        ("sync_mode", "3"),
        ("sync_mode", "update"),
        *((name, value) for name in list(EVERY_PARAMETER)[1:] for value in ("1", "TRUE", "")),
    ],
)
def test_a_value_that_is_not_documented_is_a_bad_request(
    sandbox: Sandbox, client: Client, name: str, value: str
) -> None:
    response = client.post(A, **{**EVERY_PARAMETER, name: value})

    assert response.status_code == 400
    assert name in message_of(response)
    assert sandbox.account.contacts() == []


def test_external_id_and_maileon_id_together_are_a_bad_request(client: Client) -> None:
    response = client.post(A, use_external_id="true", prefer_maileon_id="true")
    assert response.status_code == 400
    assert "both" in message_of(response)


def test_without_parameters_existing_contacts_are_left_as_they_are(
    sandbox: Sandbox, client: Client
) -> None:
    before = sandbox.account.add_contact("a@example.com", permission=4)

    report = read_report(client.post(A, contact(email="new@example.com")).content)

    assert (report.contacts, report.existing, report.new) == (2, 1, 1)
    stored, new = sandbox.account.contacts()
    assert stored == before
    assert new.permission is Permission.NONE


def test_without_parameters_one_invalid_contact_refuses_the_call(
    sandbox: Sandbox, client: Client
) -> None:
    response = client.post(A, INVALID)

    assert response.status_code == 400
    assert message_of(response)
    assert sandbox.account.contacts() == []


def test_the_strict_answer_can_be_a_report_and_nothing_is_stored_either(client: Client) -> None:
    with (
        Sandbox(rules=Rules(strict_answer="report")) as lenient,
        Client(lenient.base_url, lenient.api_key) as other,
    ):
        lenient.account.add_contact("a@example.com")
        before = lenient.account.snapshot()
        strict = {**EVERY_PARAMETER, "ignore_invalid_contacts": "false"}

        report = read_report(other.post(A, contact(email="n@x.de"), INVALID, **strict).content)

        assert (report.contacts, report.existing, report.new, report.invalid) == (3, 0, 0, 1)
        assert report.success is False
        assert lenient.account.snapshot() == before
        assert lenient.account.by_email("n@x.de") is None
    assert client.post(A, INVALID, **strict).status_code == 400


def test_ignore_invalid_contacts_stores_the_valid_ones(sandbox: Sandbox, client: Client) -> None:
    report = client.synchronize(INVALID, A)

    assert (report.success, report.contacts, report.new, report.invalid) == (False, 2, 1, 1)
    assert [stored.email for stored in sandbox.account.contacts()] == ["a@example.com"]


@pytest.mark.parametrize(
    ("parameters", "of_new", "of_existing"),
    [
        ({"permission": "5", "override_permission": "true"}, 5, 5),
        ({"permission": "1", "override_permission": "true"}, 1, 1),
        ({"permission": "5", "override_permission": "false"}, 5, 4),
        ({"override_permission": "true"}, 1, 4),
        ({"override_permission": "false"}, 1, 4),
    ],
)
def test_permission_follows_the_documented_table(
    sandbox: Sandbox,
    client: Client,
    parameters: dict[str, str],
    of_new: int,
    of_existing: int,
) -> None:
    sandbox.account.add_contact("a@example.com", permission=4)

    client.synchronize(A, contact(email="new@example.com"), **parameters)

    existing, new = sandbox.account.contacts()
    assert (new.permission, existing.permission) == (of_new, of_existing)


def test_override_permission_is_true_when_it_is_left_out(sandbox: Sandbox, client: Client) -> None:
    sandbox.account.add_contact("a@example.com", permission=4)
    client.post(A, permission="2", sync_mode="1")
    assert sandbox.account.contacts()[0].permission is Permission.SINGLE_OPT_IN


def test_sync_mode_1_updates(sandbox: Sandbox, client: Client) -> None:
    before = sandbox.account.add_contact(
        "a@example.com", standard_fields={"CITY": "old", "ZIP": "1"}
    )

    report = client.synchronize(A)

    (after,) = sandbox.account.contacts()
    assert (report.existing, report.new) == (1, 0)
    assert after.standard_fields == {"CITY": "new", "ZIP": "1"}
    assert (after.id, after.created_at, after.updates) == (before.id, before.created_at, 1)


def test_sync_mode_2_counts_existing_contacts_and_leaves_them(
    sandbox: Sandbox, client: Client
) -> None:
    before = sandbox.account.add_contact("a@example.com", permission=1)

    report = client.synchronize(A, sync_mode="2", permission="5", override_permission="true")

    assert (report.existing, report.new) == (1, 0)
    assert sandbox.account.contacts() == [before]


def test_update_only_leaves_out_who_does_not_exist(sandbox: Sandbox, client: Client) -> None:
    sandbox.account.add_contact("a@example.com")

    report = client.synchronize(A, contact(email="new@example.com"), update_only="true")

    assert (report.contacts, report.existing, report.new, report.invalid) == (2, 1, 0, 0)
    assert [stored.standard_fields for stored in sandbox.account.contacts()] == [{"CITY": "new"}]

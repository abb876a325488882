"""Unsubscribed contacts in a synchronize (Maileon docs, `reimport_unsubscribed_contacts`)."""

from __future__ import annotations

import pytest

from maileon_sandbox import Rules, Sandbox
from maileon_sandbox.tests.client import Client, contact, read_report

A = contact(email="a@example.com", standard={"CITY": "new"})


def test_without_parameters_unsubscribed_contacts_are_reimported(
    sandbox: Sandbox, client: Client
) -> None:
    sandbox.account.add_contact("a@example.com", unsubscribed=True)

    report = read_report(client.post(A, sync_mode="1").content)

    assert (report.existing, report.unsubscribed) == (1, 0)
    assert sandbox.account.contacts()[0].unsubscribed is False


@pytest.mark.parametrize("parameters", [{}, {"update_only": "true"}, {"sync_mode": "2"}])
def test_reimport_false_skips_addresses_with_a_marker(
    sandbox: Sandbox, client: Client, parameters: dict[str, str]
) -> None:
    sandbox.account.add_contact("a@example.com", unsubscribed=True)
    sandbox.account.markers.add("gone@example.com")
    before = sandbox.account.snapshot()

    report = client.synchronize(A, contact(email="Gone@Example.com"), **parameters)

    assert (report.unsubscribed, report.existing, report.new) == (2, 0, 0)
    assert sandbox.account.snapshot() == before


def test_reimport_true_writes_and_leaves_the_marker(sandbox: Sandbox, client: Client) -> None:
    sandbox.account.add_contact("a@example.com", unsubscribed=True)
    sandbox.account.markers.add("gone@example.com")

    report = client.synchronize(
        A, contact(email="Gone@Example.com"), reimport_unsubscribed_contacts="true"
    )

    assert (report.unsubscribed, report.existing, report.new) == (0, 1, 1)
    assert sandbox.account.markers == {"a@example.com", "gone@example.com"}
    assert not any(stored.unsubscribed for stored in sandbox.account.contacts())
    # Both are left out from now on, until their markers are removed.
    assert client.synchronize(A).unsubscribed == 1


def test_sync_mode_2_leaves_an_unsubscribed_contact_as_it_is(
    sandbox: Sandbox, client: Client
) -> None:
    sandbox.account.add_contact("a@example.com", unsubscribed=True)
    before = sandbox.account.snapshot()

    report = client.synchronize(A, sync_mode="2", reimport_unsubscribed_contacts="true")

    assert (report.existing, report.unsubscribed) == (1, 0)
    assert sandbox.account.snapshot() == before


def test_an_address_with_a_marker_is_skipped_also_where_the_external_id_identifies(
    sandbox: Sandbox, client: Client
) -> None:
    sandbox.account.add_contact("a@example.com", external_id="x-1", unsubscribed=True)
    before = sandbox.account.snapshot()

    report = client.synchronize(
        contact(external_id="x-1"),
        contact(external_id="x-2", email="free@example.com"),
        use_external_id="true",
        update_only="true",
    )

    assert (report.unsubscribed, report.existing, report.new) == (1, 0, 0)
    assert sandbox.account.snapshot() == before


def test_an_invalid_contact_is_invalid_even_if_it_is_unsubscribed(
    sandbox: Sandbox, client: Client
) -> None:
    sandbox.account.add_contact("a@example.com", unsubscribed=True)
    report = client.synchronize(contact(email="a@example.com", standard={"GENDER": "x"}))
    assert (report.invalid, report.unsubscribed) == (1, 0)


@pytest.mark.parametrize("action", ["create", "reimport"])
def test_a_write_lifts_the_marker_if_the_sandbox_is_told_so(action: str) -> None:
    with (
        Sandbox(rules=Rules(writing_lifts_markers=True)) as sandbox,
        Client(sandbox.base_url, sandbox.api_key) as client,
    ):
        sandbox.account.add_contact("a@example.com", external_id="x-1", unsubscribed=True)
        if action == "create":
            path = "/contacts/email/a%40example.com"
            assert client.call("POST", path, body=b"<contact/>", sync_mode="1").status_code == 201
        else:
            client.synchronize(
                contact(external_id="x-1", email="b@example.com"),
                use_external_id="true",
                reimport_unsubscribed_contacts="true",
            )
        assert sandbox.account.markers == set()


def test_a_refused_call_takes_no_marker_away_and_moves_no_identifier(
    sandbox: Sandbox, client: Client
) -> None:
    sandbox.account.add_contact("a@example.com", external_id="x-1", unsubscribed=True)
    before = sandbox.account.snapshot()

    response = client.post(
        contact(external_id="x-1", email="b@example.com"),
        contact(external_id="x-2", email="c@example"),
        use_external_id="true",
        sync_mode="1",
    )

    assert response.status_code == 400
    assert sandbox.account.snapshot() == before
    assert sandbox.account.by_email("a@example.com") == sandbox.account.by_external_id("x-1")
    assert sandbox.account.by_email("b@example.com") is None

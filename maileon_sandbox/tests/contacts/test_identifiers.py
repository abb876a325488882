"""How contacts are recognised, and who has an identifier (Maileon docs, Synchronize Contacts)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from maileon_sandbox import Rules, Sandbox
from maileon_sandbox.tests.client import NIL, Client, contact

BY_EXTERNAL_ID = {"use_external_id": "true"}
BY_ID = {"prefer_maileon_id": "true"}


@pytest.fixture
def moving() -> Iterator[tuple[Sandbox, Client]]:
    with (
        Sandbox(rules=Rules(moves_within_call=True)) as sandbox,
        Client(sandbox.base_url, sandbox.api_key) as client,
    ):
        yield sandbox, client


def test_email_is_compared_without_case_and_keeps_its_spelling(
    sandbox: Sandbox, client: Client
) -> None:
    sandbox.account.add_contact("Max@Example.com")
    report = client.synchronize(contact(email="mAX@example.COM", external_id="x-1"))
    (stored,) = sandbox.account.contacts()
    assert (report.existing, report.new) == (1, 0)
    assert (stored.email, stored.external_id) == ("Max@Example.com", "x-1")


def test_external_ids_are_compared_with_case(sandbox: Sandbox, client: Client) -> None:
    sandbox.account.add_contact("a@example.com", external_id="x-1")
    report = client.synchronize(contact(email="b@example.com", external_id="X-1"))
    assert (report.new, report.invalid) == (1, 0)


def test_by_external_id_an_existing_contact_needs_no_email(
    sandbox: Sandbox, client: Client
) -> None:
    sandbox.account.add_contact("a@example.com", external_id="x-1")
    report = client.synchronize(
        contact(external_id="x-1", standard={"CITY": "c"}), **BY_EXTERNAL_ID
    )
    assert report.existing == 1
    assert sandbox.account.contacts()[0].standard_fields == {"CITY": "c"}


def test_by_external_id_a_changed_email_keeps_contact_id_and_permission(
    sandbox: Sandbox, client: Client
) -> None:
    before = sandbox.account.add_contact("a@example.com", external_id="x-1", permission=4)

    client.synchronize(contact(external_id="x-1", email="b@example.com"), **BY_EXTERNAL_ID)

    (after,) = sandbox.account.contacts()
    assert (after.id, after.permission, after.email) == (before.id, 4, "b@example.com")
    assert sandbox.account.by_email("a@example.com") is None
    assert sandbox.account.by_email("B@example.com") == after


def test_by_external_id_the_address_of_a_contact_without_one_is_taken(
    sandbox: Sandbox, client: Client
) -> None:
    sandbox.account.add_contact("a@example.com")
    report = client.synchronize(contact(external_id="x-1", email="a@example.com"), **BY_EXTERNAL_ID)
    assert report.rejected == [("a@example.com", "x-1", 5, "a@example.com")]


def test_by_external_id_update_only_leaves_out_the_unknown_even_without_an_email(
    client: Client,
) -> None:
    report = client.synchronize(contact(external_id="x-1"), update_only="true", **BY_EXTERNAL_ID)
    assert (report.contacts, report.invalid, report.new, report.existing) == (1, 0, 0, 0)


def test_by_id_the_stored_contact_is_meant_and_its_identifiers_change(
    sandbox: Sandbox, client: Client
) -> None:
    before = sandbox.account.add_contact("a@example.com", external_id="x-1", permission=4)

    client.synchronize(contact(id=str(before.id), email="b@x.de", external_id="x-2"), **BY_ID)

    (after,) = sandbox.account.contacts()
    assert (after.id, after.permission) == (before.id, 4)
    assert (after.email, after.external_id) == ("b@x.de", "x-2")


@pytest.mark.parametrize("unusable", ["", "999", "x", "-1"])
def test_by_id_an_unusable_id_falls_back_to_the_email(
    sandbox: Sandbox, client: Client, unusable: str
) -> None:
    before = sandbox.account.add_contact("a@example.com")
    report = client.synchronize(
        contact(id=unusable, email="a@example.com", standard={"CITY": "c"}),
        contact(email="new@example.com"),
        **BY_ID,
    )
    assert (report.existing, report.new) == (1, 1)
    assert sandbox.account.by_id(before.id) == sandbox.account.by_email("a@example.com")


def test_by_email_the_id_means_nothing(sandbox: Sandbox, client: Client) -> None:
    other = sandbox.account.add_contact("a@example.com")
    report = client.synchronize(contact(id=str(other.id), email="b@example.com"))
    assert report.new == 1


def test_identifiers_that_are_nil_or_empty_change_nothing(sandbox: Sandbox, client: Client) -> None:
    before = sandbox.account.add_contact("a@example.com", external_id="x-1")
    client.synchronize(contact(email="a@example.com", external_id=NIL))
    client.synchronize(contact(email="a@example.com", external_id=""))
    client.synchronize(contact(id=str(before.id), email=NIL), **BY_ID)
    (after,) = sandbox.account.contacts()
    assert (after.email, after.external_id, after.updates) == ("a@example.com", "x-1", 3)


@pytest.mark.parametrize("spelling", ["a@example.com", "A@EXAMPLE.com"])
def test_of_two_with_one_email_in_a_list_the_first_stands(
    sandbox: Sandbox, client: Client, spelling: str
) -> None:
    report = client.synchronize(
        contact(email="a@example.com", standard={"CITY": "first"}),
        contact(email=spelling, standard={"CITY": "second"}),
    )
    assert report.rejected == [(spelling, None, 5, spelling)]
    assert sandbox.account.contacts()[0].standard_fields == {"CITY": "first"}


def test_of_two_with_one_external_id_in_a_list_the_first_stands(client: Client) -> None:
    report = client.synchronize(
        contact(email="a@example.com", external_id="x-1"),
        contact(email="b@example.com", external_id="x-1"),
    )
    assert report.rejected == [("b@example.com", "x-1", 4, "x-1")]


def test_of_two_with_one_id_in_a_list_the_second_has_an_unknown_code(
    sandbox: Sandbox, client: Client
) -> None:
    id_ = str(sandbox.account.add_contact("a@example.com").id)
    report = client.synchronize(contact(id=id_), contact(id=id_), **BY_ID)
    assert report.rejected == [(None, None, 32, id_)]


def swap_in_one_call(sandbox: Sandbox, client: Client) -> list[tuple[int, str | None]]:
    """Sends rows that give the address of x-1 to x-2, after x-1 has got another."""
    sandbox.account.add_contact("old@example.com", external_id="x-1")
    sandbox.account.add_contact("other@example.com", external_id="x-2")
    report = client.synchronize(
        contact(external_id="x-1", email="new@example.com"),
        contact(external_id="x-2", email="old@example.com"),
        **BY_EXTERNAL_ID,
    )
    return [(code, field) for _, _, code, field in report.rejected]


def test_an_address_that_moves_within_a_call_is_refused_and_taken_in_the_next(
    sandbox: Sandbox, client: Client
) -> None:
    assert swap_in_one_call(sandbox, client) == [(5, "old@example.com")]
    again = client.synchronize(
        contact(external_id="x-2", email="old@example.com"), **BY_EXTERNAL_ID
    )
    assert again.rejected == []
    assert [stored.email for stored in sandbox.account.contacts()] == [
        "new@example.com",
        "old@example.com",
    ]


def test_an_address_may_move_within_a_call_if_the_sandbox_is_told_so(
    moving: tuple[Sandbox, Client],
) -> None:
    sandbox, client = moving
    assert swap_in_one_call(sandbox, client) == []


def test_an_external_id_that_moves_within_a_call_is_refused(
    sandbox: Sandbox, client: Client
) -> None:
    sandbox.account.add_contact("a@example.com", external_id="x-1")
    report = client.synchronize(
        contact(email="a@example.com", external_id="x-2"),
        contact(email="new@example.com", external_id="x-1"),
    )
    assert report.rejected == [("new@example.com", "x-1", 4, "x-1")]


def test_an_address_held_by_a_later_contact_of_the_call_is_taken(
    sandbox: Sandbox, client: Client
) -> None:
    sandbox.account.add_contact("a@example.com", external_id="x-1")
    sandbox.account.add_contact("b@example.com", external_id="x-2")
    report = client.synchronize(
        contact(external_id="x-1", email="b@example.com"),
        contact(external_id="x-2", email="c@example.com"),
        **BY_EXTERNAL_ID,
    )
    assert report.rejected == [("b@example.com", "x-1", 5, "b@example.com")]
    assert report.existing == 1


def test_by_email_one_id_in_two_contacts_is_no_error(client: Client) -> None:
    report = client.synchronize(
        contact(id="7", email="a@example.com"), contact(id="7", email="b@example.com")
    )
    assert (report.new, report.invalid) == (2, 0)


def test_whom_update_only_leaves_out_takes_no_address_from_anyone(
    sandbox: Sandbox, client: Client
) -> None:
    sandbox.account.add_contact("a@example.com")
    report = client.synchronize(
        contact(external_id="x-1", email="a@example.com"), update_only="true", **BY_EXTERNAL_ID
    )
    assert (report.invalid, report.existing, report.new) == (0, 0, 0)


SHARED = ("a@example.com", "b@example.com")


@pytest.fixture
def shared(sandbox: Sandbox) -> Sandbox:
    """Adds two contacts with one external id, which single calls and imports can create."""
    for email in SHARED:
        sandbox.account.add_contact(email, external_id="x-1")
    return sandbox


def test_an_external_id_that_several_share_means_none_of_them(
    shared: Sandbox, client: Client
) -> None:
    before = shared.account.snapshot()
    report = client.synchronize(contact(external_id="x-1"), **BY_EXTERNAL_ID)
    assert report.rejected == [(None, "x-1", 4, "x-1")]
    assert shared.account.snapshot() == before


def test_by_email_a_contact_keeps_the_external_id_that_others_have_too(
    shared: Sandbox, client: Client
) -> None:
    report = client.synchronize(
        contact(email=SHARED[1], external_id="x-1"), contact(email="c@example.com")
    )
    assert (report.existing, report.new, report.invalid) == (1, 1, 0)
    late = client.synchronize(contact(email="c@example.com", external_id="x-1"))
    assert late.rejected == [("c@example.com", "x-1", 4, "x-1")]
    assert [known.email for known in shared.account.all_by_external_id("x-1")] == [*SHARED]


def test_a_shared_external_id_is_found_until_the_last_contact_gives_it_up(shared: Sandbox) -> None:
    account = shared.account
    for email in SHARED:
        found = account.by_external_id("x-1")
        assert found
        assert found.email == email
        account.remove(found)
    assert account.by_external_id("x-1") is None

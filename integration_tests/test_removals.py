"""Records that say that their contact is gone: deleted, unsubscribed, or left as it is."""

from __future__ import annotations

import pytest

from integration_tests.bookkeeping import Json
from integration_tests.connection import Connection, columns, mapping
from integration_tests.platform import record, stream, stream_state
from maileon_sandbox import Fault

GONE_AT = "2026-01-01T00:00:00Z"
COLUMNS = columns("external_id", "maileon_id", "first_name", "_ab_cdc_deleted_at")
# The address holds what a URL could be broken by.
ADDRESS = "o'neil+a/b%20?#&@example.com"
ENCODED = "o%27neil%2Ba%2Fb%2520%3F%23%26%40example.com"


@pytest.mark.parametrize(
    ("mode", "path", "query"),
    [
        ("email", f"/contacts/email/{ENCODED}", {}),
        ("external_id", "/contacts/externalid/x%2F1%20a.b", {}),
        ("maileon_id", "/contacts/contact", {"id": "10001"}),
    ],
)
@pytest.mark.parametrize("removal", ["delete", "unsubscribe"])
def test_a_deleted_record_is_carried_out_by_the_identifier_of_the_sync(
    connection: Connection, mode: str, path: str, query: dict[str, str], *, removal: str
) -> None:
    account = connection.sandbox.account
    gone = account.add_contact(ADDRESS, external_id="x/1 a.b", permission=4)
    account.add_contact("stays@example.com", external_id="x", permission=4)
    assert gone.id == 10_001
    data = {
        "email": ADDRESS,
        "external_id": "x/1 a.b",
        "maileon_id": gone.id,
        "first_name": "Never written",
        "_ab_cdc_deleted_at": GONE_AT,
    }
    run = connection.sync(
        [record(data), stream_state(1)],
        stream(COLUMNS),
        identifier_mode=mode,
        deleted_records=removal,
    )
    assert (run.exit_code, run.stats) == (0, [(1, 0)])
    suffix = "/unsubscribe" if removal == "unsubscribe" else ""
    assert connection.removals == [(f"{path}{suffix}", query)]
    assert connection.synchronizations == []
    left = [(contact.email, contact.unsubscribed) for contact in account.contacts()]
    # Who unsubscribes stays without an address.
    kept = [(None, True)] if removal == "unsubscribe" else []
    assert left == [*kept, ("stays@example.com", False)]


def test_an_ignored_deletion_touches_nobody(connection: Connection) -> None:
    connection.sandbox.account.add_contact("a@example.com", permission=4)
    before = connection.sandbox.account.snapshot()
    gone = {"email": "a@example.com", "first_name": "Gone", "_ab_cdc_deleted_at": GONE_AT}
    run = connection.sync([record(gone), stream_state(1)], stream(COLUMNS))
    assert run.stats == [(1, 0)]
    assert connection.sandbox.account.snapshot() == before
    assert any("0 written" in said and "1 left out (1 deleted at" in said for said in run.logs())


def test_contacts_that_are_gone_already_are_no_error(connection: Connection) -> None:
    connection.sandbox.account.add_contact("here@example.com")
    gone = [
        record({"email": f"{name}@example.com", "_ab_cdc_deleted_at": GONE_AT})
        for name in ("here", "gone")
    ]
    run = connection.sync([*gone, stream_state(1)], stream(COLUMNS), deleted_records="delete")
    assert (run.exit_code, run.stats) == (0, [(2, 0)])
    (summary,) = (said for said in run.logs("INFO") if "records read" in said)
    assert "2 deleted (1 of these not in Maileon)" in summary


def test_space_around_an_address_keeps_nobody_subscribed(connection: Connection) -> None:
    connection.sandbox.account.add_contact("a@example.com", permission=4)
    gone = {"email": " a@example.com\n", "_ab_cdc_deleted_at": GONE_AT}
    run = connection.sync(
        [record(gone), stream_state(1)], stream(COLUMNS), deleted_records="unsubscribe"
    )
    assert (run.exit_code, run.stats) == (0, [(1, 0)])
    (contact,) = connection.sandbox.account.contacts()
    assert contact.unsubscribed


def test_a_deletion_by_an_id_that_is_nobodys_removes_nobody_by_the_address_beside_it(
    connection: Connection,
) -> None:
    """Who had the id is gone; the address may be another person's by now."""
    connection.sandbox.account.add_contact("a@example.com", permission=4)
    gone = {"email": "a@example.com", "maileon_id": 99_999, "_ab_cdc_deleted_at": GONE_AT}
    config = {"deleted_records": "delete", "identifier_mode": "maileon_id"}
    run = connection.sync([record(gone), stream_state(1)], stream(COLUMNS), **config)
    assert (run.exit_code, run.stats) == (0, [(1, 0)])
    assert [contact.email for contact in connection.sandbox.account.contacts()] == ["a@example.com"]
    assert any("1 deleted (1 of these not in Maileon)" in said for said in run.logs("INFO"))


def test_a_deletion_keeps_its_place_in_the_order_of_its_contact(connection: Connection) -> None:
    # Slow writes, so that a deletion that did not wait would be first.
    connection.sandbox.script(Fault(delay_seconds=0.2, method="POST", times=None))
    messages: list[Json] = []
    for address in ("again@example.com", "gone@example.com"):
        messages += [
            record({"email": address, "first_name": "Before"}),
            record({"email": address, "_ab_cdc_deleted_at": GONE_AT}),
        ]
    messages += [record({"email": "again@example.com"}), stream_state(1)]
    run = connection.sync(messages, stream(COLUMNS), deleted_records="delete")
    assert (run.exit_code, run.stats) == (0, [(5, 0)])
    (left,) = connection.sandbox.account.contacts()
    assert (left.email, left.standard_fields) == ("again@example.com", {})


def test_columns_of_any_name_may_say_that_a_contact_is_gone_or_unsubscribed(
    connection: Connection,
) -> None:
    values: list[tuple[str, object, object]] = [
        ("a", True, None),
        ("b", "false", "perhaps"),
        ("c", None, "2026-01-01"),
        ("d", 0, False),
        ("e", "1", "1"),
    ]
    account = connection.sandbox.account
    for name, _, _ in values:
        account.add_contact(f"{name}@example.com")
    people = [
        record({"email": f"{name}@example.com", "gone": gone, "quit": quits})
        for name, gone, quits in values
    ]
    run = connection.sync(
        [*people, stream_state(1)],
        stream(columns("gone", "quit")),
        deleted_records="delete",
        streams=mapping(("gone", "deleted"), ("quit", "unsubscribe")),
    )
    # "perhaps" is neither true nor a time: nobody is removed by guess.
    assert (run.exit_code, run.stats) == (0, [(4, 1)])
    left = {contact.email: contact.unsubscribed for contact in account.contacts()}
    assert left == {"b@example.com": False, None: True, "d@example.com": False}
    assert connection.batches == [1]


def test_an_unsubscribed_person_is_not_written_to_again_by_the_same_sync(
    connection: Connection,
) -> None:
    connection.sandbox.account.add_contact("a@example.com", permission=4)
    gone = {"email": "a@example.com", "_ab_cdc_deleted_at": GONE_AT}
    later = record({"email": "a@example.com", "first_name": "Again"})
    run = connection.sync(
        [record(gone), later, stream_state(1)], stream(COLUMNS), deleted_records="unsubscribe"
    )
    assert run.stats == [(2, 0)]
    assert run.additional("unsubscribed") == 1
    (contact,) = connection.sandbox.account.contacts()
    assert (contact.unsubscribed, contact.standard_fields) == (True, {})


def test_no_more_contacts_are_removed_than_the_configuration_allows(
    connection: Connection,
) -> None:
    messages: list[Json] = []
    for n in range(5):
        connection.sandbox.account.add_contact(f"p{n}@example.com")
        gone = {"email": f"p{n}@example.com", "_ab_cdc_deleted_at": GONE_AT}
        messages += [record({"email": f"new{n}@example.com"}), record(gone), stream_state(n)]
    run = connection.sync(
        messages, stream(COLUMNS), deleted_records="delete", max_deleted_records=2
    )
    assert run.error["failure_type"] == "config_error"
    assert "max_deleted_records" in run.error["message"]
    assert run.stats == [(2, 0), (2, 0)]
    left = [contact.email for contact in connection.sandbox.account.contacts()]
    assert [f"p{n}@example.com" for n in (2, 3, 4)] == [e for e in left if e and e[0] == "p"]


def test_as_many_removals_as_allowed_are_no_error(connection: Connection) -> None:
    connection.sandbox.account.add_contact("a@example.com")
    gone = {"email": "a@example.com", "_ab_cdc_deleted_at": GONE_AT}
    run = connection.sync(
        [record(gone), stream_state(1)],
        stream(COLUMNS),
        deleted_records="unsubscribe",
        max_deleted_records=1,
    )
    assert (run.exit_code, run.stats) == (0, [(1, 0)])


@pytest.mark.parametrize("batch_size", [1, 1_000])
def test_whoever_is_deleted_by_id_is_not_brought_back_by_an_earlier_record_with_id_and_email(
    connection: Connection, batch_size: int
) -> None:
    known = connection.sandbox.account.add_contact("m@example.com")
    named = record({"maileon_id": known.id, "email": "m@example.com", "first_name": "New"})
    gone = record({"maileon_id": known.id, "_ab_cdc_deleted_at": GONE_AT})
    run = connection.sync(
        [named, gone],
        stream(COLUMNS),
        identifier_mode="maileon_id",
        deleted_records="delete",
        batch_size=batch_size,
    )
    assert run.exit_code == 0
    assert list(connection.sandbox.account.contacts()) == []


@pytest.mark.parametrize("batch_size", [1, 1_000])
def test_a_contact_named_by_id_and_by_email_or_one_of_them_ends_as_its_last_record_says(
    connection: Connection, batch_size: int
) -> None:
    known = connection.sandbox.account.add_contact("m@example.com")
    run = connection.sync(
        [
            record({"email": "m@example.com", "first_name": "1"}),
            record({"maileon_id": known.id, "email": "m@example.com", "first_name": "2"}),
            record({"maileon_id": known.id, "first_name": "3"}),
        ],
        stream(COLUMNS),
        identifier_mode="maileon_id",
        batch_size=batch_size,
    )
    assert run.exit_code == 0
    (contact,) = connection.sandbox.account.contacts()
    assert contact.standard_fields["FIRSTNAME"] == "3"


def test_a_cdc_column_that_says_no_neither_deletes_nor_writes(connection: Connection) -> None:
    odd = record({"email": "a@example.com", "_ab_cdc_deleted_at": False})
    run = connection.sync([odd, stream_state(1)], stream(COLUMNS), deleted_records="delete")
    assert (run.exit_code, run.stats) == (0, [(0, 1)])
    assert connection.removals == []
    assert connection.synchronizations == []

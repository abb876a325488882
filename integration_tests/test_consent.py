"""What becomes of people: every row of docs/consent.md, and what follows from unsubscribing."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from integration_tests.connection import Connection, columns, mapping, people
from integration_tests.consent_cases import CASES, ROWS, Options, Outcome, Person, outcome_of
from integration_tests.platform import record, stream, stream_state
from maileon_sandbox import Account, StoredContact
from maileon_sandbox.rules import Kept
from maileon_sandbox.tests.client import Client

NONE, SINGLE_OPT_IN, DOUBLE_OPT_IN = 1, 2, 4
ADDRESSES = {
    Person.NEW: "new@example.com",
    Person.EXISTING: "existing@example.com",
    Person.MARKED: "marked@example.com",
    Person.UNSUBSCRIBED: "unsubscribed@example.com",
    Person.UNSUBSCRIBED_KEPT: "kept@example.com",
}
# Of everybody who is written, the permission afterwards.
PERMISSIONS = {
    Outcome.CREATED_WITHOUT: NONE,
    Outcome.CREATED: DOUBLE_OPT_IN,
    Outcome.UPDATED: SINGLE_OPT_IN,
    Outcome.REPLACED: DOUBLE_OPT_IN,
    Outcome.AGAIN_WITHOUT: NONE,
    Outcome.AGAIN: DOUBLE_OPT_IN,
    # In the sandbox an unsubscription takes the permission away.
    Outcome.KEPT_AGAIN: NONE,
    Outcome.KEPT_AGAIN_WITH: DOUBLE_OPT_IN,
}
AGAIN_AS_NEW = {Outcome.AGAIN_WITHOUT, Outcome.AGAIN}
# Both settings of what stays of an unsubscribed contact, side by side in one account.
KEPT: Mapping[Person, Kept] = {Person.UNSUBSCRIBED: "id", Person.UNSUBSCRIBED_KEPT: "address"}


def _fill(account: Account) -> None:
    account.add_contact(ADDRESSES[Person.EXISTING], permission=SINGLE_OPT_IN)
    account.add_contact(ADDRESSES[Person.MARKED], permission=SINGLE_OPT_IN)
    account.markers.add(ADDRESSES[Person.MARKED])
    for person, keep in KEPT.items():
        quitter = account.add_contact(ADDRESSES[person], permission=DOUBLE_OPT_IN)
        account.unsubscribe(quitter, keep=keep)


def _is_so(outcome: Outcome, before: StoredContact | None, after: StoredContact | None) -> bool:
    if outcome not in PERMISSIONS:
        return after == before
    if after is None or (before is None) != (outcome in {*AGAIN_AS_NEW, *_CREATED}):
        return False
    is_written = after.standard_fields == {"FIRSTNAME": "Written"} and not after.unsubscribed
    return is_written and after.permission == PERMISSIONS[outcome]


_CREATED = {Outcome.CREATED_WITHOUT, Outcome.CREATED}


def test_of_every_person_and_combination_there_is_one_row() -> None:
    used = {outcome_of(person, options) for person in Person for options in CASES}
    assert used == set(Outcome) == {row.outcome for row in ROWS}


@pytest.mark.parametrize("options", CASES, ids=str)
def test_each_person_fares_as_the_page_says(connection: Connection, options: Options) -> None:
    account = connection.sandbox.account
    _fill(account)
    before = {person: account.by_email(address) for person, address in ADDRESSES.items()}
    records = [record({"email": ADDRESSES[p], "first_name": "Written"}) for p in Person]
    run = connection.sync(
        [*records, stream_state(1)],
        permission="double_opt_in" if options.has_permission else "not_set",
        override_permission=options.overrides,
        reimport_unsubscribed_contacts=options.reimports,
        update_only=options.updates_only,
    )
    assert (run.exit_code, run.stats) == (0, [(5, 0)])
    for person in Person:
        outcome, after = outcome_of(person, options), account.by_email(ADDRESSES[person])
        assert _is_so(outcome, before[person], after), (person, outcome, after)
    told = run.logs("WARN")
    assert len(told) == len(options.warnings)
    assert all(words in said for words, said in zip(options.warnings, told, strict=True))


def test_who_is_marked_is_never_updated_until_the_marker_is_lifted(connection: Connection) -> None:
    """Who subscribed again in a form is an active contact whose marker is still there."""
    sandbox = connection.sandbox
    sandbox.account.add_contact("a@example.com", permission=DOUBLE_OPT_IN)
    marker = "/contacts/email/a%40example.com/unsubscription"
    with Client(sandbox.base_url, sandbox.api_key) as client:
        assert client.call("PUT", marker).status_code == 201
        for turn in ("1", "2"):
            run = connection.sync([*people("a", first_name=turn), stream_state(1)])
            assert run.additional("unsubscribed") == 1
        assert client.call("GET", marker).status_code == 200
        assert client.call("DELETE", marker).status_code == 200
    connection.sync([*people("a", first_name="3"), stream_state(1)])
    (known,) = sandbox.account.contacts()
    assert (known.standard_fields, known.permission) == ({"FIRSTNAME": "3"}, DOUBLE_OPT_IN)


def test_who_was_added_again_is_left_out_by_the_next_sync_without_reimport(
    connection: Connection,
) -> None:
    """Adding somebody again does not lift the marker."""
    account = connection.sandbox.account
    account.unsubscribe(account.add_contact("a@example.com"))
    connection.sync(
        [*people("a", first_name="1"), stream_state(1)], reimport_unsubscribed_contacts=True
    )
    run = connection.sync([*people("a", first_name="2"), stream_state(1)])
    assert run.additional("unsubscribed") == 1
    known = account.by_email("a@example.com")
    assert known
    assert known.standard_fields == {"FIRSTNAME": "1"}


@pytest.mark.parametrize(
    ("mode", "left_out", "created", "rejected"),
    [("email", 1, 1, 1), ("external_id", 1, 1, 1), ("maileon_id", 3, 0, 0)],
)
def test_who_has_unsubscribed_is_known_by_the_marked_address_and_by_the_maileon_id_alone(
    connection: Connection, mode: str, *, left_out: int, created: int, rejected: int
) -> None:
    """One comes with the same address, one with another, one with none."""
    account = connection.sandbox.account
    emails = {"a": "a@example.com", "b": "other@example.com", "c": None}
    data = []
    for name, email in emails.items():
        known = account.add_contact(f"{name}@example.com", external_id=name)
        account.unsubscribe(known)
        person = {"email": email, "external_id": name, "maileon_id": known.id}
        data.append({key: person[key] for key in ("email", mode)})
    run = connection.sync(
        [*map(record, data), stream_state(1)],
        stream(columns("external_id", "maileon_id")),
        identifier_mode=mode,
    )
    assert run.stats == [(3 - rejected, rejected)]
    assert run.additional("unsubscribed") == left_out
    assert run.additional("created") == created
    written = [known.email for known in account.contacts() if not known.unsubscribed]
    assert written == ["other@example.com"] * created


@pytest.mark.parametrize("reimports", [False, True])
def test_by_maileon_id_who_has_unsubscribed_is_known(
    connection: Connection, *, reimports: bool
) -> None:
    account = connection.sandbox.account
    known = account.add_contact("a@example.com", permission=DOUBLE_OPT_IN)
    account.unsubscribe(known)
    run = connection.sync(
        [record({"email": "a@example.com", "maileon_id": known.id}), stream_state(1)],
        stream(columns("maileon_id")),
        identifier_mode="maileon_id",
        reimport_unsubscribed_contacts=reimports,
    )
    assert run.additional("existing" if reimports else "unsubscribed") == 1
    (after,) = account.contacts()
    assert (after.id, after.unsubscribed) == (known.id, not reimports)
    assert after.email == ("a@example.com" if reimports else None)


@pytest.mark.parametrize("overrides", [False, True])
def test_a_record_may_name_its_permission_and_the_others_get_the_configured_one(
    connection: Connection, *, overrides: bool
) -> None:
    names = ["a", "b", "c", "d", "e"]
    for name in names:
        connection.sandbox.account.add_contact(f"old-{name}@example.com", permission=SINGLE_OPT_IN)
    consents = [None, "", 4, "double_opt_in_plus", "not_set"]
    # The same people again, the other way round: of each the later record counts.
    records = [
        record({"email": f"{age}-{name}@example.com", "consent": consent, "first_name": str(turn)})
        for turn, wanted in enumerate([reversed(consents), consents])
        for name, consent in zip(names, wanted, strict=True)
        for age in ("old", "new")
    ]
    run = connection.sync(
        [*records, stream_state(1)],
        stream(columns("consent", "first_name")),
        streams=mapping(("consent", "permission")),
        permission="confirmed_opt_in",
        override_permission=overrides,
    )
    assert (run.exit_code, run.stats) == (0, [(20, 0)])
    account = connection.sandbox.account
    contacts = {c.email: c for c in account.contacts()}
    assert {c.standard_fields["FIRSTNAME"] for c in contacts.values()} == {"1"}
    permissions = {email: int(contact.permission) for email, contact in contacts.items()}
    told = any("existing contacts kept the permission they had" in text for text in run.logs())
    assert told is not overrides
    # Without override, a new contact has what its first record named. Not_set replaces nothing.
    new = [3, 3, 4, 5, 3] if overrides else [NONE, 5, 4, 3, 3]
    old = [3, 3, 4, 5, 3] if overrides else [SINGLE_OPT_IN] * 5
    assert permissions == {
        **{f"old-{name}@example.com": one for name, one in zip(names, old, strict=True)},
        **{f"new-{name}@example.com": one for name, one in zip(names, new, strict=True)},
    }


def test_options_that_together_write_nobody_are_warned_of(connection: Connection) -> None:
    _fill(connection.sandbox.account)
    before = connection.sandbox.account.snapshot()
    records = [record({"email": email, "first_name": "Written"}) for email in ADDRESSES.values()]
    run = connection.sync([*records, stream_state(1)], sync_mode="ignore", update_only=True)
    assert (run.exit_code, run.stats) == (0, [(5, 0)])
    assert connection.sandbox.account.snapshot() == before
    (warning,) = run.logs("WARN")
    assert "nobody is written" in warning


@pytest.mark.parametrize("mode", ["external_id", "maileon_id"])
def test_a_contact_keeps_its_history_and_consent_when_its_address_changes(
    connection: Connection, mode: str
) -> None:
    account = connection.sandbox.account
    account.add_preference("News", "Weekly")
    before = account.add_contact(
        "old@example.com",
        external_id="x",
        permission=5,
        standard_fields={"FIRSTNAME": "Max"},
        preferences={("News", "Weekly"): ("true", "form")},
    )
    data = {"email": "new@example.com", mode: before.id if mode == "maileon_id" else "x"}
    run = connection.sync(
        [record(data), stream_state(1)],
        stream(columns(mode)),
        identifier_mode=mode,
        permission="none",
    )
    assert (run.exit_code, run.stats) == (0, [(1, 0)])
    (after,) = account.contacts()
    assert (after.id, after.email) == (before.id, "new@example.com")
    assert (after.permission, after.standard_fields) == (5, {"FIRSTNAME": "Max"})
    assert after.preferences == before.preferences

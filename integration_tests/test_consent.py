"""Every combination of the options that touch consent, and the README's table of them."""

from __future__ import annotations

import pytest

from integration_tests.connection import Connection, columns, mapping
from integration_tests.consent_cases import CASES, ConsentCase, Outcome
from integration_tests.platform import record, stream, stream_state
from maileon_sandbox.stored_contact import StoredContact

NONE, SINGLE_OPT_IN, DOUBLE_OPT_IN = 1, 2, 4
PEOPLE = ("new", "existing", "unsubscribed")
# Who is left out has no trace of the record; of everybody else the permission is told.
PERMISSIONS = {
    Outcome.CREATED_WITHOUT: NONE,
    Outcome.CREATED: DOUBLE_OPT_IN,
    Outcome.UPDATED: SINGLE_OPT_IN,
    Outcome.REPLACED: DOUBLE_OPT_IN,
    # An unsubscription took the permission away.
    Outcome.ADDED_AGAIN: NONE,
    Outcome.ADDED_AGAIN_WITH: DOUBLE_OPT_IN,
}


def _fill(connection: Connection) -> None:
    account = connection.sandbox.account
    account.add_contact("existing@example.com", permission=SINGLE_OPT_IN)
    account.add_contact("unsubscribed@example.com", permission=NONE, unsubscribed=True)


def _is_so(outcome: Outcome, contact: StoredContact | None) -> bool:
    if outcome is Outcome.LEFT_OUT:
        return contact is None
    if contact is None:
        return False
    if outcome is Outcome.STAYS_UNSUBSCRIBED:
        return contact.unsubscribed and not contact.standard_fields
    is_written = contact.standard_fields == {"FIRSTNAME": "Written"} and not contact.unsubscribed
    return is_written and contact.permission == PERMISSIONS[outcome]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_each_person_fares_as_the_readme_says(connection: Connection, case: ConsentCase) -> None:
    _fill(connection)
    people = [record({"email": f"{name}@example.com", "first_name": "Written"}) for name in PEOPLE]
    run = connection.sync(
        [*people, stream_state(1)],
        permission="double_opt_in" if case.has_permission else "not_set",
        override_permission=case.overrides,
        reimport_unsubscribed_contacts=case.reimports,
        update_only=case.updates_only,
    )
    assert (run.exit_code, run.stats) == (0, [(3, 0)])
    account = connection.sandbox.account
    for name in PEOPLE:
        outcome = getattr(case, name)
        contact = account.by_email(f"{name}@example.com")
        assert _is_so(outcome, contact), (name, outcome, contact)
    told = run.logs("WARN")
    assert len(told) == len(case.warnings)
    assert all(words in said for words, said in zip(case.warnings, told, strict=True))


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
    # Without override, a new contact has what its first record named. Not_set replaces nothing.
    new = [3, 3, 4, 5, 3] if overrides else [NONE, 5, 4, 3, 3]
    old = [3, 3, 4, 5, 3] if overrides else [SINGLE_OPT_IN] * 5
    assert permissions == {
        **{f"old-{name}@example.com": one for name, one in zip(names, old, strict=True)},
        **{f"new-{name}@example.com": one for name, one in zip(names, new, strict=True)},
    }


def test_options_that_together_write_nobody_are_warned_of(connection: Connection) -> None:
    _fill(connection)
    before = connection.sandbox.account.snapshot()
    people = [record({"email": f"{name}@example.com", "first_name": "Written"}) for name in PEOPLE]
    run = connection.sync([*people, stream_state(1)], sync_mode="ignore", update_only=True)
    assert (run.exit_code, run.stats) == (0, [(3, 0)])
    assert connection.sandbox.account.snapshot() == before
    (warning,) = run.logs("WARN")
    assert "nobody is written" in warning


@pytest.mark.parametrize("mode", ["external_id", "maileon_id"])
def test_a_contact_keeps_its_history_and_consent_when_its_address_changes(
    connection: Connection, mode: str
) -> None:
    account = connection.sandbox.account
    account.add_preference("News", "Weekly")
    for name, unsubscribed in (("still", False), ("quit", True)):
        account.add_contact(
            f"{name}.old@example.com",
            external_id=name,
            permission=5,
            standard_fields={"FIRSTNAME": "Max"},
            preferences={("News", "Weekly"): ("true", "form")},
            unsubscribed=unsubscribed,
        )
    ids = {contact.external_id: contact.id for contact in account.contacts()}
    data = [
        {"email": f"{name}.new@example.com", mode: ids[name] if mode == "maileon_id" else name}
        for name in ("still", "quit")
    ]
    run = connection.sync(
        [*map(record, data), stream_state(1)],
        stream(columns(mode)),
        identifier_mode=mode,
        permission="none",
    )
    assert (run.exit_code, run.stats) == (0, [(2, 0)])
    assert run.additional("existing") == run.additional("unsubscribed") == 1
    still, quit_ = account.contacts()
    assert (still.id, still.email) == (ids["still"], "still.new@example.com")
    assert (still.permission, still.standard_fields) == (5, {"FIRSTNAME": "Max"})
    assert still.preferences == {("News", "Weekly"): ("true", "form")}
    # A new address is no new consent.
    assert (quit_.email, quit_.unsubscribed) == ("quit.old@example.com", True)

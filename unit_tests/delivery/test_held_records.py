"""Contacts whose identifier another one has: they are tried in passes, and rejected after one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

import pytest

from destination_maileon.config.spec import DeletedRecords
from destination_maileon.delivery import accumulator as accumulating
from destination_maileon.delivery.held_records import FEW_CLAIMS, _contacts_with
from destination_maileon.delivery.request import Purpose, Request
from destination_maileon.delivery.response_handler import Answer
from destination_maileon.maileon.client import MaileonClient
from destination_maileon.maileon.contact import Contact, IdentifierMode
from destination_maileon.maileon.error_codes import DUPLICATE_EMAIL, DUPLICATE_EXTERNAL_ID
from destination_maileon.maileon.errors import FatalError, MaileonError, RetriableError
from destination_maileon.maileon.report import InvalidContact, SynchronizationReport
from destination_maileon.mapping.mapped_record import contact_keys
from destination_maileon.streams.catalog import PartitionKey
from unit_tests.support.builders import a_part, a_plan, options
from unit_tests.support.harness import FORBIDDEN, NO_CONNECTION, REFUSED, Harness
from unit_tests.support.rooms import PARTITION, a_partition_key, a_report, places, someone

BY_EXTERNAL_ID = a_partition_key(a_plan(options=options(IdentifierMode.EXTERNAL_ID)))


@dataclass
class Account:
    """Answers requests as an account would, by external id: an address belongs to one of them."""

    owners: dict[str, str] = field(default_factory=dict)
    is_reversed: bool = False

    def answer(self, request: Request) -> Answer:
        if request.job is not None:
            return request.job.send(cast("MaileonClient", self))
        return self.report(request)

    def find(self, mode: IdentifierMode, contact: Contact) -> list[Contact]:
        assert mode is IdentifierMode.EMAIL
        owner = self.owners.get(str(contact.email))
        return [Contact(contact.email, owner)] if owner else []

    def report(self, request: Request) -> SynchronizationReport:
        found = []
        entries = [entry.contact for entry in request.entries]
        for contact in reversed(entries) if self.is_reversed else entries:
            email, own = str(contact.email), str(contact.external_id)
            if self.owners.get(email, own) != own:
                found.append(InvalidContact(email, own, DUPLICATE_EMAIL, None))
                continue
            for address in [a for a, owner in self.owners.items() if owner == own]:
                del self.owners[address]
            self.owners[email] = own
        return a_report(len(entries), found)


def serve(harness: Harness, account: Account) -> int:
    """Until everything is settled; how many requests that took."""
    requests = 0
    harness.accumulator.flush()
    while harness.send() or harness.next_pass() or harness.in_flight:
        requests += 1
        request = harness.in_flight[0]
        harness.answer(request, account.answer(request))
    return requests


def moves(*contacts: tuple[str, str]) -> Harness:
    """Records of external ids with the addresses that they are to have."""
    harness = Harness(partition_key=BY_EXTERNAL_ID)
    for position, (own, email) in enumerate(contacts, start=1):
        harness.take(a_part(position, Contact(email, own)))
    return harness


# Who is written.


@pytest.mark.parametrize("is_reversed", [False, True])
@pytest.mark.parametrize("number", [1, 2, 9])
def test_a_chain_of_moved_addresses_is_resolved_in_few_passes(
    number: int, is_reversed: bool
) -> None:
    account = Account({f"{n}@b.de": f"x{n}" for n in range(number + 1)}, is_reversed=is_reversed)
    # Each one moves to the address of the next, and the last one to a free one.
    harness = moves(*((f"x{n}", f"{n + 1}@b.de") for n in range(number + 1)))
    requests = serve(harness, account)
    assert {*harness.outcomes.values()} == {"written"}
    # Every other pass sends the contacts in the other order, which resolves them all at once.
    assert requests <= number + 3


def test_two_that_swap_their_addresses_cannot_both_be_written() -> None:
    harness = moves(("x1", "2@b.de"), ("x2", "1@b.de"))
    serve(harness, Account({"1@b.de": "x1", "2@b.de": "x2"}))
    assert harness.outcomes == {1: "rejected", 2: "rejected"}


def test_whoever_has_a_newer_record_is_rejected_first_as_that_may_set_an_address_free() -> None:
    # x1 asks for a taken address, and then for a free one; its old one is for x2.
    harness = moves(("x1", "2@b.de"), ("x1", "3@b.de"), ("x2", "1@b.de"))
    serve(harness, Account({"1@b.de": "x1", "2@b.de": "x2"}))
    assert harness.outcomes == {1: "rejected", 2: "written", 3: "written"}


def test_every_other_pass_sends_the_contacts_in_the_other_order() -> None:
    harness = moves(*((f"x{n}", f"{n}@b.de") for n in (1, 2, 3)))
    harness.accumulator.flush()
    [request] = harness.send()
    orders = []
    for _ in range(3):
        refused = [
            InvalidContact(entry.contact.email, None, DUPLICATE_EMAIL, None)
            for entry in request.entries
        ]
        harness.answer(request, a_report(3, refused))
        # Somebody else is accepted, so that another pass may help.
        harness.success()
        [request] = harness.next_pass()
        orders.append([entry.position for entry in request.entries])
    assert orders == [[1, 2, 3], [3, 2, 1], [1, 2, 3]]


# Passes.


def refused(harness: Harness, request: Request, *names: object) -> None:
    found = [InvalidContact(f"{name}@example.com", None, DUPLICATE_EMAIL, None) for name in names]
    harness.answer(request, a_report(len(request.entries), found))


def test_a_pass_that_brings_an_acceptance_is_followed_by_another() -> None:
    harness = Harness()
    refused(harness, harness.request(*map(someone, (1, 2, 3))), 1, 2, 3)
    for names in ([1, 2], [1]):
        [request] = harness.next_pass()
        refused(harness, request, *names)
    [request] = harness.next_pass()
    assert places([request]) == [[[1]]]
    refused(harness, request, 1)
    assert harness.next_pass() == []
    assert harness.outcomes == {1: "rejected", 2: "written", 3: "written"}


def test_a_pass_without_an_acceptance_rejects_whom_it_tried_and_nobody_else() -> None:
    harness = Harness()
    refused(harness, harness.request(someone(1)), 1)
    [request] = harness.next_pass()
    # Refused while the pass is under way: it was not tried in it.
    other = harness.request(someone(2))
    refused(harness, other, 2)
    refused(harness, request, 1)
    [again] = harness.next_pass()
    assert (places([again]), harness.outcomes) == ([[[2]]], {1: "rejected"})
    assert not harness.handler.held.is_empty


def test_a_pass_waits_until_its_time_or_until_too_much_is_held(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    harness = Harness()
    held = harness.handler.held
    assert (held.is_empty, held.next_pass_at, held.is_due(1e9)) == (True, None, False)
    harness.now = 7.0
    refused(harness, harness.request(someone(1)), 1)
    harness.now = 50.0
    refused(harness, harness.request(someone(2)), 2)
    # The flush interval after the first of them was held.
    assert (held.next_pass_at, held.is_due(66.9), held.is_due(67.0)) == (67.0, False, True)
    monkeypatch.setattr(accumulating, "MAX_FOLLOWING_RECORDS", 2)
    assert held.is_due(50.0)


def test_what_holds_no_record_before_a_place_is_forgotten_when_the_sync_is_to_end() -> None:
    harness = Harness()
    refused(harness, harness.request(someone(1), someone(2)), 1, 2)
    harness.handler.held.drop(from_position=2)
    assert places(harness.next_pass()) == [[[1]]]


# An identifier that many share.


def claimants(
    number: int, contact: Callable[[int], Contact], partition_key: PartitionKey | None = None
) -> Harness:
    harness = Harness(partition_key=partition_key or BY_EXTERNAL_ID)
    for position in range(1, number + 1):
        harness.take(a_part(position, contact(position)))
    return harness


def test_an_address_that_many_share_costs_no_pass_for_each_of_them() -> None:
    harness = claimants(200, lambda n: Contact("none@b.de", f"x{n}"))
    assert serve(harness, Account()) < 8
    assert harness.outcomes == {1: "written"} | dict.fromkeys(range(2, 201), "rejected")
    assert harness.ledger.settled_twice == []
    assert harness.accumulator.following_records == 0


def test_an_external_id_that_many_share_costs_no_pass_for_each_of_them() -> None:
    harness = claimants(50, lambda n: Contact(f"{n}@b.de", "none"), PARTITION)
    requests = 0
    harness.accumulator.flush()
    while harness.send() or harness.next_pass():
        requests += 1
        request = harness.in_flight[0]
        emails = [entry.contact.email for entry in request.entries]
        found = [
            InvalidContact(email, "none", DUPLICATE_EXTERNAL_ID, None)
            for email in emails
            if email != "1@b.de"
        ]
        harness.answer(request, a_report(len(emails), found))
    assert requests < 8
    assert {*harness.outcomes.values()} == {"written", "rejected"}
    assert [*harness.outcomes.values()].count("written") == 1


def test_while_the_owner_of_an_address_is_not_known_each_one_gets_its_turn() -> None:
    harness = claimants(3, lambda n: Contact("none@b.de", f"x{n}"))
    # Nobody is asked for few claims: the last of them has it already.
    account = Account({"none@b.de": "x3"})
    serve(harness, account)
    assert harness.outcomes == {1: "rejected", 2: "rejected", 3: "written"}


def test_an_address_that_many_claim_and_somebody_outside_the_sync_has_costs_one_question() -> None:
    harness = claimants(200, lambda n: Contact("none@b.de", f"x{n}"))
    account = Account({"none@b.de": "other"})
    assert serve(harness, account) < 8
    assert harness.outcomes == dict.fromkeys(range(1, 201), "rejected")
    assert harness.ledger.settled_twice == []


def asked_for_owner() -> tuple[Harness, Request]:
    """Somebody who is not in the sync has an address that a few more than few claim."""
    harness = claimants(FEW_CLAIMS + 2, lambda n: Contact("none@b.de", f"x{n}"))
    harness.accumulator.flush()
    account = Account({"none@b.de": "other"})
    while (request := harness.in_flight[0] if harness.in_flight else None) is None or (
        request.purpose is not Purpose.ASK
    ):
        if request is not None:
            harness.answer(request, account.answer(request))
        assert harness.send() or harness.next_pass()
    return harness, request


@pytest.mark.parametrize("answer", [REFUSED, FORBIDDEN, [], [Contact("a@b.de"), Contact("c@b.de")]])
def test_a_question_that_is_not_answered_costs_passes_and_not_the_sync(answer: Answer) -> None:
    harness, question = asked_for_owner()
    harness.answer(question, answer)
    account = Account({"none@b.de": "other"})
    while harness.send() or harness.next_pass():
        assert harness.in_flight[0].purpose is Purpose.WRITE
        harness.answer(harness.in_flight[0], account.answer(harness.in_flight[0]))
    assert harness.outcomes == dict.fromkeys(range(1, FEW_CLAIMS + 3), "rejected")


@pytest.mark.parametrize("failure", [NO_CONNECTION, FatalError("no such page")])
def test_a_question_that_fails_is_given_up_and_the_sync_goes_on(failure: MaileonError) -> None:
    harness, question = asked_for_owner()
    for _ in range(2 * isinstance(failure, RetriableError)):
        assert harness.answer(question, failure) is not None
        harness.now += 30.0
        assert harness.send() == [question]
    assert harness.answer(question, failure) is None
    serve(harness, Account({"none@b.de": "other"}))
    assert harness.outcomes == dict.fromkeys(range(1, FEW_CLAIMS + 3), "rejected")


def test_an_identifier_that_many_claim_is_asked_for_as_what_it_is() -> None:
    asked: list[tuple[IdentifierMode, Contact]] = []

    class Client:
        def find(self, mode: IdentifierMode, contact: Contact) -> list[Contact]:
            asked.append((mode, contact))
            return []

    for key in contact_keys(Contact("a@b.c", "7")):
        assert _contacts_with(key, cast("MaileonClient", Client())) == []
    assert asked == [
        (IdentifierMode.EMAIL, Contact("a@b.c")),
        (IdentifierMode.EXTERNAL_ID, Contact(external_id="7")),
    ]


def test_a_claim_of_the_owner_itself_is_not_rejected_with_the_others() -> None:
    harness = moves(("x1", "none@b.de"), ("x2", "none@b.de"), ("x3", "none@b.de"))
    harness.take(a_part(4, Contact("1@b.de", "x1")), a_part(5, Contact("none@b.de", "x5")))
    serve(harness, Account())
    # The owner moves away at last: whoever is first then gets the address.
    assert harness.outcomes[1] == harness.outcomes[4] == "written"
    assert [*harness.outcomes.values()].count("written") == 3
    assert harness.unsettled() == []


@pytest.mark.parametrize(
    ("mode", "contacts"),
    [
        # It may be the owner, of whom the sync has seen no Maileon id.
        ("maileon_id", [("a@b.de", "", ""), ("a@b.de", "", "6"), ("a@b.de", "", "7")]),
        # Maileon may take addresses that look alike for two.
        ("external_id", [("Á@b.de", "x1", ""), ("Á@b.de", "x2", ""), ("á@b.de", "x3", "")]),
        ("external_id", [("á@b.de", "x1", ""), ("á@b.de", "x2", ""), ("Á@b.de", "x3", "")]),
    ],
)
def test_whoever_may_have_the_address_is_not_rejected_with_others_who_claim_it(
    mode: str, contacts: list[tuple[str, str, str]]
) -> None:
    plan = a_plan(options=options(IdentifierMode(mode)))
    harness = Harness(partition_key=a_partition_key(plan))
    for position, contact in enumerate(contacts, start=1):
        harness.take(a_part(position, Contact(*contact)))
    harness.accumulator.flush()
    while harness.send() or harness.next_pass():
        [request] = harness.in_flight
        found = [
            InvalidContact(entry.contact.email, entry.contact.external_id, DUPLICATE_EMAIL, None)
            for entry in request.entries
            if entry.position == 2
        ]
        harness.answer(request, a_report(len(request.entries), found))
    assert harness.outcomes == {1: "written", 2: "rejected", 3: "written"}


def test_whoever_is_to_be_removed_is_not_rejected_for_an_address_that_others_claim() -> None:
    harness = moves(("x1", "none@b.de"), ("x2", "none@b.de"))
    harness.remove(a_part(3, Contact("none@b.de", "x3")), DeletedRecords.UNSUBSCRIBE)
    harness.accumulator.flush()
    account = Account()
    while harness.send() or harness.next_pass():
        request = harness.in_flight[0]
        harness.answer(request, True if request.contact_removal else account.answer(request))
    assert harness.outcomes == {1: "written", 2: "rejected", 3: "written"}


def test_whoever_waits_for_an_opt_out_is_not_rejected_for_an_address_that_others_claim() -> None:
    harness = moves(("x1", "none@b.de"), ("x2", "none@b.de"), ("x3", "taken@b.de"))
    # The opt-out follows the third by the address, and the last one follows it by the external id.
    opt_out = a_part(4, Contact("taken@b.de", "x5"))
    harness.remove(opt_out, DeletedRecords.UNSUBSCRIBE)
    harness.take(a_part(5, Contact("none@b.de", "x5")))
    harness.accumulator.flush()
    account = Account({"taken@b.de": "other"})
    while harness.send() or harness.next_pass():
        request = harness.in_flight[0]
        if request.contact_removal is not None:
            assert 5 not in harness.outcomes
            del account.owners["none@b.de"]
        harness.answer(request, True if request.contact_removal else account.answer(request))
    assert harness.outcomes == {
        1: "written",
        2: "rejected",
        3: "rejected",
        4: "written",
        5: "written",
    }

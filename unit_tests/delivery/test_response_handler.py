"""A request's life: it leaves, is answered, and each of its records comes to its end once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from destination_maileon.config.spec import DeletedRecords
from destination_maileon.delivery.request import Request
from destination_maileon.delivery.response_handler import Answer
from destination_maileon.delivery.service_state import MAX_REFUSED_REQUESTS
from destination_maileon.errors import ConfigError, StopSync, TransientError
from destination_maileon.maileon.contact import Contact, FieldType
from destination_maileon.maileon.errors import FatalError, MaileonError, RequestRejected
from destination_maileon.maileon.report import InvalidContact, SynchronizationReport
from unit_tests.support.builders import a_contact, a_part
from unit_tests.support.harness import (
    BROKEN,
    FORBIDDEN,
    NO_CONNECTION,
    REFUSED,
    STRICT,
    THROTTLED,
    TIMEOUT,
    Harness,
)
from unit_tests.support.ledgers import PLAN
from unit_tests.support.rooms import a_report, a_request, invalid, places, someone

# Whatever is answered.

EMAILS = [f"{name}@example.com" for name in "abc"]
contacts = st.builds(
    Contact,
    st.none() | st.sampled_from(EMAILS),
    st.none() | st.sampled_from(["x", "y"]),
).filter(lambda contact: contact.email or contact.external_id)
small = st.integers(0, 6)
reports = st.builds(
    SynchronizationReport,
    contacts=small,
    new=small,
    existing=small,
    invalid=small,
    unsubscribed=small,
    invalid_contacts=st.lists(
        st.builds(
            InvalidContact,
            st.none() | st.sampled_from(EMAILS),
            st.none() | st.sampled_from(["x", "y"]),
            st.sampled_from([None, 2, 4, 5, 8, 21, 25, 999]),
            st.none(),
        ),
        max_size=4,
    ).map(tuple),
)
good_reports = reports.map(lambda report: replace(report, invalid=0, invalid_contacts=()))
failures = st.sampled_from([TIMEOUT, NO_CONNECTION, THROTTLED, BROKEN, REFUSED, FORBIDDEN])
owners = st.lists(contacts, max_size=2)
answers = st.tuples(
    failures | reports | good_reports, failures | st.booleans(), st.just(REFUSED) | owners
)
"""Of a request with contacts, of a removal, and of a question who has an identifier."""


@given(
    arrived=st.lists(st.tuples(contacts, st.booleans()), min_size=1, max_size=12),
    answered=st.lists(answers, max_size=30),
)
def test_every_record_is_settled_once_or_held_or_in_one_request(
    arrived: list[tuple[Contact, bool]], answered: list[tuple[Answer, Answer, Answer]]
) -> None:
    harness = Harness()
    harness.success()
    harness.removal(someone(100))
    harness.answer(harness.in_flight[0], answer=True)
    before = {*harness.outcomes}
    for position, (contact, is_removed) in enumerate(arrived, start=1):
        part = a_part(position, contact)
        if is_removed:
            harness.remove(part, DeletedRecords.UNSUBSCRIBE)
        else:
            harness.take(part)
    everyone = [*range(1, len(arrived) + 1)]

    def each_is_in_one_place() -> bool:
        settled = [position for position in harness.outcomes if position not in before]
        return sorted([*settled, *harness.unsettled()]) == everyone

    for answer in answered:
        if not (harness.in_flight or harness.send() or harness.next_pass()):
            # All that is left fails, and waits for its time.
            harness.now += 1.0
            continue
        request = harness.in_flight[0]
        kind = 2 if request.job else int(request.contact_removal is not None)
        harness.answer(request, answer[kind])
        assert each_is_in_one_place()
    harness.now += 40.0
    harness.accept_all()
    harness.handler.refusals.close()
    assert (sorted({*harness.outcomes} - before), harness.unsettled()) == (everyone, [])
    assert harness.ledger.settled_twice == []


# A report.


def test_contacts_that_are_accepted_are_written_and_the_request_is_settled() -> None:
    harness = Harness()
    harness.answer(
        harness.request(someone(1), [someone(2), someone(3, 2)]), a_report(2, existing=1)
    )
    assert harness.outcomes == dict.fromkeys((1, 2, 3), "written")
    counts = harness.ledger.counts[PLAN]
    assert (counts.created, counts.existing, counts.merged, counts.calls) == (1, 1, 1, 1)
    assert harness.scheduler.is_idle


def test_a_record_that_is_rejected_takes_nobody_with_it() -> None:
    harness = Harness()
    request = harness.request(someone(1), someone(2))
    harness.take(someone(3, 2))
    harness.answer(request, a_report(2, [invalid("2@example.com", 2)]))
    assert harness.outcomes == {1: "written", 2: "rejected"}
    # Whoever follows a rejected contact goes on.
    harness.accept_all()
    assert harness.outcomes[3] == "written"


def test_a_merged_contact_that_is_rejected_is_split_into_its_records_in_order() -> None:
    harness = Harness()
    request = harness.request([someone(position, 1) for position in (1, 2, 3)])
    refused = a_report(1, [invalid("1@example.com")])
    assert harness.answered(request, refused) == [[[1]]]
    harness.take(someone(4, 1))
    assert harness.answered(harness.in_flight[0], refused) == [[[2, 3]]]
    harness.accept_all()
    assert harness.outcomes == {1: "rejected", 2: "written", 3: "written", 4: "written"}


@pytest.mark.parametrize("code", [4, 5])
def test_a_duplicate_is_held_until_everything_else_is_settled(code: int) -> None:
    harness = Harness()
    request = harness.request(someone(1), someone(2))
    other = harness.request(someone(3))
    assert harness.answered(request, a_report(2, [invalid("2@example.com", code)])) == []
    assert harness.next_pass() == []
    harness.answer(other, a_report(1))
    [again] = harness.next_pass()
    assert (places([again]), again.is_already_counted) == ([[[2]]], False)
    harness.answer(again, a_report(1))
    assert harness.outcomes == dict.fromkeys((1, 2, 3), "written")


def test_a_duplicate_is_rejected_after_a_pass_without_an_acceptance() -> None:
    harness = Harness()
    refused = a_report(1, [invalid("1@example.com", 5)])
    harness.answer(harness.request(someone(1)), refused)
    [again] = harness.next_pass()
    harness.answer(again, refused)
    assert harness.outcomes == {}
    assert harness.next_pass() == []
    assert harness.outcomes == {1: "rejected"}
    assert harness.handler.held.is_empty


def test_a_duplicate_is_held_with_the_records_that_were_to_follow_it() -> None:
    harness = Harness()
    request = harness.request([someone(position, 1) for position in (1, 2, 3)])
    harness.answered(request, a_report(1, [invalid("1@example.com", 8)]))
    harness.answer(harness.in_flight[0], a_report(1, [invalid("1@example.com", 4)]))
    assert places(harness.next_pass()) == [[[1, 2, 3]]]


def test_who_is_not_named_is_found_by_halves_and_nobody_is_counted_twice() -> None:
    harness = Harness()
    harness.answer(harness.request(*map(someone, (1, 2, 3, 4))), a_report(4, invalid=1))
    assert harness.outcomes == {}
    halves = harness.send()
    assert places(halves) == [[[1], [2]], [[3], [4]]]
    harness.answer(halves[0], a_report(2, existing=2))
    harness.answer(halves[1], a_report(2, existing=1, invalid=1))
    for request, report in zip(
        harness.send(), (a_report(1, invalid=1), a_report(1, existing=1)), strict=True
    ):
        harness.answer(request, report)
    assert harness.outcomes == {1: "written", 2: "written", 3: "rejected", 4: "written"}
    counts = harness.ledger.counts[PLAN]
    assert (counts.created, counts.existing) == (3, 0)


def test_one_of_two_who_is_not_named_is_asked_for_again_alone() -> None:
    harness = Harness()
    report = a_report(2, [invalid("1@example.com")], invalid=2)
    assert harness.answered(harness.request(someone(1), someone(2)), report) == [[[2]]]
    harness.answer(harness.in_flight[0], a_report(1, invalid=1))
    assert harness.outcomes == {1: "rejected", 2: "rejected"}


def test_a_report_that_counts_other_contacts_is_told_once() -> None:
    harness = Harness()
    for position in (1, 2):
        harness.answer(harness.request(someone(position)), a_report(5, new=0, invalid=0))
    [warning] = harness.heard.warnings
    assert "counts other contacts than the 1 that were sent" in warning
    assert harness.ledger.counts[PLAN].left_out.total() == 2


def test_what_the_account_took_is_settled_before_a_rejection_ends_the_sync() -> None:
    harness = Harness(config={"max_rejected_records": 0})
    request = harness.request(*map(someone, (1, 2, 3)))
    harness.answer(request, a_report(3, [invalid("1@example.com"), invalid("2@example.com")]))
    assert harness.outcomes == {1: "rejected", 2: "rejected", 3: "written"}
    with pytest.raises(StopSync, match="max_rejected_records"):
        harness.ledger.raise_stop_reason()


# A custom field that the account has lost.

LOST = a_report(1, [invalid("ada@example.com", 21, "HAT")])


def with_fields(harness: Harness, position: int, **custom: str) -> Request:
    return harness.request(a_part(position, a_contact(custom=custom)))


def test_a_field_that_is_gone_is_left_out_of_the_contact_and_of_each_record() -> None:
    harness = Harness()
    del harness.api.fields["HAT"]
    records = [{"HAT": "red", "AGE": "7"}, {"HAT": "blue"}]
    parts = [a_part(n, a_contact(custom=fields)) for n, fields in enumerate(records, start=1)]
    assert harness.answered(harness.request(parts), LOST) == [[[1, 2]]]
    [entry] = harness.in_flight[0].entries
    fields = [part.contact.custom_fields for part in entry.parts]
    assert [entry.contact.custom_fields, *fields] == [{"AGE": "7"}, {"AGE": "7"}, {}]


def test_a_field_that_is_still_there_is_no_excuse() -> None:
    harness = Harness()
    harness.answer(with_fields(harness, 1, HAT="red"), LOST)
    assert (harness.outcomes, harness.lost_fields) == ({1: "rejected"}, {})
    assert len(harness.heard.warnings) == 1


def test_the_account_is_asked_once_and_the_records_of_each_lost_field_are_counted() -> None:
    harness = Harness()
    harness.api.fields = {"OTHER": FieldType.STRING}
    for position, fields in enumerate([{"HAT": "red"}, {"HAT": "red", "AGE": "7"}], start=1):
        harness.answer(with_fields(harness, position, **fields), LOST)
        harness.accept_all()
    assert harness.api.calls == ["custom_fields"] * 2
    assert harness.lost_fields == {"HAT": 2, "AGE": 1}


# Where no contact may be invalid.


def a_strict_harness() -> Harness:
    return Harness(partition_key=STRICT, config={"ignore_invalid_contacts": False})


def ends_strictly(harness: Harness, report: SynchronizationReport) -> StopSync:
    """What the sync ends with, when everything is answered with this report."""
    with pytest.raises(StopSync, match="ignore_invalid_contacts") as error:  # noqa: PT012 - one of these
        while True:
            harness.send()
            request = harness.in_flight[0]
            is_well = not {"1@example.com"} & {e.contact.email for e in request.entries}
            harness.answer(request, a_report(len(request.entries)) if is_well else report)
            harness.ledger.raise_stop_reason()
    return error.value


@pytest.mark.parametrize("invalid_contacts", [[invalid("1@example.com")], []])
def test_of_a_request_with_an_invalid_contact_nothing_is_counted(
    invalid_contacts: list[InvalidContact],
) -> None:
    harness = a_strict_harness()
    request = harness.request(someone(1), someone(2))
    stop = ends_strictly(harness, a_report(1, invalid_contacts, invalid=1))
    assert stop.position == 1
    assert (harness.outcomes, harness.ledger.counts[STRICT.plan].written) == ({1: "rejected"}, 0)
    assert request.position == 1


def test_what_comes_before_the_bad_contact_is_written_first() -> None:
    harness = a_strict_harness()
    harness.request(someone(1, 7), someone(2, 8), someone(3, 1), someone(4, 9))
    report = a_report(4, [invalid("1@example.com")])
    assert ends_strictly(harness, report).position == 3
    assert harness.outcomes == {1: "written", 2: "written", 3: "rejected"}


def test_of_a_contact_of_several_records_the_one_to_blame_is_found() -> None:
    harness = a_strict_harness()
    request = harness.request([someone(position, 1) for position in (1, 2, 3)])
    refused = a_report(1, [invalid("1@example.com")])
    assert harness.answered(request, refused) == [[[1]]]
    assert harness.answered(harness.in_flight[0], a_report(1)) == [[[2, 3]]]
    assert harness.answered(harness.in_flight[0], refused) == [[[2]]]
    harness.answer(harness.in_flight[0], refused)
    with pytest.raises(StopSync, match=" of stream contacts was rejected") as error:
        harness.ledger.raise_stop_reason()
    assert (error.value.position, harness.outcomes) == (2, {1: "written", 2: "rejected"})


def test_a_refused_request_is_searched_in_order_for_the_record_to_blame() -> None:
    harness = a_strict_harness()
    assert harness.answered(harness.request(someone(1), someone(2)), REFUSED) == [[[1]]]
    assert harness.answered(harness.in_flight[0], a_report(1)) == [[[2]]]
    harness.answer(harness.in_flight[0], REFUSED)
    with pytest.raises(StopSync, match=r"HTTP 400.*set it to true") as error:
        harness.ledger.raise_stop_reason()
    assert (error.value.position, harness.outcomes) == (2, {1: "written", 2: "rejected"})


def test_a_request_refused_before_older_ones_are_settled_waits_for_them() -> None:
    harness = a_strict_harness()
    older, newer = harness.request(someone(1)), harness.request(someone(2))
    assert harness.answered(newer, REFUSED) == []
    assert harness.answered(older, a_report(1)) == [[[2]]]
    harness.answer(harness.in_flight[0], REFUSED)
    assert harness.outcomes == {1: "written", 2: "rejected"}


# A refusal of the whole request.


@pytest.mark.parametrize("status", [400, 413])
def test_a_request_that_is_refused_is_halved_until_the_cause_stands_alone(status: int) -> None:
    harness = Harness()
    refusal = RequestRejected("Refused.", status=status, server_message="2@example.com is wrong")
    harness.answer(harness.request(*map(someone, (1, 2, 3))), refusal)
    one, other = harness.send()
    assert places([one, other]) == [[[1], [2]], [[3]]]
    # Until a request is accepted, it may be the options: one search at a time.
    assert harness.answered(one, refusal) == []
    assert harness.answered(other, refusal) == [[[1]]]
    assert harness.answered(harness.in_flight[0], refusal) == [[[2]]]
    assert harness.outcomes == {}
    harness.answer(harness.in_flight[0], a_report(1))
    assert harness.outcomes == {1: "rejected", 2: "written", 3: "rejected"}
    line = harness.heard.warnings[0]
    assert f"HTTP {status}" in line
    assert 'Maileon says: "*** is wrong".' in line


def test_a_request_that_is_only_halved_is_not_searched_for_what_must_not_be_shown() -> None:
    harness = Harness()
    # Nobody can read these contacts back.
    requests = harness.request(*(someone(at, payload=b"\xff") for at in (1, 2)))
    harness.answered(requests, REFUSED)
    harness.answer(harness.in_flight[0], REFUSED)
    with pytest.raises(UnicodeDecodeError):
        harness.success()


def test_refusals_to_the_end_are_the_fault_of_the_options() -> None:
    harness = Harness()
    harness.answer(harness.request(someone(1)), REFUSED)
    with pytest.raises(ConfigError, match="accepted none"):
        harness.handler.refusals.close()


@pytest.mark.parametrize(
    "answer", [FatalError("The key is wrong."), FORBIDDEN, RequestRejected("No.", status=405)]
)
def test_what_no_request_can_mend_ends_the_sync(answer: MaileonError) -> None:
    harness = Harness()
    with pytest.raises(ConfigError):
        harness.answer(harness.request(someone(1), someone(2)), answer)
    assert harness.outcomes == {}


def test_a_right_that_was_there_has_not_gone_away() -> None:
    harness = Harness()
    harness.success()
    assert harness.answered(harness.request(someone(1), someone(2)), FORBIDDEN) == [[[1]], [[2]]]
    harness.answer(harness.in_flight[0], FORBIDDEN)
    assert harness.outcomes[1] == "rejected"
    # That contacts may be written says nothing of the right to remove.
    harness.answer(harness.in_flight[0], a_report(1))
    with pytest.raises(ConfigError, match="may not do that"):
        harness.answer(harness.removal(someone(3)), FORBIDDEN)


@pytest.mark.parametrize("is_accepted", [True, False])
def test_a_right_is_missing_only_if_nothing_in_flight_shows_that_it_is_there(
    is_accepted: bool,
) -> None:
    harness = Harness()
    first, second = harness.request(someone(1)), harness.request(someone(2))
    assert harness.answer(first, FORBIDDEN) is None
    harness.scheduler.submit(a_request(someone(3)))
    # Nothing more is sent until it is known.
    assert harness.send() == []
    harness.answer(second, a_report(1) if is_accepted else NO_CONNECTION)
    assert first in harness.send()
    if is_accepted:
        harness.answer(first, FORBIDDEN)
        assert harness.outcomes == {1: "rejected", 2: "written"}
    else:
        with pytest.raises(ConfigError, match="may not do that"):  # noqa: PT012 - one of a few
            for _ in range(6):
                harness.send()
                harness.answer(harness.in_flight[0], FORBIDDEN)


def test_however_many_are_forbidden_one_that_is_accepted_shows_that_the_right_is_there() -> None:
    harness = Harness()
    requests = [harness.request(someone(n)) for n in (1, 2, 3, 4)]
    for request in requests[:3]:
        harness.answer(request, FORBIDDEN)
    harness.answer(requests[3], a_report(1))
    while harness.send() or harness.in_flight:
        harness.answer(harness.in_flight[0], FORBIDDEN)
    assert harness.outcomes == {1: "rejected", 2: "rejected", 3: "rejected", 4: "written"}


def test_a_removal_in_flight_shows_nothing_of_the_right_to_write() -> None:
    harness = Harness()
    request = harness.request(someone(1))
    harness.removal(someone(2))
    with pytest.raises(ConfigError, match="may not do that"):
        harness.answer(request, FORBIDDEN)


# A removal.


@pytest.mark.parametrize("was_there", [True, False])
def test_whoever_is_gone_already_is_no_error(was_there: bool) -> None:
    harness = Harness()
    harness.answer(harness.removal(someone(1)), was_there)
    counts = harness.ledger.counts[PLAN]
    assert (counts.deleted, counts.gone, harness.outcomes) == (1, not was_there, {1: "written"})
    assert harness.scheduler.is_idle


@pytest.mark.parametrize("status", [400, 409])
def test_a_removal_that_is_refused_is_the_persons_fault_once_another_was_accepted(
    status: int,
) -> None:
    harness = Harness()
    harness.answer(harness.removal(someone(1)), RequestRejected("No.", status=status))
    assert harness.outcomes == {}
    harness.answer(harness.removal(someone(2)), answer=True)
    assert harness.outcomes == {1: "rejected", 2: "written"}
    harness.handler.refusals.close()


def test_if_nobody_can_be_removed_the_sync_fails() -> None:
    harness = Harness()
    harness.answer(harness.removal(someone(1)), REFUSED)
    with pytest.raises(ConfigError, match="refused all deletions and unsubscriptions"):
        harness.handler.refusals.close()
    with pytest.raises(ConfigError, match="HTTP 405"):
        harness.answer(harness.removal(someone(2)), RequestRejected("No.", status=405))


def test_forty_refused_removals_are_all_rejected_once_contacts_are_accepted() -> None:
    harness = Harness()
    for position in range(1, MAX_REFUSED_REQUESTS):
        harness.answer(harness.removal(someone(position)), REFUSED)
    last = harness.removal(someone(MAX_REFUSED_REQUESTS))
    with pytest.raises(StopSync, match="all 40 deletions and unsubscriptions"):
        harness.answer(last, REFUSED)
    assert harness.ledger.rejected_records == 0
    harness.success()
    assert harness.ledger.rejected_records == MAX_REFUSED_REQUESTS


def test_records_before_and_after_a_removal_keep_their_order() -> None:
    harness = Harness()
    harness.take(someone(1, "ada"))
    harness.remove(someone(2, "ada"))
    harness.take(someone(3, "ada"))
    left = []
    while requests := harness.send() or harness.next_pass():
        left += places(requests)
        for request in requests:
            harness.answer(request, True if request.contact_removal else a_report(1))
    assert left == [[[1]], [[2]], [[3]]]


# A failure that may pass.


def fails(harness: Harness, request: Request, failure: MaileonError, seconds: float) -> None:
    """The request, which is in flight, fails, and leaves again after a while."""
    harness.answer(request, failure)
    harness.now += seconds
    harness.send()


def test_a_request_that_may_succeed_later_is_tried_again_after_a_wait() -> None:
    harness = Harness()
    request = harness.request(someone(1))
    for wait in (1.0, 2.0, 4.0):
        assert harness.answer(request, NO_CONNECTION) == wait
        assert harness.send() == []
        harness.now += wait
        assert harness.send() == [request]
    assert harness.answer(request, a_report(1)) is None
    assert harness.outcomes == {1: "written"}
    assert harness.ledger.counts[PLAN].calls == 4


def test_the_service_may_ask_for_fewer_calls_and_for_time() -> None:
    harness = Harness()
    assert harness.answer(harness.request(someone(1)), THROTTLED) == 9.0
    assert harness.pace.limit == 2
    harness.answer(harness.request(someone(2)), TIMEOUT)
    assert harness.pace.limit == 1


@pytest.mark.parametrize(
    ("before", "cause"),
    [
        (lambda _: None, "No other call succeeded meanwhile, so the cause need not be this"),
        (Harness.success, "Other calls succeeded meanwhile, so the cause is likely to be this"),
    ],
)
def test_a_request_that_was_tried_long_enough_ends_the_sync_and_names_no_one(
    before: Callable[[Harness], None], cause: str
) -> None:
    harness = Harness()
    request = harness.request(someone(1, "ada"))
    before(harness)
    fails(harness, request, NO_CONNECTION, 100.0)
    with pytest.raises(TransientError) as caught:
        harness.answer(request, NO_CONNECTION)
    said = str(caught.value)
    assert said.startswith("The call for record 1 of stream contacts (")
    assert "failed 2 times in 100 seconds, the last time with: The connection broke." in said
    assert cause in said
    assert "ada@example" not in said
    assert 1 not in harness.outcomes


def test_a_request_of_several_contacts_that_fails_to_the_end_is_told_by_their_number() -> None:
    harness = Harness()
    request = harness.request(someone(1), someone(2))
    fails(harness, request, NO_CONNECTION, 100.0)
    with pytest.raises(TransientError, match="A call of stream contacts with 2 contacts"):
        harness.answer(request, NO_CONNECTION)


def test_a_request_that_is_too_much_while_others_succeed_is_halved_the_fifth_time() -> None:
    harness = Harness()
    request = harness.request(someone(1), someone(2))
    harness.success()
    for _ in range(5):
        assert harness.in_flight == [request]
        fails(harness, request, BROKEN, 16.0)
    assert places(harness.in_flight) == [[[1]], [[2]]]


def test_the_size_that_the_service_bears_is_learned_for_what_waits_and_what_comes() -> None:
    harness = Harness()
    whole = harness.request(*map(someone, range(1, 5)))
    harness.success()
    for _ in range(5):
        fails(harness, whole, TIMEOUT, 16.0)
    assert harness.answered(harness.in_flight[0], a_report(2)) == [[[3], [4]]]
    # While the last piece is under way, another request waits.
    harness.take(*map(someone, range(5, 9)))
    harness.accumulator.flush()
    harness.answer(harness.in_flight[0], a_report(2))
    assert harness.batch.contacts == 2
    assert places(harness.send()) == [[[5], [6]], [[7], [8]]]
    harness.accept_all()
    assert [*map(harness.outcomes.get, range(1, 9))] == ["written"] * 8
    [told] = [said for _, said in harness.heard.said if "in time" in said]
    assert "takes calls with 2 contacts" in told


def test_what_waits_for_older_ones_does_so_in_smaller_requests_too() -> None:
    harness = a_strict_harness()
    whole = harness.request(*map(someone, range(1, 5)))
    harness.success()
    newer = harness.request(*map(someone, range(5, 8)))
    taken = a_report(3, [invalid("5@example.com", code=4)], invalid=1)
    assert harness.answered(newer, taken) == []
    for _ in range(5):
        fails(harness, whole, TIMEOUT, 16.0)
    assert harness.answered(harness.in_flight[0], a_report(2)) == [[[3], [4]]]
    assert harness.answered(harness.in_flight[0], a_report(2)) == [[[5], [6]]]
    assert harness.answered(harness.in_flight[0], a_report(2)) == [[[7]]]

"""What follows from the answer to a call: settled, or sent apart; nothing is lost."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from destination_maileon.accounting.rejection_limits import RejectionLimits
from destination_maileon.delivery.response_handler import Answer
from destination_maileon.errors import StopSync
from destination_maileon.maileon.report import InvalidContact, SynchronizationReport
from unit_tests.support.builders import a_contact, a_part
from unit_tests.support.harness import CUT, PLAN, REFUSED, THROTTLED, TIMEOUT, Desk, places
from unit_tests.support.rooms import (
    a_report,
    invalid,
    someone,
)

# Whatever is answered.

emails = st.none() | st.sampled_from([f"{n}@example.com" for n in range(1, 6)])
codes = st.sampled_from([None, 2, 4, 5, 8, 21, 25, 999])
small = st.integers(0, 6)
reports = st.builds(
    SynchronizationReport,
    contacts=small,
    new=small,
    existing=small,
    invalid=small,
    unsubscribed=small,
    invalid_contacts=st.lists(
        st.builds(InvalidContact, emails, st.none(), codes, st.none()), max_size=6
    ).map(tuple),
)
answers: st.SearchStrategy[Answer] = st.one_of(
    reports,
    st.sampled_from([TIMEOUT, CUT, THROTTLED, REFUSED]),
    reports.map(lambda report: replace(report, invalid=0, invalid_contacts=())),
)


@given(
    sizes=st.lists(st.integers(1, 3), min_size=1, max_size=5),
    answered=st.lists(answers, max_size=30),
)
def test_every_record_is_settled_once_or_in_one_of_the_calls_that_follow(
    sizes: list[int], answered: list[Answer]
) -> None:
    desk = Desk()
    records = [
        [someone(sum(sizes[:n]) + k + 1, n + 1) for k in range(size)]
        for n, size in enumerate(sizes)
    ]
    desk.success()
    desk.call(*records)
    everyone = [part.place for parts in records for part in parts]
    for answer in answered:
        if not desk.flying:
            break
        desk.answer(desk.flying[0], answer)
        desk.now += 1.0
        desk.next()
        waiting = [call for call in desk.dispatch._waiting if call not in desk.flying]
        duplicates = [call for *_, call in desk.dispatch._duplicates]
        open_places = [
            part.place
            for call in (*desk.flying, *waiting, *duplicates)
            for entry in call.entries
            for part in entry.parts
        ]
        settled = [place for place in desk.ledger.outcomes if place in everyone]
        assert sorted([*open_places, *settled]) == everyone
    assert desk.ledger.settled_twice == []


# Reports.


def test_contacts_that_are_accepted_are_written_and_the_call_is_settled() -> None:
    desk = Desk()
    desk.answer(desk.call(someone(1), [someone(2), someone(3, 2)]), a_report(2, existing=1))
    assert desk.ledger.outcomes == dict.fromkeys((1, 2, 3), "written")
    counts = desk.ledger.counts[PLAN]
    assert (counts.created, counts.existing, counts.merged, counts.calls) == (1, 1, 1, 1)
    assert desk.dispatch.is_idle


def test_a_record_that_is_rejected_takes_nobody_with_it() -> None:
    desk = Desk()
    desk.answer(desk.call(someone(1), someone(2)), a_report(2, [invalid("2@example.com", 2)]))
    assert desk.ledger.outcomes == {1: "written", 2: "rejected"}
    assert desk.dispatch.is_idle


def test_a_merged_contact_that_is_rejected_is_taken_apart_in_order() -> None:
    desk = Desk()
    call = desk.call([someone(place, 1) for place in (1, 2, 3)])
    refused = a_report(1, [invalid("1@example.com", 8)])
    desk.answer(call, refused)
    [first] = desk.next()
    assert places([first]) == [[[1]]]
    desk.answer(first, refused)
    [second] = desk.next()
    assert places([second]) == [[[2, 3]]]
    desk.answer(second, a_report(1))
    assert desk.ledger.outcomes == {1: "rejected", 2: "written", 3: "written"}


@pytest.mark.parametrize("code", [4, 5])
@pytest.mark.parametrize(("second", "outcome"), [(True, "rejected"), (False, "written")])
def test_a_duplicate_is_sent_once_more_alone_and_that_answer_counts(
    code: int, second: bool, outcome: str
) -> None:
    desk = Desk()
    refused = [invalid("2@example.com", code)]
    desk.answer(desk.call(someone(1), someone(2)), a_report(2, refused))
    assert desk.ledger.outcomes == {1: "written"}
    [again] = desk.next()
    assert (places([again]), again.when_oldest, again.is_recount) == ([[[2]]], True, False)
    desk.answer(again, a_report(1, refused if second else []))
    assert desk.ledger.outcomes[2] == outcome
    assert desk.dispatch.is_idle


def test_who_is_rejected_without_a_name_is_found_by_halves_and_nobody_is_counted_twice() -> None:
    desk = Desk()
    desk.answer(desk.call(*map(someone, (1, 2, 3, 4))), a_report(4, invalid=1))
    assert desk.ledger.outcomes == {}
    halves = desk.next()
    assert places(halves) == [[[1], [2]], [[3], [4]]]
    assert all(half.is_recount for half in halves)
    desk.answer(halves[0], a_report(2, existing=2))
    desk.answer(halves[1], a_report(2, existing=1, invalid=1))
    for call, report in zip(
        desk.next(), (a_report(1, invalid=1), a_report(1, existing=1)), strict=True
    ):
        desk.answer(call, report)
    assert desk.ledger.outcomes == {1: "written", 2: "written", 3: "rejected", 4: "written"}
    counts = desk.ledger.counts[PLAN]
    assert (counts.created, counts.existing) == (3, 0)


def test_a_field_that_vanished_is_left_out_and_the_contacts_are_sent_again_together() -> None:
    desk = Desk()
    hat = a_contact("2@example.com", custom={"HAT": "red", "AGE": "7"})
    call = desk.call(someone(1), a_part(2, hat), someone(3))
    desk.answer(call, a_report(3, [invalid("2@example.com", 21, "HAT")]))
    [again] = desk.next()
    assert places([again]) == [[[2]]]
    assert again.entries[0].contact.custom_fields == {"AGE": "7"}


def test_a_field_that_is_still_there_is_no_excuse() -> None:
    desk = Desk()
    age = a_contact("1@example.com", custom={"AGE": "7"})
    call = desk.call(a_part(1, age))
    desk.answer(call, a_report(1, [invalid("1@example.com", 21, "AGE")]))
    assert desk.ledger.outcomes == {1: "rejected"}


def test_a_report_that_counts_other_contacts_is_told_once() -> None:
    desk = Desk()
    for place in (1, 2):
        desk.answer(desk.call(someone(place)), a_report(5, new=0, invalid=0))
    assert len(desk.heard.warnings) == 1
    assert "counts other contacts than the 1 that were sent" in desk.heard.warnings[0]
    assert desk.ledger.counts[PLAN].left_out == 2


def test_what_the_account_took_is_settled_before_a_rejection_ends_the_sync() -> None:
    desk = Desk(limits=RejectionLimits(records=0))
    call = desk.call(someone(1), someone(2), someone(3))
    desk.answer(call, a_report(3, [invalid("1@example.com"), invalid("2@example.com")]))
    assert desk.ledger.outcomes == {1: "rejected", 2: "rejected", 3: "written"}
    with pytest.raises(StopSync, match="max_rejected_records"):
        desk.ledger.heed()

"""What follows from the answer to a call: settled, tried again, or sent apart; nothing is lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from destination_maileon.batching import Lane
from destination_maileon.call import Call
from destination_maileon.dispatch import Dispatch
from destination_maileon.maileon.contact import Contact, FieldType
from destination_maileon.maileon.errors import (
    CallRefused,
    KeyRefused,
    MaileonError,
    Trouble,
    TryAgain,
)
from destination_maileon.maileon.report import InvalidContact, SynchronizationReport
from destination_maileon.maileon.retry import Patience
from destination_maileon.mapping import Removal
from destination_maileon.merging import Entry, Part
from destination_maileon.naming import IdentifiersInLogs
from destination_maileon.problems import ConfigError, StopReading, TransientError
from destination_maileon.rejection_limits import RejectionLimits
from destination_maileon.settling import OVERLOADS_BEFORE_HALVING, Answer, Settlement
from destination_maileon.suspicion import Suspicion
from destination_maileon.vanished import VanishedFields
from unit_tests.builders import a_contact, a_part, a_plan, an_account, options
from unit_tests.rooms import (
    Heard,
    a_batch,
    a_farewell,
    a_lane,
    a_ledger,
    a_report,
    invalid,
    someone,
)
from unit_tests.simulation.watch import SpyLedger

PLAN = a_plan()
LANE = a_lane(PLAN)
TIMEOUT = TryAgain("No answer in time.", Trouble.TIMEOUT)
CUT = TryAgain("The connection broke.", Trouble.CONNECTION)
THROTTLED = TryAgain("Too many requests.", Trouble.THROTTLED, status=429, retry_after=9.0)
REFUSED = CallRefused("Refused.", status=400, server_message="1@example.com is wrong")


@dataclass
class Desk:
    """The rooms around the settlement. Time passes as a test says; chance is always the most."""

    lane: Lane = LANE
    limits: RejectionLimits = field(default_factory=RejectionLimits)
    now: float = 0.0
    heard: Heard = field(default_factory=Heard)
    flying: list[Call] = field(default_factory=list)

    def __post_init__(self) -> None:
        spy = a_ledger(self.lane.plan, log=self.heard, limits=self.limits, kind=SpyLedger)
        assert isinstance(spy, SpyLedger)
        self.ledger = spy
        spy.watch()
        self.dispatch = Dispatch(4)
        account = an_account({"AGE": FieldType.INTEGER})
        self.settlement = Settlement(
            dispatch=self.dispatch,
            ledger=spy,
            patience=Patience(100.0),
            random=lambda: 1.0,
            suspicion=Suspicion(spy),
            vanished=VanishedFields(account, forget=lambda _: None, log=self.heard),
            style=IdentifiersInLogs.MASKED,
            log=self.heard,
        )

    def call(self, *entries: Part | Sequence[Part]) -> Call:
        """A call of these contacts takes off."""
        for entry in entries:
            for _ in [entry] if isinstance(entry, Part) else entry:
                self.ledger.received(self.lane.plan, self.now)
        self.dispatch.submit(a_batch(*entries, lane=self.lane))
        return self.next()[-1]

    def farewell(self, part: Part, removal: Removal = Removal.DELETE) -> Call:
        self.ledger.received(self.lane.plan, self.now)
        self.dispatch.submit_farewell(self.lane, Entry(part), a_farewell(removal))
        return self.next()[-1]

    def next(self) -> list[Call]:
        """The calls that take off now."""
        calls = []
        while (call := self.dispatch.ready(self.now, None)) is not None:
            self.settlement.starts(call, self.now)
            calls.append(call)
        self.flying += calls
        return calls

    def answer(self, call: Call, answer: Answer) -> float | None:
        self.flying.remove(call)
        self.dispatch.landed(call)
        return self.settlement.ends(call, answer, self.now)

    def success(self) -> None:
        """Another call succeeds."""
        self.answer(self.call(someone(900 + self.ledger.records)), a_report(1))


def places(calls: Sequence[Call]) -> list[list[list[int]]]:
    return [[[part.place for part in entry.parts] for entry in call.entries] for call in calls]


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
    with pytest.raises(StopReading, match="max_rejected_records"):
        desk.ledger.heed()


# Strictly.

STRICT = a_lane(a_plan(options=options(ignore_invalid_contacts=False)))


@pytest.mark.parametrize("invalid_contacts", [[invalid("1@example.com")], []])
def test_a_strict_sync_counts_nothing_of_a_call_with_an_invalid_contact(
    invalid_contacts: list[InvalidContact],
) -> None:
    desk = Desk(lane=STRICT, limits=RejectionLimits(is_strict=True))
    call = desk.call(someone(1), someone(2))
    with pytest.raises(StopReading, match="ignore_invalid_contacts"):  # noqa: PT012 - one of two says so
        desk.answer(call, a_report(2, invalid_contacts, invalid=1))
        desk.ledger.heed()
    assert "written" not in desk.ledger.outcomes.values()
    assert desk.ledger.counts[STRICT.plan].written == 0


def _fails_strictly(*contacts: Contact) -> tuple[Desk, StopReading]:
    """These records of one contact, which a report names as invalid."""
    desk = Desk(lane=STRICT, limits=RejectionLimits(is_strict=True))
    parts = [a_part(place, contact) for place, contact in enumerate(contacts, start=2)]
    call = desk.call(someone(1), parts)
    desk.answer(call, a_report(2, [invalid("ada@example.com")], invalid=1))
    with pytest.raises(StopReading, match="ignore_invalid_contacts") as error:
        desk.ledger.heed()
    return desk, error.value


def test_a_strict_sync_blames_no_single_record_of_a_contact_of_several() -> None:
    bad = a_contact(FIRSTNAME="x" * 256)
    desk, failure = _fails_strictly(a_contact(CITY="London"), bad)
    assert desk.ledger.outcomes == {}
    assert desk.ledger.rejected_records == 0
    told = (
        "One of the 2 records of one contact of stream contacts (email a***@***.com; records 2, 3)"
    )
    assert str(failure).startswith(f"{told} was rejected: error 8, ")
    assert failure.place == 2
    [warning] = desk.heard.warnings
    assert warning.startswith(told)


def test_a_strict_sync_blames_the_record_that_alone_is_the_contact() -> None:
    bad = a_contact(FIRSTNAME="x" * 256, CITY="Paris")
    desk, failure = _fails_strictly(a_contact(FIRSTNAME="Ada", CITY="London"), bad)
    assert desk.ledger.outcomes == {3: "rejected"}
    assert failure.place == 3


def test_of_many_records_of_one_contact_the_first_are_named() -> None:
    records = [a_contact(CITY="London"), *[a_contact(FIRSTNAME="x" * 256)] * 11]
    _, failure = _fails_strictly(*records)
    assert "(email a***@***.com; records 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, ...)" in str(failure)


def test_a_strict_sync_ends_with_a_call_that_is_refused() -> None:
    desk = Desk(lane=STRICT)
    with pytest.raises(StopReading, match="HTTP 400") as error:
        desk.answer(desk.call(someone(1), someone(2)), REFUSED)
    assert (error.value.place, desk.ledger.outcomes) == (1, {})


def test_a_strict_sync_rejects_the_one_record_of_a_call_that_is_refused() -> None:
    desk = Desk(lane=STRICT, limits=RejectionLimits(is_strict=True))
    desk.answer(desk.call(someone(1)), REFUSED)
    assert desk.ledger.outcomes == {1: "rejected"}
    with pytest.raises(StopReading, match=r"HTTP 400.*set it to true") as error:
        desk.ledger.heed()
    assert error.value.place == 1


# Tried again.


def test_a_call_that_may_succeed_later_is_tried_again_after_a_wait() -> None:
    desk = Desk()
    call = desk.call(someone(1))
    assert desk.answer(call, CUT) == 1.0
    assert desk.next() == []
    desk.now = 1.0
    assert desk.next() == [call]
    assert desk.answer(call, CUT) == 2.0
    desk.now = 3.0
    assert desk.next() == [call]
    assert desk.answer(call, a_report(1)) is None
    assert desk.ledger.outcomes == {1: "written"}
    assert desk.ledger.counts[PLAN].calls == 3


def test_the_service_may_ask_for_fewer_calls_and_for_time() -> None:
    desk = Desk()
    assert desk.answer(desk.call(someone(1)), THROTTLED) == 9.0
    assert desk.dispatch.limit == 2
    desk.success()
    assert desk.dispatch.limit == 3


def test_a_call_that_was_tried_long_enough_ends_the_sync_and_names_no_one() -> None:
    desk = Desk()
    call = desk.call(someone(1, "ada"))
    desk.answer(call, CUT)
    desk.now = 100.0
    assert desk.next() == [call]
    with pytest.raises(TransientError) as caught:
        desk.answer(call, CUT)
    said = str(caught.value)
    assert said.startswith("The call for record 1 of stream contacts (")
    assert "failed 2 times in 100 seconds, the last time with: The connection broke." in said
    assert "ada@example" not in said
    assert desk.ledger.outcomes == {}


def test_a_call_of_several_contacts_that_fails_to_the_end_is_told_by_their_number() -> None:
    desk = Desk()
    call = desk.call(someone(1), someone(2))
    desk.answer(call, CUT)
    desk.now = 100.0
    desk.next()
    with pytest.raises(TransientError, match="A call of stream contacts with 2 contacts"):
        desk.answer(call, CUT)


OVERLOADED = [
    TIMEOUT,
    TryAgain("Broken.", Trouble.SERVER_ERROR, status=500),
    TryAgain("Broken.", Trouble.SERVER_ERROR, status=504),
]
OTHERWISE = [
    CUT,
    THROTTLED,
    TryAgain("Broken.", Trouble.SERVER_ERROR, status=502),
    TryAgain("Away.", Trouble.UNAVAILABLE, status=503),
    TryAgain("What?", Trouble.UNREADABLE, status=200),
]


def _ended_often(desk: Desk, call: Call, trouble: MaileonError) -> None:
    for _ in range(OVERLOADS_BEFORE_HALVING):
        assert desk.flying == [call]
        desk.answer(call, trouble)
        desk.now += 16.0
        desk.next()


@pytest.mark.parametrize("trouble", OVERLOADED)
def test_a_call_that_is_too_much_while_others_succeed_is_halved(trouble: TryAgain) -> None:
    desk = Desk()
    call = desk.call(someone(1), someone(2))
    desk.success()
    _ended_often(desk, call, trouble)
    assert places(desk.flying) == [[[1]], [[2]]]


@pytest.mark.parametrize("trouble", OTHERWISE)
def test_a_call_that_fails_otherwise_is_not_halved(trouble: TryAgain) -> None:
    desk = Desk()
    call = desk.call(someone(1), someone(2))
    desk.success()
    _ended_often(desk, call, trouble)
    assert desk.flying == [call]


def test_a_call_that_is_too_much_is_not_halved_while_nothing_succeeds() -> None:
    desk = Desk()
    desk.success()
    call = desk.call(someone(1), someone(2))
    _ended_often(desk, call, TIMEOUT)
    assert desk.flying == [call]
    desk.success()
    desk.answer(call, TIMEOUT)
    assert places(desk.next()) == [[[1]], [[2]]]


def test_a_contact_alone_is_too_much_to_the_end_and_never_rejected() -> None:
    desk = Desk()
    call = desk.call(someone(1))
    desk.success()
    _ended_often(desk, call, TIMEOUT)
    assert desk.flying == [call]
    desk.now = 200.0
    with pytest.raises(TransientError, match="record 1 of stream contacts"):
        desk.answer(call, TIMEOUT)


# Refused, and stopped.


@pytest.mark.parametrize("status", [400, 413])
def test_a_call_that_is_refused_is_halved_until_the_cause_stands_alone(status: int) -> None:
    desk = Desk()
    refusal = CallRefused("Refused.", status=status, server_message="2@example.com is wrong")
    desk.answer(desk.call(*map(someone, (1, 2, 3))), refusal)
    [one, others] = desk.next()
    assert places([one, others]) == [[[1]], [[2], [3]]]
    desk.answer(others, refusal)
    [two, three] = desk.next()
    desk.answer(two, refusal)
    # Until a call is accepted, it may be the parameters.
    assert desk.ledger.outcomes == {}
    desk.answer(one, a_report(1))
    assert desk.ledger.outcomes == {1: "written", 2: "rejected"}
    desk.answer(three, a_report(1))
    [line] = desk.heard.warnings
    assert f"HTTP {status}" in line
    assert 'Maileon says: "*** is wrong".' in line


def test_refusals_to_the_end_are_the_fault_of_the_parameters() -> None:
    desk = Desk()
    desk.answer(desk.call(someone(1)), REFUSED)
    with pytest.raises(ConfigError, match="accepted none"):
        desk.settlement.close()


@pytest.mark.parametrize(
    "answer", [KeyRefused("The key is wrong."), CallRefused("No.", status=405)]
)
def test_what_no_call_can_mend_ends_the_sync(answer: MaileonError) -> None:
    desk = Desk()
    with pytest.raises(ConfigError):
        desk.answer(desk.call(someone(1), someone(2)), answer)
    assert desk.ledger.outcomes == {}


# Farewells.


@pytest.mark.parametrize("was_there", [True, False])
def test_whoever_is_gone_already_is_no_error(was_there: bool) -> None:
    desk = Desk()
    desk.answer(desk.farewell(someone(1)), was_there)
    counts = desk.ledger.counts[PLAN]
    assert (counts.removed, counts.gone, desk.ledger.outcomes) == (
        1,
        int(not was_there),
        {1: "written"},
    )
    assert desk.dispatch.is_idle


@pytest.mark.parametrize("status", [400, 409])
def test_a_farewell_that_is_refused_is_the_persons_fault_once_another_was_accepted(
    status: int,
) -> None:
    desk = Desk()
    desk.answer(desk.farewell(someone(1)), CallRefused("No.", status=status))
    assert desk.ledger.outcomes == {}
    desk.answer(desk.farewell(someone(2)), answer=True)
    assert desk.ledger.outcomes == {1: "rejected", 2: "written"}
    desk.settlement.close()


def test_if_nobody_can_be_deleted_the_sync_fails() -> None:
    desk = Desk()
    desk.answer(desk.farewell(someone(1)), REFUSED)
    with pytest.raises(ConfigError, match="refused all deletions and unsubscriptions"):
        desk.settlement.close()
    with pytest.raises(ConfigError, match="HTTP 405"):
        desk.answer(desk.farewell(someone(2)), CallRefused("No.", status=405))

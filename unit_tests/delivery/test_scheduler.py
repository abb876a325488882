"""Which call may fly: places in flight, the order of one contact's calls, waits, duplicates."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from destination_maileon.delivery.division import halves
from destination_maileon.delivery.request import Request
from destination_maileon.delivery.scheduler import RequestScheduler
from destination_maileon.maileon.contact import Contact
from destination_maileon.mapping.mapped_record import BatchEntry, MappedRecord
from unit_tests.support.builders import a_contact, a_part
from unit_tests.support.rooms import a_batch, a_call, a_farewell, a_lane, someone

LANE = a_lane()


def submitted(dispatch: RequestScheduler, *parts: MappedRecord) -> None:
    """Each record in a batch of its own."""
    for part in parts:
        dispatch.submit(a_batch(part, lane=LANE))


def fly(
    dispatch: RequestScheduler, now: float = 0.0, oldest_waiting: int | None = None
) -> list[Request]:
    """All that may fly now takes off."""
    calls = []
    while (call := dispatch.ready(now, oldest_waiting)) is not None:
        calls.append(call)
    return calls


def places(calls: Iterable[Request]) -> list[int]:
    return [call.place for call in calls]


def settle(dispatch: RequestScheduler, *calls: Request) -> None:
    for call in calls:
        dispatch.landed(call)
        dispatch.settle(call)


def replaced(dispatch: RequestScheduler, call: Request, *groups: list[Request]) -> None:
    dispatch.landed(call)
    dispatch.replace(call, groups)


# Whatever happens.


class Flights:
    """Flies calls in an order by chance; answers are chance, too. Looks at what flies."""

    def __init__(self, chance: Random) -> None:
        self.chance = chance
        self.dispatch = RequestScheduler(chance.randint(1, 4))
        self.flying: list[Request] = []
        self.settled: list[MappedRecord] = []
        self.now = 0.0

    def step(self) -> None:
        while (call := self.dispatch.ready(self.now, None)) is not None:
            keys = {key for other in self.flying for key in keys_of(other)}
            assert keys.isdisjoint(keys_of(call))
            self.flying.append(call)
            assert len(self.flying) <= self.dispatch.limit
            if call.when_oldest:
                assert self.settled_before(call.place)
        assert self.dispatch.in_flight == len(self.flying)
        if self.flying:
            self.answer(self.flying.pop(self.chance.randrange(len(self.flying))))
        else:
            # Nothing flies: something must be going to.
            at = self.dispatch.next_attempt_at(None)
            assert at is not None
            self.now = at

    def settled_before(self, place: int) -> bool:
        return sorted(p.place for p in self.settled if p.place < place) == [*range(1, place)]

    def answer(self, call: Request) -> None:
        self.dispatch.landed(call)
        fate = self.chance.random()
        if fate < 0.2:
            self.dispatch.slow_down()
            self.dispatch.again(call, at=self.now + self.chance.choice([0.0, 3.0]))
        elif fate < 0.4 and (len(call.entries) > 1 or len(call.entries[0].parts) > 1):
            self.dispatch.replace(call, halves(call))
        elif fate < 0.5 and len(call.entries) == 1 and not call.when_oldest:
            self.dispatch.replace(call, [[Request(call.lane, call.entries, when_oldest=True)]])
        else:
            self.dispatch.speed_up()
            self.settled += [part for entry in call.entries for part in entry.parts]
            self.dispatch.settle(call)


def keys_of(call: Request) -> set[str]:
    return {key for entry in call.entries for key in entry.keys}


@st.composite
def batches(draw: st.DrawFn) -> list[list[list[MappedRecord]]]:
    """Batches of contacts; who shares an identifier is never in one batch."""
    drawn = []
    place = 0
    for names in draw(st.lists(st.sets(st.sampled_from("abcdef"), min_size=1), max_size=8)):
        batch = []
        for name in sorted(names):
            number = draw(st.integers(1, 3))
            batch.append([someone(place + n, name) for n in range(1, number + 1)])
            place += number
        drawn.append(batch)
    return drawn


@given(batches=batches(), seed=st.integers(0, 1_000_000))
def test_calls_that_share_an_identifier_never_overlap_nor_swap_and_all_are_settled(
    batches: list[list[list[MappedRecord]]], seed: int
) -> None:
    flights = Flights(Random(seed))
    waiting = list(batches)
    while waiting or not flights.dispatch.is_idle:
        if waiting and flights.dispatch.has_room:
            flights.dispatch.submit(a_batch(*waiting.pop(0), lane=LANE))
        else:
            flights.step()
    last: dict[str, int] = {}
    for part in flights.settled:
        assert all(last.get(key, 0) < part.place for key in part.keys)
        last.update(dict.fromkeys(part.keys, part.place))
    everyone = [part.place for batch in batches for parts in batch for part in parts]
    assert sorted(part.place for part in flights.settled) == everyone


# Places in flight.


def test_no_more_calls_fly_than_allowed() -> None:
    dispatch = RequestScheduler(2)
    submitted(dispatch, *map(someone, (1, 2, 3)))
    calls = fly(dispatch)
    assert (places(calls), dispatch.in_flight) == ([1, 2], 2)
    dispatch.landed(calls[1])
    assert places(fly(dispatch)) == [3]


def test_fewer_calls_fly_when_the_service_asks_for_less_and_one_more_with_each_success() -> None:
    dispatch = RequestScheduler(9)
    limits = []
    for step in (*[dispatch.slow_down] * 5, *[dispatch.speed_up] * 10):
        step()
        limits.append(dispatch.limit)
    assert limits == [4, 2, 1, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9]


def test_calls_in_flight_beyond_a_lowered_limit_go_on_and_none_joins_them() -> None:
    dispatch = RequestScheduler(4)
    submitted(dispatch, *map(someone, range(1, 7)))
    calls = fly(dispatch)
    dispatch.slow_down()
    settle(dispatch, calls[0], calls[1])
    assert (dispatch.in_flight, fly(dispatch)) == (2, [])
    settle(dispatch, calls[2])
    assert places(fly(dispatch)) == [5]


def test_there_is_room_for_one_call_more_than_may_fly() -> None:
    dispatch = RequestScheduler(2)
    rooms = []
    for place in (1, 2, 3):
        submitted(dispatch, someone(place))
        rooms.append(dispatch.has_room)
    assert rooms == [True, True, False]
    settle(dispatch, fly(dispatch)[0])
    assert dispatch.has_room


# One contact.


@pytest.mark.parametrize(
    ("other", "waits"),
    [
        (Contact("A@b.de"), True),
        (Contact("c@b.de", "x"), True),
        (Contact("c@b.de", "y"), False),
        (Contact(external_id=" x"), True),
    ],
)
def test_a_call_waits_for_one_before_it_with_a_common_identifier(
    other: Contact, *, waits: bool
) -> None:
    dispatch = RequestScheduler(4)
    submitted(dispatch, a_part(1, Contact("a@b.de", "x")), a_part(2, other))
    [first, *others] = fly(dispatch)
    assert places(others) == ([] if waits else [2])
    settle(dispatch, first)
    assert places(fly(dispatch)) == ([2] if waits else [])


def test_a_call_waits_for_all_that_share_an_identifier_with_it() -> None:
    dispatch = RequestScheduler(4)
    submitted(dispatch, someone(1), someone(2))
    dispatch.submit(a_batch(someone(3, 1), someone(4, 2), lane=LANE))
    one, two = fly(dispatch)
    settle(dispatch, two)
    assert fly(dispatch) == []
    settle(dispatch, one)
    assert places(fly(dispatch)) == [3]


def test_a_farewell_keeps_its_place_among_the_calls_of_its_contact() -> None:
    dispatch = RequestScheduler(4)
    submitted(dispatch, someone(1, "ada"))
    dispatch.submit_farewell(LANE, BatchEntry(someone(2, "ada")), a_farewell())
    submitted(dispatch, someone(3, "ada"), someone(4, "eva"))
    flown = []
    while calls := fly(dispatch):
        flown += places(calls)
        settle(dispatch, *calls)
    assert flown == [1, 4, 2, 3]


def test_a_replaced_call_keeps_its_place_until_the_last_of_its_children_is_settled() -> None:
    dispatch = RequestScheduler(4)
    dispatch.submit(a_batch(someone(1), someone(2), lane=LANE))
    submitted(dispatch, someone(3, 1))
    [whole] = fly(dispatch)
    replaced(dispatch, whole, [a_call(someone(1))], [a_call(someone(2))])
    one, two = fly(dispatch)
    settle(dispatch, one)
    # The child with its contact is settled; the call it belonged to is not.
    assert fly(dispatch) == []
    replaced(dispatch, two, [a_call(someone(2))])
    [grandchild] = fly(dispatch)
    settle(dispatch, grandchild)
    assert places(fly(dispatch)) == [3]
    assert not dispatch.is_idle


def test_in_a_group_each_call_waits_for_the_one_before() -> None:
    dispatch = RequestScheduler(4)
    submitted(dispatch, someone(1))
    [whole] = fly(dispatch)
    one, two, other = (a_call(someone(place)) for place in (2, 3, 4))
    replaced(dispatch, whole, [one, two], [other])
    assert fly(dispatch) == [one, other]
    settle(dispatch, other, one)
    assert fly(dispatch) == [two]
    settle(dispatch, two)
    assert dispatch.is_idle


@pytest.mark.parametrize(
    ("keys", "newest"),
    [(("e1@example.com",), 5), (("x", "e2@example.com"), 5), (("e9@example.com",), 0)],
)
def test_the_newest_record_is_that_of_the_last_call_with_one_of_the_keys(
    keys: tuple[str, ...], newest: int
) -> None:
    dispatch = RequestScheduler(4)
    dispatch.submit(a_batch(someone(1), someone(2), lane=LANE))
    dispatch.submit(a_batch(someone(4, 1), someone(5, 2), lane=LANE))
    assert dispatch.newest_held(keys) == newest
    (one,) = fly(dispatch)
    settle(dispatch, one)
    (two,) = fly(dispatch)
    settle(dispatch, two)
    assert dispatch.newest_held(keys) == 0


# Again.


def test_a_call_is_tried_again_at_its_time_before_the_others() -> None:
    dispatch = RequestScheduler(1)
    submitted(dispatch, someone(1), someone(2), someone(3))
    [first] = fly(dispatch)
    dispatch.landed(first)
    dispatch.again(first, at=5.0)
    [second] = fly(dispatch, 4.9)
    assert second.place == 2
    assert dispatch.next_attempt_at(None) is None
    settle(dispatch, second)
    assert dispatch.next_attempt_at(None) == 0.0
    settle(dispatch, *fly(dispatch, 4.9))
    assert dispatch.next_attempt_at(None) == 5.0
    assert places(fly(dispatch, 5.0)) == [1]


def test_a_call_that_waits_for_another_has_no_time_of_its_own() -> None:
    dispatch = RequestScheduler(4)
    submitted(dispatch, someone(1, "ada"), someone(2, "ada"))
    [first] = fly(dispatch)
    dispatch.landed(first)
    dispatch.again(first, at=7.0)
    assert dispatch.next_attempt_at(None) == 7.0
    assert places(fly(dispatch, 7.0)) == [1]


def test_a_time_that_has_come_unnoticed_is_still_the_next_one() -> None:
    dispatch = RequestScheduler(2)
    submitted(dispatch, someone(1))
    [call] = fly(dispatch)
    dispatch.landed(call)
    dispatch.again(call, at=5.0)
    assert fly(dispatch, 4.999) == []
    # Asked later than that: who waits must not miss it.
    assert dispatch.next_attempt_at(None) == 5.0


# Duplicates.


def a_duplicate(dispatch: RequestScheduler, place: int) -> Request:
    """The call of this record, in flight, becomes a duplicate to be sent again."""
    [call] = [call for call in fly(dispatch) if call.place == place]
    duplicate = Request(LANE, call.entries, when_oldest=True)
    replaced(dispatch, call, [duplicate])
    return duplicate


def test_a_duplicate_waits_until_everything_before_it_is_settled() -> None:
    dispatch = RequestScheduler(2)
    submitted(dispatch, someone(1))
    [before] = fly(dispatch)
    submitted(dispatch, someone(2))
    duplicate = a_duplicate(dispatch, 2)
    submitted(dispatch, someone(3))
    assert dispatch.oldest_duplicate == 2
    [after] = fly(dispatch)
    assert after.place == 3
    settle(dispatch, before)
    # Alone it is, but others may fly.
    assert fly(dispatch) == [duplicate]
    assert dispatch.oldest_duplicate is None


def test_a_duplicate_waits_for_the_records_before_it_that_are_in_no_call_yet() -> None:
    dispatch = RequestScheduler(2)
    submitted(dispatch, someone(5))
    duplicate = a_duplicate(dispatch, 5)
    assert fly(dispatch, oldest_waiting=4) == []
    assert fly(dispatch, oldest_waiting=6) == [duplicate]


def test_of_duplicates_the_oldest_flies_first_and_the_next_after_it() -> None:
    dispatch = RequestScheduler(4)
    submitted(dispatch, someone(3), someone(8))
    calls = fly(dispatch)
    younger, older = (Request(LANE, call.entries, when_oldest=True) for call in reversed(calls))
    replaced(dispatch, calls[1], [younger])
    replaced(dispatch, calls[0], [older])
    assert fly(dispatch) == [older]
    assert dispatch.oldest_duplicate == 8
    settle(dispatch, older)
    assert fly(dispatch) == [younger]


def test_a_duplicate_does_not_wait_for_what_waits_for_it() -> None:
    dispatch = RequestScheduler(4)
    merged = [someone(1, "ada"), someone(3, "ada")]
    dispatch.submit(a_batch(merged, someone(2), lane=LANE))
    [call] = fly(dispatch)
    halves = [a_call(merged, lane=LANE), a_call(someone(2), lane=LANE)]
    replaced(dispatch, call, halves)
    assert fly(dispatch) == halves[:1]
    records = [a_call(part, lane=LANE) for part in merged]
    replaced(dispatch, halves[0], records)
    settle(dispatch, *fly(dispatch))
    # The younger of the two records is a duplicate. Older than it is only what comes after it.
    duplicate = a_duplicate(dispatch, 3)
    submitted(dispatch, someone(4))
    [other] = fly(dispatch)
    assert other.place == 4
    settle(dispatch, other)
    assert fly(dispatch) == [duplicate]
    settle(dispatch, duplicate)
    assert fly(dispatch) == halves[1:]


def test_a_duplicate_that_fails_is_tried_again_as_one() -> None:
    dispatch = RequestScheduler(2)
    submitted(dispatch, someone(1), someone(2))
    duplicate = a_duplicate(dispatch, 1)
    assert fly(dispatch) == [duplicate]
    dispatch.landed(duplicate)
    dispatch.again(duplicate, at=3.0)
    assert dispatch.next_attempt_at(None) == 3.0
    # While something before it is not settled, no time will do.
    assert dispatch.next_attempt_at(0) is None
    assert fly(dispatch, 2.9) == []
    assert fly(dispatch, 3.0) == [duplicate]


# The end.


def test_what_waits_is_forgotten_when_the_sync_ends_with_an_error() -> None:
    dispatch = RequestScheduler(2)
    submitted(dispatch, someone(1), someone(2), someone(3))
    duplicate = a_duplicate(dispatch, 1)
    assert duplicate.when_oldest
    dispatch.abandon_waiting()
    assert (fly(dispatch), dispatch.oldest_duplicate, dispatch.in_flight) == ([], None, 1)


def test_a_call_knows_its_oldest_record_and_how_many_it_has() -> None:
    call = a_call(someone(7), [someone(4, "ada"), someone(9, "ada")])
    assert (call.place, call.records) == (4, 3)
    assert a_call(a_part(2, a_contact())).place == 2


# One contact, named by its Maileon id or by its email.


def by_id(place: int) -> MappedRecord:
    return a_part(place, Contact(id=f"{place}"))


def test_calls_that_may_name_one_contact_in_two_ways_fly_one_after_the_other() -> None:
    dispatch = RequestScheduler(4)
    submitted(dispatch, by_id(1), by_id(2), someone(3), by_id(4))
    one, two = fly(dispatch)
    assert (one.place, two.place) == (1, 2)
    settle(dispatch, one, two)
    (three,) = fly(dispatch)
    settle(dispatch, three)
    (four,) = fly(dispatch)
    assert (three.place, four.place) == (3, 4)
    settle(dispatch, four)
    assert dispatch.is_idle
    assert dispatch.newest_held(("i9",)) == 0


def test_the_newest_record_is_also_that_of_calls_that_name_contacts_in_the_other_way() -> None:
    dispatch = RequestScheduler(4)
    submitted(dispatch, by_id(1), someone(2))
    assert dispatch.newest_held(("ex@b.de",)) == 1
    assert dispatch.newest_held(("i9",)) == 2


def test_a_call_does_not_wait_for_younger_records_that_may_name_its_contacts() -> None:
    dispatch = RequestScheduler(4)
    submitted(dispatch, someone(2), by_id(1))
    assert len(fly(dispatch)) == 2

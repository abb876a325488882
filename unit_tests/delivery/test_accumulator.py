"""Contacts that travel together: limits, conflicts, merging, age; and that no record is lost."""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from destination_maileon.delivery import accumulator as batching
from destination_maileon.delivery.accumulator import (
    OPEN_BATCHES_BODIES,
    RECORDS_PER_CONTACT,
    Accumulator,
    Batch,
    Limits,
)
from destination_maileon.maileon.contact import Contact
from destination_maileon.maileon.contact_xml import ENVELOPE_BYTES
from destination_maileon.maileon.sync_options import Permission, SynchronizationMode
from destination_maileon.mapping.mapped_record import MappedRecord
from destination_maileon.streams.catalog import PartitionKey
from unit_tests.support.builders import a_contact, a_part, a_plan, options
from unit_tests.support.rooms import a_lane, someone

NO_LIMIT = 8_000_000
ONE, OTHER = a_lane(), a_lane()
LANES = (ONE, OTHER, a_lane(ONE.plan, Permission.NONE))


def a_batcher(
    contacts: int = 1_000, body_bytes: int = NO_LIMIT, age_seconds: float = 60.0
) -> Accumulator:
    """No call holds anything."""
    return Accumulator(Limits(contacts, body_bytes, age_seconds), lambda _: 0)


def places(batches: Iterable[Batch]) -> list[list[list[int]]]:
    """Of each batch, of each of its contacts: the records."""
    return [[[part.place for part in entry.parts] for entry in batch.entries] for batch in batches]


# Whatever comes.


class Sent:
    """Sends what a batcher closes, in calls that are never settled, and looks at all of it."""

    def __init__(self, limits: Limits) -> None:
        self.batcher = Accumulator(limits, self._newest_held)
        self.batches: list[Batch] = []
        self._limits = limits
        self._newest: dict[str, int] = {}

    def add(self, part: MappedRecord, lane: PartitionKey) -> None:
        self._send(self.batcher.add(part, lane, now=0.0))

    def part_with(self, part: MappedRecord) -> None:
        self._send(self.batcher.part_with(part.keys))
        self._newest.update(dict.fromkeys(part.keys, part.place))

    def end(self) -> None:
        self._send(self.batcher.close_all())

    @property
    def records(self) -> list[int]:
        return [part.place for batch in self.batches for part in parts_of(batch)]

    def _newest_held(self, keys: Iterable[str]) -> int:
        return max((self._newest.get(key, 0) for key in keys), default=0)

    def _send(self, batches: list[Batch]) -> None:
        for batch in batches:
            self._is_allowed(batch)
            keys = [key for entry in batch.entries for key in entry.keys]
            assert len(keys) == len({*keys})
            # It waits for these calls, and they may wait until all before them is settled.
            assert self._newest_held(keys) < batch.oldest
            self._newest.update(dict.fromkeys(keys, batch.newest))
            self.batches.append(batch)

    def _is_allowed(self, batch: Batch) -> None:
        payload = sum(len(entry.payload) for entry in batch.entries)
        assert ENVELOPE_BYTES + payload <= self._limits.body_bytes
        assert 0 < len(batch.entries) <= self._limits.contacts
        records = parts_of(batch)
        assert len(records) <= RECORDS_PER_CONTACT * self._limits.contacts
        numbers = [part.place for part in records]
        assert (batch.oldest, batch.newest) == (min(numbers), max(numbers))


def parts_of(batch: Batch) -> list[MappedRecord]:
    return [part for entry in batch.entries for part in entry.parts]


def held_bytes(parts: Iterable[MappedRecord]) -> int:
    return sum(len(part.payload) + part.message_bytes for part in parts)


people = st.sampled_from("abcd")
contacts_of_few = st.builds(
    a_contact,
    email=st.none() | people.map(lambda name: f"{name}@b.de"),
    external_id=st.none() | people,
    CITY=st.text("x", max_size=60),
).filter(lambda contact: contact.email or contact.external_id)
# Without a lane it is a farewell.
arrivals = st.lists(st.tuples(contacts_of_few, st.sampled_from([*LANES, None])), max_size=60)


@pytest.mark.parametrize(("contacts", "body_bytes"), [(1, NO_LIMIT), (3, 400), (1_000, 1_000)])
@given(arrived=arrivals)
def test_every_record_is_in_one_batch_that_keeps_the_limits_and_the_order(
    arrived: list[tuple[Contact, PartitionKey | None]], contacts: int, body_bytes: int
) -> None:
    sent = Sent(Limits(contacts, body_bytes, age_seconds=9.0))
    records: list[MappedRecord] = []
    for place, (contact, lane) in enumerate(arrived, start=1):
        part = a_part(place, contact, message_bytes=place % 50)
        if lane is None:
            sent.part_with(part)
            continue
        records.append(part)
        sent.add(part, lane)
        open_bytes = held_bytes(records) - held_bytes(p for b in sent.batches for p in parts_of(b))
        assert open_bytes <= OPEN_BATCHES_BODIES * body_bytes
    sent.end()
    assert sorted(sent.records) == [part.place for part in records]
    assert (sent.batcher.oldest, sent.batcher.next_expiry) == (None, None)


@given(arrived=arrivals)
def test_of_each_contact_the_records_leave_in_their_order(
    arrived: list[tuple[Contact, PartitionKey | None]],
) -> None:
    sent = Sent(Limits(2, NO_LIMIT, age_seconds=9.0))
    for place, (contact, lane) in enumerate(arrived, start=1):
        if lane is not None:
            sent.add(a_part(place, contact), lane)
    sent.end()
    last: dict[str, int] = {}
    for batch in sent.batches:
        for part in parts_of(batch):
            assert all(last.get(key, 0) < part.place for key in part.keys)
            last.update(dict.fromkeys(part.keys, part.place))


@given(number=st.integers(0, 200), size=st.integers(1, 30))
def test_different_contacts_of_one_lane_take_no_more_calls_than_they_must(
    number: int, size: int
) -> None:
    batcher = a_batcher(size)
    closed = [b for place in range(number) for b in batcher.add(someone(place + 1), ONE, 0.0)]
    closed += batcher.close_all()
    assert len(closed) == ceil(number / size)


# Full.


def test_a_batch_is_full_at_its_number_of_contacts() -> None:
    batcher = a_batcher(2)
    assert batcher.add(someone(1), ONE, 0.0) == []
    assert places(batcher.add(someone(2), ONE, 0.0)) == [[[1], [2]]]
    assert batcher.oldest is None


def test_a_batch_is_full_at_ten_times_as_many_records() -> None:
    batcher = a_batcher(2)
    closed = [batcher.add(someone(place, "ada"), ONE, 0.0) for place in range(1, 21)]
    assert closed[:-1] == [[]] * 19
    assert places(closed[-1]) == [[[*range(1, 21)]]]


def test_a_contact_that_does_not_fit_into_the_body_opens_the_next_one() -> None:
    size = len(someone(1).payload)
    batcher = a_batcher(body_bytes=ENVELOPE_BYTES + 2 * size)
    assert batcher.add(someone(1), ONE, 0.0) + batcher.add(someone(2), ONE, 0.0) == []
    assert places(batcher.add(someone(3), ONE, 0.0)) == [[[1], [2]]]
    assert places(batcher.close_all()) == [[[3]]]


def test_a_contact_fits_if_a_call_can_hold_it_alone() -> None:
    limits = Limits(1, body_bytes=ENVELOPE_BYTES + 100, age_seconds=1.0)
    assert limits.contact_bytes == 100


def test_when_open_batches_together_hold_too_much_the_oldest_goes_out() -> None:
    batcher = a_batcher(body_bytes=1_000)
    lanes = [a_lane() for _ in range(6)]
    closed = [
        batch
        for place, lane in enumerate(lanes, start=1)
        for batch in batcher.add(someone(place, message_bytes=800), lane, 0.0)
    ]
    assert places(closed)[0] == [[1]]
    assert [batch.lane for batch in closed] == lanes[: len(closed)]


# One contact.


def test_records_of_one_contact_are_merged_as_its_stream_says() -> None:
    first, last = a_contact(CITY="Rome", ZIP="1"), a_contact(CITY="Bonn")
    ignoring = a_lane(a_plan(options=options(sync_mode=SynchronizationMode.IGNORE)))
    for lane, city in ((ONE, "Bonn"), (ignoring, "Rome")):
        batcher = a_batcher()
        batcher.add(a_part(1, first), lane, 0.0)
        batcher.add(a_part(2, last), lane, 0.0)
        [batch] = batcher.close_all()
        [entry] = batch.entries
        assert entry.contact.standard_fields == {"CITY": city, "ZIP": "1"}
        assert [part.place for part in entry.parts] == [1, 2]


@pytest.mark.parametrize(
    ("other", "closes"),
    [
        (Contact("A@b.de", "x"), False),
        (Contact("a@b.de"), True),
        (Contact("a@b.de", "y"), True),
        (Contact("c@b.de", "x"), True),
        (Contact(" a@b.de", "x"), True),
        (Contact("c@b.de", "y"), False),
    ],
)
def test_a_contact_that_shares_some_but_not_all_identifiers_closes_the_batch(
    other: Contact, closes: bool
) -> None:
    batcher = a_batcher()
    batcher.add(a_part(1, Contact("a@b.de", "x")), ONE, 0.0)
    assert places(batcher.add(a_part(2, other), ONE, 0.0)) == ([[[1]]] if closes else [])


@pytest.mark.parametrize("lane", [OTHER, LANES[2]])
def test_a_contact_that_waits_in_another_lane_sends_that_batch_first(lane: PartitionKey) -> None:
    batcher = a_batcher()
    batcher.add(someone(1, "ada"), ONE, 0.0)
    batcher.add(someone(2, "eva"), ONE, 0.0)
    assert places(batcher.add(someone(3, "ada"), lane, 0.0)) == [[[1], [2]]]
    assert places(batcher.close_all()) == [[[3]]]


def test_a_batch_goes_out_before_it_would_have_to_wait_for_a_younger_one() -> None:
    batcher = a_batcher()
    batcher.add(someone(1, "eva"), ONE, 0.0)
    batcher.add(someone(2, "ada"), OTHER, 0.0)
    # Waiting with Eva, Ada's third record would hold up Eva's first.
    assert places(batcher.add(someone(3, "ada"), ONE, 0.0)) == [[[2]], [[1]]]
    assert places(batcher.close_all()) == [[[3]]]


def test_a_batch_goes_out_before_it_would_have_to_wait_for_a_younger_call() -> None:
    held = {"eada@example.com": 7}
    batcher = Accumulator(Limits(9, NO_LIMIT, 9.0), lambda keys: max(held.get(k, 0) for k in keys))
    batcher.add(someone(5, "eva"), ONE, 0.0)
    assert batcher.part_with(("eada@example.com",)) == []
    assert places(batcher.add(someone(8, "ada"), ONE, 0.0)) == [[[5]]]


def test_whoever_leaves_sends_the_batches_that_hold_one_of_his_identifiers() -> None:
    batcher = a_batcher()
    batcher.add(a_part(1, Contact("a@b.de")), ONE, 0.0)
    batcher.add(a_part(2, Contact("c@b.de")), OTHER, 0.0)
    batcher.add(a_part(3, Contact("e@b.de", "x")), LANES[2], 0.0)
    assert places(batcher.part_with(("ea@b.de", "xx", "e?"))) == [[[1]], [[3]]]
    assert batcher.part_with(("ea@b.de",)) == []


# Old.


def test_a_batch_is_old_so_many_seconds_after_its_first_record() -> None:
    assert a_batcher().next_expiry is None
    batcher = a_batcher(age_seconds=60.0)
    batcher.add(someone(1), OTHER, 100.0)
    batcher.add(someone(2), ONE, 130.0)
    batcher.add(someone(3), OTHER, 159.0)
    assert batcher.next_expiry == 160.0
    assert batcher.close_expired(159.9) == []
    assert places(batcher.close_expired(160.0)) == [[[1], [3]]]
    assert (batcher.next_expiry, batcher.oldest) == (190.0, 2)


@given(opened=st.floats(0, 1e7), age=st.floats(1e-3, 1e5))
def test_what_is_due_at_the_next_expiry_is_old_then(opened: float, age: float) -> None:
    batcher = a_batcher(age_seconds=age)
    batcher.add(someone(1), ONE, opened)
    assert batcher.next_expiry is not None
    assert batcher.close_expired(batcher.next_expiry)


def test_batches_with_a_record_before_a_place_are_closed_the_oldest_first() -> None:
    batcher = a_batcher()
    for place, lane in ((3, ONE), (5, OTHER), (9, LANES[2]), (11, ONE)):
        batcher.add(someone(place), lane, 0.0)
    assert places(batcher.close_older_than(3)) == []
    assert places(batcher.close_older_than(9)) == [[[3], [11]], [[5]]]
    assert places(batcher.close_all()) == [[[9]]]


# One contact, named by its Maileon id or by its email.


@given(st.lists(st.sampled_from(["1", "2", "a@b.de", "c@b.de"]), max_size=30))
def test_contacts_named_in_two_ways_keep_their_order_in_one_stream(names: list[str]) -> None:
    batcher = a_batcher(contacts=4)
    closed: list[Batch] = []
    for place, name in enumerate(names, start=1):
        contact = Contact(name) if "@" in name else Contact(id=name)
        closed += batcher.add(a_part(place, contact), ONE, 0.0)
    closed += batcher.close_all()
    turns = [
        ["@" in names[part.place - 1] for part in entry.parts]
        for batch in closed
        for entry in batch.entries
    ]
    assert [turn for entry in turns for turn in entry] == ["@" in name for name in names]


def test_whoever_leaves_sends_the_batches_that_may_name_him_in_the_other_way() -> None:
    batcher = a_batcher()
    batcher.add(a_part(1, Contact("a@b.de")), ONE, 0.0)
    batcher.add(a_part(2, Contact(id="7")), OTHER, 0.0)
    assert places(batcher.part_with(("i9",))) == [[[1]]]
    assert places(batcher.part_with(("ex@b.de",))) == [[[2]]]


def test_when_too_many_records_wait_the_oldest_batch_goes_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(batching, "MAX_WAITING_RECORDS", 2)
    batcher = a_batcher()
    batcher.add(someone(1), ONE, 0.0)
    batcher.add(someone(2), OTHER, 0.0)
    assert places(batcher.add(someone(3), OTHER, 0.0)) == [[[1]]]
    assert places(batcher.add(someone(4), ONE, 0.0)) == [[[2], [3]]]

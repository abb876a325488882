"""Contacts that travel together: limits, merging, order per identifier; and no record is lost."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from math import ceil
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from destination_maileon.config.spec import DeletedRecords
from destination_maileon.delivery import accumulator as accumulating
from destination_maileon.delivery.accumulator import OPEN_BATCHES_BODIES, Accumulator
from destination_maileon.delivery.request import RECORDS_PER_CONTACT, Limits, Purpose, Request
from destination_maileon.maileon.contact import Contact, IdentifierMode
from destination_maileon.maileon.contact_xml import ENVELOPE_BYTES
from destination_maileon.maileon.sync_options import Permission, SynchronizationMode
from destination_maileon.mapping.mapped_record import BatchEntry, MappedRecord
from destination_maileon.streams.catalog import PartitionKey
from unit_tests.support.builders import a_contact, a_part, a_plan, options
from unit_tests.support.rooms import PARTITION, a_partition_key, a_removal, places, someone

NO_LIMIT = 8_000_000
OTHER = a_partition_key()
PARTITIONS = (PARTITION, OTHER, a_partition_key(PARTITION.plan, Permission.NONE))


@dataclass
class Sent:
    """An accumulator, and what it sends."""

    limits: Limits = field(default_factory=lambda: Limits(1_000, NO_LIMIT, 60.0))
    requests: list[Request] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.accumulator = Accumulator(self.limits, self.requests.append)

    def add(
        self, *parts: MappedRecord, partition_key: PartitionKey = PARTITION, now: float = 0.0
    ) -> bool:
        sent = [self.accumulator.add(part, partition_key, now) for part in parts]
        return any(sent)

    def remove(
        self,
        part: MappedRecord,
        removal: DeletedRecords = DeletedRecords.DELETE,
        partition_key: PartitionKey = PARTITION,
    ) -> BatchEntry:
        entry = BatchEntry.of_record(part, partition_key, 0.0)
        self.accumulator.add_removal(a_removal(removal), entry)
        return entry

    def settle(self, request: Request) -> None:
        for entry in request.entries:
            self.accumulator.settled(entry.identity_keys)

    def take(self) -> list[list[list[int]]]:
        """The records of what was sent since it was asked last."""
        sent = places(self.requests)
        self.requests.clear()
        return sent

    def flushed(self) -> list[list[list[int]]]:
        self.accumulator.flush()
        return self.take()


def sent_of(contacts: int = 1_000, body_bytes: int = NO_LIMIT, age_seconds: float = 60.0) -> Sent:
    return Sent(Limits(contacts, body_bytes, age_seconds))


# Whatever comes.

people = st.sampled_from("abcd")
few_contacts = st.builds(
    a_contact,
    email=st.none() | people.map(lambda name: f"{name}@b.de"),
    external_id=st.none() | people,
    CITY=st.text("x", max_size=60),
).filter(lambda contact: contact.email or contact.external_id)
# Without a partition key it is a removal.
arrivals = st.lists(st.tuples(few_contacts, st.sampled_from([*PARTITIONS, None])), max_size=60)


@pytest.mark.parametrize(("contacts", "body_bytes"), [(1, NO_LIMIT), (3, 400), (1_000, 1_000)])
@given(arrived=arrivals, seed=st.integers(0, 1_000))
def test_every_record_is_sent_once_within_the_limits_and_in_the_order_of_each_identifier(  # noqa: C901 - a small world
    arrived: list[tuple[Contact, PartitionKey | None]], contacts: int, body_bytes: int, seed: int
) -> None:
    chance = Random(seed)
    sent = Sent(Limits(contacts, body_bytes, 9.0))
    pending: list[Request] = []
    settled: list[MappedRecord] = []
    arrived_by_key: dict[str, list[int]] = defaultdict(list)

    def answer_some(at_most: int) -> None:
        for _ in range(at_most):
            pending.extend(sent.requests)
            sent.requests.clear()
            keys = [
                key
                for request in pending
                for entry in request.entries
                for key in entry.identity_keys
            ]
            assert len(keys) == len({*keys})
            if pending:
                request = pending.pop(chance.randrange(len(pending)))
                assert_within(sent.limits, request)
                settled.extend(part for entry in request.entries for part in entry.parts)
                sent.settle(request)

    for position, (contact, partition_key) in enumerate(arrived, start=1):
        part = a_part(position, contact, message_bytes=position % 50)
        for key in part.identity_keys:
            arrived_by_key[key].append(position)
        if partition_key is None:
            sent.remove(part, DeletedRecords.UNSUBSCRIBE)
        else:
            sent.add(part, partition_key=partition_key)
        answer_some(chance.randrange(3))
    for _ in arrived:
        sent.accumulator.flush()
        answer_some(len(arrived))
    assert sorted(part.position for part in settled) == [*range(1, len(arrived) + 1)]
    for key, came in arrived_by_key.items():
        assert [part.position for part in settled if key in part.identity_keys] == came
    accumulator = sent.accumulator
    assert (accumulator.oldest_unsent(), accumulator.following_records) == (None, 0)
    assert not any(map(accumulator.followers, arrived_by_key))
    assert (accumulator._following_bytes, accumulator._kept_bytes, accumulator._records) == (
        0,
        0,
        0,
    )


def assert_within(limits: Limits, request: Request) -> None:
    assert ENVELOPE_BYTES + request.bytes <= limits.body_bytes or request.contact_removal
    assert 0 < len(request.entries) <= limits.contacts
    assert sum(e.records for e in request.entries) <= RECORDS_PER_CONTACT * limits.contacts


@given(number=st.integers(0, 200), size=st.integers(1, 30))
def test_different_contacts_of_one_stream_take_no_more_calls_than_they_must(
    number: int, size: int
) -> None:
    sent = sent_of(contacts=size)
    sent.add(*(someone(position) for position in range(1, number + 1)))
    assert len(sent.flushed()) == ceil(number / size)


# Full.


def test_a_batch_is_full_at_its_number_of_contacts() -> None:
    sent = sent_of(contacts=2)
    assert not sent.add(someone(1))
    assert sent.add(someone(2))
    assert sent.take() == [[[1], [2]]]
    assert not sent.accumulator.has_open_batch


def test_a_batch_is_full_at_ten_times_as_many_records() -> None:
    sent = sent_of(contacts=2)
    assert not sent.add(*(someone(position, "ada") for position in range(1, 20)))
    assert sent.add(someone(20, "ada"))
    assert sent.take() == [[[*range(1, 21)]]]


def test_a_contact_that_does_not_fit_into_the_body_opens_the_next_one() -> None:
    sent = sent_of(body_bytes=ENVELOPE_BYTES + 2 * len(someone(1).payload))
    assert not sent.add(someone(1), someone(2))
    assert sent.add(someone(3))
    assert sent.take() == [[[1], [2]]]
    assert sent.flushed() == [[[3]]]


def test_a_record_that_does_not_fit_its_contact_follows_it() -> None:
    sent = sent_of(body_bytes=ENVELOPE_BYTES + 2 * len(someone(1).payload))
    sent.add(*(someone(position, 1) for position in (1, 2, 3)))
    assert sent.flushed() == [[[1, 2]]]
    assert sent.accumulator.following_records == 1


def test_a_contact_fits_if_a_call_can_hold_it_alone() -> None:
    assert Limits(1, body_bytes=ENVELOPE_BYTES + 100, age_seconds=1.0).contact_bytes == 100


def test_when_open_batches_together_hold_too_much_the_oldest_goes_out() -> None:
    sent = sent_of(body_bytes=1_000)
    partition_keys = [a_partition_key() for _ in range(6)]
    for position, partition_key in enumerate(partition_keys, start=1):
        sent.add(someone(position, message_bytes=800), partition_key=partition_key)
        assert sent.accumulator._kept_bytes <= OPEN_BATCHES_BODIES * 1_000
    assert [request.partition_key for request in sent.requests] == partition_keys[
        : len(sent.requests)
    ]
    assert sent.take()[0] == [[1]]


def test_when_too_many_records_wait_the_oldest_batch_goes_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(accumulating, "MAX_WAITING_RECORDS", 2)
    sent = Sent()
    sent.add(someone(1))
    sent.add(someone(2), someone(3), partition_key=OTHER)
    assert sent.take() == [[[1]]]
    sent.add(someone(4))
    assert sent.take() == [[[2], [3]]]


def test_so_much_may_follow_others_and_then_it_is_crowded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accumulating, "MAX_FOLLOWING_RECORDS", 2)
    for bulky in (0, 100_000):
        sent = sent_of(body_bytes=10_000)
        sent.add(someone(1, "ada"))
        sent.accumulator.flush()
        sent.add(someone(2, "ada", message_bytes=bulky))
        assert sent.accumulator.is_crowded is bool(bulky)
        sent.add(someone(3, "ada"))
        assert sent.accumulator.is_crowded
        sent.settle(sent.requests[0])
        assert not sent.accumulator.is_crowded


# One contact.


def test_records_of_one_contact_are_merged_as_its_stream_says() -> None:
    first, last = a_contact(CITY="Rome", ZIP="1"), a_contact(CITY="Bonn")
    ignoring = a_partition_key(a_plan(options=options(sync_mode=SynchronizationMode.IGNORE)))
    for partition_key, city in ((PARTITION, "Bonn"), (ignoring, "Rome")):
        sent = Sent()
        sent.add(a_part(1, first), a_part(2, last), partition_key=partition_key)
        sent.accumulator.flush()
        [entry] = sent.requests[0].entries
        assert entry.contact.standard_fields == {"CITY": city, "ZIP": "1"}
        assert [part.position for part in entry.parts] == [1, 2]


@pytest.mark.parametrize(
    ("other", "sent_now"),
    [
        (Contact("A@b.de", "x"), [[[1, 2]]]),
        (Contact("c@b.de", "y"), [[[1], [2]]]),
        (Contact("a@b.de"), [[[1]]]),
        (Contact("a@b.de", "y"), [[[1]]]),
        (Contact("c@b.de", "x"), [[[1]]]),
        (Contact(" a@b.de", "x"), [[[1]]]),
    ],
)
def test_a_record_is_merged_only_into_a_contact_with_all_of_its_identifiers_and_no_others(
    other: Contact, sent_now: list[list[list[int]]]
) -> None:
    sent = Sent()
    sent.add(a_part(1, Contact("a@b.de", "x")), a_part(2, other))
    assert sent.flushed() == sent_now
    assert sent.accumulator.following_records == (1 if sent_now == [[[1]]] else 0)


@pytest.mark.parametrize("partition_key", [OTHER, PARTITIONS[2]])
def test_a_record_of_another_stream_or_permission_follows_its_contact(
    partition_key: PartitionKey,
) -> None:
    sent = Sent()
    sent.add(someone(1, "ada"))
    sent.add(someone(2, "ada"), partition_key=partition_key)
    sent.accumulator.flush()
    [request] = sent.requests
    assert (sent.take(), sent.accumulator.oldest_unsent()) == ([[[1]]], 2)
    sent.settle(request)
    assert sent.flushed() == [[[2]]]


def test_nothing_is_merged_into_a_contact_that_was_sent_but_into_the_one_that_follows_it() -> None:
    sent = Sent()
    sent.add(someone(1, "ada"))
    sent.accumulator.flush()
    sent.add(someone(2, "ada"), someone(3, "ada"))
    [request] = sent.requests
    assert (sent.take(), sent.accumulator.following_records) == ([[[1]]], 2)
    sent.settle(request)
    assert sent.flushed() == [[[2, 3]]]


# First come, first served.


def test_of_those_who_share_an_identifier_each_waits_for_all_before_it() -> None:
    sent = Sent()
    contacts = [Contact("a@b.de", "x"), Contact("c@b.de", "y"), Contact("a@b.de", "y")]
    sent.add(*(a_part(n, contact) for n, contact in enumerate(contacts, start=1)))
    # Only behind that one may this one go, too.
    sent.add(a_part(4, Contact("d@b.de", "y")))
    sent.accumulator.flush()
    [request] = sent.requests
    sent.requests.clear()
    one, other = request.entries
    sent.accumulator.settled(one.identity_keys)
    assert sent.flushed() == []
    sent.accumulator.settled(other.identity_keys)
    assert sent.flushed() == [[[3]]]
    sent.accumulator.settled(("ea@b.de", "xy"))
    assert sent.flushed() == [[[4]]]


def test_a_removal_keeps_its_place_among_the_records_of_its_contact() -> None:
    sent = Sent()
    sent.add(someone(1, "ada"))
    sent.remove(someone(2, "ada"))
    sent.add(someone(3, "ada"), someone(4, "eva"))
    left = []
    for _ in range(3):
        sent.accumulator.flush()
        requests = [*sent.requests]
        left.append(
            [(request.purpose, r) for request, r in zip(requests, sent.take(), strict=True)]
        )
        for request in requests:
            sent.settle(request)
    write, remove = Purpose.WRITE, Purpose.REMOVE
    assert left == [[(write, [[1], [4]])], [(remove, [[2]])], [(write, [[3]])]]


def test_a_removal_of_somebody_who_is_not_pending_leaves_at_once() -> None:
    sent = Sent()
    sent.add(someone(1))
    sent.remove(someone(2))
    assert sent.take() == [[[2]]]


def test_a_deletion_waits_for_no_claim_of_its_identifiers_but_later_ones_wait_for_it() -> None:
    sent = Sent()
    sent.add(a_part(1, Contact("ada@b.de", "x")))
    # The claim of `x` may be refused until this contact is gone.
    deleted = sent.remove(a_part(2, Contact("eva@b.de", "x")))
    gone = sent.remove(a_part(3, Contact("eva@b.de", "y")))
    sent.add(a_part(4, Contact("joe@b.de", "y")))
    assert sent.flushed() == [[[2]], [[1]]]
    sent.accumulator.settled(deleted.identity_keys)
    assert sent.flushed() == [[[3]]]
    sent.accumulator.settled(gone.identity_keys)
    assert sent.flushed() == [[[4]]]


def test_a_deletion_by_id_keeps_its_place_among_records_with_its_address_alone() -> None:
    by_id = a_partition_key(a_plan(options=options(IdentifierMode.MAILEON_ID)))
    sent = Sent()
    sent.add(a_part(1, Contact("ada@b.de")), partition_key=by_id)
    deleted = sent.remove(a_part(2, Contact("ada@b.de", id="7")), partition_key=by_id)
    sent.add(a_part(3, Contact("ada@b.de")), partition_key=by_id)
    assert sent.flushed() == [[[1]]]
    sent.accumulator.settled(("eada@b.de",))
    assert sent.flushed() == [[[2]]]
    sent.accumulator.settled(deleted.identity_keys)
    assert sent.flushed() == [[[3]]]


def test_a_deletion_by_id_keeps_its_place_behind_an_older_record_with_its_id_and_address() -> None:
    by_id = a_partition_key(a_plan(options=options(IdentifierMode.MAILEON_ID)))
    sent = Sent()
    sent.add(a_part(1, Contact("ada@b.de", id="7")), partition_key=by_id)
    sent.add(a_part(2, Contact("ada@b.de")), partition_key=by_id)
    sent.remove(a_part(3, Contact("ada@b.de", id="7")), partition_key=by_id)
    assert sent.flushed() == [[[1]]]
    sent.accumulator.settled(("eada@b.de", "i7"))
    assert sent.flushed() == [[[2]]]
    sent.accumulator.settled(("eada@b.de",))
    assert sent.flushed() == [[[3]]]


def test_who_claims_the_identifier_of_a_deleted_contact_waits_until_it_is_gone() -> None:
    sent = Sent()
    sent.add(a_part(1, Contact("ada@b.de", "x")))
    # Nobody but the contact itself claims `x`.
    deleted = sent.remove(a_part(2, Contact("ada@b.de", "x")))
    sent.add(a_part(3, Contact("eva@b.de", "x")))
    assert sent.flushed() == [[[1]]]
    sent.accumulator.settled(deleted.identity_keys)
    assert sent.flushed() == [[[2]]]
    sent.accumulator.settled(deleted.identity_keys)
    assert sent.flushed() == [[[3]]]


def test_deletions_that_only_share_what_they_are_not_known_by_travel_side_by_side() -> None:
    sent = Sent()
    for n in (1, 2, 3):
        sent.remove(a_part(n, Contact(f"{n}@b.de", "x")))
    assert sent.flushed() == [[[1]], [[2]], [[3]]]


# Held, tried again, given up.


def test_a_contact_that_is_held_keeps_its_place_until_it_is_tried_again() -> None:
    sent = Sent()
    sent.add(someone(1, "ada"))
    sent.accumulator.flush()
    [entry] = sent.requests[0].entries
    sent.take()
    sent.accumulator.keep_place(entry)
    # What comes meanwhile is merged into it, as it is not on its way.
    sent.add(someone(2, "ada"), someone(3, "eva"))
    assert (sent.flushed(), sent.accumulator.following_records) == ([[[3]]], 2)
    sent.accumulator.proceed(entry)
    assert (sent.flushed(), sent.accumulator.following_records) == ([[[1, 2]]], 0)


def test_whoever_stands_behind_a_contact_that_is_given_up_goes_on() -> None:
    sent = Sent()
    sent.add(a_part(1, Contact("a@b.de", "x")))
    sent.accumulator.flush()
    [entry] = sent.requests[0].entries
    sent.take()
    sent.accumulator.keep_place(entry)
    sent.add(a_part(2, Contact("c@b.de", "x")))
    sent.accumulator.give_up(entry)
    assert sent.flushed() == [[[2]]]
    assert sent.accumulator.following_records == 0


def test_whoever_is_withdrawn_stands_in_no_line_any_more() -> None:
    sent = Sent()
    contacts = [Contact("a@b.de"), Contact("a@b.de", "x"), Contact("c@b.de", "x")]
    sent.add(*(a_part(n, contact) for n, contact in enumerate(contacts, start=1)))
    [second] = sent.accumulator.followers("ea@b.de")
    assert sent.accumulator.is_first(second, ["xx"])
    sent.accumulator.give_up(second)
    assert sent.accumulator.followers("ea@b.de") == []
    assert sent.flushed() == [[[1], [3]]]


# Old.


def test_a_batch_is_old_so_many_seconds_after_its_first_record() -> None:
    sent = sent_of(age_seconds=60.0)
    assert [sent.accumulator.next_expiry] == [None]
    sent.add(someone(1), partition_key=OTHER, now=100.0)
    sent.add(someone(2), now=130.0)
    sent.add(someone(3), partition_key=OTHER, now=159.0)
    assert sent.accumulator.next_expiry == 160.0
    sent.accumulator.flush_expired(159.9)
    assert sent.take() == []
    sent.accumulator.flush_expired(160.0)
    assert sent.take() == [[[1], [3]]]
    assert (sent.accumulator.next_expiry, sent.accumulator.oldest_unsent()) == (190.0, 2)


@given(opened=st.floats(0, 1e7), age=st.floats(1e-3, 1e5))
def test_what_is_due_at_the_next_expiry_is_old_then(opened: float, age: float) -> None:
    sent = sent_of(age_seconds=age)
    sent.add(someone(1), now=opened)
    expiry = sent.accumulator.next_expiry
    assert expiry is not None
    sent.accumulator.flush_expired(expiry)
    assert sent.take()


def test_a_record_that_followed_another_makes_its_batch_as_old_as_it_is() -> None:
    sent = Sent()
    sent.add(someone(1, "ada"))
    sent.accumulator.flush()
    sent.add(someone(2, "ada"), now=5.0)
    sent.add(someone(3), now=30.0)
    sent.settle(sent.requests[0])
    assert sent.accumulator.next_expiry == 65.0


def test_batches_with_a_record_before_a_place_are_sent_the_oldest_first() -> None:
    sent = Sent()
    for position, partition_key in (
        (3, PARTITION),
        (5, OTHER),
        (9, PARTITIONS[2]),
        (11, PARTITION),
    ):
        sent.add(someone(position), partition_key=partition_key)
    sent.accumulator.flush_older_than(3)
    assert sent.take() == []
    sent.accumulator.flush_older_than(9)
    assert sent.take() == [[[3], [11]], [[5]]]
    assert sent.flushed() == [[[9]]]


def test_what_holds_no_record_before_a_place_is_forgotten_when_the_sync_is_to_end() -> None:
    sent = Sent()
    sent.add(someone(1, "ada"), someone(5))
    sent.accumulator.flush()
    [request] = sent.requests
    sent.take()
    sent.add(someone(2), partition_key=OTHER)
    sent.add(someone(3), someone(4, "ada"))
    sent.add(someone(6, "ada"), partition_key=OTHER)
    sent.add(someone(7, 5))
    sent.accumulator.drop(from_position=3)
    assert sent.flushed() == [[[2]]]
    sent.settle(request)
    assert sent.flushed() == []
    assert sent.accumulator.oldest_unsent() is None

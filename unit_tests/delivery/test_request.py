"""A request that is split: the same records, in the same order, in fewer and fewer at a time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from destination_maileon.delivery.request import Request
from destination_maileon.maileon.sync_options import SynchronizationMode
from destination_maileon.mapping.mapped_record import MappedRecord
from unit_tests.support.builders import a_contact, a_part, a_plan, options
from unit_tests.support.rooms import (
    a_partition_key,
    a_removal_request,
    a_request,
    places,
    someone,
)


def records_of(request: Request) -> int:
    return sum(entry.records for entry in request.entries)


def one_after_the_other(request: Request | None) -> list[Request]:
    """The request, and those that follow it."""
    return [] if request is None else [request, *one_after_the_other(request.then)]


def records_of_one(position: int, number: int) -> list[MappedRecord]:
    return [someone(position + n, position) for n in range(number)]


@given(sizes=st.lists(st.integers(1, 9), min_size=1, max_size=9), is_counted=st.booleans())
def test_halves_hold_what_the_request_held_each_with_fewer_records(
    sizes: list[int], is_counted: bool
) -> None:
    contacts = [records_of_one(1 + sum(sizes[:n]), size) for n, size in enumerate(sizes)]
    request = a_request(*contacts, is_already_counted=is_counted)
    assert request.is_divisible is (sizes != [1])
    if not request.is_divisible:
        return
    halves = request.halves()
    pieces = [piece for half in halves for piece in one_after_the_other(half)]
    assert len(pieces) == 2
    # Different contacts side by side, records of one contact one after the other.
    assert len(halves) == (2 if len(sizes) > 1 else 1)
    held = [position for piece in places(pieces) for contact in piece for position in contact]
    assert held == [part.position for contact in contacts for part in contact]
    assert abs(len(pieces[0].entries) - len(pieces[1].entries)) <= 1
    assert all(records_of(piece) < records_of(request) for piece in pieces)
    assert all(piece.is_already_counted is is_counted for piece in pieces)
    assert all(
        piece.partition_key is request.partition_key and not piece.is_barrier for piece in pieces
    )


@given(size=st.integers(2, 1_000))
def test_what_is_bad_stands_alone_after_a_logarithmic_number_of_splits(size: int) -> None:
    bad = size // 3 + 1
    request = a_request(*(someone(position) for position in range(1, size + 1)))
    splits = 0
    while request.is_divisible:
        splits += 1
        [request] = [
            half for half in request.halves() if bad in [entry.position for entry in half.entries]
        ]
    assert places([request]) == [[[bad]]]
    assert splits <= (size - 1).bit_length()


@pytest.mark.parametrize(
    ("mode", "cities"),
    [
        (SynchronizationMode.UPDATE, ["Bonn", "Bern"]),
        (SynchronizationMode.IGNORE, ["Rome", "Oslo"]),
    ],
)
def test_the_records_of_one_contact_are_merged_anew(
    mode: SynchronizationMode, cities: list[str]
) -> None:
    partition_key = a_partition_key(a_plan(options=options(sync_mode=mode)))
    towns = ["Rome", "Bonn", "Oslo", "Bern"]
    parts = [a_part(n, a_contact(CITY=city)) for n, city in enumerate(towns, start=1)]
    request = a_request(parts, partition_key=partition_key)
    pieces = one_after_the_other(request.record_halves(request.entries[0]))
    assert places(pieces) == [[[1, 2]], [[3, 4]]]
    assert [piece.entries[0].contact.standard_fields["CITY"] for piece in pieces] == cities


def test_pieces_have_no_more_contacts_than_told() -> None:
    request = a_request(*map(someone, range(1, 8)))
    assert places(request.pieces(3)) == [[[1], [2], [3]], [[4], [5], [6]], [[7]]]


def test_pieces_have_the_order_of_the_input() -> None:
    request = a_request(*map(someone, (5, 2, 9, 1)))
    assert places(request.pieces(3)) == [[[1], [2], [5]], [[9]]]


def test_whoever_is_removed_is_not_split() -> None:
    assert not a_removal_request().is_divisible


def test_a_request_knows_its_oldest_record_how_many_it_has_and_their_bytes() -> None:
    request = a_request(someone(7), [someone(4, "ada"), someone(9, "ada")])
    assert (request.position, records_of(request)) == (4, 3)
    assert request.bytes == sum(len(someone(7, name).payload) for name in (7, "ada"))

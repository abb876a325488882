"""A call that is cut: the same records, in the same order, in fewer and fewer at a time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from destination_maileon.delivery.division import halves, halves_of, is_divisible, parts_apart
from destination_maileon.delivery.request import Request
from destination_maileon.maileon.sync_options import SynchronizationMode
from destination_maileon.mapping.mapped_record import BatchEntry, MappedRecord
from unit_tests.support.builders import a_contact, a_part, a_plan, options
from unit_tests.support.rooms import a_call, a_farewell, a_lane, someone


def records(*calls: Request) -> list[list[list[int]]]:
    return [[[part.place for part in entry.parts] for entry in call.entries] for call in calls]


def merged_records(place: int, number: int) -> list[MappedRecord]:
    """Records of one contact, in a row."""
    return [someone(place + n, place) for n in range(number)]


@given(sizes=st.lists(st.integers(1, 9), min_size=1, max_size=9), is_recount=st.booleans())
def test_halves_hold_what_the_call_held_each_with_fewer_records(
    sizes: list[int], is_recount: bool
) -> None:
    entries = [merged_records(1 + sum(sizes[:n]), size) for n, size in enumerate(sizes)]
    call = a_call(*entries, is_recount=is_recount)
    if not is_divisible(call):
        assert sizes == [1]
        return
    groups = halves(call)
    children = [child for group in groups for child in group]
    assert len(children) == 2
    # Different contacts side by side, records of one contact one after the other.
    assert len(groups) == (2 if len(sizes) > 1 else 1)
    places = [p for child in records(*children) for parts in child for p in parts]
    assert places == [part.place for entry in entries for part in entry]
    assert abs(len(children[0].entries) - len(children[1].entries)) <= 1
    assert all(child.records < call.records for child in children)
    assert all(child.is_recount is is_recount for child in children)
    assert all(child.lane is call.lane and not child.when_oldest for child in children)


@given(size=st.integers(2, 1_000))
def test_what_is_bad_stands_alone_after_a_logarithmic_number_of_cuts(size: int) -> None:
    bad = size // 3 + 1
    call = a_call(*(someone(place) for place in range(1, size + 1)))
    cuts = 0
    while is_divisible(call):
        cuts += 1
        children = [child for [child] in halves(call)]
        [call] = [child for child in children if bad in [entry.place for entry in child.entries]]
    assert records(call) == [[[bad]]]
    assert cuts <= (size - 1).bit_length()


@pytest.mark.parametrize("mode", SynchronizationMode)
def test_the_records_of_one_contact_are_merged_anew(mode: SynchronizationMode) -> None:
    lane = a_lane(a_plan(options=options(sync_mode=mode)))
    cities = ["Rome", "Bonn", "Oslo", "Bern"]
    parts = [a_part(n, a_contact(CITY=city)) for n, city in enumerate(cities, start=1)]
    call = a_call(BatchEntry.of(parts, mode), lane=lane)
    [first, second] = parts_apart(call, call.entries[0])
    assert records(first, second) == [[[1, 2]], [[3, 4]]]
    kept = [child.entries[0].contact.standard_fields["CITY"] for child in (first, second)]
    assert kept == (["Bonn", "Bern"] if mode is SynchronizationMode.UPDATE else ["Rome", "Oslo"])


@pytest.mark.parametrize(("number", "cut"), [(0, []), (1, [1]), (2, [1, 1]), (5, [2, 3])])
def test_some_entries_of_a_call_make_one_call_or_two_or_none(number: int, cut: list[int]) -> None:
    call = a_call(*map(someone, range(1, 10)))
    groups = halves_of(call, call.entries[:number], is_recount=True)
    assert [len(child.entries) for [child] in groups] == cut
    assert all(child.is_recount for [child] in groups)


def test_whoever_leaves_is_not_cut() -> None:
    assert not is_divisible(a_call(merged_records(1, 2), farewell=a_farewell()))
    assert not is_divisible(a_call(someone(1)))

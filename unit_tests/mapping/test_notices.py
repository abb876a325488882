"""What was noticed is counted by records, and an id of many people is found."""

from __future__ import annotations

import pytest

from destination_maileon.mapping.notices import (
    INVISIBLE,
    MANY_ADDRESSES,
    MAX_TRACKED_IDS,
    Notice,
    Notices,
    SharedIds,
    told,
)


def test_a_record_counts_once_for_each_notice() -> None:
    notices = Notices()
    for _ in range(2):
        notices.seen.add(Notice.CLEANED)
        notices.seen.add(Notice.CLEANED)
        notices.count()
    notices.seen.add(Notice.NESTED)
    notices.count()
    notices.count()
    assert [number for number, _ in told(notices.counts)] == [2, 1]


@pytest.mark.parametrize("notice", Notice)
def test_each_notice_reads_on_after_the_number_of_records(notice: Notice) -> None:
    assert notice.value.startswith("held ")
    assert notice.value.endswith(".")


@pytest.mark.parametrize("character", ["\u200b", "\ufeff", "\u00ad", "\u2060", "\u202e"])
def test_characters_that_nobody_sees_are_found(character: str) -> None:
    assert INVISIBLE.search(f"a{character}b")


@pytest.mark.parametrize("text", ["änne@example.com", "日本", "a b", "é", "\u00a0"])
def test_characters_that_somebody_sees_are_not(text: str) -> None:
    assert INVISIBLE.search(text) is None


def test_an_id_of_many_people_is_found_among_thousands_of_others() -> None:
    shared, found = SharedIds(), 0
    for number in range(20 * MAX_TRACKED_IDS):
        found += shared.look((f"e{number}@b.de", f"x{number}"))
        found += shared.look((f"e{number}@c.de", "x0"))
        assert len(shared._addresses) <= MAX_TRACKED_IDS
    assert found == 1


def test_ids_of_few_people_are_none() -> None:
    shared = SharedIds()
    for number in range(1_000):
        assert not shared.look((f"e{number % (MANY_ADDRESSES - 1)}@b.de", "x1"))
        assert not shared.look((f"e{number}@b.de",))
        assert not shared.look((f"e{number}@b.de", "i7"))

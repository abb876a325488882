"""Who is removed: only people who were there count, and opt-outs of the others are not lost."""

from __future__ import annotations

import pytest

from destination_maileon.config.spec import DeletedRecords
from destination_maileon.delivery.request import Purpose, Request
from destination_maileon.errors import StopSync
from destination_maileon.maileon.errors import RequestRejected
from unit_tests.support.harness import FORBIDDEN, NO_CONNECTION, REFUSED, Harness
from unit_tests.support.ledgers import PLAN
from unit_tests.support.rooms import someone

DELETE, UNSUBSCRIBE = DeletedRecords.DELETE, DeletedRecords.UNSUBSCRIBE


def with_removals(number: int, most: int | None = 2) -> Harness:
    """So many people are to be removed."""
    harness = Harness(most_removals=most)
    for position in range(1, number + 1):
        harness.remove(someone(position))
    return harness


def counts(harness: Harness) -> dict[str, int]:
    of = harness.ledger.counts[PLAN]
    told = {"deleted": of.deleted, "opted out": of.opted_out, "gone": of.gone, "marked": of.marked}
    return {name: number for name, number in told.items() if number}


def purposes(requests: list[Request]) -> list[Purpose]:
    return [request.purpose for request in requests]


# The limit.


def test_without_a_limit_all_are_removed_at_once() -> None:
    harness = with_removals(4, most=None)
    assert purposes(harness.send()) == [Purpose.REMOVE] * 4
    harness.accept_all()
    assert counts(harness) == {"deleted": 4}


def test_no_more_are_under_way_than_may_be_removed() -> None:
    harness = with_removals(4)
    one, other = harness.send()
    harness.take(someone(9))
    harness.accumulator.flush()
    # Contacts do not wait for it.
    assert purposes(harness.send()) == [Purpose.WRITE]
    harness.answer(one, answer=False)
    [third] = harness.send()
    harness.answer(other, answer=False)
    [fourth] = harness.send()
    for request in (third, fourth):
        assert request.purpose is Purpose.REMOVE
        harness.answer(request, answer=True)
    assert counts(harness) == {"deleted": 4, "gone": 2}


def test_once_as_many_were_removed_the_next_is_looked_up_and_who_is_not_there_is_no_matter() -> (
    None
):
    harness = with_removals(4, most=1)
    [first] = harness.send()
    harness.answer(first, answer=True)
    looked_up = harness.send()
    assert purposes(looked_up) == [Purpose.LOOK_UP] * 3
    for request in looked_up:
        harness.answer(request, answer=False)
    assert counts(harness) == {"deleted": 4, "gone": 3}
    assert {*harness.outcomes.values()} == {"written"}


def test_whoever_is_there_beyond_the_limit_stops_the_sync_and_is_not_removed() -> None:
    harness = with_removals(2, most=1)
    [first] = harness.send()
    harness.answer(first, answer=True)
    [second] = harness.send()
    with pytest.raises(
        StopSync, match=r"the 1 that .*\(max_deleted_records\) .* after 1 person"
    ) as error:
        harness.answer(second, answer=True)
    assert (error.value.position, harness.outcomes) == (2, {1: "written"})


def test_where_nobody_may_be_removed_everybody_is_looked_up() -> None:
    harness = with_removals(1, most=0)
    [request] = harness.send()
    assert request.purpose is Purpose.LOOK_UP
    with pytest.raises(StopSync, match="after 0 people"):
        harness.answer(request, answer=True)


def test_a_removal_that_fails_gives_its_turn_to_another_and_comes_again() -> None:
    harness = with_removals(2, most=1)
    [first] = harness.send()
    harness.answer(first, NO_CONNECTION)
    [second] = harness.send()
    harness.answer(second, answer=True)
    harness.now += 5.0
    # Whether it was carried out before it failed is not known: it is looked up now.
    assert purposes(harness.send()) == [Purpose.LOOK_UP]


def test_a_removal_that_is_refused_counts_for_nobody() -> None:
    harness = with_removals(2, most=1)
    harness.success()
    [first] = harness.in_flight or harness.send()
    harness.answer(first, REFUSED)
    [second] = harness.send()
    assert second.purpose is Purpose.REMOVE
    harness.answer(second, answer=True)
    assert counts(harness) == {"deleted": 1}


# Markers.


def test_the_opt_out_of_a_person_who_is_not_there_leaves_a_marker() -> None:
    harness = Harness()
    request = harness.removal(someone(1), UNSUBSCRIBE)
    harness.answer(request, answer=False)
    assert harness.outcomes == {}
    assert harness.send() == [request]
    assert request.purpose is Purpose.MARK
    harness.answer(request, answer=True)
    assert counts(harness) == {"opted out": 1, "gone": 1, "marked": 1}
    assert harness.scheduler.is_idle


@pytest.mark.parametrize(
    ("removal", "email", "was_there"),
    [(DELETE, "1@b.de", False), (UNSUBSCRIBE, None, False), (UNSUBSCRIBE, "1@b.de", True)],
)
def test_nobody_else_gets_a_marker(
    removal: DeletedRecords, email: str | None, was_there: bool
) -> None:
    harness = Harness()
    harness.answer(harness.removal(someone(1), removal, email=email), was_there)
    assert harness.send() == []
    kind = "deleted" if removal is DELETE else "opted out"
    assert counts(harness) == ({kind: 1} if was_there else {kind: 1, "gone": 1})
    harness.handler.refusals.close()
    harness.handler.removals.close()
    assert [said[:18] for said in harness.heard.warnings] == ["1 person opted out"] * (not email)


def test_markers_count_against_no_limit() -> None:
    harness = Harness(most_removals=1)
    for position in (1, 2):
        request = harness.removal(someone(position), UNSUBSCRIBE)
        harness.answer(request, answer=False)
        harness.send()
        harness.answer(request, answer=True)
    assert harness.removal(someone(3)).purpose is Purpose.REMOVE


@pytest.mark.parametrize("answer", [FORBIDDEN, REFUSED, RequestRejected("No.", status=404)])
def test_markers_that_cannot_be_set_are_told_in_one_warning(
    answer: RequestRejected,
) -> None:
    harness = Harness()
    for position in (1, 2):
        request = harness.removal(someone(position), UNSUBSCRIBE)
        harness.answer(request, answer=False)
        harness.send()
        harness.answer(request, answer)
    assert harness.outcomes == {1: "written", 2: "written"}
    assert counts(harness) == {"opted out": 2, "gone": 2}
    assert harness.heard.warnings == []
    harness.handler.refusals.close()
    harness.handler.removals.close()
    [warning] = harness.heard.warnings
    assert warning.startswith("2 people opted out")
    assert "Maileon did not let the marker be set" in warning


def test_whoever_follows_a_person_who_gets_a_marker_waits_for_it() -> None:
    harness = Harness()
    request = harness.removal(someone(1, "ada"), UNSUBSCRIBE)
    harness.take(someone(2, "ada"))
    harness.accumulator.flush()
    harness.answer(request, answer=False)
    assert harness.send() == [request]
    harness.answer(request, answer=True)
    harness.accumulator.flush()
    assert purposes(harness.send()) == [Purpose.WRITE]

"""The members of an audience are read once each, in bounded memory."""

from __future__ import annotations

import pytest

from destination_maileon.audiences import members
from destination_maileon.delivery.request import Request
from unit_tests.audiences.account import THIS, Audience, left, many


def test_the_end_is_found_where_the_service_does_not_say_how_many_pages_there_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(members, "PAGE_SIZE", 2)
    audience = Audience(many(*[1] * 5), has_headers=False)
    assert left(audience.run()) == 5


@pytest.mark.parametrize("most_percent", [None, 100])
def test_ids_are_kept_in_bounded_numbers_and_everybody_leaves_all_the_same(
    monkeypatch: pytest.MonkeyPatch, most_percent: float | None
) -> None:
    monkeypatch.setattr(members, "MAX_IDS", 4)
    audience = Audience(many(*[1, THIS, 2] * 20))
    assert left(audience.run(most_percent=most_percent)) == 40
    assert {*audience.numbers.values()} == {0, THIS}
    # What is on its way when there are enough is kept, too.
    assert audience.most_ids <= 4 + 2 * audience.per_page


def test_the_account_is_read_twice_only_if_leavers_are_counted_and_too_many_to_keep(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    few = Audience(many(1, THIS, THIS, THIS))
    few.run(most_percent=50)
    assert few.pages_read == 2
    monkeypatch.setattr(members, "MAX_IDS", 1)
    crowd = Audience(many(1, 1, THIS, THIS))
    crowd.run(most_percent=50)
    assert crowd.pages_read == 4


def test_a_change_of_the_account_on_the_way_is_told() -> None:
    audience = Audience(many(1, THIS, 1, THIS))
    answer = audience._answer

    def answer_and_grow(request: Request) -> None:
        answer(request)
        audience.numbers.setdefault("99", 1)

    audience._answer = answer_and_grow  # type: ignore[method-assign]
    audience.run()
    assert sum("changed from 4 to 5" in said for _, said in audience.heard.said) == 1


def test_who_is_listed_twice_leaves_once() -> None:
    audience = Audience(many(1, 1, 1, THIS))
    answer = audience._answer

    def answer_and_shift(request: Request) -> None:
        answer(request)
        if audience.pages_read == 1:
            audience.numbers = {"99": THIS, **audience.numbers}

    audience._answer = answer_and_shift  # type: ignore[method-assign]
    assert left(audience.run()) == 3

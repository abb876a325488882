"""The members of an audience: found on whatever pages they are listed."""

from __future__ import annotations

import pytest

from destination_maileon.audiences import leavers
from destination_maileon.delivery.request import Request
from unit_tests.audiences.account import THIS, Audience, left, many


def test_the_end_is_found_where_the_service_does_not_say_how_many_pages_there_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(leavers, "PAGE_SIZE", 2)
    audience = Audience(many(*[1] * 5), has_headers=False)
    assert left(audience.run()) == 5


@pytest.mark.parametrize("most_percent", [None, 100])
def test_each_page_is_read_once_however_many_leave(most_percent: float | None) -> None:
    audience = Audience(many(*[1, THIS, 2] * 20))
    assert left(audience.run(most_percent=most_percent)) == 40
    assert {*audience.numbers.values()} == {0, THIS}
    assert audience.pages_read == 30


def test_who_is_listed_twice_leaves_once() -> None:
    audience = Audience(many(1, 1, 1, THIS))
    answer = audience._answer

    def answer_and_shift(request: Request) -> None:
        answer(request)
        if audience.pages_read == 1:
            audience.numbers = {"99": THIS, **audience.numbers}

    audience._answer = answer_and_shift  # type: ignore[method-assign]
    assert left(audience.run()) == 3


def test_who_has_no_id_by_which_the_field_could_be_cleared_stays() -> None:
    audience = Audience({"1": 1, "no number": 1, str(2**70): 1})
    assert left(audience.run()) == 1

"""Who leaves an audience, and what is told of those who stay."""

from __future__ import annotations

import pytest

from destination_maileon.errors import ConfigError
from unit_tests.audiences.account import THIS, Audience, left, many


def test_only_those_of_another_generation_leave() -> None:
    audience = Audience(many(THIS, 5, 0, None, 7, THIS, 1))
    assert left(audience.run()) == 3
    assert [*audience.numbers.values()] == [THIS, 0, 0, None, 0, THIS, 0]


def test_an_account_without_contacts_has_no_leavers() -> None:
    assert left(Audience({}).run()) == 0


@pytest.mark.parametrize(("most_percent", "leaves"), [(66, False), (67, True)])
def test_a_larger_share_of_the_members_than_allowed_does_not_leave(
    most_percent: float, leaves: bool
) -> None:
    audience = Audience(many(1, 2, THIS, 0, None))
    if leaves:
        assert left(audience.run(most_percent=most_percent)) == 2
        return
    with pytest.raises(ConfigError, match="2 people of 3"):
        audience.run(most_percent=most_percent)
    assert [*audience.numbers.values()] == [1, 2, THIS, 0, None]


def test_who_stays_for_a_marker_is_told_once() -> None:
    audience = Audience(many(1, 1, 1, 1, 1, 1, THIS, THIS), marked=frozenset("146"))
    assert left(audience.run()) == 3
    ((_, told),) = audience.heard.said
    assert "3 people whose address has an unsubscription marker" in told


@pytest.mark.parametrize(
    ("refuses_pages", "what"), [(True, "to list"), (False, "to let contacts leave")]
)
def test_a_refused_call_says_who_stays_and_why(refuses_pages: bool, what: str) -> None:
    audience = Audience(many(1, THIS, 1), disliked=frozenset("13"), refuses_pages=refuses_pages)
    with pytest.raises(ConfigError, match=what) as error:
        audience.run()
    assert "who dropped out stays" in str(error.value)
    assert "(400)" in str(error.value)


def test_who_stays_for_a_rejected_record_is_told_even_if_nobody_can_be_let_go() -> None:
    audience = Audience(many(1, 1, 1), disliked=frozenset("123"), rejected=frozenset("2"))
    with pytest.raises(ConfigError, match="to let contacts leave"):
        audience.run()
    assert any(
        "keeps 1 person whose records were rejected" in said for _, said in audience.heard.said
    )


@pytest.mark.parametrize("disliked", ["1", "4", "9"])
def test_one_contact_that_maileon_dislikes_keeps_no_other_in_the_audience(disliked: str) -> None:
    audience = Audience(many(*[1] * 9), disliked=frozenset(disliked))
    assert left(audience.run()) == 8
    assert [name for name, number in audience.numbers.items() if number] == [disliked]
    assert any("keeps 1 person who dropped out" in said for _, said in audience.heard.said)

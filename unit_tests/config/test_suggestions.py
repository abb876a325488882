"""Which names are so alike that one was most likely meant for the other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from destination_maileon.config import suggestions
from destination_maileon.config.suggestions import NameIndex, did_you_mean, shown


@pytest.mark.parametrize(
    ("name", "names", "nearest"),
    [
        ("frist_name", ["last_name", "first_name"], "first_name"),
        ("FirstName", ["first_name"], "first_name"),
        ("double-opt-in", ["double_opt_in_plus", "double_opt_in"], "double_opt_in"),
        ("dubble opt in", ["double_opt_in_plus", "double_opt_in"], "double_opt_in"),
        ("custmers", ["orders", "customers"], "customers"),
        ("cstmers", ["customers"], "customers"),
        ("usres", ["users"], "users"),
        ("usrse", ["users"], None),
        ("user", ["users"], "users"),
        # The nearest one, of several the first.
        ("colour", ["colours", "colourx"], "colours"),
        ("Users", ["userss", "users"], "users"),
        # Names of their own.
        ("leads", ["deals"], None),
        ("orders_2024", ["orders_2023"], None),
        ("id", ["ip"], None),
        ("customers", ["prospects", "shops"], None),
        ("", ["a", "email"], None),
        ("a", [], None),
        # The name itself was not meant.
        ("users", ["users"], None),
        ("users", ["users", "user"], "user"),
    ],
)
def test_the_nearest_name_is_found(name: str, names: list[str], nearest: str | None) -> None:
    assert NameIndex(names).nearest(name) == nearest
    hint = f' (did you mean "{nearest}"?)' if nearest else ""
    assert did_you_mean(name, NameIndex(names)) == hint


def test_of_a_few_names_half_of_one_will_do() -> None:
    assert did_you_mean("s3_bucket", ["s3_bucket_name"]) == ' (did you mean "s3_bucket_name"?)'
    assert not did_you_mean("hat", ["s3_bucket_name"])


def test_case_alone_is_ignored_where_one_name_is_left() -> None:
    index = NameIndex(["COLOR", "Size", "SIZE"])
    names = ["color", "SIZE", "size", "hat"]
    assert [index.unambiguous(name) for name in names] == ["COLOR", "SIZE", None, None]


@given(st.text(alphabet="abc1", max_size=8), st.text(alphabet="abc1", max_size=8))
def test_a_slip_is_one_in_both_directions(one: str, other: str) -> None:
    there = NameIndex([other]).nearest(one) is not None
    assert there == (NameIndex([one]).nearest(other) is not None)


@given(st.text(alphabet="abcdef", min_size=6, max_size=12), st.data())
def test_any_one_slip_is_seen(name: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(name) - 2))
    slips = (
        name[:at] + name[at + 1 :],
        name[:at] + "x" + name[at:],
        name[:at] + "x" + name[at + 1 :],
        name[:at] + name[at + 1] + name[at] + name[at + 2 :],
    )
    for slip in slips:
        assert slip == name or NameIndex([name]).nearest(slip) == name


def test_of_thousands_of_slips_among_thousands_of_names_only_so_many_are_compared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(suggestions, "MAX_COMPARISONS", 10)
    index = NameIndex(f"field_{number}" for number in range(4))
    found = [index.nearest("fild_1") for _ in range(3)]
    assert found == ["field_1", "field_1", None]


def test_a_name_is_shown_at_bearable_length() -> None:
    assert shown("x" * 61) == f'"{"x" * 60}..."'
    assert shown("\ud800") == '"?"'

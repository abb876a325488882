"""A stream's mapping as words."""

from __future__ import annotations

import pytest

from destination_maileon.maileon.contact import FieldType
from destination_maileon.mapping import Column
from destination_maileon.plan_table import listed, plan_table
from destination_maileon.targets import SKIP, Kind, Target


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["a"], 'column "a"'),
        (["a", "b"], 'columns "a", "b"'),
        (["x"] * 20, "columns " + ", ".join(['"x"'] * 20)),
        (["x"] * 23, "columns " + ", ".join(['"x"'] * 20) + " and 3 more"),
    ],
)
def test_columns_are_listed_up_to_twenty(names: list[str], words: str) -> None:
    assert listed(names) == words


def test_a_mapping_is_shown_as_a_table_and_what_goes_nowhere_comes_last() -> None:
    weekly = Target(Kind.PREFERENCE, "Weekly", "News")
    columns = [
        Column("_airbyte_id", SKIP),
        Column("email", Target(Kind.EMAIL)),
        Column("birthday", Target(Kind.STANDARD, "BIRTHDAY"), FieldType.DATE),
        Column("shoe", Target(Kind.CUSTOM, "SHOE"), FieldType.FLOAT, clear=True),
        Column("gone", Target(Kind.DELETED)),
        Column("weekly", weekly),
        Column("w", weekly, source="shop", has_source=True),
        Column("v", weekly, has_source=True),
    ]
    assert plan_table({column.name: column for column in columns}).splitlines() == [
        "  email     ->  email                   identifier",
        "  birthday  ->  standard:BIRTHDAY       date",
        "  shoe      ->  custom:SHOE             float, null clears",
        "  gone      ->  deleted",
        "  weekly    ->  preference:News/Weekly",
        "  w         ->  preference:News/Weekly  source is set",
        "  v         ->  preference:News/Weekly  source is deleted",
        '  left out: column "_airbyte_id"',
    ]


def test_no_columns_make_no_table() -> None:
    assert plan_table({}) == ""
    assert plan_table({"x": Column("x", SKIP)}) == '  left out: column "x"'

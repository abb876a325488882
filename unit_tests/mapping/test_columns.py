"""Where the columns of a stream go before its first record."""

from __future__ import annotations

import pytest

from destination_maileon.config.model import NullValues
from destination_maileon.config.targets import SKIP
from destination_maileon.maileon.contact import FieldType
from destination_maileon.mapping.contact_encoder import Column
from destination_maileon.mapping.stream_columns import StreamColumns
from unit_tests.support.builders import (
    an_account,
)
from unit_tests.support.planning import FIELDS, WEEKLY, planned


def targets(columns: StreamColumns) -> dict[str, str]:
    assert columns.problems == []
    return {name: str(column.target) for name, column in columns.columns.items()}


def test_columns_find_their_targets_by_name() -> None:
    columns = planned(
        "email",
        "first_name",
        "color",
        "AGE",
        "custom:AGE2",
        "preference:News/Weekly",
        "preferences",
        "_airbyte_raw_id",
        "_ab_cdc_deleted_at",
        "permission",
        "deleted",
        account=an_account({**FIELDS, "AGE2": FieldType.FLOAT}, [WEEKLY]),
    )
    assert targets(columns) == {
        "email": "email",
        "first_name": "standard:FIRSTNAME",
        "color": "custom:COLOR",
        "AGE": "custom:AGE",
        "custom:AGE2": "custom:AGE2",
        "preference:News/Weekly": "preference:News/Weekly",
        "preferences": "preferences",
        "_airbyte_raw_id": "skip",
        "_ab_cdc_deleted_at": "skip",
        "permission": "skip",
        "deleted": "deleted",
    }
    assert columns.unmapped == ["permission"]
    assert columns.columns["AGE"].type is FieldType.INTEGER
    assert columns.columns["custom:AGE2"].type is FieldType.FLOAT


def test_an_explicit_mapping_wins_and_may_name_columns_that_the_schema_lacks() -> None:
    columns = planned(
        "mail",
        "email",
        "first_name",
        "_ab_cdc_deleted_at",
        "lists",
        mapping=(
            ("mail", "email"),
            ("email", "skip"),
            ("first_name", "custom:COLOR"),
            ("_ab_cdc_deleted_at", "deleted"),
            ("lists", "permission"),
            ("age", "custom:AGE"),
        ),
    )
    assert targets(columns) == {
        "mail": "email",
        "email": "skip",
        "first_name": "custom:COLOR",
        "_ab_cdc_deleted_at": "deleted",
        "lists": "permission",
        "age": "custom:AGE",
    }
    assert columns.unmapped == []


def test_a_standard_field_has_its_own_type() -> None:
    columns = planned("email", "birthday", "gender", "locale")
    types = [columns.columns[name].type for name in ("birthday", "gender", "locale")]
    assert types == [FieldType.DATE, FieldType.GENDER, FieldType.LOCALE]


@pytest.mark.parametrize(
    "column", ["", " ", "a" * 300, "😀", "a\x00b", '"', "x:y", "a.b", "id", "é"]
)
def test_odd_names_go_nowhere_or_where_they_are_told(column: str) -> None:
    assert targets(planned("email", column))[column] == "skip"


@pytest.mark.parametrize("column", [" ", "😀", "a\x00b", '"', "a.b", "id"])
def test_an_odd_name_may_be_mapped(column: str) -> None:
    columns = planned("email", column, mapping=((column, "custom:COLOR"),))
    assert targets(columns)[column] == "custom:COLOR"


# Columns without a target, nulls, and all problems together.


def test_columns_without_a_target_are_left_out_or_stop_the_sync() -> None:
    columns = planned("email", "x", "y", "_airbyte_z")
    assert (columns.unmapped, columns.problems, columns.to_create) == (["x", "y"], [], {})
    assert columns.columns["x"] == Column("x", SKIP)
    columns = planned("email", "x", "y", "_airbyte_z", unmapped_columns="fail")
    (problem,) = columns.problems
    assert problem.startswith('no target for columns "x", "y", and "unmapped_columns" is fail.')


@pytest.mark.parametrize("overall", NullValues)
@pytest.mark.parametrize("own", [None, *NullValues])
def test_a_column_clears_as_it_says_itself_else_as_all_do(
    overall: NullValues, own: NullValues | None
) -> None:
    entry = {"column": "x", "target": "custom:COLOR", "null_values": own}
    columns = planned(
        "email",
        "first_name",
        mapping=(entry, ("y", "permission"), ("z", "preference:News/Weekly")),
        null_values=overall,
    )
    clears = {name for name, column in columns.columns.items() if column.clear}
    expected = {"first_name"} if overall is NullValues.CLEAR else set()
    assert clears == expected | ({"x"} if (own or overall) is NullValues.CLEAR else set())


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ({}, (None, False)),
        ({"source": None}, (None, True)),
        ({"source": ""}, ("", True)),
        ({"source": "shop"}, ("shop", True)),
    ],
)
def test_a_preference_keeps_deletes_or_sets_its_source(
    source: dict[str, object], expected: tuple[str | None, bool]
) -> None:
    entry = {"column": "x", "target": "preference:News/Weekly", **source}
    column = planned("email", mapping=(entry,)).columns["x"]
    assert (column.source, column.has_source) == expected

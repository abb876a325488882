"""The custom fields that are created for columns: which, of which type, and for which not."""

from __future__ import annotations

from decimal import Decimal

import pytest

from destination_maileon.config.targets import Kind, Target
from destination_maileon.maileon.contact import FieldType
from destination_maileon.mapping.columns import ColumnResolver
from destination_maileon.mapping.contact_encoder import Column
from unit_tests.support.builders import a_config, a_plan
from unit_tests.support.planning import FIELDS, STRING, Stream


def test_fields_are_created_for_columns_without_a_target_with_the_type_of_the_schema() -> None:
    schema = {
        "x": STRING,
        "name2": STRING,
        "since": {"type": "string", "format": "date"},
        "score": {"oneOf": [{"type": "integer"}, {"type": "number"}]},
        "vip": {"type": ["null", "boolean"]},
        "custom:SIZE": {"type": "integer"},
        "big": {"type": "string", "airbyte_type": "big_integer"},
    }
    stream = Stream(schema, mapping=(("x", "custom:GIVEN"),), unmapped_columns="create")
    expected = {
        "GIVEN": FieldType.STRING,
        "name2": FieldType.STRING,
        "since": FieldType.DATE,
        "score": FieldType.FLOAT,
        "vip": FieldType.BOOLEAN,
        "SIZE": FieldType.INTEGER,
        "big": FieldType.STRING,
    }
    assert stream.columns.problems == stream.columns.notes == stream.columns.unmapped == []
    assert stream.created == []
    assert stream.columns.columns["since"].type is FieldType.DATE
    stream.resolver.create_missing_fields()
    assert stream.api.fields == {**FIELDS, **expected}
    assert stream.target("vip") == "custom:vip"
    stream.resolver.create_missing_fields()
    assert len(stream.created) == len(expected)


def test_a_field_that_another_stream_created_meanwhile_is_taken_with_its_type() -> None:
    first = Stream({"size": {"type": "number"}}, unmapped_columns="create")
    plan = a_plan(properties={"email": STRING, "size": STRING})
    second = ColumnResolver(plan, a_config(unmapped_columns="create"), first.account)
    columns = second.before_first_record()
    first.resolver.create_missing_fields()
    second.create_missing_fields()
    assert first.created == ["create size"]
    assert columns.columns["size"].type is FieldType.FLOAT


@pytest.mark.parametrize(
    ("value", "field_type"),
    [(44, FieldType.INTEGER), (None, FieldType.INTEGER), (2**40, FieldType.STRING)],
)
def test_the_first_record_says_whether_whole_numbers_need_more_than_maileons_32_bits(
    value: object, field_type: FieldType
) -> None:
    schema = {"size": {"type": "integer"}, "AGE": {"type": "integer"}}
    stream = Stream(schema, unmapped_columns="create")
    stream.resolver.create_missing_fields()
    assert stream.created == []
    assert "size" not in stream.columns.columns
    assert stream.resolver.newly_seen({"size": value, "AGE": 2**40}) == []
    assert stream.created == ["create size"]
    assert stream.columns.columns["size"].type is field_type
    # What the account has is as it is.
    assert stream.columns.columns["AGE"].type is FieldType.INTEGER


@pytest.mark.parametrize("unmapped", ["ignore", "fail"])
def test_where_no_field_is_created_no_column_waits_for_a_record(unmapped: str) -> None:
    stream = Stream({"size": {"type": "integer"}}, unmapped_columns=unmapped)
    assert stream.columns.unmapped == ["size"]


@pytest.mark.parametrize(
    "name", ["EMAIL", "E-Mail", "External Id", "Unsubscribe", "UN_SUBSCRIBE", "Permission"]
)
def test_no_field_is_created_unasked_for_a_name_that_means_the_person(name: str) -> None:
    planned = Stream({name: STRING, "email": STRING}, unmapped_columns="create")
    seen = Stream(unmapped_columns="create")
    assert seen.resolver.newly_seen({name: "x"}) == []
    for stream in (planned, seen):
        (note,) = stream.columns.notes
        assert note.startswith(f'no custom field is created for "{name}": its name is too much ')
        stream.resolver.create_missing_fields()
        assert stream.created == []
    asked = Stream({name: STRING}, mapping=((name, f"custom:{name}"),), unmapped_columns="create")
    asked.resolver.create_missing_fields()
    assert (asked.columns.notes, asked.created) == ([], [f"create {name}"])


@pytest.mark.parametrize("name", ["ab", "a" * 65, "created", "a\x00bc", ""])
def test_a_column_whose_name_no_field_can_have_is_left_out_with_a_note(name: str) -> None:
    planned = Stream({name: STRING}, unmapped_columns="create")
    seen = Stream(unmapped_columns="create")
    assert seen.resolver.newly_seen({name: "x"}) == []
    for stream in (planned, seen):
        (note,) = stream.columns.notes
        assert note.startswith(f'no custom field is created for "{name}": ')
        assert stream.target(name) == "skip"
        stream.resolver.create_missing_fields()
        assert stream.columns.problems == stream.columns.unmapped == stream.created == []


def test_a_mapping_to_a_name_that_no_field_can_have_is_a_problem() -> None:
    stream = Stream(mapping=(("x", "custom:ab"),), unmapped_columns="create")
    (problem,) = stream.columns.problems
    assert problem.startswith('column "x": custom field "ab" cannot exist')


@pytest.mark.parametrize(
    ("value", "field_type"),
    [
        ("x", FieldType.STRING),
        (5, FieldType.INTEGER),
        (1.5, FieldType.FLOAT),
        (True, FieldType.BOOLEAN),
        ([1], FieldType.STRING),
        (2**40, FieldType.STRING),
        (Decimal("1e400"), FieldType.STRING),
    ],
)
@pytest.mark.parametrize("column", ["size", "custom:size"])
def test_a_field_is_created_for_a_new_column_with_the_type_of_its_value(
    column: str, value: object, field_type: FieldType
) -> None:
    stream = Stream(unmapped_columns="create")
    assert stream.resolver.newly_seen({column: value}) == []
    assert stream.api.fields["size"] is field_type
    assert stream.columns.columns[column] == Column(column, Target(Kind.CUSTOM, "size"), field_type)


def test_no_field_is_created_for_a_null_until_a_value_comes() -> None:
    stream = Stream(unmapped_columns="create")
    assert stream.resolver.newly_seen({"size": None}) == []
    assert stream.created == []
    assert "size" not in stream.columns.columns
    assert stream.resolver.newly_seen({"size": 5}) == []
    assert stream.created == ["create size"]
    assert stream.target("size") == "custom:size"


def test_a_new_column_clears_as_all_do() -> None:
    stream = Stream(unmapped_columns="create", null_values="clear")
    stream.resolver.newly_seen({"size": 5, "weekly": True, "external_id": "x"})
    clears = {name for name, column in stream.columns.columns.items() if column.clear}
    assert clears == {"size", "weekly"}


def test_a_field_that_waits_for_its_type_has_its_target_already() -> None:
    schema = {"other": STRING, "Rank": {"type": "integer"}}
    stream = Stream(schema, mapping=(("other", "custom:Rank"),), unmapped_columns="create")
    (problem,) = stream.columns.problems
    assert problem.startswith('columns "other" and "Rank" both go to custom:Rank.')


def test_fields_that_wait_for_their_type_may_differ_in_case_only() -> None:
    integer = {"type": "integer"}
    stream = Stream({"Rank": integer, "rank": integer}, unmapped_columns="create")
    stream.resolver.create_missing_fields()
    assert stream.resolver.newly_seen({"Rank": 1, "rank": 2**40}) == []
    assert stream.api.fields == {**FIELDS, "Rank": FieldType.INTEGER, "rank": FieldType.STRING}
    assert stream.columns.notes == []

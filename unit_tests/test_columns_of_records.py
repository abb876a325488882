"""Columns that only the records have, and the fields that are created for columns."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import pytest

from destination_maileon import columns as columns_module
from destination_maileon.account import Account
from destination_maileon.columns import ColumnResolver
from destination_maileon.maileon.contact import FieldType
from destination_maileon.mapping import Column
from destination_maileon.stream_columns import StreamColumns
from destination_maileon.targets import SKIP, Kind, Target
from unit_tests.builders import CountingApi, a_config, a_mapping, a_plan, at_once

FIELDS = {"COLOR": FieldType.STRING, "AGE": FieldType.INTEGER}
STRING = {"type": "string"}
TAKEN = 'column "{}" is left out: its target {} is taken by column "{}"'


class Stream:
    """A stream whose schema has an email and what is given, and its account."""

    def __init__(
        self,
        properties: Mapping[str, object] | None = None,
        *,
        mapping: tuple[tuple[str, str], ...] = (),
        api: CountingApi | None = None,
        is_activated: bool = False,
        **config: object,
    ) -> None:
        self.api = api or CountingApi(FIELDS, [("News", "Weekly")])
        self.account = Account(self.api, at_once)
        plan = a_plan(
            properties={"email": STRING, **(properties or {})},
            mapping=a_mapping(*mapping),
            is_activated=is_activated,
        )
        self.resolver = ColumnResolver(plan, a_config(**config), self.account)
        self.columns: StreamColumns = self.resolver.before_first_record()

    def target(self, column: str) -> str:
        return str(self.columns.columns[column].target)

    @property
    def created(self) -> list[str]:
        return [call for call in self.api.calls if call.startswith("create")]


# Mapped, and delivered by a connection that does not say so.


@pytest.mark.parametrize("unmapped", ["ignore", "create", "fail"])
@pytest.mark.parametrize(
    ("column", "target"),
    [
        ("consent", "permission"),
        ("opted_out", "unsubscribe"),
        ("gone", "deleted"),
        ("first_name", "skip"),
        ("color", "standard:TITLE"),
    ],
)
def test_a_mapping_holds_for_a_column_that_only_records_have(
    column: str, target: str, unmapped: str
) -> None:
    stream = Stream(mapping=((column, target),), is_activated=True, unmapped_columns=unmapped)
    assert column not in stream.columns.columns
    assert stream.resolver.newly_seen({"email": "a@b.de", column: "x"}) == []
    assert stream.target(column) == target
    assert stream.columns.problems == stream.columns.unmapped == stream.created == []


def test_a_mapping_of_what_is_not_delivered_stands_in_nobodys_way() -> None:
    mapping = (("given_name", "standard:FIRSTNAME"), ("mail", "email"), ("x", "custom:GONE"))
    stream = Stream({"standard:FIRSTNAME": STRING}, mapping=mapping, is_activated=True)
    assert stream.columns.problems == []
    assert stream.target("standard:FIRSTNAME") == "standard:FIRSTNAME"
    stream.resolver.newly_seen({"given_name": "Ada"})
    taken = TAKEN.format("given_name", "standard:FIRSTNAME", "standard:FIRSTNAME")
    assert stream.columns.notes[1:] == [taken]


# Seen first in records.


@pytest.mark.parametrize("unmapped", ["ignore", "create", "fail"])
def test_a_new_column_finds_its_target_by_name(unmapped: str) -> None:
    stream = Stream(unmapped_columns=unmapped)
    data: dict[str, object] = {
        "email": "a@b.de",
        "first_name": None,
        "color": "red",
        "AGE": 5,
        "preference:News/Weekly": True,
        "preferences": [],
        "_airbyte_id": "x",
        "external_id": "y",
    }
    assert stream.resolver.newly_seen(data) == []
    assert [stream.target(column) for column in data] == [
        "email",
        "standard:FIRSTNAME",
        "custom:COLOR",
        "custom:AGE",
        "preference:News/Weekly",
        "preferences",
        "skip",
        "external_id",
    ]
    assert stream.columns.columns["AGE"].type is FieldType.INTEGER
    assert stream.columns.notes == stream.columns.unmapped == stream.created == []


def test_a_column_that_is_known_is_not_resolved_again() -> None:
    stream = Stream({"x": STRING})
    before = dict(stream.columns.columns)
    assert stream.resolver.newly_seen({"email": "a@b.de", "x": 1}) == []
    assert stream.columns.columns == before
    assert stream.columns.unmapped == ["x"]


@pytest.mark.parametrize(("unmapped", "stops"), [("ignore", []), ("fail", ["x", "y"])])
def test_a_new_column_without_a_target_is_left_out_or_stops_the_sync(
    unmapped: str, stops: list[str]
) -> None:
    stream = Stream(unmapped_columns=unmapped)
    assert stream.resolver.newly_seen({"x": 1, "color": "red", "y": None}) == stops
    assert stream.columns.unmapped == ["x", "y"]
    assert stream.columns.columns["x"] == Column("x", SKIP)


@pytest.mark.parametrize("unmapped", ["ignore", "create", "fail"])
@pytest.mark.parametrize(
    ("column", "target", "holder"),
    [
        ("first_name", "standard:FIRSTNAME", "FirstName"),
        ("Color", "custom:COLOR", "x"),
        ("custom:COLOR", "custom:COLOR", "x"),
    ],
)
def test_a_new_column_whose_target_is_taken_is_left_out_with_a_note(
    unmapped: str, column: str, target: str, holder: str
) -> None:
    stream = Stream(
        {"FirstName": STRING, "x": STRING},
        mapping=(("x", "custom:COLOR"),),
        unmapped_columns=unmapped,
    )
    assert stream.resolver.newly_seen({column: "red"}) == []
    assert stream.target(column) == "skip"
    assert stream.columns.notes == [TAKEN.format(column, target, holder)]
    assert stream.columns.unmapped == []


def test_of_two_new_columns_with_one_target_the_first_has_it() -> None:
    stream = Stream()
    stream.resolver.newly_seen({"Color": 1, "color": 2})
    assert (stream.target("Color"), stream.target("color")) == ("custom:COLOR", "skip")
    assert stream.columns.notes == [TAKEN.format("color", "custom:COLOR", "Color")]


@pytest.mark.parametrize(("unmapped", "stops"), [("ignore", False), ("fail", True)])
@pytest.mark.parametrize("column", ["custom:SIZE", "preference:News/Daily"])
def test_a_new_column_that_names_what_the_account_lacks_has_no_target(
    unmapped: str, stops: bool, column: str
) -> None:
    stream = Stream(unmapped_columns=unmapped)
    assert stream.resolver.newly_seen({column: 1.5}) == ([column] if stops else [])
    (note,) = stream.columns.notes
    assert note.startswith(f'column "{column}" is left out: the account has no ')
    assert stream.target(column) == "skip"


def test_a_missing_field_of_a_new_column_is_told_with_its_type() -> None:
    stream = Stream()
    stream.resolver.newly_seen({"custom:SIZE": 1.5, "custom:NAME": None})
    first, second = stream.columns.notes
    assert "with type float" in first
    assert "with type string" in second


@pytest.mark.parametrize(
    ("column", "calls"), [("color", 0), ("preferences", 0), ("preference:News/Weekly", 1)]
)
def test_preferences_are_asked_for_once_and_only_if_a_column_names_one(
    column: str, calls: int
) -> None:
    stream = Stream()
    for _ in range(3):
        stream.resolver.newly_seen({column: "x", f"{column}/y": 1})
    assert stream.api.calls.count("preferences") == calls
    assert stream.api.calls.count("custom_fields") == 1


# Created.


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


# Vanished.


def test_a_field_that_vanished_leaves_its_columns_out_and_is_not_created_again() -> None:
    stream = Stream({"color": STRING}, mapping=(("x", "custom:AGE"),), unmapped_columns="create")
    stream.resolver.forget_custom_field("COLOR")
    assert (stream.target("color"), stream.target("x")) == ("skip", "custom:AGE")
    assert stream.resolver.newly_seen({"color": "red"}) == []
    stream.resolver.create_missing_fields()
    assert stream.created == []


# As many as there are records.


def test_of_columns_that_go_nowhere_only_so_many_are_remembered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(columns_module, "MAX_LATE_COLUMNS", 3)
    stream = Stream({"id": STRING})
    for n in range(10):
        assert stream.resolver.newly_seen({f"late{n}": n, "first_name": "Ada"}) == []
    assert list(stream.columns.columns) == ["email", "id", "late0", "first_name", "late1"]
    assert stream.columns.unmapped == ["id", "late0", "late1"]
    # What has a target finds it all the same.
    stream.resolver.newly_seen({"COLOR": "red", "late0": 1})
    assert stream.target("COLOR") == "custom:COLOR"


def test_neither_are_the_notes_of_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns_module, "MAX_LATE_COLUMNS", 3)
    stream = Stream(unmapped_columns="create")
    for n in range(10):
        stream.resolver.newly_seen({"x" * n: n, "e-mail" + " " * n: n})
    assert len(stream.columns.notes) <= 3

"""Where the columns of a stream go before its first record."""

from __future__ import annotations

from decimal import Decimal

import pytest

from destination_maileon.config.spec import NullValues
from destination_maileon.config.targets import SKIP, Kind, Target
from destination_maileon.maileon.contact import FieldType, IdentifierMode
from destination_maileon.mapping import columns as columns_module
from destination_maileon.mapping.columns import Column, StreamColumns
from destination_maileon.mapping.stream_mapper import StreamMapper
from destination_maileon.protocol.output import Level
from destination_maileon.streams.account import Account
from unit_tests.support.builders import (
    CountingApi,
    a_config,
    a_mapping,
    a_plan,
    an_account,
    at_once,
    options,
)
from unit_tests.support.planning import FIELDS, STRING, WEEKLY, Stream, planned
from unit_tests.support.rooms import Heard


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
        "_ab_cdc_deleted_at": "deleted",
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
    assert (columns.unmapped, columns.problems) == (["x", "y"], [])
    assert columns.columns["x"] == Column("x", SKIP)
    columns = planned("email", "x", "y", "_airbyte_z", unmapped_columns="fail")
    (problem,) = columns.problems
    assert problem.startswith(
        'no target for columns "x", "y", and "Columns Without a Field" (unmapped_columns) is fail.'
    )


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
        ({}, None),
        ({"source": None}, ""),
        ({"source": ""}, ""),
        ({"source": "shop"}, "shop"),
    ],
)
def test_a_preference_keeps_deletes_or_sets_its_source(
    source: dict[str, object], expected: str | None
) -> None:
    entry = {"column": "x", "target": "preference:News/Weekly", **source}
    column = planned("email", mapping=(entry,)).columns["x"]
    assert column.source == expected


TAKEN = (
    'column "{}" is left out: its target {} is taken by column "{}". Map one of them to skip or to '
    "another target."
)


# Mapped, and delivered by a connection that does not say so.


@pytest.mark.parametrize("target", ["skip", "custom:COLOR"])
def test_airbytes_mark_of_a_deletion_is_read_wherever_it_is_mapped_to(target: str) -> None:
    columns = planned("email", "_ab_cdc_deleted_at", mapping=(("_ab_cdc_deleted_at", target),))
    told = target.replace("skip", "deleted")
    assert str(columns.columns["_ab_cdc_deleted_at"].target) == told


@pytest.mark.parametrize("target", ["skip", "custom:GONE", "email"])
def test_a_mark_of_a_deletion_that_comes_late_is_read_whatever_it_cannot_go_to(target: str) -> None:
    mapping = (("_ab_cdc_deleted_at", target),)
    stream = Stream({"email": STRING}, mapping=mapping, is_activated=True)
    stream.columns.newly_seen({"email": "a@b.de", "_ab_cdc_deleted_at": None})
    assert stream.target("_ab_cdc_deleted_at") == "deleted"


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
    assert stream.columns.newly_seen({"email": "a@b.de", column: "x"}) == []
    assert stream.target(column) == target
    assert stream.columns.problems == stream.columns.unmapped == stream.created == []


def test_a_mapping_of_what_is_not_delivered_stands_in_nobodys_way() -> None:
    mapping = (("given_name", "standard:FIRSTNAME"), ("mail", "email"), ("x", "custom:GONE"))
    stream = Stream({"standard:FIRSTNAME": STRING}, mapping=mapping, is_activated=True)
    assert stream.columns.problems == []
    assert stream.target("standard:FIRSTNAME") == "standard:FIRSTNAME"
    stream.columns.newly_seen({"given_name": "Ada"})
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
    assert stream.columns.newly_seen(data) == []
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
    assert stream.columns.newly_seen({"email": "a@b.de", "x": 1}) == []
    assert stream.columns.columns == before
    assert stream.columns.unmapped == ["x"]


@pytest.mark.parametrize(("unmapped", "stops"), [("ignore", []), ("fail", ["x", "y"])])
def test_a_new_column_without_a_target_is_left_out_or_stops_the_sync(
    unmapped: str, stops: list[str]
) -> None:
    stream = Stream(unmapped_columns=unmapped)
    assert stream.columns.newly_seen({"x": 1, "color": "red", "y": None}) == stops
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
    assert stream.columns.newly_seen({column: "red"}) == []
    assert stream.target(column) == "skip"
    assert stream.columns.notes == [TAKEN.format(column, target, holder)]
    assert stream.columns.unmapped == []


def test_of_two_new_columns_with_one_target_the_first_has_it() -> None:
    stream = Stream()
    stream.columns.newly_seen({"Color": 1, "color": 2})
    assert (stream.target("Color"), stream.target("color")) == ("custom:COLOR", "skip")
    assert stream.columns.notes == [TAKEN.format("color", "custom:COLOR", "Color")]


@pytest.mark.parametrize(("unmapped", "stops"), [("ignore", False), ("fail", True)])
@pytest.mark.parametrize("column", ["custom:SIZE", "preference:News/Daily"])
def test_a_new_column_that_names_what_the_account_lacks_has_no_target(
    unmapped: str, stops: bool, column: str
) -> None:
    stream = Stream(unmapped_columns=unmapped)
    assert stream.columns.newly_seen({column: 1.5}) == ([column] if stops else [])
    (note,) = stream.columns.notes
    assert note.startswith(f'column "{column}" is left out: the account has no ')
    assert stream.target(column) == "skip"


def test_a_missing_field_of_a_new_column_is_told_with_its_type() -> None:
    stream = Stream()
    stream.columns.newly_seen({"custom:SIZE": 1.5, "custom:NAME": None})
    first, second = stream.columns.notes
    assert "with type float" in first
    assert "with type" not in second


@pytest.mark.parametrize(
    ("column", "calls"), [("color", 0), ("preferences", 1), ("preference:News/Weekly", 1)]
)
def test_preferences_are_asked_for_once_and_only_if_a_column_names_one(
    column: str, calls: int
) -> None:
    stream = Stream()
    for _ in range(3):
        stream.columns.newly_seen({column: "x", f"{column}/y": 1})
    assert stream.api.calls.count("preferences") == calls
    assert stream.api.calls.count("custom_fields") == 1


# Vanished.


def test_a_field_that_vanished_leaves_its_columns_out_and_is_not_created_again() -> None:
    stream = Stream({"color": STRING}, mapping=(("x", "custom:AGE"),), unmapped_columns="create")
    stream.columns.forget_custom_field("COLOR")
    assert (stream.target("color"), stream.target("x")) == ("skip", "custom:AGE")
    assert stream.columns.newly_seen({"color": "red"}) == []
    stream.account.create_planned_fields()
    assert stream.created == []


# As many as there are records.


def test_of_columns_that_go_nowhere_only_so_many_are_remembered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(columns_module, "MAX_LATE_COLUMNS", 3)
    stream = Stream({"id": STRING})
    for n in range(10):
        assert stream.columns.newly_seen({f"late{n}": n, "first_name": "Ada"}) == []
    assert list(stream.columns.columns) == ["email", "id", "late0", "first_name", "late1"]
    assert stream.columns.unmapped == ["id", "late0", "late1"]
    # What has a target finds it all the same.
    stream.columns.newly_seen({"COLOR": "red", "late0": 1})
    assert stream.target("COLOR") == "custom:COLOR"


def test_neither_are_the_notes_of_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns_module, "MAX_LATE_COLUMNS", 3)
    stream = Stream(unmapped_columns="create")
    for n in range(10):
        stream.columns.newly_seen({"x" * n: n, "e-mail" + " " * n: n})
    assert len(stream.columns.notes) <= 3


# Two columns with one target.


@pytest.mark.parametrize(
    ("properties", "mapping", "first", "second", "target"),
    [
        (("email", "first_name", "FirstName"), (), "first_name", "FirstName", "standard:FIRSTNAME"),
        (("email", "color", "Color"), (), "color", "Color", "custom:COLOR"),
        (("email", "COLOR", "color"), (), "COLOR", "color", "custom:COLOR"),
        (("email", "mail"), (("mail", "email"),), "mail", "email", "email"),
        (
            ("email", "first_name", "x"),
            (("x", "standard:FIRSTNAME"),),
            "x",
            "first_name",
            "standard:FIRSTNAME",
        ),
        (("email", "COLOR", "x"), (("x", "custom:COLOR"),), "x", "COLOR", "custom:COLOR"),
        (
            ("email", "preference:News/Weekly", "x"),
            (("x", "preference:News/Weekly"),),
            "x",
            "preference:News/Weekly",
            "preference:News/Weekly",
        ),
    ],
)
def test_two_columns_with_one_target_are_a_problem_that_names_both(
    properties: tuple[str, ...],
    mapping: tuple[tuple[str, str], ...],
    first: str,
    second: str,
    target: str,
) -> None:
    assert planned(*properties, mapping=mapping).problems == [
        (
            f'column "{second}": its target {target} is taken by column "{first}". Map one of them '
            "to skip or to another target."
        )
    ]


def test_several_columns_may_say_that_a_contact_is_gone_or_go_nowhere() -> None:
    mapping = (
        ("a", "deleted"),
        ("b", "deleted"),
        ("c", "unsubscribe"),
        ("d", "unsubscribe"),
        ("e", "skip"),
        ("f", "skip"),
    )
    assert planned("email", "deleted", mapping=mapping).problems == []


# What the account lacks.


def test_a_field_that_is_missing_is_told_with_the_type_it_should_have() -> None:
    plan = a_plan(
        properties={
            "email": STRING,
            "since": {"type": ["null", "string"], "format": "date-time"},
            "custom:SIZE": {"type": "number"},
        },
        mapping=a_mapping(("since", "custom:SINCE"), ("later", "custom:LATER")),
    )
    problems = StreamColumns(plan, a_config(), an_account(FIELDS)).before_first_record().problems
    assert problems == [
        f'column "{column}": the account has no custom field "{name}". Create it in Maileon with '
        f'type {field_type}, or set "Columns Without a Field" (unmapped_columns) to create.'
        for column, name, field_type in (
            ("since", "SINCE", "date"),
            ("later", "LATER", "string"),
            ("custom:SIZE", "SIZE", "float"),
        )
    ]


@pytest.mark.parametrize(
    ("column", "advice"),
    [
        ("UNSUBSCRIBE", "map the column to unsubscribe"),
        ("permission", "map the column to permission"),
        ("Deleted", "map the column to deleted"),
        ("Preferences", "rename the column to preferences"),
        ("unsubscribed", "map the column to unsubscribe"),
        ("opted_out_at", "map the column to unsubscribe"),
        ("OptOut", "map the column to unsubscribe"),
    ],
)
def test_a_column_with_nearly_the_name_of_a_target_is_told_whenever_it_is_seen(
    column: str, advice: str
) -> None:
    note = (
        f'column "{column}" does not go to {advice.rpartition(" ")[2]} by its name. If that is '
        f"meant, {advice}, else map it to a custom field or to skip."
    )
    planned_columns = planned("email", column, "other")
    assert (planned_columns.notes, planned_columns.unmapped) == ([note], [column, "other"])
    stream = Stream()
    for _ in range(2):
        stream.columns.newly_seen({column: True, "other": 1})
    assert stream.columns.notes == [note]


@pytest.mark.parametrize("unmapped", ["ignore", "create", "fail"])
def test_a_preference_that_is_missing_is_a_problem(unmapped: str) -> None:
    columns = planned(
        "email", "x", mapping=(("x", "preference:News/Daily"),), unmapped_columns=unmapped
    )
    (problem,) = columns.problems
    assert problem.startswith(
        'column "x": the account has no preference "Daily" in a category "News"'
    )


def test_a_preference_is_split_where_the_account_has_both() -> None:
    account = an_account({}, [("a/b", "c")])
    columns = planned("email", "preference:a/b/c", account=account)
    assert columns.columns["preference:a/b/c"].target == Target(Kind.PREFERENCE, "c", "a/b")
    columns = planned("email", mapping=(("x", "preference:a/b/c"),), account=account)
    assert columns.columns["x"].target == Target(Kind.PREFERENCE, "c", "a/b")


@pytest.mark.parametrize(
    ("properties", "mapping", "calls"),
    [
        (("email", "first_name"), (), ["custom_fields"]),
        (("email", "preferences"), (), ["preferences", "custom_fields"]),
        (("email", "preference:News/Weekly"), (), ["preferences", "custom_fields"]),
        (
            ("email",),
            (("a", "preference:News/Weekly"), ("b", "preference:x/y")),
            ["preferences", "custom_fields"],
        ),
    ],
)
def test_the_account_is_asked_once_and_for_preferences_only_if_one_is_named(
    properties: tuple[str, ...], mapping: tuple[tuple[str, str], ...], calls: list[str]
) -> None:
    api = CountingApi(FIELDS, [WEEKLY])
    planned(*properties, mapping=mapping, account=Account(api, at_once))
    assert sorted(api.calls) == sorted(calls)


# Identifiers.


@pytest.mark.parametrize(
    ("mode", "enough", "words"),
    [
        (IdentifierMode.EMAIL, ["email"], "email"),
        (IdentifierMode.EXTERNAL_ID, ["external_id"], "external_id"),
        (IdentifierMode.MAILEON_ID, ["maileon_id", "email"], "email or maileon_id"),
    ],
)
def test_a_stream_needs_a_column_for_its_identifier(
    mode: IdentifierMode, enough: list[str], words: str
) -> None:
    for target in IdentifierMode:
        problems = planned("first_name", target.value, mode=mode).problems
        mapped = planned("first_name", mapping=(("x", target.value),), mode=mode).problems
        if target.value in enough:
            assert problems == mapped == []
        else:
            assert problems == mapped
            assert problems[0].startswith(f"no column holds the contact's {words}, by which")


@pytest.mark.parametrize("key", IdentifierMode)
def test_a_matching_key_that_was_chosen_needs_a_column_of_its_own(key: IdentifierMode) -> None:
    def problems(*properties: str) -> list[str]:
        plan = a_plan(
            properties=dict.fromkeys(properties, STRING),
            options=options(key),
            is_activated=True,
            has_chosen_key=True,
        )
        return StreamColumns(plan, a_config(), an_account()).before_first_record().problems

    (problem,) = problems(*(other.value for other in IdentifierMode if other is not key))
    assert problem.startswith(f"no column holds the contact's {key.value}, by which")
    assert problems(key.value) == []


def test_an_identifier_that_is_skipped_is_missing() -> None:
    (problem,) = planned("email", mapping=(("email", "skip"),)).problems
    assert problem.startswith("no column holds")


@pytest.mark.parametrize("mode", IdentifierMode)
def test_a_stream_whose_columns_nobody_knows_yet_lacks_nothing(mode: IdentifierMode) -> None:
    assert planned(mode=mode).problems == []


def test_all_problems_of_a_stream_come_at_once() -> None:
    columns = planned(
        "first_name",
        "FIRSTNAME",
        "new",
        mapping=(("a", "custom:GONE"), ("b", "preference:x/y")),
        unmapped_columns="fail",
    )
    starts = [
        'column "a"',
        'column "b"',
        'column "FIRSTNAME": its target standard:FIRSTNAME is taken by column "first_name"',
        "no column holds",
        "no target for",
    ]
    assert [
        p for p, start in zip(columns.problems, starts, strict=True) if not p.startswith(start)
    ] == []


def test_fields_are_created_for_columns_without_a_target_with_the_type_of_the_schema() -> None:
    schema = {
        "x": STRING,
        "name2": STRING,
        "since": {"type": "string", "format": "date"},
        "score": {"oneOf": [{"type": "integer"}, {"type": "number"}]},
        "vip": {"type": ["null", "boolean"]},
        "custom:SIZE": {"type": "number"},
        "big": {"type": "string", "airbyte_type": "big_integer"},
    }
    stream = Stream(schema, mapping=(("x", "custom:GIVEN"),), unmapped_columns="create")
    expected = {
        "GIVEN": FieldType.STRING,
        "name2": FieldType.STRING,
        "since": FieldType.DATE,
        "score": FieldType.FLOAT,
        "vip": FieldType.BOOLEAN,
        "SIZE": FieldType.FLOAT,
        "big": FieldType.STRING,
    }
    assert stream.columns.problems == stream.columns.notes == stream.columns.unmapped == []
    assert stream.created == []
    assert stream.columns.columns["since"].type is FieldType.DATE
    stream.account.create_planned_fields()
    assert stream.api.fields == {**FIELDS, **expected}
    assert stream.target("vip") == "custom:vip"
    stream.account.create_planned_fields()
    assert len(stream.created) == len(expected)


def test_a_field_that_another_stream_created_meanwhile_is_taken_with_its_type() -> None:
    first = Stream({"size": {"type": "number"}}, unmapped_columns="create")
    plan = a_plan(properties={"email": STRING, "size": STRING})
    second = StreamColumns(plan, a_config(unmapped_columns="create"), first.account)
    columns = second.before_first_record()
    first.account.create_planned_fields()
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
    stream.account.create_planned_fields()
    assert stream.created == []
    assert "size" not in stream.columns.columns
    assert stream.columns.newly_seen({"size": value, "AGE": 2**40}) == []
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
    assert seen.columns.newly_seen({name: "x"}) == []
    for stream in (planned, seen):
        (note,) = stream.columns.notes
        assert note.startswith(f'column "{name}" does not go to ')
        stream.account.create_planned_fields()
        assert stream.created == []
    asked = Stream({name: STRING}, mapping=((name, f"custom:{name}"),), unmapped_columns="create")
    asked.account.create_planned_fields()
    assert (asked.columns.notes, asked.created) == ([], [f"create {name}"])


@pytest.mark.parametrize("name", ["ab", "a" * 65, "created", "a\x00bc", ""])
def test_a_column_whose_name_no_field_can_have_is_left_out_with_a_note(name: str) -> None:
    planned = Stream({name: STRING}, unmapped_columns="create")
    seen = Stream(unmapped_columns="create")
    assert seen.columns.newly_seen({name: "x"}) == []
    for stream in (planned, seen):
        (note,) = stream.columns.notes
        assert note.startswith(f'no custom field is created for "{name}": ')
        assert stream.target(name) == "skip"
        stream.account.create_planned_fields()
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
    assert stream.columns.newly_seen({column: value}) == []
    assert stream.api.fields["size"] is field_type
    assert stream.columns.columns[column] == Column(column, Target(Kind.CUSTOM, "size"), field_type)


def test_no_field_is_created_for_a_null_until_a_value_comes() -> None:
    stream = Stream(unmapped_columns="create")
    assert stream.columns.newly_seen({"size": None}) == []
    assert stream.created == []
    assert "size" not in stream.columns.columns
    assert stream.columns.newly_seen({"size": 5}) == []
    assert stream.created == ["create size"]
    assert stream.target("size") == "custom:size"


def test_a_new_column_clears_as_all_do() -> None:
    stream = Stream(unmapped_columns="create", null_values="clear")
    stream.columns.newly_seen({"size": 5, "weekly": True, "external_id": "x"})
    clears = {name for name, column in stream.columns.columns.items() if column.clear}
    assert clears == {"size", "weekly"}


def test_a_field_that_waits_for_its_type_has_its_target_already() -> None:
    schema = {"other": STRING, "Rank": {"type": "integer"}}
    stream = Stream(schema, mapping=(("other", "custom:Rank"),), unmapped_columns="create")
    (problem,) = stream.columns.problems
    assert problem.startswith('column "Rank": its target custom:Rank is taken by column "other".')


def test_fields_that_wait_for_their_type_may_differ_in_case_only() -> None:
    integer = {"type": "integer"}
    stream = Stream({"Rank": integer, "rank": integer}, unmapped_columns="create")
    stream.account.create_planned_fields()
    assert stream.columns.newly_seen({"Rank": 1, "rank": 2**40}) == []
    assert stream.api.fields == {**FIELDS, "Rank": FieldType.INTEGER, "rank": FieldType.STRING}
    assert stream.columns.notes == []


LACKS = (
    "the mapping names {}, which the schema of the stream lacks. It has an effect there only if "
    "records have more than the schema says."
)


def test_one_note_names_all_mapped_columns_that_the_schema_lacks_and_those_alike() -> None:
    mapping = (("Color", "custom:COLOR"), ("town", "standard:CITY"), ("Ssn", "skip"))
    columns = planned("email", "color", "ssn", mapping=(*mapping, ("color", "skip"), ("x", "skip")))
    assert columns.problems == []
    told = LACKS.format('columns "Color", "town", "Ssn"')
    assert columns.notes == [f'{told} Did you mean columns "color", "ssn"?']
    columns = planned("email", mapping=(("town", "standard:CITY"),))
    assert columns.notes == [LACKS.format('column "town"')]


@pytest.mark.parametrize(
    ("properties", "mapping"),
    [
        (("email", "town"), (("town", "standard:CITY"),)),
        (("email",), (("town", "skip"),)),
        ((), (("mail", "email"), ("town", "standard:CITY"))),
    ],
    ids=["has it", "goes nowhere", "no schema"],
)
def test_there_is_nothing_to_tell(
    properties: tuple[str, ...], mapping: tuple[tuple[str, str], ...]
) -> None:
    columns = planned(*properties, mapping=mapping)
    assert columns.notes == columns.problems == []


@pytest.mark.parametrize(
    ("mapped", "there", "target"),
    [
        ("Consent", "consent", "permission"),
        ("Opt_Out", "opt_out", "unsubscribe"),
        ("gone", "GONE", "deleted"),
        ("Id", "id", "external_id"),
        ("Id", "ID", "maileon_id"),
        ("mail", "Mail", "email"),
        ("left_att", "left_at", "unsubscribe"),
        ("opt-in-status", "OptInStatus", "permission"),
        ("custmer_no", "customer_no", "external_id"),
        ("removd_at", "removed_at", "deleted"),
        ("weekyl", "weekly", "preference:News/Weekly"),
    ],
)
def test_a_column_that_decides_on_people_must_be_spelt_as_the_schema_spells_it(
    mapped: str, there: str, target: str
) -> None:
    identifier = () if target == "email" else ("email",)
    (problem,) = planned(*identifier, there, mapping=((mapped, target),)).problems
    assert problem == (
        f'column "{mapped}" is mapped to {target}, but is not in the stream; did you mean column '
        f'"{there}"? Map that one, to skip if it means something else.'
    )
    both = planned(*identifier, there, mapping=((mapped, target), (there, "skip")))
    assert both.problems == []
    assert len(both.notes) == 1


@pytest.mark.parametrize("there", ["deleted", "_ab_cdc_deleted_at"])
def test_a_column_that_is_the_target_anyway_is_no_problem(there: str) -> None:
    assert planned("email", there, mapping=((there.upper(), "deleted"),)).problems == []


def test_it_is_a_warning_at_the_start_and_told_once() -> None:
    plan = a_plan(properties={"email": {}}, mapping=a_mapping(("town", "standard:CITY")))
    columns = StreamColumns(plan, a_config(), an_account())
    heard = Heard()
    stream = StreamMapper(columns.before_first_record(), heard)
    stream.tell_plan()
    stream.learn({"email": "a@b.de"})
    told = LACKS.format('column "town"')
    assert heard.warnings == [f"Stream contacts: {told}"]
    assert [level for level, _ in heard.said] == [Level.INFO, Level.WARN]


def test_a_column_for_which_a_field_is_yet_to_be_created_may_be_the_one_that_is_meant() -> None:
    plan = a_plan(
        properties={"email": {"type": "string"}, "customer_no": {"type": "integer"}},
        mapping=a_mapping(("Customer_No", "external_id")),
    )
    resolver = StreamColumns(plan, a_config(unmapped_columns="create"), an_account())
    (problem,) = resolver.before_first_record().problems
    assert 'but is not in the stream; did you mean column "customer_no"?' in problem


@pytest.mark.parametrize(
    ("mapped", "there", "target"),
    [
        ("frist_name", "first_name", "standard:FIRSTNAME"),
        ("vorname", "first_name", "standard:FIRSTNAME"),
        ("colour", "COLOR", "custom:COLOR"),
        ("mail", "email", "email"),
        ("weekly", "preference:News/Weekly", "preference:News/Weekly"),
    ],
)
def test_a_mapped_column_that_the_stream_lacks_is_told_by_the_one_that_has_its_target(
    mapped: str, there: str, target: str
) -> None:
    (problem,) = planned(*dict.fromkeys(("email", there)), mapping=((mapped, target),)).problems
    assert problem == (
        f'column "{there}": its target {target} is taken by column "{mapped}", which the stream '
        f'lacks (did you mean "{there}"?). Map one of them to skip or to another target.'
    )


def test_a_slip_in_a_column_that_decides_on_nobody_is_a_warning_with_the_nearest_column() -> None:
    columns = planned("email", "favourite_colour", mapping=(("favorite_colour", "custom:COLOR"),))
    assert columns.problems == []
    told = LACKS.format('column "favorite_colour"')
    assert columns.notes == [f'{told} Did you mean column "favourite_colour"?']


@pytest.mark.parametrize("there", ["E-Mail", "EMAIL", "emial", "e_mail"])
def test_a_column_that_looks_like_the_identifier_is_named(there: str) -> None:
    (problem,) = planned(there, "first_name").problems
    assert f'contact\'s email (did you mean "{there}"?), by which' in problem


def test_a_column_may_have_the_empty_name() -> None:
    columns = planned("email", "", mapping=(("", "custom:COLOR"),))
    assert (columns.problems, columns.notes) == ([], [])
    assert str(columns.columns[""].target) == "custom:COLOR"
    assert planned("email", "", mapping=(("", "skip"),), unmapped_columns="fail").problems == []


@pytest.mark.parametrize(
    ("kind", "config", "problem"),
    [
        (FieldType.INTEGER, "ignore", None),
        (FieldType.STRING, "ignore", "has the type string"),
        (None, "ignore", 'the account has no custom field "VIP"'),
        (None, "create", None),
    ],
)
def test_an_audience_needs_a_field_of_whole_numbers(
    kind: FieldType | None, config: str, problem: str | None
) -> None:
    plan = a_plan(properties={"email": STRING}, audience_field="VIP", generation_id=1)
    account = an_account({} if kind is None else {"VIP": kind})
    resolver = StreamColumns(plan, a_config(unmapped_columns=config), account)
    problems = resolver.before_first_record().problems
    assert [(problem or "") in told for told in problems] == [True] * (problem is not None)

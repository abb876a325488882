"""Columns that only the records have."""

from __future__ import annotations

import pytest

from destination_maileon.config.targets import SKIP
from destination_maileon.maileon.contact import FieldType
from destination_maileon.mapping import columns as columns_module
from destination_maileon.mapping.contact_encoder import Column
from unit_tests.support.planning import STRING, Stream

TAKEN = 'column "{}" is left out: its target {} is taken by column "{}"'


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

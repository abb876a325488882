"""What targets are called, and which target a column's name means."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from destination_maileon.config.suggestions import NameIndex
from destination_maileon.config.targets import (
    SKIP,
    Kind,
    Target,
    creation_obstacle,
    mistaken_for,
    nearest_target,
    parse_target,
    preference_splits,
    target_of_column,
)
from destination_maileon.maileon.contact import STANDARD_FIELDS

EMAIL = Target(Kind.EMAIL)
FIRSTNAME = Target(Kind.STANDARD, "FIRSTNAME")
WEEKLY = Target(Kind.PREFERENCE, "Weekly", "News")
RESERVED = [
    "id",
    "created",
    "updated",
    "external_id",
    "local_part",
    "permission_type",
    "permission_status",
    "sendout_status",
]
FIELDS = ["COLOR", "Eye Color", "size", "Size", "preferences_2", "permission", "firstname_old"]


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("email", EMAIL),
        ("external_id", Target(Kind.EXTERNAL_ID)),
        ("maileon_id", Target(Kind.MAILEON_ID)),
        ("permission", Target(Kind.PERMISSION)),
        ("deleted", Target(Kind.DELETED)),
        ("unsubscribe", Target(Kind.UNSUBSCRIBE)),
        ("skip", SKIP),
        ("standard:FIRSTNAME", FIRSTNAME),
        ("standard: firstname ", FIRSTNAME),
        ("custom:COLOR", Target(Kind.CUSTOM, "COLOR")),
        ("custom:a:b/c", Target(Kind.CUSTOM, "a:b/c")),
        ("custom: ", Target(Kind.CUSTOM, " ")),
        ("preference:News/Weekly", WEEKLY),
        # No target.
        ("", None),
        ("Email", None),
        (" email", None),
        ("preferences", None),
        ("standard", None),
        ("standard:", None),
        ("standard:SHOE_SIZE", None),
        ("standard:PERMISSION_STATUS", None),
        ("custom", None),
        ("custom:", None),
        ("preference:", None),
        ("preference:News", None),
        ("preference:/Weekly", None),
        ("preference:News/", None),
        ("email:x", None),
        ("Custom:COLOR", None),
    ],
)
def test_a_mapping_text_names_its_target_or_none(text: str, target: Target | None) -> None:
    assert parse_target(text) == target


@pytest.mark.parametrize("name", STANDARD_FIELDS)
def test_every_standard_field_is_a_target(name: str) -> None:
    assert parse_target(f"standard:{name}") == Target(Kind.STANDARD, name)


@pytest.mark.parametrize(
    "target",
    [
        *(Target(kind) for kind in Kind if kind not in {"standard", "custom", "preference"}),
        FIRSTNAME,
        Target(Kind.CUSTOM, "Eye Color"),
        WEEKLY,
    ],
)
def test_a_target_is_spelled_as_it_is_read(target: Target) -> None:
    # `preferences` is a column's name, and no target of a mapping.
    expected = None if target.kind is Kind.PREFERENCES else target
    assert parse_target(str(target)) == expected


@pytest.mark.parametrize(
    ("path", "splits"),
    [
        ("News/Weekly", [("News", "Weekly")]),
        ("a/b/c", [("a", "b/c"), ("a/b", "c")]),
        ("a//b", [("a", "/b"), ("a/", "b")]),
        ("/a/b", [("/a", "b")]),
        ("a/b/", [("a", "b/")]),
        ("News", []),
        ("/", []),
        ("", []),
    ],
)
def test_a_path_is_split_at_every_slash_the_first_one_first(
    path: str, splits: list[tuple[str, str]]
) -> None:
    assert preference_splits(path) == splits


@pytest.mark.parametrize(
    ("known", "category", "name"),
    [
        ([("a", "b/c")], "a", "b/c"),
        ([("a/b", "c")], "a/b", "c"),
        ([("a", "b/c"), ("a/b", "c")], "a", "b/c"),
        ([("a/b", "x"), ("x", "c")], "a", "b/c"),
        ([], "a", "b/c"),
    ],
)
def test_a_preference_is_split_where_the_account_has_both_else_at_the_first_slash(
    known: list[tuple[str, str]], category: str, name: str
) -> None:
    expected = Target(Kind.PREFERENCE, name, category)
    assert parse_target("preference:a/b/c", known) == expected
    assert target_of_column("preference:a/b/c", NameIndex(), preferences=known) == expected


@pytest.mark.parametrize(
    ("column", "target"),
    [
        # Identifiers, to the letter.
        ("email", EMAIL),
        ("external_id", Target(Kind.EXTERNAL_ID)),
        ("maileon_id", Target(Kind.MAILEON_ID)),
        ("Email", None),
        ("external-id", None),
        # Names that are targets.
        ("custom:COLOR", Target(Kind.CUSTOM, "COLOR")),
        ("custom:not there", Target(Kind.CUSTOM, "not there")),
        ("preference:News/Weekly", WEEKLY),
        ("standard:firstname", FIRSTNAME),
        ("deleted", Target(Kind.DELETED)),
        ("unsubscribe", Target(Kind.UNSUBSCRIBE)),
        ("skip", SKIP),
        # Standard fields, whatever case, `_`, `-` and spaces.
        ("FIRSTNAME", FIRSTNAME),
        ("first_name", FIRSTNAME),
        ("First-Name", FIRSTNAME),
        ("f i r s t n a m e", FIRSTNAME),
        ("__first__name__", FIRSTNAME),
        ("first.name", None),
        ("fırstname", None),
        ("fİrstname", None),
        ("firstname1", None),
        # Custom fields: to the letter, else the only one that differs in case.
        ("COLOR", Target(Kind.CUSTOM, "COLOR")),
        ("color", Target(Kind.CUSTOM, "COLOR")),
        ("eye color", Target(Kind.CUSTOM, "Eye Color")),
        ("eye_color", None),
        ("size", Target(Kind.CUSTOM, "size")),
        ("Size", Target(Kind.CUSTOM, "Size")),
        ("SIZE", None),
        # A permission is never found by a name; a custom field of that name is.
        ("permission", Target(Kind.CUSTOM, "permission")),
        ("Permission", Target(Kind.CUSTOM, "permission")),
        ("preferences", Target(Kind.PREFERENCES)),
        ("Preferences", None),
        # What Airbyte adds.
        ("_airbyte_extracted_at", SKIP),
        ("_airbyte", SKIP),
        ("_ab_cdc_deleted_at", SKIP),
        ("_AB_CDC_LSN", SKIP),
        ("_Airbyte_Raw_Id", SKIP),
        ("_AB_CDC_DELETED_AT", Target(Kind.DELETED)),
        ("_abc", None),
        ("_AB_cdc", SKIP),
        ("airbyte", None),
        # Odd names.
        ("", None),
        (" ", None),
        (":", None),
        ("😀", None),
    ],
)
def test_a_column_finds_its_target_by_its_name(column: str, target: Target | None) -> None:
    assert target_of_column(column, NameIndex(FIELDS)) == target


@pytest.mark.parametrize(
    ("column", "fields", "target"),
    [
        ("email", ["email"], EMAIL),
        ("first_name", ["first_name"], FIRSTNAME),
        ("_airbyte_color", ["_airbyte_color"], SKIP),
        ("preferences", ["preferences"], Target(Kind.CUSTOM, "preferences")),
        ("custom:COLOR", ["custom:COLOR"], Target(Kind.CUSTOM, "COLOR")),
        ("permission", [], None),
    ],
)
def test_identifiers_targets_and_standard_fields_come_before_custom_fields(
    column: str, fields: list[str], target: Target | None
) -> None:
    assert target_of_column(column, NameIndex(fields)) == target


@given(st.text(), st.sets(st.text(max_size=3)))
def test_any_name_has_one_answer_and_never_a_permission(column: str, fields: set[str]) -> None:
    target = target_of_column(column, NameIndex(fields))
    assert target is None or target.kind is not Kind.PERMISSION
    if target is not None and target.kind is Kind.CUSTOM and not column.startswith("custom:"):
        assert target.name in fields


@pytest.mark.parametrize("name", ["abc", "a" * 64, "Eye Color", "größe", "😀😀😀", "a/b", "..."])
def test_a_field_can_have_almost_any_name(name: str) -> None:
    assert creation_obstacle(name) is None


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "3 to 64"),
        ("ab", "3 to 64"),
        ("😀😀", "3 to 64"),
        ("a" * 65, "3 to 64"),
        ("a\x00bc", "control"),
        ("a\ud800bc", "control"),
        ("   ", "can be seen"),
        (" hat", "a space"),
        ("hat\u00a0", "a space"),
        ("\u200b\u200b\u200b", "can be seen"),
        *((name, "reserves") for name in RESERVED),
        ("Created", "reserves"),
        *((name, "reserves") for name in STANDARD_FIELDS),
        ("FirstName", "reserves"),
    ],
)
def test_a_name_that_no_field_can_have_is_told_with_the_reason(name: str, words: str) -> None:
    obstacle = creation_obstacle(name)
    assert obstacle is not None
    assert words in obstacle
    assert "Map the column to a field with another name." in obstacle


@pytest.mark.parametrize(
    ("column", "target"),
    [
        ("EMAIL", "email"),
        ("e-mail", "email"),
        ("Maileon ID", "maileon_id"),
        ("permission", "permission"),
        ("Deleted", "deleted"),
        ("un subscribe", "unsubscribe"),
        ("mail", None),
        ("unsubscribed", "unsubscribe"),
        ("opted_out_at", "unsubscribe"),
        ("Skip", None),
    ],
)
def test_a_name_that_means_the_person_is_not_one_for_a_field(
    column: str, target: str | None
) -> None:
    told = mistaken_for(column)
    assert (told is None) is (target is None)
    assert (
        told is None
        or f"map the column to {target}, else map it to a custom field or to skip." in told
    )


def test_a_list_of_preferences_under_another_name_is_not_mapped_but_renamed() -> None:
    told = mistaken_for("PREFERENCES")
    assert told is not None
    assert "rename the column" in told


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("standard:FRISTNAME", "standard:FIRSTNAME"),
        ("standard:first-name", "standard:FIRSTNAME"),
        ("std:first_name", "standard:FIRSTNAME"),
        ("standart:city", "standard:CITY"),
        ("FIRSTNAME", "standard:FIRSTNAME"),
        ("frist_name", "standard:FIRSTNAME"),
        ("E-Mail", "email"),
        ("unsubscribed", "unsubscribe"),
        ("permision", "permission"),
        ("custum:COLOR", "custom:COLOR"),
        ("Custom:COLOR", "custom:COLOR"),
        ("preferences:News/Weekly", "preference:News/Weekly"),
        ("standard:SHOE_SIZE", None),
        ("preference:News", None),
        ("custom:", None),
        ("COLOR", None),
        ("x:y", None),
        ("", None),
    ],
)
def test_the_target_that_was_most_likely_meant(text: str, target: str | None) -> None:
    nearest = nearest_target(text)
    assert (nearest and str(nearest)) == target
    assert nearest is None or parse_target(str(nearest)) == nearest

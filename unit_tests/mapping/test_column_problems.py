"""What a person must change before the first record, all of it told at once."""

from __future__ import annotations

import pytest

from destination_maileon.config.targets import Kind, Target
from destination_maileon.maileon.identifier import IdentifierMode
from destination_maileon.mapping.columns import ColumnResolver
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
from unit_tests.support.planning import FIELDS, STRING, WEEKLY, planned

# Two columns with one target.


@pytest.mark.parametrize(
    ("properties", "mapping", "first", "second", "target"),
    [
        (("email", "first_name", "FirstName"), (), "first_name", "FirstName", "standard:FIRSTNAME"),
        (("email", "color", "Color"), (), "color", "Color", "custom:COLOR"),
        (("email", "COLOR", "color"), (), "COLOR", "color", "custom:COLOR"),
        (("email", "mail"), (("mail", "email"),), "mail", "email", "email"),
        (
            ("email", "first_name"),
            (("x", "standard:FIRSTNAME"),),
            "x",
            "first_name",
            "standard:FIRSTNAME",
        ),
        (("email", "COLOR"), (("x", "custom:COLOR"),), "x", "COLOR", "custom:COLOR"),
        (
            ("email", "preference:News/Weekly"),
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
            f'columns "{first}" and "{second}" both go to {target}. Map one of them to skip or to '
            "another target."
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
    problems = ColumnResolver(plan, a_config(), an_account(FIELDS)).before_first_record().problems
    assert problems == [
        f'column "{column}": the account has no custom field "{name}". Create it in Maileon with '
        f'type {field_type}, or set "unmapped_columns" to create.'
        for column, name, field_type in (
            ("since", "SINCE", "date"),
            ("later", "LATER", "string"),
            ("custom:SIZE", "SIZE", "float"),
        )
    ]


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
        (("email", "preferences"), (), ["custom_fields"]),
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
        return ColumnResolver(plan, a_config(), an_account()).before_first_record().problems

    (problem,) = problems(*(other.value for other in IdentifierMode if other is not key))
    assert problem.startswith(f"no column holds the contact's {key.value}, by which")
    assert problems(key.value) == []


def test_a_column_that_looks_like_the_identifier_is_named() -> None:
    (problem,) = planned("E-Mail", "first_name").problems
    assert problem.endswith('Column "E-Mail" looks like it.')


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
        'columns "first_name" and "FIRSTNAME"',
        "no column holds",
        "no target for",
    ]
    assert [
        p for p, start in zip(columns.problems, starts, strict=True) if not p.startswith(start)
    ] == []

"""What the account lacks for a target, and what a person must do about it."""

from __future__ import annotations

import pytest

from destination_maileon.config.model import UnmappedColumns
from destination_maileon.config.targets import Kind, Target
from destination_maileon.maileon.contact import FieldType
from destination_maileon.mapping.missing_targets import is_missing, missing_problem
from destination_maileon.streams.account import Account
from unit_tests.support.builders import CountingApi, an_account, at_once

COLOR = Target(Kind.CUSTOM, "COLOR")
WEEKLY = Target(Kind.PREFERENCE, "Weekly", "News")


@pytest.mark.parametrize(
    ("target", "missing"),
    [
        (COLOR, False),
        (Target(Kind.CUSTOM, "color"), True),
        (WEEKLY, False),
        (Target(Kind.PREFERENCE, "weekly", "News"), True),
        (Target(Kind.PREFERENCE, "News", "Weekly"), True),
        *(
            (Target(kind, "x"), False)
            for kind in Kind
            if kind not in {Kind.CUSTOM, Kind.PREFERENCE}
        ),
    ],
)
def test_only_a_custom_field_or_a_preference_can_be_missing(target: Target, missing: bool) -> None:
    account = an_account({"COLOR": FieldType.STRING}, [("News", "Weekly")])
    assert is_missing(target, account) is missing


def test_the_account_is_asked_only_for_what_the_target_is() -> None:
    api = CountingApi()
    account = Account(api, at_once)
    is_missing(Target(Kind.EMAIL), account)
    assert api.calls == []
    is_missing(COLOR, account)
    assert api.calls == ["custom_fields"]
    is_missing(WEEKLY, account)
    assert api.calls == ["custom_fields", "preferences"]


@pytest.mark.parametrize("unmapped", UnmappedColumns)
def test_a_missing_preference_must_be_created_by_a_person(unmapped: UnmappedColumns) -> None:
    problem = missing_problem(WEEKLY, FieldType.STRING, unmapped_columns=unmapped)
    assert problem == (
        'the account has no preference "Weekly" in a category "News". Create it in Maileon or '
        "change the mapping."
    )


@pytest.mark.parametrize("unmapped", [UnmappedColumns.IGNORE, UnmappedColumns.FAIL])
def test_a_missing_field_is_told_with_the_type_it_should_have(unmapped: UnmappedColumns) -> None:
    problem = missing_problem(COLOR, FieldType.DATE, unmapped_columns=unmapped)
    assert problem == (
        'the account has no custom field "COLOR". Create it in Maileon with type date, or set '
        '"unmapped_columns" to create.'
    )


def test_a_missing_field_is_no_problem_if_it_is_to_be_created() -> None:
    create = UnmappedColumns.CREATE
    assert missing_problem(COLOR, FieldType.DATE, unmapped_columns=create) is None


@pytest.mark.parametrize("name", ["ab", "created", "Firstname", "a\x00bc"])
def test_a_field_that_cannot_be_created_is_a_problem_even_then(name: str) -> None:
    target = Target(Kind.CUSTOM, name)
    problem = missing_problem(target, FieldType.DATE, unmapped_columns=UnmappedColumns.CREATE)
    assert problem is not None
    assert problem.startswith(f'custom field "{name}" cannot exist: ')

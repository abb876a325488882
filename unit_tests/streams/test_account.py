"""The account is asked when somebody wants to know, and as seldom as possible."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import pytest

from destination_maileon.errors import TransientError
from destination_maileon.maileon.contact import FieldType
from destination_maileon.streams.account import Account
from unit_tests.support.builders import CountingApi, at_once

Answer = TypeVar("Answer")
HAT = {"HAT": FieldType.STRING}
WEEKLY = ("News", "Weekly")


def an_api() -> CountingApi:
    return CountingApi(HAT, [WEEKLY])


def test_nothing_is_asked_before_somebody_wants_to_know() -> None:
    api = an_api()
    account = Account(api, at_once)
    assert (account.known_preferences, api.calls) == (frozenset(), [])


def test_fields_and_preferences_are_asked_for_once() -> None:
    api = an_api()
    account = Account(api, at_once)
    for _ in range(2):
        assert account.custom_fields == HAT
        assert account.preferences == {WEEKLY}
    assert api.calls == ["custom_fields", "preferences"]
    assert account.known_preferences == {WEEKLY}


def test_a_field_that_is_created_is_known_and_told() -> None:
    api, told = an_api(), []
    account = Account(api, at_once, log=lambda name, kind: told.append((name, kind)))
    account.create_custom_field("AGE", FieldType.INTEGER)
    assert api.fields == account.custom_fields == {**HAT, "AGE": FieldType.INTEGER}
    assert api.calls == ["create AGE", "custom_fields"]
    assert told == [("AGE", FieldType.INTEGER)]


def test_who_only_looks_pretends_to_create() -> None:
    api = an_api()
    account = Account(api, at_once, is_read_only=True)
    account.create_custom_field("AGE", FieldType.INTEGER)
    assert account.custom_fields == {**HAT, "AGE": FieldType.INTEGER}
    assert (api.fields, api.calls) == (HAT, ["custom_fields"])


def test_what_has_vanished_is_seen_when_the_fields_are_read_again() -> None:
    api = an_api()
    account = Account(api, at_once)
    assert account.custom_fields == HAT
    api.fields.clear()
    assert account.custom_fields == HAT
    account.read_custom_fields_again()
    assert account.custom_fields == {}
    assert api.calls == ["custom_fields"] * 2


def test_every_question_is_asked_patiently() -> None:
    asked = 0

    def patiently(ask: Callable[[], Answer]) -> Answer:
        nonlocal asked
        asked += 1
        return ask()

    account = Account(an_api(), patiently)
    assert account.preferences
    account.create_custom_field("AGE", FieldType.INTEGER)
    account.read_custom_fields_again()
    # Categories; preferences; the field; the fields, to enter it, and once more.
    assert asked == 5


class BusyApi(CountingApi):
    """Every category but the first is busy once."""

    def preferences_of(self, category: str) -> list[str]:
        self.calls.append(f"of {category}")
        if category != "A" and self.calls.count(f"of {category}") == 1:
            raise TransientError("Maileon is busy.")
        return super().preferences_of(category)


def twice(ask: Callable[[], Answer]) -> Answer:
    """A patience that allows for one failure."""
    try:
        return ask()
    except TransientError:
        return ask()


def test_a_failure_in_a_late_category_does_not_begin_anew() -> None:
    wanted = {("A", "1"), ("B", "2"), ("C", "3"), ("C", "4")}
    api = BusyApi(preferences=wanted)
    account = Account(api, twice)
    assert account.preferences == wanted
    assert api.calls == ["preferences", "of A", "of B", "of B", "of C", "of C"]


def test_preferences_that_were_not_all_told_are_asked_for_again() -> None:
    api = BusyApi(preferences={("A", "1"), ("B", "2")})
    account = Account(api, at_once)
    with pytest.raises(TransientError):
        assert account.preferences
    assert account.known_preferences == frozenset()
    assert account.preferences == {("A", "1"), ("B", "2")}


def test_if_the_fields_cannot_be_read_again_they_are_what_they_were() -> None:
    api = an_api()

    def once(ask: Callable[[], Answer]) -> Answer:
        if api.calls:
            raise TransientError("Maileon does not answer.")
        return ask()

    account = Account(api, once)
    before = dict(account.custom_fields)
    account.read_custom_fields_again()
    assert account.custom_fields == before


def test_who_can_do_without_the_custom_fields_does_not_ask_for_them() -> None:
    api = an_api()
    account = Account(api, at_once)
    assert (account.known_custom_fields, api.calls) == ({}, [])
    assert account.custom_fields == HAT
    assert account.known_custom_fields == HAT

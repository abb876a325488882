"""The account is asked when somebody wants to know, and as seldom as possible."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from destination_maileon.config.targets import Kind, Target
from destination_maileon.errors import ConfigError, TransientError
from destination_maileon.maileon.backoff import Backoff
from destination_maileon.maileon.contact import FieldType
from destination_maileon.maileon.errors import (
    FailureReason,
    FatalError,
    MaileonError,
    RequestRejected,
    RetriableError,
)
from destination_maileon.streams.account import Account, Retrying
from unit_tests.support.builders import CountingApi, an_account, at_once

Answer = TypeVar("Answer")
HAT = {"HAT": FieldType.STRING}
WEEKLY = ("News", "Weekly")


def an_api() -> CountingApi:
    return CountingApi(HAT, [WEEKLY])


def test_nothing_is_asked_before_somebody_wants_to_know() -> None:
    api = an_api()
    account = Account(api, at_once)
    assert (account.known_preferences, api.calls) == (None, [])


def test_fields_and_preferences_are_asked_for_once() -> None:
    api = an_api()
    account = Account(api, at_once)
    for _ in range(2):
        assert account.custom_fields == HAT
        assert account.preferences == {WEEKLY}
    assert api.calls == ["custom_fields", "preferences"]
    assert account.known_preferences == frozenset({WEEKLY})


def test_a_field_that_is_created_is_known_and_told() -> None:
    api = an_api()
    told: list[str] = []
    account = Account(api, at_once, log=told.append)
    account.create_custom_field("AGE", FieldType.INTEGER)
    assert api.fields == account.custom_fields == {**HAT, "AGE": FieldType.INTEGER}
    assert api.calls == ["create AGE", "custom_fields"]
    assert told == ['The custom field "AGE" was created in the account, with type integer.']


def test_fields_that_are_planned_count_as_there_and_are_created_together() -> None:
    api = an_api()
    account = Account(api, at_once)
    for name in ("SIZE", "color"):
        account.plan_custom_field(name, FieldType.FLOAT)
        assert not account.lacks(Target(Kind.CUSTOM, name))
        assert account.field_names.unambiguous(name) is None
    assert api.fields == HAT
    for _ in range(2):
        account.create_planned_fields()
    assert api.fields == {**HAT, "SIZE": FieldType.FLOAT, "color": FieldType.FLOAT}
    assert api.calls == ["custom_fields", "create SIZE", "create color"]


@pytest.mark.parametrize("field_type", FieldType)
def test_a_field_of_dates_is_told_to_hold_no_time_of_day(field_type: FieldType) -> None:
    told: list[str] = []
    Account(an_api(), at_once, log=told.append).create_custom_field("AGE", field_type)
    assert ("no time of day" in told[0]) == (field_type is FieldType.DATE)


def test_who_only_looks_pretends_to_create() -> None:
    api = an_api()
    account = Account(api, at_once, is_read_only=True)
    account.create_custom_field("AGE", FieldType.INTEGER)
    assert account.custom_fields == {**HAT, "AGE": FieldType.INTEGER}
    assert (api.fields, api.calls) == (HAT, ["custom_fields"])


def test_for_what_has_vanished_the_account_is_asked_once_more() -> None:
    api = an_api()
    account = Account(api, at_once)
    assert account.custom_fields == HAT
    api.fields.clear()
    assert account.custom_fields == HAT
    assert account.lost(["HAT", "COAT"]) == {"HAT", "COAT"}
    assert account.lost(["HAT"]) == {"HAT"}
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
    assert not account.lost(["AGE"])
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
    account.look_for_preferences()
    assert account.known_preferences == frozenset({("A", "1"), ("B", "2")})
    assert account.preferences == {("A", "1"), ("B", "2")}


def test_if_the_fields_cannot_be_read_again_they_are_what_they_were() -> None:
    api = an_api()

    def once(ask: Callable[[], Answer]) -> Answer:
        if api.calls:
            raise TransientError("Maileon does not answer.")
        return ask()

    account = Account(api, once)
    before = dict(account.custom_fields)
    assert not account.lost(before)
    assert account.custom_fields == before


def test_who_can_do_without_the_custom_fields_does_not_ask_for_them() -> None:
    api = an_api()
    account = Account(api, at_once)
    assert (account.known_custom_fields, api.calls) == ({}, [])
    assert account.custom_fields == HAT
    assert account.known_custom_fields == HAT


NO_LUCK = RetriableError("No connection.", FailureReason.CONNECTION)
LATER = RetriableError("Too many requests.", FailureReason.THROTTLED, retry_after=20.0)


@dataclass
class Clock:
    """Time that passes only while somebody sleeps or asks."""

    time: float = 100.0
    answer_seconds: float = 0.0
    slept: list[float] = field(default_factory=list)

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds

    def questions(self, max_seconds: float = 900.0, random: float = 1.0) -> Retrying:
        patience = Backoff(max_seconds)
        return Retrying(patience, self.now, sleep=self.sleep, random=lambda: random)

    def ask(self, answers: Iterator[MaileonError | str], **how: float) -> str:
        def one() -> str:
            self.time += self.answer_seconds
            answer = next(answers)
            if isinstance(answer, MaileonError):
                raise answer
            return answer

        return self.questions(**how)(one)


def test_an_answer_at_once_costs_no_time() -> None:
    clock = Clock()
    assert (clock.ask(iter(["fields"])), clock.slept) == ("fields", [])


def test_a_question_that_fails_is_asked_again_after_longer_and_longer_waits() -> None:
    clock = Clock()
    assert clock.ask(iter([NO_LUCK, NO_LUCK, NO_LUCK, "fields"])) == "fields"
    assert clock.slept == [1.0, 2.0, 4.0]


def test_the_wait_is_at_least_what_the_service_asks_for() -> None:
    clock = Clock()
    assert clock.ask(iter([LATER, "fields"]), random=0.0) == "fields"
    assert clock.slept == [20.0]


@pytest.mark.parametrize(
    "final",
    [
        FatalError("The key is wrong."),
        FatalError("This is not the API."),
        RequestRejected("Maileon refuses that.", status=400),
    ],
)
def test_what_only_a_person_can_mend_is_not_asked_again(final: MaileonError) -> None:
    clock = Clock()
    with pytest.raises(ConfigError, match=str(final)) as caught:
        clock.ask(iter([NO_LUCK, final]))
    assert caught.value.__cause__ is None
    assert len(clock.slept) == 1


@given(max_seconds=st.floats(0.1, 900), random=st.floats(0, 1), answer_seconds=st.floats(5, 60))
def test_it_is_given_up_when_the_time_is_over_and_never_waited_beyond_it(
    max_seconds: float, random: float, answer_seconds: float
) -> None:
    clock = Clock(answer_seconds=answer_seconds)
    with pytest.raises(TransientError, match=r"No connection\. Airbyte will sync again"):
        clock.ask(iter(lambda: NO_LUCK, "never"), max_seconds=max_seconds, random=random)
    elapsed = clock.time - 100.0
    assert max_seconds <= elapsed + 1e-6
    # The last question begins at the latest when the time is over.
    assert elapsed - answer_seconds <= max_seconds + 1e-6


@given(ends_in=st.floats(0.1, 100), random=st.floats(0, 1), answer_seconds=st.floats(1, 30))
def test_no_question_is_asked_at_the_end_of_the_time_for_all(
    ends_in: float, random: float, answer_seconds: float
) -> None:
    clock = Clock(answer_seconds=answer_seconds)
    asked: list[float] = []

    def one() -> str:
        asked.append(clock.time)
        clock.time += answer_seconds
        raise NO_LUCK

    questions = clock.questions(random=random)
    questions = replace(questions, ends_at=clock.time + ends_in, advice="Ask again.")
    with pytest.raises(TransientError, match=r"No connection\. Ask again\."):
        questions(one)
    # For which no time is left, a question would tell of nothing but its own end.
    assert asked[-1] < 100.0 + ends_in
    assert clock.time <= 100.0 + ends_in + answer_seconds + 1e-6


def test_who_waits_long_hears_why() -> None:
    clock = Clock()
    told: list[tuple[float, str]] = []
    questions = replace(clock.questions(), tell=lambda words: told.append((clock.time, words)))
    answers = iter([NO_LUCK] * 6)

    def one() -> str:
        answer = next(answers, None)
        if answer is None:
            return "fields"
        raise answer

    assert questions(one) == "fields"
    # Of waits of 1, 2 and 4 seconds nothing is told, of 8, 16 and 30 it is.
    assert told == [
        (107.0, "No connection. Asking again in 8 seconds."),
        (115.0, "No connection. Asking again in 16 seconds."),
        (131.0, "No connection. Asking again in 30 seconds."),
    ]


COLOR_TARGET = Target(Kind.CUSTOM, "COLOR")
WEEKLY_TARGET = Target(Kind.PREFERENCE, "Weekly", "News")


@pytest.mark.parametrize(
    ("target", "missing"),
    [
        (COLOR_TARGET, False),
        (Target(Kind.CUSTOM, "color"), True),
        (WEEKLY_TARGET, False),
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
    assert account.lacks(target) is missing


def test_the_account_is_asked_only_for_what_the_target_is() -> None:
    api = CountingApi()
    account = Account(api, at_once)
    account.lacks(Target(Kind.EMAIL))
    assert api.calls == []
    account.lacks(COLOR_TARGET)
    assert api.calls == ["custom_fields"]
    account.lacks(WEEKLY_TARGET)
    assert api.calls == ["custom_fields", "preferences"]


@pytest.mark.parametrize("creates", [False, True])
@pytest.mark.parametrize(
    ("known", "hint"),
    [
        ([], ""),
        ([("Shoes", "Boots")], ""),
        ([("Shoes", "Boots"), ("News", "Weekyl")], ' (did you mean "News/Weekyl"?)'),
        ([("Newss", "weekly")], ' (did you mean "Newss/weekly"?)'),
    ],
)
def test_a_missing_preference_must_be_created_by_a_person(
    creates: bool, known: list[tuple[str, str]], hint: str
) -> None:
    account = an_account(preferences=known)
    problem = account.missing_problem(WEEKLY_TARGET, FieldType.STRING, creates=creates)
    assert problem == (
        f'the account has no preference "Weekly" in a category "News"{hint}. Create it in Maileon '
        "or change the mapping."
    )


@pytest.mark.parametrize(
    ("known", "hint"),
    [([], ""), (["HAT"], ""), (["COLOUR", "color"], ' (did you mean "color"?)')],
)
def test_a_missing_field_is_told_with_the_type_it_should_have(known: list[str], hint: str) -> None:
    account = an_account(dict.fromkeys(known, FieldType.STRING))
    problem = account.missing_problem(COLOR_TARGET, FieldType.DATE, creates=False)
    assert problem == (
        f'the account has no custom field "COLOR"{hint}. Create it in Maileon with type date, or '
        'set "Columns Without a Field" (unmapped_columns) to create.'
    )


def test_a_missing_field_is_no_problem_if_it_is_to_be_created() -> None:
    assert an_account().missing_problem(COLOR_TARGET, FieldType.DATE, creates=True) is None


@pytest.mark.parametrize("creates", [False, True])
@pytest.mark.parametrize("name", ["ab", "created", "Firstname", "a\x00bc"])
def test_a_field_that_cannot_be_created_is_always_a_problem(name: str, creates: bool) -> None:
    target = Target(Kind.CUSTOM, name)
    problem = an_account().missing_problem(target, FieldType.DATE, creates=creates)
    assert problem is not None
    assert problem.startswith(f'custom field "{name}" cannot exist: ')

"""Questions that are asked again until they are answered, or no longer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from destination_maileon.errors import ConfigError, TransientError
from destination_maileon.maileon.backoff import Backoff
from destination_maileon.maileon.errors import (
    FailureReason,
    MaileonError,
    NotMaileonApi,
    RequestRejected,
    RetriableError,
    Unauthorized,
)
from destination_maileon.streams.patience import PatientQuestions

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

    def questions(self, max_seconds: float = 900.0, random: float = 1.0) -> PatientQuestions:
        patience = Backoff(max_seconds)
        return PatientQuestions(patience, self.now, sleep=self.sleep, random=lambda: random)

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
        Unauthorized("The key is wrong."),
        NotMaileonApi("This is not the API."),
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


def test_who_waits_long_hears_why_and_not_too_often() -> None:
    clock = Clock()
    told: list[tuple[float, str]] = []
    questions = replace(clock.questions(), tell=lambda words: told.append((clock.time, words)))
    answers = iter([NO_LUCK] * 12)

    def one() -> str:
        answer = next(answers, None)
        if answer is None:
            return "fields"
        raise answer

    assert questions(one) == "fields"
    # Waits of 1, 2, 4, 8, 16 and then 30 seconds.
    assert [time - 100.0 for time, _ in told] == [3, 31, 61, 91, 121, 151, 181, 211]
    assert told[0][1] == "No connection. Asking again in 4 seconds."


def test_of_a_short_wait_nothing_is_told() -> None:
    clock = Clock()
    told: list[str] = []
    answers = iter([NO_LUCK, NO_LUCK])

    def one() -> str:
        answer = next(answers, None)
        if answer is None:
            return "fields"
        raise answer

    replace(clock.questions(), tell=told.append)(one)
    assert told == []

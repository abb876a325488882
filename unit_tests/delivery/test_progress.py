"""What a person is told while a sync goes on: now and then, and when it has to wait."""

from __future__ import annotations

import itertools
import threading

import orjson
import pytest

from destination_maileon.accounting.ledger import Ledger
from destination_maileon.delivery.progress import EVERY_SECONDS, Progress
from destination_maileon.delivery.scheduler import Pace, RequestScheduler
from destination_maileon.maileon.auth import SecretRedactor
from destination_maileon.maileon.errors import FailureReason, RetriableError
from destination_maileon.protocol.output import Logger
from destination_maileon.streams.account import WORTH_TELLING_SECONDS
from unit_tests.support.ledgers import OTHER as NORTH
from unit_tests.support.ledgers import PLAN, a_ledger, count_in
from unit_tests.support.rooms import a_partition_key, a_request, someone

CALL = a_request(someone(1))
OTHER = a_request(someone(2), partition_key=a_partition_key(NORTH))
THROTTLED = RetriableError("Too many requests.", FailureReason.THROTTLED)
CUT = RetriableError("The connection broke.", FailureReason.CONNECTION)
CUT_AND_ASKED = RetriableError("Please wait.", FailureReason.SERVER_ERROR, retry_after=30.0)


class Told:
    """The progress of a sync that began at 1,000, and its lines."""

    def __init__(self) -> None:
        self.logger = Logger(SecretRedactor([]), clock=lambda: 0.0)
        self.progress = Progress(
            self.logger, now=lambda: 1_000.0, wall_clock=lambda: 1_700_000_000.0
        )
        self.ledger: Ledger = a_ledger(PLAN, NORTH)

    def report(self, now: float) -> None:
        self.progress.report(self.ledger, RequestScheduler(Pace(1), 1_000), now)

    @property
    def lines(self) -> list[str]:
        """Logs in words; of traces the stream's status, and until when it is limited."""
        return [self._words(orjson.loads(line)) for line in self.logger.take()]

    @staticmethod
    def _words(message: dict[str, dict[str, object]]) -> str:
        if "log" in message:
            return str(message["log"]["message"])
        status = message["trace"]["stream_status"]
        assert isinstance(status, dict)
        limited = [reason["rate_limited"]["quota_reset"] for reason in status.get("reasons", ())]
        return f"{status['stream_descriptor']['name']} {status['status']} {limited}"


def test_a_line_tells_every_thirty_seconds_how_far_the_sync_is() -> None:
    told = Told()
    for _ in range(60):
        count_in(told.ledger, PLAN, 1_000.0)
    told.report(1_000.0 + EVERY_SECONDS - 0.1)
    assert told.lines == []
    told.report(1_030.0)
    assert told.lines == [
        "30 seconds: 60 records read (2 a second), 0 rejected, 0 calls in flight."
    ]
    assert told.progress.next_at == 1_060.0
    told.report(1_059.9)
    assert told.lines == []
    count_in(told.ledger, PLAN, 1_000.0)
    told.report(1_061.0)
    assert told.lines == [
        "61 seconds: 61 records read (0 a second), 0 rejected, 0 calls in flight."
    ]


def test_the_line_counts_the_calls_in_flight_and_says_what_is_waited_for() -> None:
    told = Told()
    scheduler = RequestScheduler(Pace(2), 1_000)
    scheduler.submit(a_request(someone(1)))
    assert scheduler.next_ready(0.0, lambda: None) is not None
    told.progress.waits(CALL, CUT, 9.0)
    told.progress.waits(OTHER, THROTTLED, 9.0)
    assert told.lines
    told.progress.report(told.ledger, scheduler, 1_030.0)
    [line] = told.lines
    assert line.endswith(
        "1 call in flight, waiting for Maileon (no connection, too many requests)."
    )


@pytest.mark.parametrize(("seconds", "is_told"), [(4.9, False), (WORTH_TELLING_SECONDS, True)])
def test_only_a_wait_of_more_than_a_moment_is_told(seconds: float, is_told: bool) -> None:
    told = Told()
    told.progress.waits(CALL, CUT, seconds)
    expected = ["Stream contacts: The connection broke. Trying again in 5 seconds."]
    assert told.lines == (expected if is_told else [])


def test_a_stream_that_waits_is_told_of_once_and_once_when_it_flows_again() -> None:
    told = Told()
    for _ in range(3):
        told.progress.waits(CALL, CUT, 9.0)
    assert len(told.lines) == 1
    told.progress.flows(OTHER)
    assert told.lines == []
    for _ in range(2):
        told.progress.flows(CALL)
    assert told.lines == ["Stream contacts: Maileon answers again."]


@pytest.mark.parametrize("trouble", [THROTTLED, CUT_AND_ASKED])
def test_the_platform_learns_until_when_a_stream_is_limited_and_that_it_goes_on(
    trouble: RetriableError,
) -> None:
    told = Told()
    told.progress.waits(OTHER, trouble, 12.0)
    assert told.lines[1:] == ["leads RUNNING [1700000012000]"]
    told.progress.flows(OTHER)
    assert told.lines[1:] == ["leads RUNNING []"]


class Standing:
    """A sync that stands still; each look at the clock finds it 40 seconds later."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.is_told_thrice = threading.Event()
        logger = Logger(SecretRedactor([]), write_now=self._hear)
        clock = itertools.count(1_000.0, 40.0)
        self.progress = Progress(logger, now=lambda: next(clock), wall_clock=lambda: 0.0)

    def _hear(self, line: bytes) -> None:
        self.said.append(orjson.loads(line)["log"]["message"])
        if len(self.said) == 3:
            self.is_told_thrice.set()


def test_a_step_for_which_the_loop_stands_still_is_told_at_once_and_again() -> None:
    standing = Standing()

    assert standing.progress.during("storing", standing.is_told_thrice.wait)
    assert standing.said[:3] == [f"{n} seconds: storing." for n in (80, 160, 240)]


def test_many_short_steps_are_told_like_a_long_one() -> None:
    standing = Standing()

    assert [standing.progress.during("asking", lambda: 7) for _ in range(3)] == [7] * 3
    assert standing.said == [f"{n} seconds: asking." for n in (80, 160, 240)]


def test_a_step_that_fails_fails_where_its_result_is_wanted() -> None:
    def fails() -> None:
        raise CUT

    with pytest.raises(RetriableError, match="The connection broke"):
        Standing().progress.during("asking", fails)

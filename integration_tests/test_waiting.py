"""Calls that have to wait: one sync for all of them, as waiting takes its time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from time import monotonic

import pytest

from integration_tests.bookkeeping import Run
from integration_tests.connection import Connection, columns, people
from integration_tests.platform import stream, stream_state
from maileon_sandbox import Call, Fault

NAMES = ("seconds", "date", "limited", "late", "trickle")
RETRY_SECONDS = 2
LIMITED_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Waited:
    """The sync after its end. `date` is when one call may come back, by the monotonic clock."""

    run: Run
    calls: list[Call]
    stored: list[str | None]
    date: float

    def attempts(self, name: str) -> list[Call]:
        return [call for call in self.calls if f"{name}@".encode() in call.body]


@pytest.fixture(scope="module")
def waited(shared_connection: Connection) -> Waited:
    # An HTTP date has whole seconds.
    at = (datetime.now(tz=UTC) + timedelta(seconds=4)).replace(microsecond=0)
    date = monotonic() + (at - datetime.now(tz=UTC)).total_seconds()
    shared_connection.sandbox.script(
        Fault(status=503, retry_after=str(RETRY_SECONDS), contains="seconds@"),
        Fault(status=429, retry_after=format_datetime(at, usegmt=True), contains="date@"),
        Fault(status=429, retry_after=str(LIMITED_SECONDS), contains="limited@"),
        Fault(delay_seconds=5, contains="late@"),
        # Each byte comes in time, all of them together do not.
        Fault(trickle=True, trickle_seconds=0.05, contains="trickle@"),
    )
    run = shared_connection.sync(
        [*people(*NAMES), stream_state(1)],
        batch_size=1,
        concurrent_requests=5,
        request_timeout_seconds=1,
    )
    stored = [contact.email for contact in shared_connection.sandbox.account.contacts()]
    return Waited(run, shared_connection.synchronizations, stored, date)


def test_every_contact_arrives_at_the_second_attempt(waited: Waited) -> None:
    assert (waited.run.exit_code, waited.run.stats) == (0, [(len(NAMES), 0)])
    assert {name: len(waited.attempts(name)) for name in NAMES} == dict.fromkeys(NAMES, 2)
    assert sorted(email or "" for email in waited.stored) == sorted(
        f"{name}@example.com" for name in NAMES
    )


def test_a_call_waits_for_the_seconds_that_the_service_asks_for(waited: Waited) -> None:
    first, second = waited.attempts("seconds")
    assert second.started - first.started >= RETRY_SECONDS


def test_a_call_waits_for_the_date_that_the_service_names(waited: Waited) -> None:
    _, second = waited.attempts("date")
    assert second.started >= waited.date - 0.05


@pytest.mark.parametrize("name", ["late", "trickle"])
def test_a_call_that_takes_longer_than_allowed_is_tried_again(waited: Waited, name: str) -> None:
    first, second = waited.attempts(name)
    assert second.started - first.started >= 1


def test_a_long_wait_is_told_to_the_platform_and_its_end_too(waited: Waited) -> None:
    traces = [message["trace"] for message in waited.run.of_type("TRACE")]
    statuses = [trace["stream_status"] for trace in traces]
    assert {trace["type"] for trace in traces} == {"STREAM_STATUS"}
    assert {status["status"] for status in statuses} == {"RUNNING"}
    (reason,) = statuses[0]["reasons"]
    assert reason["type"] == "RATE_LIMITED"
    wait_milliseconds = reason["rate_limited"]["quota_reset"] - traces[0]["emitted_at"]
    assert 0 < wait_milliseconds <= LIMITED_SECONDS * 1000 + 1
    assert "reasons" not in statuses[-1]
    assert any("Trying again in 5 seconds" in said for said in waited.run.logs("WARN"))


def test_a_sync_that_waits_for_the_account_says_so_before_it_has_begun(
    connection: Connection,
) -> None:
    fault = Fault(status=503, retry_after="60", path="/contacts/fields/custom", times=None)
    connection.sandbox.script(fault)
    with connection.open(stream(columns("color")), max_retry_seconds=90) as running:
        running.wait_until(lambda run: any("Asking again in" in said for said in run.logs("WARN")))
        assert any("503" in said for said in running.run.logs("WARN"))

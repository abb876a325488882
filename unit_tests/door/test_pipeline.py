"""The one loop: when it reads, sends and speaks, and how it ends."""

from __future__ import annotations

import pytest

from destination_maileon.accounting.checkpoint import MAX_HELD_STATES
from destination_maileon.delivery.request import Request
from destination_maileon.delivery.response_handler import Answer
from destination_maileon.errors import ConfigError, TransientError
from destination_maileon.maileon.errors import (
    FailureReason,
    RequestRejected,
    RetriableError,
    Unauthorized,
)
from destination_maileon.protocol.messages import BadLine
from destination_maileon.protocol.reader import InputFailed
from destination_maileon.rejections.s3 import S3Bucket
from unit_tests.support.builders import a_stream
from unit_tests.support.rooms import a_report, invalid
from unit_tests.support.scripted import Script, a_sync, accepted, people, ran, record, state


def places(call: Request) -> list[int]:
    return [part.place for entry in call.entries for part in entry.parts]


# Well.


def test_a_sync_without_input_ends_well() -> None:
    script = Script()
    assert (ran(script).failure, script.calls) == (None, [])


def test_a_state_leaves_when_the_call_before_it_is_answered() -> None:
    script = Script([(0.0, [*people(1, 2), state("a"), *people(3), state("b")])])
    came = ran(script, batch_size=2)
    assert script.calls == [(0.0, [1, 2]), (0.0, [3])]
    assert came.states == [(1.0, "a", 2, 0), (1.0, "b", 1, 0)]
    assert came.failure is None


def test_a_state_waits_for_slower_calls_before_it() -> None:
    script = Script(
        [(0.0, [*people(1), state("a"), *people(2), state("b")])],
        seconds=lambda call: 9.0 if places(call) == [1] else 1.0,
    )
    assert ran(script, batch_size=1).states == [(9.0, "a", 1, 0), (9.0, "b", 1, 0)]


def test_a_rejection_is_told_before_the_state_after_it_leaves() -> None:
    script = Script(
        [(0.0, [*people(1), state("a")])],
        answer=lambda _: a_report(1, [invalid("1@example.com")]),
    )
    kinds: list[str] = [said["type"] for _, said in ran(script).messages]
    assert kinds.index("LOG") < kinds.index("STATE")


def test_at_the_end_every_stream_is_summed_up() -> None:
    came = ran(Script([(0.0, [*people(1), state("a")])]))
    assert came.logs()[-1] == (
        "Stream contacts: 1 record read, 1 written, 1 created, 0 existing, 0 unsubscribed, "
        "0 merged, 0 rejected, 1 call, 1.0 seconds."
    )


def test_a_dry_run_lets_no_state_out_and_says_what_would_be() -> None:
    came = ran(Script([(0.0, [*people(1), state("a")])]), dry_run=True)
    assert came.states == []
    assert came.logs("without the dry run it would be 1 record read")


# A silent source.


def test_while_the_source_is_silent_a_batch_goes_out_in_its_time_and_its_state_after_it() -> None:
    script = Script([(2.0, [*people(1), state("a")])], ends_at=500.0)
    came = ran(script, flush_interval_seconds=60)
    assert script.calls == [(62.0, [1])]
    assert came.states == [(63.0, "a", 1, 0)]


def test_a_state_before_any_record_does_not_wait_for_a_batch() -> None:
    came = ran(Script([(3.0, [state("a"), *people(1)])], ends_at=500.0))
    assert came.states == [(3.0, "a", 0, 0)]


def test_a_call_is_tried_again_in_its_time_while_the_source_is_silent() -> None:
    troubles = iter([RetriableError("No luck.", FailureReason.CONNECTION)])
    script = Script(
        [(0.0, [*people(1), state("a")])],
        answer=lambda call: next(troubles, accepted(call)),
        ends_at=500.0,
    )
    came = ran(script, batch_size=1)
    assert [time for time, _ in script.calls] == [0.0, 2.0]
    assert came.states == [(3.0, "a", 1, 0)]


def test_a_line_of_progress_comes_every_thirty_seconds() -> None:
    came = ran(Script([(0.0, people(1))], ends_at=95.0))
    lines = [(time, said) for time, said in came.messages if " records read (" in str(said)]
    assert [time for time, _ in lines] == [30.0, 60.0, 90.0]


# Back-pressure.


def test_the_reader_waits_while_all_calls_are_busy() -> None:
    chunks = [(0.0, people(2 * n, 2 * n + 1)) for n in range(1, 50)]
    script = Script(chunks, seconds=lambda _: 50.0)
    came = ran(script, batch_size=1, concurrent_requests=2)
    assert came.failure is None
    assert len(script.read_before) == 98
    for started, chunks_read in enumerate(script.read_before, start=1):
        # One record a call: no more is read than one call beyond those in flight.
        assert 2 * chunks_read <= started + 1


def test_many_states_that_are_held_back_send_the_batches_they_wait_for() -> None:
    states = [state(n) for n in range(MAX_HELD_STATES)]
    script = Script([(0.0, [*people(1), *states, *people(2)])], ends_at=500.0)
    came = ran(script, flush_interval_seconds=300)
    assert script.calls[0] == (0.0, [1])
    assert len(came.states) == MAX_HELD_STATES
    assert {time for time, *_ in came.states} == {1.0}


# Duplicates.


def test_a_duplicate_sends_the_batches_with_records_before_it() -> None:
    duplicate = iter([a_report(2, [invalid("2@example.com", 5)])])

    def answer(call: Request) -> Answer:
        return next(duplicate) if places(call) == [2, 3] else accepted(call)

    streams = [a_stream(name, json_schema={"properties": {"email": {}}}) for name in "ab"]
    lines = [record(f"{n}@example.com", stream) for n, stream in enumerate("abb", start=1)]
    script = Script([(0.0, lines)], answer=answer, ends_at=500.0)
    came = ran(script, *streams, batch_size=2, flush_interval_seconds=300)
    # The first record would have waited 300 seconds for others, and the second for it.
    assert script.calls == [(0.0, [2, 3]), (1.0, [1]), (2.0, [2])]
    assert came.failure is None


# Ends.


def test_a_broken_line_ends_the_sync_after_all_before_it_was_sent() -> None:
    script = Script([(0.0, [*people(1), state("a"), b"{", *people(2), state("b")])])
    came = ran(script)
    assert isinstance(came.failure, BadLine)
    assert script.calls == [(0.0, [1])]
    assert came.states == [(1.0, "a", 1, 0)]


def test_an_input_that_cannot_be_read_on_ends_the_sync_after_all_before_it_was_sent() -> None:
    script = Script([(0.0, [*people(1), state("a")])], error="the pipe broke")
    came = ran(script)
    assert isinstance(came.failure, InputFailed)
    assert "the pipe broke" in str(came.failure)
    assert came.states == [(1.0, "a", 1, 0)]


def test_a_failure_waits_for_the_calls_in_flight_and_starts_no_more() -> None:
    lines = [line for n in (1, 2, 3) for line in (*people(n), state(n))]
    script = Script(
        [(0.0, lines)],
        answer=lambda call: (
            Unauthorized("The key is wrong.") if places(call) == [2] else accepted(call)
        ),
        seconds=lambda call: 5.0 if places(call) == [1] else 1.0,
    )
    came = ran(script, batch_size=1, concurrent_requests=2)
    assert isinstance(came.failure, ConfigError)
    assert [records for _, records in script.calls] == [[1], [2]]
    assert came.states == [(5.0, 1, 1, 0)]


def test_the_first_failure_is_the_one_that_ends_the_sync_and_the_next_is_told() -> None:
    failures = {1: Unauthorized("The key is wrong."), 2: RuntimeError("ada@example.com")}
    script = Script([(0.0, people(1, 2))], answer=lambda call: failures[places(call)[0]])
    came = ran(script, batch_size=1)
    assert str(came.failure) == "The key is wrong."
    # An error that nobody foresaw may quote a record.
    assert came.logs("While the sync was ending") == ["While the sync was ending: RuntimeError"]


def test_an_error_that_nobody_foresaw_ends_the_sync_as_it_is() -> None:
    bug = RuntimeError("a bug")
    came = ran(Script([(0.0, [*people(1), state("a")])], answer=lambda _: bug))
    assert came.failure is bug
    assert came.states == []


def test_retries_that_run_out_end_the_sync_after_the_true_states() -> None:
    lines = [line for n in (1, 2, 3) for line in (*people(n), state(n))]
    trouble = RetriableError("No luck.", FailureReason.SERVER_ERROR, status=503)
    script = Script(
        [(0.0, lines)],
        answer=lambda call: trouble if places(call) == [2] else accepted(call),
    )
    came = ran(script, batch_size=1, max_retry_seconds=30)
    assert isinstance(came.failure, TransientError)
    assert "record 2 of stream contacts" in str(came.failure)
    assert [name for _, name, *_ in came.states] == [1]
    assert [records for _, records in script.calls].count([3]) == 1


def test_while_the_output_is_not_read_no_call_loses_its_patience() -> None:
    troubles = iter([RetriableError("No luck.", FailureReason.UNAVAILABLE, status=503)])
    script = Script(
        [(0.0, [state("x"), *people(1)])],
        answer=lambda call: next(troubles, accepted(call)),
    )
    for line in a_sync(script, batch_size=1, max_retry_seconds=3).writer.run():
        if b'"x"' in line:
            script.time += 6.0
    # The first answer came after one second, and was heard only then.
    assert [time for time, _ in script.calls] == [0.0, 6.0]


def test_a_long_wait_is_told_and_so_is_its_end() -> None:
    troubles = iter([RetriableError("Too many.", FailureReason.THROTTLED, retry_after=20.0)])
    script = Script([(0.0, people(1))], answer=lambda call: next(troubles, accepted(call)))
    came = ran(script)
    assert came.logs("Trying again in 20 seconds")
    assert came.logs("Maileon answers again")
    statuses = [said["trace"]["stream_status"] for _, said in came.messages if "trace" in said]
    assert ["reasons" in status for status in statuses] == [True, False]


def test_what_is_unforeseen_while_rejections_are_stored_keeps_no_true_state_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise KeyError

    monkeypatch.setattr(S3Bucket, "put", fails)
    storage = {
        "storage_type": "S3",
        "s3_bucket_name": "any",
        "s3_bucket_region": "eu-central-1",
        "bucket_path": "any",
    }
    script = Script([(0.0, [*people(1), state("a"), record(""), state("b")])])
    came = ran(script, object_storage_config=storage, batch_size=1)
    assert isinstance(came.failure, KeyError)
    assert came.states == [(1.0, "a", 1, 0)]
    assert came.logs("1 record read") or came.logs("2 records read")


def test_a_stream_whose_call_was_refused_at_last_waits_no_longer() -> None:
    answers: list[Exception] = [
        RetriableError("Too many requests.", FailureReason.THROTTLED, retry_after=20.0),
        RequestRejected("Maileon refuses the call (400).", status=400, server_message="no"),
    ]

    def answer(call: Request) -> Answer | Exception:
        return answers.pop(0) if answers and places(call) == [2] else accepted(call)

    script = Script([(0.0, [*people(1, 2), state("a")])], ends_at=200.0, answer=answer)
    came = ran(script, batch_size=1)
    assert came.states == [(22.0, "a", 1, 1)]
    assert len(came.logs("waiting for Maileon")) == 0
    assert len(came.logs("Maileon answers again")) == 1
    statuses = [
        said["trace"]["stream_status"].get("reasons")
        for _, said in came.messages
        if said["type"] == "TRACE"
    ]
    assert [bool(reasons) for reasons in statuses] == [True, False]

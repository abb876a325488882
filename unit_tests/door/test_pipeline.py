"""The one loop: when it reads, sends and speaks, and how it ends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from destination_maileon.accounting.checkpoint import MAX_HELD_STATES
from destination_maileon.delivery import accumulator
from destination_maileon.delivery.request import Request
from destination_maileon.delivery.response_handler import Answer
from destination_maileon.delivery.scheduler import READY_AHEAD
from destination_maileon.errors import ConfigError, StopSync, TransientError
from destination_maileon.maileon.errors import (
    FailureReason,
    FatalError,
    Forbidden,
    RequestRejected,
    RetriableError,
)
from destination_maileon.protocol.messages import BadInput
from destination_maileon.protocol.reader import InputFailed
from destination_maileon.rejections.s3 import S3Bucket
from unit_tests.support.builders import a_stream
from unit_tests.support.harness import accepted
from unit_tests.support.rooms import a_report, invalid
from unit_tests.support.scripted import (
    Script,
    a_sync,
    people,
    ran,
    record,
    records_of,
    state,
)

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
        seconds=lambda call: 9.0 if records_of(call) == [1] else 1.0,
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
        "Stream contacts: 1 record read, 1 written, 1 created, 0 existing, 0 left out, 0 merged, "
        "0 opted out, 0 deleted, 0 rejected, 1 call, 1.0 seconds."
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
    lines = [(time, said) for time, said in came.messages if " read (" in str(said)]
    assert [time for time, _ in lines] == [30.0, 60.0, 90.0]


# Back-pressure.


def test_the_reader_waits_while_all_calls_are_busy() -> None:
    chunks = [(0.0, people(2 * n, 2 * n + 1)) for n in range(1, 50)]
    script = Script(chunks, seconds=lambda _: 50.0)
    came = ran(script, batch_size=1, concurrent_requests=2)
    assert came.failure is None
    assert len(script.read_before) == 98
    for started, chunks_read in enumerate(script.read_before, start=1):
        # One record a call: no more is read than a few calls beyond those in flight.
        assert 2 * chunks_read <= started + READY_AHEAD + 1


def test_many_states_that_are_held_back_send_the_batches_they_wait_for() -> None:
    states = [state(n) for n in range(MAX_HELD_STATES)]
    script = Script([(0.0, [*people(1), *states, *people(2)])], ends_at=500.0)
    came = ran(script, flush_interval_seconds=300)
    assert script.calls[0] == (0.0, [1])
    assert len(came.states) == MAX_HELD_STATES
    assert {time for time, *_ in came.states} == {1.0}


# Records that are held.

TWO_STREAMS = [a_stream(name, json_schema={"properties": {"email": {}}}) for name in "ab"]


def duplicates(*emails: str, times: int = 1) -> Callable[[Request], Answer]:
    """So many times each of these addresses belongs to somebody else."""
    left = Counter(dict.fromkeys(emails, times))

    def answer(call: Request) -> Answer:
        named = [str(entry.contact.email) for entry in call.entries]
        found = [invalid(email, 5) for email in named if left[email] > 0]
        left.subtract(str(one.email) for one in found)
        return a_report(len(call.entries), found)

    return answer


def test_a_duplicate_is_tried_again_after_the_flush_interval_when_all_else_is_settled() -> None:
    script = Script(
        [(0.0, [*people(1, 2), state("a")]), (200.0, [*people(3), state("b")])],
        answer=duplicates("2@example.com"),
        seconds=lambda call: 20.0 if records_of(call) == [3] else 1.0,
        ends_at=900.0,
    )
    came = ran(script, batch_size=2, flush_interval_seconds=210)
    # It is held from the first second on. The third record would have waited for longer.
    assert script.calls == [(0.0, [1, 2]), (211.0, [3]), (231.0, [2])]
    assert came.states == [(232.0, "a", 2, 0), (232.0, "b", 1, 0)]


def test_a_duplicate_is_tried_again_at_the_end_of_the_input() -> None:
    script = Script([(0.0, [*people(1, 2), state("a")])], answer=duplicates("1@example.com"))
    came = ran(script, batch_size=2, flush_interval_seconds=300)
    assert script.calls == [(0.0, [1, 2]), (1.0, [1])]
    assert (came.states, came.failure) == ([(2.0, "a", 2, 0)], None)


def test_a_duplicate_is_rejected_after_a_pass_that_brings_no_acceptance() -> None:
    script = Script(
        [(0.0, [*people(1, 2), state("a")])], answer=duplicates("1@example.com", times=9)
    )
    came = ran(script, batch_size=2)
    assert script.calls == [(0.0, [1, 2]), (1.0, [1])]
    assert came.states == [(2.0, "a", 1, 1)]


def test_a_record_of_another_stream_waits_for_a_duplicate_with_its_address() -> None:
    lines = [record("1@example.com", "a"), record("1@example.com", "b"), state("s", "b")]
    script = Script([(0.0, lines)], answer=duplicates("1@example.com"), ends_at=500.0)
    came = ran(script, *TWO_STREAMS, batch_size=1, flush_interval_seconds=60)
    assert script.calls == [(0.0, [1]), (61.0, [1]), (62.0, [2])]
    assert came.states == [(63.0, "s", 1, 0)]


def test_states_that_crowd_do_not_wait_for_the_flush_interval() -> None:
    states = [state(n) for n in range(MAX_HELD_STATES)]
    script = Script(
        [(0.0, people(1)), (2.0, [*states, *people(2), state("last")])],
        answer=duplicates("1@example.com"),
        ends_at=500.0,
    )
    came = ran(script, batch_size=1, flush_interval_seconds=300)
    assert script.calls == [(0.0, [1]), (2.0, [2]), (3.0, [1])]
    assert len(came.states) == MAX_HELD_STATES + 1


def test_held_records_that_crowd_do_not_wait_for_the_flush_interval(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(accumulator, "MAX_FOLLOWING_RECORDS", 2)
    emails = [f"{n}@example.com" for n in (1, 2)]
    script = Script([(0.0, people(1, 2, 3))], answer=duplicates(*emails), ends_at=500.0)
    came = ran(script, batch_size=1, flush_interval_seconds=300)
    assert came.failure is None
    sent = sorted(position for _, places in script.calls for position in places)
    assert sent == [1, 1, 2, 2, 3]
    assert script.time < 550.0
    assert script.calls[-1][0] < 10.0


# Where no contact may be invalid.


def strictly(*bad: int) -> Callable[[Request], Answer]:
    """A report that names these records, of a call of which nothing is stored then."""

    def answer(call: Request) -> Answer:
        found = [invalid(f"{n}@example.com") for n in bad if n in records_of(call)]
        return a_report(len(call.entries), found)

    return answer


def test_where_no_contact_may_be_invalid_all_before_the_bad_record_is_written() -> None:
    lines = [line for n in range(1, 7) for line in (*people(n), state(n))]
    script = Script([(0.0, lines)], answer=strictly(4, 5))
    came = ran(script, batch_size=6, ignore_invalid_contacts=False)
    assert isinstance(came.failure, StopSync)
    assert script.calls == [(0.0, [1, 2, 3, 4, 5, 6]), (1.0, [1, 2, 3]), (2.0, [4, 5, 6])]
    assert [(name, written) for _, name, written, _ in came.states] == [(1, 1), (2, 1), (3, 1)]
    [line] = came.logs("Record 4 of stream contacts")
    assert "was rejected" in str(came.failure)
    assert "4@example.com" not in line


def test_where_no_contact_may_be_invalid_what_is_in_flight_before_the_record_is_still_written() -> (
    None
):
    lines = [line for n in range(1, 5) for line in (*people(n), state(n))]
    script = Script(
        [(0.0, lines)],
        answer=strictly(2),
        seconds=lambda call: 9.0 if records_of(call) == [1] else 1.0,
    )
    came = ran(script, batch_size=1, concurrent_requests=2, ignore_invalid_contacts=False)
    assert isinstance(came.failure, StopSync)
    assert [records for _, records in script.calls] == [[1], [2]]
    assert came.states == [(9.0, 1, 1, 0)]


def test_where_no_contact_may_be_invalid_a_refused_record_is_named_too() -> None:
    refusal = RequestRejected("No.", status=400, server_message="no")
    script = Script(
        [(0.0, [*people(1), state("a"), *people(2, 3)])],
        answer=lambda call: refusal if 2 in records_of(call) else accepted(call),
    )
    came = ran(script, batch_size=3, ignore_invalid_contacts=False)
    assert isinstance(came.failure, StopSync)
    assert [records for _, records in script.calls] == [[1, 2, 3], [1, 2], [1], [2]]
    assert [name for _, name, *_ in came.states] == ["a"]
    assert came.logs("Record 2 of stream contacts")


def test_where_no_contact_may_be_invalid_nothing_after_the_record_is_sent_again() -> None:
    refusal = RequestRejected("No.", status=400, server_message="no")
    script = Script(
        [(0.0, people(1, 2))],
        answer=lambda _: refusal,
        seconds=lambda call: 9.0 if records_of(call) == [2] else 1.0,
    )
    came = ran(script, batch_size=1, concurrent_requests=2, ignore_invalid_contacts=False)
    assert isinstance(came.failure, StopSync)
    assert [records for _, records in script.calls] == [[1], [2]]
    assert came.logs("Record 1 of stream contacts")
    assert not came.logs("Record 2 of stream contacts")


def test_where_no_contact_may_be_invalid_a_duplicate_waits_for_the_records_before_it() -> None:
    lines = [record(f"{n}@example.com", stream) for n, stream in enumerate("abb", start=1)]
    script = Script([(0.0, lines)], answer=duplicates("2@example.com"), ends_at=500.0)
    options = {"batch_size": 2, "flush_interval_seconds": 300, "ignore_invalid_contacts": False}
    came = ran(script, *TWO_STREAMS, **options)
    # The first record would have waited 300 seconds for others, and the second for it.
    assert script.calls == [(0.0, [2, 3]), (1.0, [1]), (2.0, [2, 3])]
    assert came.failure is None


def test_a_record_that_is_rejected_before_it_is_sent_lets_what_came_before_it_be_written() -> None:
    script = Script([(0.0, [*people(1), state("a"), record(""), *people(3), state("b")])])
    came = ran(script, ignore_invalid_contacts=False, flush_interval_seconds=300)
    assert isinstance(came.failure, StopSync)
    assert script.calls == [(0.0, [1])]
    assert came.states == [(1.0, "a", 1, 0)]


# What the service does not bear.


def test_a_403_after_accepted_calls_is_one_records() -> None:
    lines = [*people(1), state("a"), *people(2, 3), state("b")]
    script = Script(
        [(0.0, lines[:2]), (5.0, lines[2:])],
        answer=lambda call: (
            Forbidden("The key may not do that.") if 3 in records_of(call) else accepted(call)
        ),
        ends_at=50.0,
    )
    came = ran(script, batch_size=2, flush_interval_seconds=1)
    assert came.failure is None
    assert [records for _, records in script.calls] == [[1], [2, 3], [2], [3]]
    assert [(name, written, rejected) for _, name, written, rejected in came.states] == [
        ("a", 1, 0),
        ("b", 1, 1),
    ]
    assert came.logs("HTTP 403")


def test_a_403_before_any_call_was_accepted_ends_the_sync() -> None:
    script = Script([(0.0, people(1))], answer=lambda _: Forbidden("The key may not do that."))
    came = ran(script)
    assert isinstance(came.failure, ConfigError)
    assert len(script.calls) == 1


def test_the_size_above_which_calls_outlast_the_timeout_is_learned_once() -> None:
    timeout = RetriableError("No answer in time.", FailureReason.TIMEOUT)
    chunks = [(0.0, people(*range(at, at + 8))) for at in range(1, 81, 8)]
    script = Script(
        chunks,
        answer=lambda call: timeout if len(call.entries) > 4 else accepted(call),
        seconds=lambda call: 60.0 if len(call.entries) > 4 else 1.0,
    )
    came = ran(script, batch_size=16, concurrent_requests=2, max_retry_seconds=900)
    assert came.failure is None
    assert len(came.logs("takes calls with 4 contacts")) == 1
    sizes = [len(records) for _, records in script.calls]
    learned_at = next(at for at, size in enumerate(sizes) if size <= 4)
    # What is in flight when it is learned is the last that times out.
    assert sum(size > 4 for size in sizes[learned_at:]) <= 2 * 3
    assert came.logs("80 written")


def test_the_size_above_which_calls_are_too_large_is_learned_once() -> None:
    too_large = RequestRejected("Too large.", status=413)
    chunks = [(0.0, people(*range(at, at + 8))) for at in range(1, 161, 8)]
    script = Script(
        chunks, answer=lambda call: too_large if len(call.entries) > 4 else accepted(call)
    )
    came = ran(script, batch_size=16, concurrent_requests=1)
    assert came.failure is None
    assert len(came.logs("takes calls with 4 contacts")) == 1
    sizes = [len(records) for _, records in script.calls]
    # One of 16 is refused, and the first half of it.
    assert sum(size > 4 for size in sizes) <= 3
    assert came.logs("160 written")


# Ends.


def test_a_broken_line_ends_the_sync_after_all_before_it_was_sent() -> None:
    script = Script([(0.0, [*people(1), state("a"), b"{", *people(2), state("b")])])
    came = ran(script)
    assert isinstance(came.failure, BadInput)
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
            FatalError("The key is wrong.") if records_of(call) == [2] else accepted(call)
        ),
        seconds=lambda call: 5.0 if records_of(call) == [1] else 1.0,
    )
    came = ran(script, batch_size=1, concurrent_requests=2)
    assert isinstance(came.failure, ConfigError)
    assert [records for _, records in script.calls] == [[1], [2]]
    assert came.states == [(5.0, 1, 1, 0)]


def test_the_first_failure_is_the_one_that_ends_the_sync_and_the_next_is_told() -> None:
    failures = {1: FatalError("The key is wrong."), 2: RuntimeError("ada@example.com")}
    script = Script([(0.0, people(1, 2))], answer=lambda call: failures[records_of(call)[0]])
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
        answer=lambda call: trouble if records_of(call) == [2] else accepted(call),
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
    for line in a_sync(script, batch_size=1, max_retry_seconds=3).run():
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
        return answers.pop(0) if answers and records_of(call) == [2] else accepted(call)

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

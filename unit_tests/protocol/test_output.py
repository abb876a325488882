"""One message, one line, one write, and no secret in any text of ours."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import orjson
import pytest
from airbyte_protocol_dataclasses.models import (  # type: ignore[import-untyped]
    AirbyteErrorTraceMessage,
    AirbyteStreamStatusReason,
)
from hypothesis import given
from hypothesis import strategies as st

from destination_maileon.maileon.auth import SecretRedactor
from destination_maileon.protocol.output import (
    FailureType,
    Level,
    Logger,
    OutputClosed,
    json_line,
    put_out,
    state_line,
)

KEY = "12345-secret-key"


def an_outbox(*, secret: str = KEY, is_debugging: bool = False) -> Logger:
    redact = SecretRedactor([secret])
    return Logger(redact, is_debugging=is_debugging, clock=lambda: 1_700_000_000.1234)


LINES = an_outbox()


def log_line(level: Level, text: str, *, secret: str = KEY) -> bytes:
    logger = an_outbox(secret=secret)
    logger(level, text)
    [line] = logger.take()
    return line


def test_a_state_leaves_with_every_key_and_the_counts_of_this_destination() -> None:
    message = {
        "id": 7,
        "type": "STATE",
        "state": {"type": "GLOBAL", "destinationStats": {"recordCount": 1.0}, "new": KEY},
        "log": None,
    }
    line = json.dumps(message).encode()
    assert state_line(line, {"created": 5}, written=997, rejected=3) == (
        b'{"id":7,"type":"STATE","state":{"type":"GLOBAL","destinationStats":{"recordCount":997.0,'
        b'"rejectedRecordCount":3.0,"additionalStats":{"created":5.0}},"new":"12345-secret-key"},'
        b'"log":null}\n'
    )


def test_a_log_line() -> None:
    assert log_line(Level.WARN, f'Two\nlines, "ü", {KEY}') == (
        '{"type":"LOG","log":{"level":"WARN","message":"Two\\nlines, \\"ü\\", ****"}}\n'.encode()
    )


def test_an_error_with_all_it_can_say() -> None:
    line = LINES.trace_error_line(
        FailureType.CONFIG,
        message=f"What to do {KEY}",
        internal_message=f"inside {KEY}",
        stack_trace=f"stack {KEY}",
    )
    trace = json.loads(line)["trace"]
    assert trace == {
        "type": "ERROR",
        "emitted_at": 1_700_000_000_123.0,
        "error": {
            "message": "What to do ****",
            "failure_type": "config_error",
            "internal_message": "inside ****",
            "stack_trace": "stack ****",
        },
    }
    AirbyteErrorTraceMessage(**trace["error"])


def test_a_stream_held_up_by_a_rate_limit() -> None:
    logger = an_outbox()
    logger.rate_limited((None, "users"), 1_700_000_060_000)
    [message] = map(json.loads, logger.take())
    reason = {"type": "RATE_LIMITED", "rate_limited": {"quota_reset": 1_700_000_060_000}}
    assert message == {
        "type": "TRACE",
        "trace": {
            "type": "STREAM_STATUS",
            "emitted_at": 1_700_000_000_123.0,
            "stream_status": {
                "stream_descriptor": {"name": "users"},
                "status": "RUNNING",
                "reasons": [reason],
            },
        },
    }
    AirbyteStreamStatusReason(**reason)


def test_a_stream_that_goes_on() -> None:
    logger = an_outbox()
    logger.running(("public", "users"))
    [message] = map(json.loads, logger.take())
    assert message["trace"]["stream_status"] == {
        "stream_descriptor": {"name": "users", "namespace": "public"},
        "status": "RUNNING",
    }


def test_any_other_message_is_a_line() -> None:
    assert json_line({"type": "SPEC", "spec": {}}) == b'{"type":"SPEC","spec":{}}\n'


def test_the_answer_to_check() -> None:
    assert LINES.connection_status_line(None) == (
        b'{"type":"CONNECTION_STATUS","connectionStatus":{"status":"SUCCEEDED"}}\n'
    )
    assert LINES.connection_status_line(f"No {KEY}") == (
        b'{"type":"CONNECTION_STATUS","connectionStatus":{"status":"FAILED","message":"No ****"}}\n'
    )


@given(st.text(alphabet=st.characters(categories=None)))
def test_any_text_is_one_line_that_every_reader_takes(text: str) -> None:
    line = log_line(Level.INFO, text)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert orjson.loads(line)["log"]["message"] == text.encode(errors="replace").decode()


def test_a_line_longer_than_the_pipe_is_written_to_its_end() -> None:
    end, begin = os.pipe()
    os.set_blocking(begin, False)
    line = log_line(Level.INFO, "x" * 1_000_000)

    def run() -> None:
        put_out(line, begin)
        os.close(begin)

    thread = threading.Thread(target=run)
    thread.start()
    with os.fdopen(end, "rb") as pipe:
        assert pipe.read() == line
    thread.join()


def test_a_reader_that_has_gone_is_told_as_such() -> None:
    end, begin = os.pipe()
    os.close(end)
    with pytest.raises(OutputClosed) as caught:
        put_out(b"x\n", begin)
    assert caught.value.__suppress_context__
    os.close(begin)


def test_a_full_disk_ends_the_output_too() -> None:
    with Path("/dev/full").open("wb", buffering=0) as full, pytest.raises(OutputClosed) as caught:
        put_out(b"private\n", full.fileno())
    assert str(caught.value) == "Nothing can be put out any more: No space left on device."


def test_a_secret_that_only_comes_about_when_a_broken_character_is_replaced_is_hidden() -> None:
    line = log_line(Level.WARN, "It is what\ud800is-secret.", secret="what?is-secret")
    assert b"is-secret" not in line


def test_lines_are_taken_once_in_the_order_in_which_they_came() -> None:
    logger = an_outbox()
    logger(Level.INFO, "first")
    logger.running((None, "users"))
    logger(Level.WARN, "second")
    first, other, second = map(orjson.loads, logger.take())
    assert first == {"type": "LOG", "log": {"level": "INFO", "message": "first"}}
    assert other["type"] == "TRACE"
    assert second["log"] == {"level": "WARN", "message": "second"}
    assert logger.take() == []


@pytest.mark.parametrize(("is_debugging", "lines"), [(False, 0), (True, 1)])
def test_details_are_told_only_to_who_asks_for_them(is_debugging: bool, lines: int) -> None:
    logger = an_outbox(is_debugging=is_debugging)
    logger(Level.DEBUG, "detail")
    assert len(logger.take()) == lines


def test_what_cannot_wait_is_put_out_at_once_in_order() -> None:
    said: list[bytes] = []
    logger = Logger(SecretRedactor([]), write_now=said.append)
    logger(Level.INFO, "first")
    logger(Level.INFO, "second")
    logger.flush()
    assert [json.loads(line)["log"]["message"] for line in said] == ["first", "second"]
    assert logger.take() == []


def test_without_a_way_out_it_waits() -> None:
    logger = an_outbox()
    logger(Level.INFO, "first")
    logger.flush()
    assert len(logger.take()) == 1

"""What every part has to say meets in one place, in order."""

from __future__ import annotations

import orjson
import pytest

from destination_maileon.maileon.redaction import SecretRedactor
from destination_maileon.protocol.outbox import Logger
from destination_maileon.protocol.output import Level, MessageFormatter


def an_outbox(lowest: Level = Level.INFO) -> Logger:
    return Logger(MessageFormatter(SecretRedactor(["a-secret"]), clock=lambda: 0.0), lowest=lowest)


def test_lines_are_taken_once_in_the_order_in_which_they_came() -> None:
    outbox = an_outbox()
    outbox(Level.INFO, "first")
    outbox.put(b"no log\n")
    outbox(Level.WARN, "second")
    first, other, second = outbox.take()
    assert orjson.loads(first) == {"type": "LOG", "log": {"level": "INFO", "message": "first"}}
    assert other == b"no log\n"
    assert orjson.loads(second)["log"] == {"level": "WARN", "message": "second"}
    assert outbox.take() == []


@pytest.mark.parametrize(("lowest", "lines"), [(Level.INFO, 0), (Level.DEBUG, 1)])
def test_details_are_told_only_to_who_asks_for_them(lowest: Level, lines: int) -> None:
    outbox = an_outbox(lowest)
    outbox(Level.DEBUG, "detail")
    assert len(outbox.take()) == lines
    assert outbox.is_debugging is bool(lines)


def test_no_secret_comes_through() -> None:
    outbox = an_outbox()
    outbox(Level.INFO, "the key is a-secret")
    [line] = outbox.take()
    assert b"a-secret" not in line


def test_what_cannot_wait_is_put_out_at_once_in_order() -> None:
    said: list[bytes] = []
    outbox = Logger(MessageFormatter(SecretRedactor([]), clock=lambda: 0.0), say=said.append)
    outbox.put(b"first\n")
    outbox.put(b"second\n")
    outbox.hurry()
    assert (said, outbox.take()) == ([b"first\n", b"second\n"], [])


def test_without_a_way_out_it_waits() -> None:
    outbox = an_outbox()
    outbox.put(b"first\n")
    outbox.hurry()
    assert outbox.take() == [b"first\n"]

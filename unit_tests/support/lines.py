"""Single lines of the input for tests."""

from __future__ import annotations

from destination_maileon.protocol.messages import Message, decoded


def decode(line: bytes, line_number: int) -> Message | None:
    """The message of one line, numbered from 1; None for what a destination ignores."""
    return next(decoded([line], line_number))

"""Lines that wait to be put out, in order: what every part of a sync has to say meets here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from destination_maileon.output import Level

if TYPE_CHECKING:
    from destination_maileon.output import Lines


class Outbox:
    """Called, it logs; `lines` makes other messages. DEBUG only if that is the lowest level."""

    def __init__(self, lines: Lines, *, lowest: Level = Level.INFO) -> None:
        self.lines = lines
        self.is_debugging = lowest is Level.DEBUG
        self._waiting: list[bytes] = []

    def __call__(self, level: Level, message: str) -> None:
        if level is not Level.DEBUG or self.is_debugging:
            self._waiting.append(self.lines.log_line(level, message))

    def put(self, line: bytes) -> None:
        """A line that is no log."""
        self._waiting.append(line)

    def take(self) -> list[bytes]:
        """All of them; none is left."""
        waiting, self._waiting = self._waiting, []
        return waiting

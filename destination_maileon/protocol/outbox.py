"""Lines that wait to be put out, in order: what every part of a sync has to say meets here.

They wait for the loop to take them. Where the loop itself waits, they can be hurried out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from destination_maileon.protocol.output import Level

if TYPE_CHECKING:
    from collections.abc import Callable

    from destination_maileon.protocol.output import MessageFormatter


class Logger:
    """Called, it logs; `lines` makes other messages. DEBUG only if that is the lowest level.

    `say` puts a line out at once.
    """

    def __init__(
        self,
        lines: MessageFormatter,
        *,
        lowest: Level = Level.INFO,
        say: Callable[[bytes], None] | None = None,
    ) -> None:
        self._say = say
        self.lines = lines
        self.is_debugging = lowest is Level.DEBUG
        self._waiting: list[bytes] = []

    def __call__(self, level: Level, message: str) -> None:
        if level is not Level.DEBUG or self.is_debugging:
            self._waiting.append(self.lines.log_line(level, message))

    def put(self, line: bytes) -> None:
        """A line that is no log."""
        self._waiting.append(line)

    def hurry(self) -> None:
        """All of them go out now, if there is a way."""
        if self._say is not None:
            for line in self.take():
                self._say(line)

    def take(self) -> list[bytes]:
        """All of them; none is left."""
        waiting, self._waiting = self._waiting, []
        return waiting

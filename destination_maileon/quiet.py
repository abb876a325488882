"""Nothing but this program's own messages leaves the process.

This module alone decides what libraries, and Python itself, may say: nothing. They log paths,
headers and bodies, warn of values, print, and show the text of an exception that nobody caught; in
all of these people and keys may stand. Invariant: after `be_quiet`, whatever they say, at any level
and to whatever handler, reaches neither stream.
"""

from __future__ import annotations

import io
import logging
import os
import sys
import threading
import warnings
from contextlib import suppress
from types import TracebackType

_STANDARD_ERROR = 2


class _Nowhere(io.TextIOBase):
    """Where `print` goes: a line in between would be no message to the platform."""

    def write(self, text: str, /) -> int:
        return len(text)


def be_quiet() -> None:
    """Silences everything that does not write to a file descriptor itself, as `Output` does."""
    # Above every level, and before any logger, handler or configuration is asked.
    logging.disable(sys.maxsize)
    warnings.showwarning = _say_nothing
    threading.excepthook = _say_nothing
    sys.unraisablehook = _say_nothing
    sys.excepthook = _say_kind
    sys.stdout = sys.stderr = _Nowhere()


def _say_nothing(*_: object, **__: object) -> None:
    pass


def _say_kind(kind: type[BaseException], _: BaseException, __: TracebackType | None) -> None:
    # The text of an exception, or of one behind it, may quote a record; its type cannot.
    with suppress(OSError):
        os.write(_STANDARD_ERROR, f"{kind.__name__}\n".encode())

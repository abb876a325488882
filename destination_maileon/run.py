"""The console script: one process, from its arguments to its exit code.

This module alone decides what the process does with signals, and with what others have to say:
nothing but this program's own messages leaves it. Libraries, and Python itself, log paths, headers
and bodies, warn of values, print, and show the text of an exception that nobody caught; people and
keys may stand in all of these. Invariant: after `be_quiet`, whatever they say, at any level and to
whatever handler, reaches neither stream.
"""

import gc
import logging
import os
import signal
import sys
import threading
import warnings
from contextlib import suppress
from types import FrameType, TracebackType

STANDARD_ERROR = 2
TERMINATED = 143
"""What the platform takes for an ordered end: 128 + SIGTERM (Airbyte platform)."""


def run() -> None:
    # At once, without any clean-up that could still put out a line. First of all, since the
    # imports below take most of a second.
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, _end)
    sys.exit(main(sys.argv[1:]))


def main(arguments: list[str]) -> int:
    """Runs a command; its exit code."""
    # What the imports make stays to the end, so that nothing there is garbage.
    gc.disable()
    from destination_maileon.cli import Command, parse  # noqa: PLC0415 - after the signals
    from destination_maileon.protocol.output import OutputClosed, put_out  # noqa: PLC0415 - the same

    parsed = parse(arguments)
    be_quiet()
    # A sync makes and drops millions of objects, hardly any in circles: looking for these as often
    # as Python does by default would take a part of its time that can be seen.
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
    gc.enable()
    command = Command(parsed, write_now=put_out)
    try:
        for line in command.run():
            if parsed.command != "write" and signal.getsignal(signal.SIGTERM) is _end:
                # PyAirbyte ends the process as soon as it has the answer. The work is done then.
                signal.signal(signal.SIGTERM, lambda *_: os._exit(command.exit_code))
            put_out(line)
    except OutputClosed as closed:
        with suppress(OSError):
            os.write(STANDARD_ERROR, f"{closed}\n".encode())
        return 1
    return command.exit_code


def _end(number: int, frame: FrameType | None) -> None:
    del number, frame
    os._exit(TERMINATED)


def be_quiet() -> None:
    """Silences everything that does not write to a file descriptor itself, as `put_out` does."""
    # Above every level, and before any logger, handler or configuration is asked.
    logging.disable(sys.maxsize)
    warnings.showwarning = _say_nothing
    threading.excepthook = _say_nothing
    sys.unraisablehook = _say_nothing
    sys.excepthook = _say_kind
    # To the end: a line in between would be no message to the platform. Python says nothing of a
    # descriptor that is left open.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    sys.stdout = sys.stderr = os.fdopen(nowhere, "w", errors="replace", closefd=False)


def _say_nothing(*_: object, **__: object) -> None:
    pass


def _say_kind(kind: type[BaseException], _: BaseException, __: TracebackType | None) -> None:
    # The text of an exception, or of one behind it, may quote a record; its type cannot.
    with suppress(OSError):
        os.write(STANDARD_ERROR, f"{kind.__name__}\n".encode())


if __name__ == "__main__":
    run()

"""The console script: one process, from its arguments to its exit code.

Nothing but this program's own messages leaves it. Libraries, and Python itself, log paths, headers
and bodies, warn of values, print, and show the text of an exception that nobody caught; people and
keys may stand in all of these. After `be_quiet` whatever they say reaches neither stream.
"""

import gc
import logging
import os
import signal
import sys
from contextlib import suppress

STANDARD_ERROR = 2
TERMINATED = 143
"""What the platform takes for an ordered end: 128 + SIGTERM (Airbyte platform)."""


def run() -> None:
    # At once, without any clean-up that could still put out a line, and before imports take long.
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, _end)
    sys.exit(main(sys.argv[1:]))


def main(arguments: list[str]) -> int:
    """Runs a command; its exit code."""
    # What the imports make stays to the end, so that nothing there is garbage.
    gc.disable()
    from destination_maileon.cli import lines_of, parse  # noqa: PLC0415 - after the signals
    from destination_maileon.protocol.output import OutputClosed, put_out  # noqa: PLC0415 - same

    parsed = parse(arguments)
    be_quiet()
    # Few of the millions of objects of a sync form cycles. Python's default looks for these so
    # often that it takes a visible part of the time.
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
    gc.enable()
    exit_code = 0
    try:
        for line, exit_code in lines_of(parsed, write_now=put_out):
            if parsed.command != "write" and signal.getsignal(signal.SIGTERM) is _end:
                # PyAirbyte ends the process as soon as it has the answer. The work is done then.
                signal.signal(signal.SIGTERM, lambda *_, code=exit_code: os._exit(code))
            put_out(line)
    except OutputClosed as closed:
        _say(str(closed))
        return 1
    return exit_code


def _end(*_: object) -> None:
    os._exit(TERMINATED)


def be_quiet() -> None:
    """Silences everything that does not write to a file descriptor itself, as `put_out` does."""
    # Above every level, and before any logger, handler or configuration is asked.
    logging.disable(sys.maxsize)
    # The text of an exception, or of one behind it, may quote a record; its type cannot.
    sys.excepthook = lambda kind, *_: _say(kind.__name__)
    # Python restores `sys.__stdout__` at its exit. Without `closefd` it would warn of an open file.
    nowhere = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", errors="replace", closefd=False)
    sys.stdout = sys.stderr = sys.__stdout__ = sys.__stderr__ = nowhere  # type: ignore[misc]


def _say(text: str) -> None:
    with suppress(OSError):
        os.write(STANDARD_ERROR, f"{text}\n".encode())


if __name__ == "__main__":
    run()

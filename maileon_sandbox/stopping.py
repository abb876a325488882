"""Stops a waiting program by SIGTERM, or by SIGINT for Ctrl-C."""

from __future__ import annotations

import signal
from threading import Event


def told_to_stop() -> Event:
    """Makes these signals set the event instead of ending the program."""
    stopped = Event()
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signal_number, lambda *_: stopped.set())
    return stopped

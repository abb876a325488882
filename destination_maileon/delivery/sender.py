"""What the loop needs from outside: time, randomness, worker threads, and the next event.

This module alone knows the threads that carry calls to Maileon. They decide nothing.
"""

import queue
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from destination_maileon.config.spec import DeletedRecords
from destination_maileon.delivery.request import Purpose, Request
from destination_maileon.maileon.client import MaileonClient
from destination_maileon.maileon.contact_xml import document
from destination_maileon.protocol.reader import InputChunk, InputEnd


@dataclass(frozen=True, slots=True)
class ResponseReceived:
    """The answer of a call; `at` is when it came, which may be long before the loop takes it."""

    call: Request
    answer: object
    at: float


Event: TypeAlias = InputChunk | InputEnd | ResponseReceived


class Environment(Protocol):
    """Times in seconds of a monotonic clock, random numbers from 0 to 1, and events."""

    def now(self) -> float: ...

    def random(self) -> float: ...

    def start(self, call: Request) -> None:
        """Sends a call in the background; its answer comes as an event."""

    def next_event(self, *, until: float, with_input: bool) -> Event | None:
        """The next event, None once the time `until` has come; input is kept if not asked for."""

    def consumed(self) -> None:
        """Tells that a chunk of the input was used up, so that the next may be read."""


class WorkerPool:
    """The real environment: one thread per call in flight, started when first needed."""

    def __init__(self, send: Callable[[Request], object]) -> None:
        self._send = send
        self._threads = self._in_flight = 0
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self.deliver = self._events.put
        self._input: deque[InputChunk | InputEnd] = deque()
        self._calls: queue.SimpleQueue[Request] = queue.SimpleQueue()
        self.consumed: Callable[[], None] = lambda: None

    def now(self) -> float:
        return time.monotonic()

    def random(self) -> float:
        return random.random()  # noqa: S311 - jitter, no secret

    def start(self, call: Request) -> None:
        if self._in_flight == self._threads:
            threading.Thread(target=self._work, daemon=True).start()
            self._threads += 1
        self._in_flight += 1
        self._calls.put(call)
        # Else the loop would keep Python's lock for 5 ms, and again after each system call of the
        # worker. With 4 calls of 50 ms in flight a sync takes a tenth less time for this pause.
        time.sleep(0.001)

    def next_event(self, *, until: float, with_input: bool) -> Event | None:
        if with_input and self._input:
            return self._input.popleft()
        while True:
            try:
                event = self._events.get(timeout=max(0.0, until - self.now()))
            except queue.Empty:
                return None
            if isinstance(event, ResponseReceived):
                self._in_flight -= 1
                return event
            if with_input:
                return event
            self._input.append(event)

    def _work(self) -> None:
        while True:
            call = self._calls.get()
            try:
                answer = self._send(call)
            except Exception as error:  # noqa: BLE001 - a MaileonError is an answer, others end the sync
                answer = error
            self._events.put(ResponseReceived(call, answer, self.now()))


def send(client: MaileonClient, call: Request) -> object:
    """Carries out a call. It may raise a MaileonError, which is an answer, too."""
    options, asked = call.partition_key.plan.options, call.contact_removal
    if call.job is not None:
        return call.job.send(client)
    if asked is None:
        body = document([entry.payload for entry in call.entries])
        parameters = options.parameters(call.partition_key.permission)
        return client.synchronize(parameters, body, contacts=len(call.entries))
    if call.purpose is Purpose.MARK:
        client.mark_unsubscribed(asked.contact.email or "")
        return True
    if call.purpose is Purpose.LOOK_UP:
        return bool(client.find(options.identifier_mode, asked.contact))
    remove = client.delete if asked.removal is DeletedRecords.DELETE else client.unsubscribe
    return remove(options.identifier_mode, asked.contact)

"""The calls received, and violations: what a well-behaved client would not have sent.

A violation never changes an answer.
"""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import RLock
from time import monotonic
from urllib.parse import unquote

from werkzeug.http import parse_options_header

from maileon_sandbox.contacts.parameters import EXPECTED_PARAMETERS
from maileon_sandbox.contacts.refusal import Refusal
from maileon_sandbox.contacts.sent_contacts import SentContact
from maileon_sandbox.http.fault import Fault
from maileon_sandbox.vocabulary import SYNCHRONIZE_PATH, XML_TYPE

Identifiers = frozenset[tuple[str, str]]


@dataclass(slots=True, eq=False)
class Call:
    """One call. `status` is None while it is in flight, and stays None if it got no answer.

    `path` is as sent, still encoded, without the query. Times are `time.monotonic()`. `contacts` is
    set if a synchronize could be parsed, `report` (its counts) if it was carried out; `refused` are
    its invalid contacts. `answer` is the body of the answer.
    """

    method: str
    path: str
    parameters: dict[str, str]
    content_type: str
    body: bytes
    started: float = field(default_factory=monotonic)
    finished: float | None = None
    status: int | None = None
    fault: Fault | None = None
    contacts: int | None = None
    report: dict[str, int] | None = None
    refused: list[Refusal] = field(default_factory=list)
    answer: bytes = b""

    @property
    def is_synchronize(self) -> bool:
        return self.method == "POST" and self.path.removesuffix("/") == SYNCHRONIZE_PATH

    def overlaps(self, other: Call) -> bool:
        """Whether both were in flight at the same time."""
        mine, theirs = self.finished or float("inf"), other.finished or float("inf")
        return self.started < theirs and other.started < mine


@dataclass(frozen=True, slots=True)
class _InFlight:
    identifiers: Identifiers
    connection: socket.socket | None


class Traffic:
    """All calls in the order received, those in flight, and the violations.

    It has its own lock: a call is recorded while another one is carried out under the account's.
    """

    def __init__(self, *, keep_bodies: bool) -> None:
        self._lock = RLock()
        self._keep_bodies = keep_bodies
        self._calls: list[Call] = []
        self._violations: list[str] = []
        self._in_flight: dict[Call, _InFlight] = {}

    def calls(self) -> list[Call]:
        with self._lock:
            return list(self._calls)

    def violations(self) -> list[str]:
        with self._lock:
            return list(self._violations)

    def clear(self) -> None:
        """Forgets calls and violations; calls in flight stay in flight."""
        with self._lock:
            self._calls.clear()
            self._violations.clear()

    def begin(
        self,
        call: Call,
        *,
        contacts: list[SentContact] | None,
        connection: socket.socket | None = None,
    ) -> None:
        """Records a call before it is carried out. `contacts` None: no list, or malformed."""
        if not self._keep_bodies:
            call.body = b""
        found = [] if contacts is None else _violations_of(call, contacts)
        identifiers = _identifiers_of(call, contacts or [])
        with self._lock:
            self._calls.append(call)
            found += self._overlaps(identifiers)
            number = len(self._calls)
            self._violations += [f"call {number}: {violation}" for violation in found]
            self._in_flight[call] = _InFlight(identifiers, connection)

    def finish(self, call: Call, status: int | None, *, answer: bytes = b"") -> None:
        """Records the end before the client sees it, so that its next call does not overlap."""
        with self._lock:
            if self._in_flight.pop(call, None):
                call.finished, call.status = monotonic(), status
                call.answer = answer if self._keep_bodies else b""

    def _overlaps(self, identifiers: Identifiers) -> list[str]:
        return [
            f"shares {kind} {value!r} with a call that is still in flight"
            for flight in self._in_flight.values()
            for kind, value in sorted(flight.identifiers & identifiers)
            if not _is_given_up(flight.connection)
        ]


def _identifiers_of(call: Call, contacts: list[SentContact]) -> Identifiers:
    """The identifiers of the contacts that a call writes, deletes, unsubscribes or marks."""
    if call.method not in {"DELETE", "PUT"}:
        return frozenset(identifier for sent in contacts for identifier in sent.identifiers())
    match call.path.removeprefix(SYNCHRONIZE_PATH).split("/")[1:3]:
        case ["email", email]:
            return frozenset({("email", unquote(email).lower())})
        case ["externalid", external_id]:
            return frozenset({("external_id", unquote(external_id))})
        case ["contact", *_]:
            return frozenset({("id", call.parameters.get("id", ""))})
    return frozenset()


def _is_given_up(connection: socket.socket | None) -> bool:
    """Whether the client has closed the connection, so that the call is over for it."""
    if connection is None:
        return False
    try:
        return connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def _violations_of(call: Call, contacts: list[SentContact]) -> list[str]:
    checks: tuple[Callable[[], list[str]], ...] = (
        lambda: _media_type(call),
        lambda: _left_out(call),
        lambda: _shared_identifiers(contacts),
        lambda: [oddity for sent in contacts for oddity in sent.oddities],
    )
    return [violation for check in checks for violation in check()]


def _media_type(call: Call) -> list[str]:
    media_type, options = parse_options_header(call.content_type)
    if media_type == XML_TYPE and options.get("charset", "utf-8").lower() == "utf-8":
        return []
    return [f"content type {call.content_type!r}"]


def _left_out(call: Call) -> list[str]:
    return [f"{name} left out" for name in EXPECTED_PARAMETERS if name not in call.parameters]


def _shared_identifiers(contacts: list[SentContact]) -> list[str]:
    counter = Counter(identifier for sent in contacts for identifier in sent.identifiers())
    return [
        f"{kind} {value!r} in {times} contacts"
        for (kind, value), times in counter.items()
        if times > 1
    ]

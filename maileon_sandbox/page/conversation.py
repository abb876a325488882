"""The calls as a person reads them: numbered, searched, each with its outcome in words.

Decides alone what a search looks at (address, parameters, bodies) and what counts as failed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import NamedTuple
from urllib.parse import unquote
from xml.sax.saxutils import escape

from lxml import etree

from maileon_sandbox.page.wording import meaning_of_code
from maileon_sandbox.refusal import Refusal
from maileon_sandbox.traffic import Call, Traffic

_FIRST_ERROR = 400


@dataclass(frozen=True, slots=True)
class Exchange:
    """A call and its number, from 1 in the order received."""

    number: int
    call: Call

    @property
    def path(self) -> str:
        return unquote(self.call.path)

    @property
    def received(self) -> datetime:
        """The calls note monotonic times only."""
        return datetime.now(tz=UTC) - timedelta(seconds=monotonic() - self.call.started)

    @property
    def milliseconds(self) -> float | None:
        return self.call.finished and (self.call.finished - self.call.started) * 1000

    @property
    def outcome(self) -> str:
        if self.call.finished is None:
            return "in flight"
        return str(self.call.status) if self.call.status else "no answer"

    @property
    def has_failed(self) -> bool:
        return self.call.finished is not None and (self.call.status or 599) >= _FIRST_ERROR

    @property
    def message(self) -> str:
        """What the answer says is wrong; empty if it says nothing."""
        if not self.has_failed or not self.call.answer:
            return ""
        try:
            return etree.fromstring(self.call.answer).findtext("message") or ""
        except etree.XMLSyntaxError:
            return ""

    def speaks_of(self, word: str) -> bool:
        call = self.call
        spoken = f"{call.method} {self.path} {call.parameters} {self.outcome}".lower()
        # In a body, XML has its own way to write & and <.
        written = escape(word).encode()
        return word in spoken or written in call.body.lower() or written in call.answer.lower()


class Refused(NamedTuple):
    """A contact that was refused, and the call that it came with."""

    number: int
    contact: Refusal


OUTCOMES: Mapping[str, tuple[str, Callable[[Exchange], bool]]] = {
    "": ("all calls", lambda _: True),
    "refused": ("with refused contacts", lambda exchange: bool(exchange.call.refused)),
    "failed": ("failed or without an answer", lambda exchange: exchange.has_failed),
    "fault": ("spoiled by a scripted fault", lambda exchange: exchange.call.fault is not None),
}


def exchanges(traffic: Traffic) -> list[Exchange]:
    return [Exchange(number, call) for number, call in enumerate(traffic.calls(), 1)]


def asked_for(traffic: Traffic, query: Mapping[str, str]) -> list[Exchange]:
    """The calls that the form above the list asks for, the last one first."""
    words = query.get("search", "").lower().split()
    _, is_meant = OUTCOMES.get(query.get("outcome", ""), OUTCOMES[""])
    return [
        exchange
        for exchange in reversed(exchanges(traffic))
        if is_meant(exchange) and all(map(exchange.speaks_of, words))
    ]


def refused_contacts(traffic: Traffic, query: Mapping[str, str]) -> list[Refused]:
    """The last one first."""
    words = query.get("search", "").lower().split()
    found = [
        Refused(exchange.number, contact)
        for exchange in exchanges(traffic)
        for contact in exchange.call.refused
        if all(word in _text(contact) for word in words)
    ]
    return found[::-1]


def reasons(refused: list[Refused]) -> list[tuple[tuple[int, str], int]]:
    """Code and field with how often, the most frequent first."""
    return Counter((int(r.contact.code), r.contact.field) for r in refused).most_common()


def violations_of(number: int, traffic: Traffic) -> Iterator[str]:
    mark = f"call {number}: "
    return (text.removeprefix(mark) for text in traffic.violations() if text.startswith(mark))


def readable(body: bytes) -> str:
    """With each contact on lines of its own: what the connector sends is one long line."""
    return re.sub(r"(?<!^)(?<!\s)(?=<contact>|</contacts>)", "\n", body.decode(errors="replace"))


def _text(refusal: Refusal) -> str:
    parts = (*refusal, meaning_of_code(refusal.code))
    return "\n".join(str(part) for part in parts if part is not None).lower()

"""The calls as the page shows them: numbered, searchable, each with its outcome as text.

A search looks at the address, the parameters and the bodies.
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

from maileon_sandbox.contacts.refusal import Refusal
from maileon_sandbox.http.traffic import Call, Traffic
from maileon_sandbox.page.wording import meaning_of_code
from maileon_sandbox.vocabulary import API_PREFIX

_FIRST_ERROR = 400
_NOT_FOUND = 404
_ABOUT_SOMEBODY = re.compile(f"{API_PREFIX}/contacts/(email|emails|externalid|contact)(/|$)")
# Longer bodies are not parsed, but cut and shown as they are.
_MAX_INDENTED_BYTES = 2_000_000


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
        """The wall-clock time; calls record monotonic times only."""
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
    def is_absence(self) -> bool:
        """Whether a contact was not found, as after a second opt-out. That is no failure."""
        is_about_somebody = _ABOUT_SOMEBODY.match(self.call.path) is not None
        return self.call.status == _NOT_FOUND and is_about_somebody

    @property
    def has_failed(self) -> bool:
        has_ended = self.call.finished is not None
        return has_ended and (self.call.status or 599) >= _FIRST_ERROR and not self.is_absence

    @property
    def message(self) -> str:
        """The error message in the answer; empty if it has none."""
        if not (self.has_failed or self.is_absence) or not self.call.answer:
            return ""
        try:
            return etree.fromstring(self.call.answer).findtext("message") or ""
        except etree.XMLSyntaxError:
            return ""

    def speaks_of(self, word: str) -> bool:
        call = self.call
        spoken = f"{call.method} {self.path} {call.parameters} {self.outcome}".lower()
        # XML bodies have & and < in escaped form.
        written = escape(word).encode()
        return word in spoken or written in call.body.lower() or written in call.answer.lower()


class Refused(NamedTuple):
    """A refused contact and the number of its call."""

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
    """The calls that match the form above the list, the last one first."""
    words = query.get("search", "").lower().split()
    _, is_meant = OUTCOMES.get(query.get("outcome", ""), OUTCOMES[""])
    return [
        exchange
        for exchange in reversed(exchanges(traffic))
        if is_meant(exchange) and all(map(exchange.speaks_of, words))
    ]


def refused_contacts(traffic: Traffic, query: Mapping[str, str]) -> list[Refused]:
    """The refused contacts that match the search, the last one first."""
    words = query.get("search", "").lower().split()
    found = [
        Refused(exchange.number, contact)
        for exchange in exchanges(traffic)
        for contact in exchange.call.refused
        if all(word in _text(contact) for word in words)
    ]
    return found[::-1]


def reasons(refused: list[Refused]) -> list[tuple[tuple[int, str], int]]:
    """Each code and field with its count, the most frequent first."""
    return Counter((int(r.contact.code), r.contact.field) for r in refused).most_common()


def violations_of(number: int, traffic: Traffic) -> Iterator[str]:
    mark = f"call {number}: "
    return (text.removeprefix(mark) for text in traffic.violations() if text.startswith(mark))


def readable(body: bytes, limit: int) -> str:
    """The first `limit` characters of a body; XML is indented."""
    return (_indented(body) or body[:limit].decode(errors="replace"))[:limit]


def _indented(body: bytes) -> str:
    """The body indented; empty if it is no XML or too long to parse."""
    if len(body) > _MAX_INDENTED_BYTES:
        return ""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError):
        return ""
    etree.indent(root)
    return etree.tostring(root, encoding="unicode")


def _text(refusal: Refusal) -> str:
    parts = (*refusal, meaning_of_code(refusal.code))
    return "\n".join(str(part) for part in parts if part is not None).lower()

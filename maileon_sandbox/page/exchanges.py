"""The calls as a reader of the page sees them: numbered, searched, each with its outcome in words.

A search looks at address, parameters and bodies.
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
# Longer bodies are cut before they are read, and shown as they are.
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
    def is_absence(self) -> bool:
        """Somebody is not there, as after an opt-out that came twice. That is no failure."""
        is_about_somebody = _ABOUT_SOMEBODY.match(self.call.path) is not None
        return self.call.status == _NOT_FOUND and is_about_somebody

    @property
    def has_failed(self) -> bool:
        has_ended = self.call.finished is not None
        return has_ended and (self.call.status or 599) >= _FIRST_ERROR and not self.is_absence

    @property
    def message(self) -> str:
        """What the answer says is wrong; empty if it says nothing."""
        if not (self.has_failed or self.is_absence) or not self.call.answer:
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


def readable(body: bytes, limit: int) -> str:
    """The beginning of a body, at most `limit` characters; XML is indented."""
    return (_indented(body) or body[:limit].decode(errors="replace"))[:limit]


def _indented(body: bytes) -> str:
    """Empty if it is no XML, or too long to be read for this."""
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

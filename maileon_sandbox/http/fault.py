"""Scripted faults: what goes wrong and for which calls. `middleware` applies them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from random import Random
from threading import RLock
from typing import Any, Literal

from maileon_sandbox.vocabulary import API_PREFIX, XML_TYPE


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault and the calls it hits.

    Effect: `status` answers with this status (and `Retry-After: retry_after`); `redirect` with 307,
    or `status`, and this `Location`; `body` with 200, or `status`, and these bytes. A call with one
    of these three is carried out only if `processed`. `drop` closes the connection without an
    answer, "before" or "after" the call is carried out. `delay_seconds` is the pause between
    carrying the call out and answering it. `trickle` sends the answer byte by byte.

    Calls: selected by `method`, by the start of their `path` (with or without `/1.0`; the whole
    path with `whole_path`) and by text that the body `contains`. The first `skip` of them pass,
    then each `every`th is hit, `times` times (None: without end). Calls that an earlier fault takes
    are not counted.
    """

    status: int | None = None
    retry_after: str | None = None
    delay_seconds: float = 0.0
    drop: Literal["before", "after"] | None = None
    body: bytes | None = None
    content_type: str = XML_TYPE
    trickle: bool = False
    trickle_seconds: float = 0.01
    redirect: str | None = None
    processed: bool = False
    method: str | None = None
    path: str = ""
    whole_path: bool = False
    contains: str | None = None
    times: int | None = 1
    every: int = 1
    skip: int = 0

    def __post_init__(self) -> None:
        if self.drop not in {None, "before", "after"}:
            raise ValueError("drop must be 'before' or 'after'")
        if self.every < 1 or self.skip < 0 or (self.times is not None and self.times < 1):
            raise ValueError("every and times must be at least 1, skip at least 0")

    @property
    def answers_itself(self) -> bool:
        """Whether the fault answers in place of the API."""
        return self.status is not None or self.body is not None or self.redirect is not None

    @property
    def carries_out(self) -> bool:
        """Whether the call takes effect."""
        if self.drop:
            return self.drop == "after"
        return self.processed or not self.answers_itself

    def matches(self, method: str, path: str, *, body: bytes) -> bool:
        if self.method and self.method.upper() != method:
            return False
        wanted = API_PREFIX + self.path.removeprefix(API_PREFIX)
        if not (path == wanted if self.whole_path else path.startswith(wanted)):
            return False
        return self.contains is None or self.contains.encode() in body


def fault_from_json(data: dict[str, Any]) -> Fault:
    """Builds a fault; `body` is text. Raises ValueError for an unknown key."""
    known = {field.name for field in fields(Fault)}
    if unknown := sorted(data.keys() - known):
        raise ValueError(f"a fault has no {', '.join(unknown)}; it has {', '.join(sorted(known))}")
    body = data.get("body")
    return Fault(**{**data, "body": body.encode() if isinstance(body, str) else None})


@dataclass(slots=True)
class _Scripted:
    fault: Fault
    seen: int = 0
    hits: int = 0

    def is_due(self) -> bool:
        """Counts a matching call; returns whether the fault hits it."""
        if self.fault.times is not None and self.hits >= self.fault.times:
            return False
        self.seen += 1
        position = self.seen - self.fault.skip
        if position < 1 or position % self.fault.every:
            return False
        self.hits += 1
        return True


@dataclass(frozen=True, slots=True)
class RandomFaults:
    """Random faults: each call gets one with the probability `share`; `times` is ignored."""

    faults: Sequence[Fault]
    share: float
    random: Random

    def next_for(self, method: str, path: str, *, body: bytes) -> Fault | None:
        fitting = [fault for fault in self.faults if fault.matches(method, path, body=body)]
        if not fitting or self.random.random() >= self.share:
            return None
        return self.random.choice(fitting)


class FaultScript:
    """The scripted faults in order, then the random ones."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._scripted: list[_Scripted] = []
        self._random_faults: RandomFaults | None = None

    def add(self, *faults: Fault) -> None:
        with self._lock:
            self._scripted += [_Scripted(fault) for fault in faults]

    def set_random(self, faults: RandomFaults) -> None:
        """Sets the random faults for calls that no scripted fault hits."""
        with self._lock:
            self._random_faults = faults

    def clear(self) -> None:
        with self._lock:
            self._scripted.clear()
            self._random_faults = None

    def next_for(self, method: str, path: str, *, body: bytes) -> Fault | None:
        """The first fault that is due for this call."""
        with self._lock:
            for scripted in self._scripted:
                if scripted.fault.matches(method, path, body=body) and scripted.is_due():
                    return scripted.fault
            if self._random_faults is None:
                return None
            return self._random_faults.next_for(method, path, body=body)

"""What must hold at every moment of a sync: when a call starts, ends, and settles records."""

from __future__ import annotations

from collections.abc import Iterable

from destination_maileon.catalog import StreamPlan
from destination_maileon.checkpoint import MAX_HELD_STATES, Checkpoint
from destination_maileon.dispatch import Call
from destination_maileon.ledger import STATISTICS, Ledger
from destination_maileon.maileon.errors import CallRefused, TryAgain
from destination_maileon.maileon.report import SynchronizationReport
from destination_maileon.merging import Entry, Part
from destination_maileon.rejections import Rejection
from unit_tests.simulation.scenario import Scenario
from unit_tests.simulation.server import read_wishes

ENVELOPE = len("<contacts></contacts>")
RECORDS_PER_CONTACT = 10
OVERLOADS = 5


class Broken(AssertionError):
    """The connector does not do what it promises."""


def insist(holds: object, what: str) -> None:
    """Something must hold."""
    if not holds:
        raise Broken(what)


class Watch:
    """Looks at every call. `reports` are those that reached the connector, with their calls."""

    def __init__(self, scenario: Scenario) -> None:
        self.batch_size = int(str(scenario.setting("batch_size", 1_000)))
        self.max_bytes = int(str(scenario.setting("max_batch_bytes", 8_000_000)))
        self.concurrency = int(str(scenario.setting("concurrent_requests", 4)))
        self.flying: dict[Call, set[str]] = {}
        self.calls = 0
        self.reports: list[tuple[Call, SynchronizationReport]] = []
        self.longest_failure = 0.0
        self.refusals = 0
        self.troubles = 0
        self._first_at: dict[Call, float] = {}
        self._reports_before: dict[Call, int] = {}
        self._overloads: dict[Call, int] = {}

    def starts(self, call: Call, limit: int, now: float) -> None:
        """A call takes off, while so many may fly."""
        self.calls += 1
        insist(len(self.flying) < min(limit, self.concurrency), "too many calls in flight")
        insist(len(call.entries) <= self.batch_size, "too many contacts in a call")
        body = ENVELOPE + sum(len(entry.payload) for entry in call.entries)
        insist(call.farewell or body <= self.max_bytes, "too many bytes in a call")
        records = sum(len(entry.parts) for entry in call.entries)
        insist(records <= RECORDS_PER_CONTACT * self.batch_size, "too many records in a call")
        keys = [key for wish in read_wishes(call.entries) for key in wish.keys]
        insist(len(keys) == len(set(keys)), "one identifier twice in a call")
        shared = self._keys_in_flight().intersection(keys)
        insist(not shared, "two calls in flight share an identifier")
        self.flying[call] = set(keys)
        self._first_at.setdefault(call, now)
        self._reports_before.setdefault(call, len(self.reports))
        is_large = call.farewell is None and records > 1
        insist(not (is_large and self._overloads.get(call, 0) >= OVERLOADS), "never halved")

    def ends(self, call: Call, answer: object, now: float) -> None:
        """The answer of a call reaches the connector."""
        del self.flying[call]
        if isinstance(answer, SynchronizationReport):
            self.reports.append((call, answer))
        self.refusals += isinstance(answer, CallRefused)
        if not isinstance(answer, TryAgain):
            return
        self.troubles += 1
        self.longest_failure = max(self.longest_failure, now - self._first_at[call])
        self._seen_overloads(call, answer)

    def _seen_overloads(self, call: Call, answer: TryAgain) -> None:
        # Counted to the end only once others succeed: before that a smaller call is no remedy.
        others_succeed = len(self.reports) > self._reports_before[call]
        count = self._overloads.get(call, 0) + answer.may_be_overload
        self._overloads[call] = count if others_succeed else min(count, OVERLOADS - 1)

    def _keys_in_flight(self) -> set[str]:
        return {key for keys in self.flying.values() for key in keys}


class SpyLedger(Ledger):
    """Remembers what became of each record, by its place in the input, and with whom."""

    outcomes: dict[int, str]
    groups: dict[int, tuple[int, ...]]
    settled_twice: list[int]

    def watch(self, *, max_held_states: int = MAX_HELD_STATES) -> None:
        """To be called once, before the first record."""
        self.outcomes = {}
        self.groups = {}
        self.settled_twice = []
        self.checkpoint = Checkpoint(STATISTICS, max_held_states=max_held_states)

    def stranger(self, stream: object) -> None:
        super().stranger(str(stream) if not isinstance(stream, tuple) else stream)
        self._settle(self.records, "left out")

    def left_out(self, plan: StreamPlan, segment: int) -> None:
        super().left_out(plan, segment)
        self._settle(self.records, "left out")

    def written(self, plan: StreamPlan, entries: Iterable[Entry]) -> None:
        entries = list(entries)
        super().written(plan, entries)
        for entry in entries:
            group = tuple(part.place for part in entry.parts)
            for place in group:
                self._settle(place, "written")
                self.groups[place] = group

    def rejected(self, plan: StreamPlan, part: Part, rejection: Rejection) -> None:
        try:
            super().rejected(plan, part, rejection)
        finally:
            self._settle(part.place, "rejected")

    def _settle(self, place: int, outcome: str) -> None:
        # Kept, since the connector ends a sync whatever is raised meanwhile.
        if place in self.outcomes:
            self.settled_twice.append(place)
        self.outcomes[place] = outcome

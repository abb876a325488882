"""Checks made at every moment of a sync: when a call starts, ends, or settles records."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count

from destination_maileon.accounting.checkpoint import MAX_HELD_STATES, Checkpoint
from destination_maileon.accounting.ledger import Ledger
from destination_maileon.delivery.request import Purpose, Request
from destination_maileon.maileon.errors import (
    FailureReason,
    Forbidden,
    RequestRejected,
    RetriableError,
)
from destination_maileon.maileon.report import SynchronizationReport
from destination_maileon.mapping.mapped_record import (
    BatchEntry,
    EncodedContact,
    MappedRecord,
)
from destination_maileon.rejections.rejection import Rejection
from destination_maileon.streams.catalog import StreamPlan
from unit_tests.simulation.intent import Step
from unit_tests.simulation.scenario import ENVELOPE_BYTES, Scenario
from unit_tests.simulation.sent import (
    bytes_of,
    groups_of,
    is_removal,
    keys_of,
    places_of,
    purpose_of,
    records_in,
)

CALLS_AT_FIRST = 4
RECORDS_PER_CONTACT = 10
QUESTIONS = 3
OVERLOADS = 5
MAX_REFUSED_CALLS = 40
DEFAULT_RETRY_SECONDS = 900.0
A_TICK_SECONDS = 1e-6
FIRST_JITTER_SECONDS = 0.5
LONGEST_JITTER_SECONDS = 30.0
CONTACTS_FAULTS = {400, 413}
"""Statuses of a call that writes for which a contact may be the cause."""

NOBODYS_FAULTS = {405, 406}
"""Statuses of a removal for which the contact cannot be the cause."""


class Broken(BaseException):
    """The connector does not do what it promises.

    Not an Exception, since the connector would catch that as an error of its own and go on.
    """


def insist(holds: object, what: str) -> None:
    """Raises Broken with these words if the condition is false."""
    if not holds:
        raise Broken(what)


@dataclass(slots=True)
class _Fate:
    """The history of a call. `reports_before`: the number of reports before its first attempt."""

    first_at: float
    reports_before: int
    attempts: int = 0
    overloads: int = 0
    not_before: float = 0.0
    is_given_up: bool = False


class Watch:
    """Checks every call. `reports` holds the reports the connector received, with their calls."""

    def __init__(self, scenario: Scenario) -> None:
        self.batch_size = int(str(scenario.setting("batch_size", 1_000)))
        self.max_bytes = int(str(scenario.setting("max_batch_bytes", 8_000_000)))
        self.concurrency = int(str(scenario.setting("concurrent_requests", 8)))
        self.patience = float(str(scenario.setting("max_retry_seconds", DEFAULT_RETRY_SECONDS)))
        self.limit = min(CALLS_AT_FIRST, self.concurrency)
        self.steps: list[Step] = []
        self._happened = count(1)
        self.sent_at: dict[int, int] = {}
        self.accepted_at = 0
        self.contested_at = 0.0
        self.in_flight: dict[Request, set[str]] = {}
        self.calls = 0
        self.most_in_flight = 0
        self.reports: list[tuple[Request, SynchronizationReport]] = []
        self.longest_failure = 0.0
        self.refusals: Counter[bool] = Counter()
        self._nobody_leaves_from, self.seemed_hopeless = 0, False
        self.accepted: set[bool] = set()
        self.troubles: Counter[FailureReason] = Counter()
        self.ends_of_sync = 0
        self.removed = 0
        most = scenario.setting("max_deleted_records", None)
        self.most_removed = most if isinstance(most, int) else math.inf
        self.disliked: set[int] = set()
        self.has_given_up = False
        self.was_forbidden = False
        self.one_too_many: set[int] = set()
        self.failing: dict[Request, float] = {}
        self._fates: dict[tuple[Request, Purpose], _Fate] = {}
        self._pieces = 0

    def starts(self, call: Request, now: float) -> None:
        """A call is sent."""
        self.calls += 1
        insist(len(self.in_flight) < self.limit, "too many calls in flight")
        self._holds_no_more_than_allowed(call)
        keys = keys_of(call)
        insist(len(keys) == len(set(keys)), "one identifier twice in a call")
        folded = {key.casefold() for key in keys}
        insist(len(folded) == len(keys), "two identifiers in a call that look alike")
        self._merges_one_contact(call)
        shared = {key for others in self.in_flight.values() for key in others}.intersection(keys)
        insist(not shared, "two calls in flight share an identifier")
        self.in_flight[call] = set(keys)
        self.most_in_flight = max(self.most_in_flight, len(self.in_flight))
        self.sent_at.update(dict.fromkeys(places_of(call), next(self._happened)))
        self.failing = {c: by for c, by in self.failing.items() if not _overlap(c, call)}
        self.failing.pop(call, None)
        self._may_be_tried(call, now)

    def ends(self, call: Request, answer: object, now: float) -> None:
        """The connector receives the answer of a call, which came at `now`."""
        del self.in_flight[call]
        if isinstance(answer, RetriableError):
            self._failed(call, answer, now)
        elif isinstance(answer, RequestRejected):
            self._refused(call, answer)
        elif isinstance(answer, Exception):
            self._stopped(call, answer)
        else:
            self._succeeded(call)
        if isinstance(answer, SynchronizationReport):
            self._reported(call, answer, now)
        elif answer is True and purpose_of(call) is Purpose.REMOVE:
            self.accepted_at = next(self._happened)
            self.removed += 1
            insist(self.removed <= self.most_removed, "more people are removed than may be")
        elif answer is True and purpose_of(call) is Purpose.LOOK_UP:
            self.one_too_many.update(places_of(call))

    def _succeeded(self, call: Request) -> None:
        self.limit = min(self.concurrency, self.limit + 1)
        del self._fates[call, purpose_of(call)]
        if purpose_of(call) in {Purpose.WRITE, Purpose.REMOVE}:
            self.accepted.add(is_removal(call))

    def _reported(self, call: Request, report: SynchronizationReport, now: float) -> None:
        self.reports.append((call, report))
        self._pieces = 0
        if report.invalid:
            self.contested_at = now
        if report.new or report.existing:
            self.accepted_at = next(self._happened)

    def _stopped(self, call: Request, answer: Exception) -> None:
        """An answer that ends the sync, unless the key has shown before that it has the right."""
        is_missing = isinstance(answer, Forbidden)
        if is_missing and purpose_of(call) is Purpose.MARK:
            return
        if call.job is not None and call.job.only_spares_calls:
            return
        if is_missing and is_removal(call) in self.accepted:
            # As if it were refused: if it is sent again, its time for retries starts anew.
            del self._fates[call, purpose_of(call)]
            self.disliked.update(places_of(call) if records_in(call) == 1 else ())
            return
        if is_missing and any(purpose_of(c) is purpose_of(call) for c in self.in_flight):
            # The calls in flight may show that the key has the right; then this call is sent again.
            del self._fates[call, purpose_of(call)]
            return
        self.ends_of_sync += 1
        self.was_forbidden |= is_missing

    def nothing_gets_through(self) -> bool:
        """Whether calls were refused and no accepted call shows that the contacts are to blame.

        Accepted contacts show it for a removal as well.
        """
        contacts, removals = self.refusals[False], self.refusals[True]
        if contacts and False not in self.accepted:
            return True
        return bool(removals) and not self.accepted

    def nobody_can_leave(self) -> bool:
        """Whether removals reached the limit of refusals and none was accepted."""
        return self.refusals[True] >= MAX_REFUSED_CALLS and True not in self.accepted

    def _refused(self, call: Request, refusal: RequestRejected) -> None:
        is_farewell = is_removal(call)
        self.refusals[is_farewell] += 1
        # If it is sent again, to wait for older calls, its time for retries starts anew.
        del self._fates[call, purpose_of(call)]
        if is_farewell and self.refusals[True] == MAX_REFUSED_CALLS:
            self._nobody_leaves_from = call.position
            self.seemed_hopeless = not self.accepted
        is_options_fault = {
            True: refusal.status in NOBODYS_FAULTS,
            False: refusal.status not in CONTACTS_FAULTS,
        }
        self.ends_of_sync += is_options_fault[is_farewell]
        most = MAX_REFUSED_CALLS + self.concurrency
        # Once contacts are accepted, removals go on, but only until the end of the sync.
        is_cleared = bool(self.accepted) if is_farewell else False in self.accepted
        # Calls before the removal that was one too many are still sent.
        is_before = is_farewell and call.position < self._nobody_leaves_from
        is_early = self.refusals[is_farewell] < most
        insist(is_cleared or is_before or is_early, "goes on though nothing gets through")

    def _holds_no_more_than_allowed(self, call: Request) -> None:
        insist(len(call.entries) <= self.batch_size, "too many contacts in a call")
        body = ENVELOPE_BYTES + bytes_of(call)
        insist(is_removal(call) or body <= self.max_bytes, "too many bytes in a call")
        records = records_in(call)
        insist(records <= RECORDS_PER_CONTACT * self.batch_size, "too many records in a call")

    def _merges_one_contact(self, call: Request) -> None:
        """Only records with the same identifiers and permission are merged into one contact."""
        for group in groups_of(call):
            steps = [self.steps[position - 1] for position in group]
            insist(
                len({frozenset(step.wish.identity_keys) for step in steps}) == 1,
                "merges two contacts",
            )
            insist(len({step.options for step in steps}) == 1, "merges two permissions")
            insist(len(steps) == 1 or not steps[0].is_farewell, "merges removals")

    def _may_be_tried(self, call: Request, now: float) -> None:
        key = (call, purpose_of(call))
        if key not in self._fates:
            since = self._tried_since(call) if call.attempts else now
            self._fates[key] = _Fate(since, len(self.reports), attempts=call.attempts)
        fate = self._fates[key]
        insist(not fate.is_given_up, "tried again beyond all patience")
        insist(now >= fate.not_before - A_TICK_SECONDS, "tried again sooner than Maileon asks")
        is_large = not is_removal(call) and len(call.entries) > 1
        insist(not (is_large and fate.overloads >= OVERLOADS), "never halved")

    def _tried_since(self, call: Request) -> float:
        """When this call's retries began: a piece of a split call continues those of the whole."""
        since, places = call.first_attempt_at, set(places_of(call))
        if is_removal(call):
            # A marker uses the rest of its removal's time for retries.
            return since
        whole = [fate for (other, _), fate in self._fates.items() if places < {*places_of(other)}]
        insist(any(fate.first_at <= since for fate in whole), "goes on where nothing began")
        self._pieces += 1
        # Another piece may have been waiting when the last report came.
        most = 1 + 2 * math.ceil(math.log2(max(records_in(call) for call, _ in self._fates)))
        insist(self._pieces <= most, "cut again and again though nothing succeeds")
        return since

    def _failed(self, call: Request, answer: RetriableError, now: float) -> None:
        self.troubles[answer.reason] += 1
        if answer.is_throttled or answer.reason is FailureReason.TIMEOUT:
            self.limit = max(1, self.limit // 2)
        fate = self._fates[call, purpose_of(call)]
        elapsed = now - fate.first_at
        left = max(0.0, self.patience - elapsed)
        self.longest_failure = max(self.longest_failure, elapsed)
        fate.is_given_up = not left
        self.has_given_up |= fate.is_given_up
        fate.not_before = now + min(left, answer.retry_after or 0.0)
        fate.attempts += 1
        jitter = min(LONGEST_JITTER_SECONDS, FIRST_JITTER_SECONDS * 2 ** min(fate.attempts, 10))
        self.failing[call] = now + min(left, max(jitter, answer.retry_after or 0.0))
        # All are counted only once other calls succeed: before that, splitting does not help.
        others_succeed = len(self.reports) > fate.reports_before
        overloads = fate.overloads + answer.may_be_too_large
        fate.overloads = overloads if others_succeed else min(overloads, OVERLOADS - 1)
        if call.job is not None and call.job.only_spares_calls and fate.attempts >= QUESTIONS:
            # The question may be dropped.
            del self.failing[call]


def _overlap(one: Request, other: Request) -> bool:
    return not {*places_of(one)}.isdisjoint(places_of(other))


class SpyLedger(Ledger):
    """Remembers each record's outcome by its position, and the records it was merged with."""

    outcomes: dict[int, str]
    groups: dict[int, tuple[int, ...]]
    settled_twice: list[int]
    received_at: dict[int, float]
    merged: int

    def watch(self, *, max_held_states: int = MAX_HELD_STATES) -> None:
        """Resets the memory; called once, before the first record."""
        self.outcomes = {}
        self.check_rejection: Callable[[int], None] = lambda _: None
        self.groups = {}
        self.merged = 0
        self.settled_twice = []
        self.received_at = {}
        self.checkpoint = Checkpoint(max_held_states)

    def received(
        self, plan: StreamPlan, now: float, contact: EncodedContact, *, line: bytes
    ) -> MappedRecord:
        part = super().received(plan, now, contact, line=line)
        self.received_at[part.position] = now
        return part

    def unknown_stream(self, plan: StreamPlan, line: bytes) -> None:
        super().unknown_stream(plan, line)
        self._settle(self.records, "rejected")

    def skipped(self, plan: StreamPlan, part: MappedRecord) -> None:
        super().skipped(plan, part)
        self._settle(self.records, "left out")

    def written(self, plan: StreamPlan, entries: Sequence[BatchEntry]) -> None:
        super().written(plan, entries)
        self.merged += sum(len(entry.parts) - 1 for entry in entries)
        for entry in entries:
            group = tuple(part.position for part in entry.parts)
            for position in group:
                self._settle(position, "written")
                self.groups[position] = group

    def rejected(self, plan: StreamPlan, part: MappedRecord, rejection: Rejection) -> None:
        self.check_rejection(part.position)
        try:
            super().rejected(plan, part, rejection)
        finally:
            self._settle(part.position, "rejected")

    def _settle(self, position: int, outcome: str) -> None:
        # Not raised here, since the connector catches all errors while a sync ends.
        if position in self.outcomes:
            self.settled_twice.append(position)
        self.outcomes[position] = outcome
        self.received_at.pop(position, None)

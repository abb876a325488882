"""Faults for the connector, of which each breaks one promise: the simulation must see them all.

Each is planted into a class or a function for the time of one test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import pytest

from destination_maileon.accounting.checkpoint import Checkpoint, ReadyState, Tally
from destination_maileon.accounting.ledger import Ledger
from destination_maileon.delivery import accumulator as batching
from destination_maileon.delivery import report_matching as reconciliation
from destination_maileon.delivery import response_handler as settling
from destination_maileon.delivery import retries as failing_calls
from destination_maileon.delivery.accumulator import Accumulator, Batch, Limits
from destination_maileon.delivery.division import parts_apart
from destination_maileon.delivery.intake import Intake
from destination_maileon.delivery.probing import OVERLOADS_BEFORE_PROBING, Probing
from destination_maileon.delivery.report_matching import MatchedReport
from destination_maileon.delivery.request import Request
from destination_maileon.delivery.response_handler import ResponseHandler
from destination_maileon.delivery.scheduler import RequestScheduler
from destination_maileon.delivery.suspicion import RefusalTracker
from destination_maileon.delivery.vanished import MissingFields
from destination_maileon.maileon.backoff import Backoff
from destination_maileon.maileon.contact_xml import contact_bytes, contact_of, merged_bytes
from destination_maileon.maileon.errors import RetriableError
from destination_maileon.maileon.report import SynchronizationReport
from destination_maileon.mapping import mapped_record as merging
from destination_maileon.mapping.contact_encoder import ContactRemoval
from destination_maileon.mapping.mapped_record import BatchEntry, MappedRecord
from destination_maileon.pipeline import SyncPipeline
from destination_maileon.protocol.messages import StateMessage
from destination_maileon.rejections.rejection import Rejection
from destination_maileon.streams.stream_plan import PartitionKey

Plant = Callable[[pytest.MonkeyPatch], None]


@dataclass(frozen=True, slots=True)
class Planted:
    """A fault, a piece of what the simulation says when it sees it, and a seed that shows it.

    The seed only saves time: were it wrong, the fault would have to be seen elsewhere.
    """

    plant: Plant
    said: str
    seed: int


Enter = Callable[[Plant], Plant]


class SeenAs:
    """Enters a fault into a table; its name is the function's."""

    def __init__(self) -> None:
        self.table: dict[str, Planted] = {}

    def __call__(self, said: str, *, at: int = 0) -> Enter:
        def enter(plant: Plant) -> Plant:
            self.table[plant.__name__.strip("_")] = Planted(plant, said, at)
            return plant

        return enter


seen_as = SeenAs()
PLANTED = seen_as.table


# Dispatch.


@seen_as("share an identifier", at=4)
def _calls_of_one_contact_overlap(patch: pytest.MonkeyPatch) -> None:
    hold = RequestScheduler._hold

    def held(
        self: RequestScheduler, call: Request, *, newest: int, namings: Iterable[bool]
    ) -> None:
        hold(self, call, newest=newest, namings=namings)
        call.order.blockers = 0

    patch.setattr(RequestScheduler, "_hold", held)


@seen_as("too many calls in flight", at=38)
def _the_limit_is_never_lowered(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(RequestScheduler, "slow_down", lambda _: None)


@seen_as("rejected instead of written", at=615)
def _a_duplicate_flies_at_once(patch: pytest.MonkeyPatch) -> None:
    queue = RequestScheduler._queue

    def queued(self: RequestScheduler, call: Request, *, first: bool = False) -> None:
        is_duplicate, call.when_oldest = call.when_oldest, False
        queue(self, call, first=first)
        call.when_oldest = is_duplicate

    patch.setattr(RequestScheduler, "_queue", queued)


@seen_as("share an identifier", at=32)
def _a_replaced_call_gives_up_its_place(patch: pytest.MonkeyPatch) -> None:
    replace_call = RequestScheduler.replace

    def replaced(
        self: RequestScheduler, call: Request, groups: Iterable[Sequence[Request]]
    ) -> None:
        groups = list(groups)
        replace_call(self, call, groups)
        if groups:
            for key in call.order.keys:
                self._last_holder.pop(key, None)

    patch.setattr(RequestScheduler, "replace", replaced)


@seen_as("the account differs", at=279)
def _halves_of_one_contact_swap(patch: pytest.MonkeyPatch) -> None:
    apart = parts_apart

    def swapped(call: Request, entry: BatchEntry, *, is_recount: bool = False) -> list[Request]:
        return apart(call, entry, is_recount=is_recount)[::-1]

    patch.setattr(settling, "parts_apart", swapped)


# Batching and merging.


@seen_as("instead of", at=376)
def _a_farewell_overtakes_the_records_before_it(patch: pytest.MonkeyPatch) -> None:
    def none(self: Accumulator, keys: Iterable[str]) -> list[Batch]:
        del self, keys
        return []

    patch.setattr(Accumulator, "part_with", none)


@seen_as("the account differs", at=706)
def _batches_of_one_contact_swap(patch: pytest.MonkeyPatch) -> None:
    add = Accumulator.add

    def added(self: Accumulator, part: MappedRecord, lane: PartitionKey, now: float) -> list[Batch]:
        return add(self, part, lane, now)[::-1]

    patch.setattr(Accumulator, "add", added)


@seen_as("is rejected instead of written", at=632)
def _the_calls_that_are_held_are_not_minded(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(RequestScheduler, "newest_held", lambda *_: 0)


@seen_as("the account differs", at=9)
def _the_first_value_wins(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(merging, "merged_bytes", lambda payloads: payloads[0])


@seen_as("the account differs", at=128)
def _the_last_spelling_of_an_address_wins(patch: pytest.MonkeyPatch) -> None:
    def respelled(payloads: list[bytes]) -> bytes:
        last = contact_of(payloads[-1]).email
        return contact_bytes(replace(contact_of(merged_bytes(payloads)), email=last))

    patch.setattr(merging, "merged_bytes", respelled)


@seen_as("too many bytes", at=14)
def _a_body_may_be_larger(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Limits, "contact_bytes", property(lambda _: 8_000_000))


# Settling.


@seen_as("missing")
def _a_record_is_lost(patch: pytest.MonkeyPatch) -> None:
    chances = ResponseHandler._second_chances

    def fewer(self: ResponseHandler, call: Request, reading: MatchedReport) -> list[list[Request]]:
        return chances(self, call, reading)[1:]

    patch.setattr(ResponseHandler, "_second_chances", fewer)


@seen_as("settled twice", at=1)
def _a_record_is_settled_twice(patch: pytest.MonkeyPatch) -> None:
    read = reconciliation.read

    def repeated(entries: Sequence[BatchEntry], report: SynchronizationReport) -> MatchedReport:
        reading = read(entries, report)
        reading.accepted += reading.accepted[:1]
        return reading

    patch.setattr(reconciliation, "read", repeated)


@seen_as("never reached the server", at=7)
def _a_failed_call_counts_as_done(patch: pytest.MonkeyPatch) -> None:
    ends = ResponseHandler.ends

    def ended(
        self: ResponseHandler, call: Request, answer: settling.Answer, now: float
    ) -> float | None:
        if isinstance(answer, RetriableError):
            self.ledger.written(call.lane.plan, call.entries)
            self.dispatch.settle(call)
            return None
        return ends(self, call, answer, now)

    patch.setattr(ResponseHandler, "ends", ended)


@seen_as("written instead of rejected", at=117)
def _who_is_not_named_counts_as_accepted(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(reconciliation, "_suspects", lambda *_: [])


@seen_as("counts as rejected, and at the server", at=9)
def _a_whole_call_is_rejected_for_one_contact(patch: pytest.MonkeyPatch) -> None:
    read = reconciliation.read

    def severe(entries: Sequence[BatchEntry], report: SynchronizationReport) -> MatchedReport:
        reading = read(entries, report)
        if reading.rejected:
            findings = reading.rejected[0][1]
            reading.rejected += [(entry, findings) for entry in reading.accepted]
            reading.accepted = []
        return reading

    patch.setattr(reconciliation, "read", severe)


@seen_as("nothing got through", at=199)
def _what_is_refused_is_always_the_contacts_fault(patch: pytest.MonkeyPatch) -> None:
    def falls_on(self: RefusalTracker, call: Request, rejection: Rejection) -> None:
        self.ledger.rejected(call.lane.plan, call.entries[0].parts[0], rejection)

    patch.setattr(RefusalTracker, "falls_on", falls_on)


@seen_as("rejected instead of written", at=8)
def _fields_that_vanished_are_sent_on(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(MissingFields, "without", lambda *_: None)


# Patience.


@seen_as("fails without a reason", at=2)
def _nothing_is_tried_again(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Backoff, "wait", lambda *_, **__: None)


@seen_as("sooner than Maileon asks", at=2)
def _the_wish_to_wait_is_not_heard(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Backoff, "wait", lambda *_, **__: 0.1)


@seen_as("beyond all patience", at=2)
def _nothing_is_ever_given_up(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Backoff, "wait", lambda *_, **__: 3_000.0)


@seen_as("never halved", at=24)
def _no_call_is_halved(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(failing_calls, "OVERLOADS_BEFORE_HALVING", 1_000)


@seen_as("cut again and again", at=146)
def _every_call_is_cut_in_an_outage(patch: pytest.MonkeyPatch) -> None:
    def due(self: Probing, call: Request, now: float, *, successes: int) -> bool:  # noqa: ARG001
        return call.overloads >= OVERLOADS_BEFORE_PROBING

    patch.setattr(Probing, "is_due", due)


# States and counts.


@seen_as("leaves before record")
def _a_state_leaves_too_early(patch: pytest.MonkeyPatch) -> None:
    early = property(lambda self: len(self._segments) > 1)
    patch.setattr(Checkpoint, "can_release", early)


@seen_as("is stored", at=65)
def _a_state_leaves_before_rejections_are_stored(patch: pytest.MonkeyPatch) -> None:
    def released(self: Ledger) -> Iterator[ReadyState[StateMessage]]:
        yield from self.checkpoint.release()

    patch.setattr(Ledger, "release", released)


@seen_as("out of order")
def _states_swap(patch: pytest.MonkeyPatch) -> None:
    release = Checkpoint.release

    def swapped(
        self: Checkpoint[StateMessage], *, before: int | None = None
    ) -> Iterator[ReadyState[StateMessage]]:
        yield from [*release(self, before=before)][::-1]

    patch.setattr(Checkpoint, "release", swapped)


@seen_as("out of order")
def _a_state_is_lost(patch: pytest.MonkeyPatch) -> None:
    release = Checkpoint.release

    def fewer(
        self: Checkpoint[StateMessage], *, before: int | None = None
    ) -> Iterator[ReadyState[StateMessage]]:
        yield from [*release(self, before=before)][1:]

    patch.setattr(Checkpoint, "release", fewer)


@seen_as("counts other re")
def _a_state_counts_what_is_anothers(patch: pytest.MonkeyPatch) -> None:
    tally_of = Checkpoint._tally

    def mixed(self: Checkpoint[StateMessage], segment: object) -> Tally:
        tally = tally_of(self, segment)  # type: ignore[arg-type]
        return Tally(tally.written + tally.rejected)

    patch.setattr(Checkpoint, "_tally", mixed)


@seen_as("does not add up")
def _what_a_call_created_is_counted_twice(patch: pytest.MonkeyPatch) -> None:
    count = Checkpoint.count

    def twice(self: Checkpoint[StateMessage], **statistics: int) -> None:
        count(self, **{name: 2 * number for name, number in statistics.items()})

    patch.setattr(Checkpoint, "count", twice)


@seen_as("too many rejected", at=8)
def _the_limit_of_rejections_is_not_judged(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Ledger, "_judge", lambda *_, **__: None)


@seen_as("more records than may be read", at=69)
def _the_brake_on_deletions_does_not_hold(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Intake, "_check_brake", lambda _: None)


@seen_as("the account differs", at=1082)
def _records_are_merged_across_another_name_of_their_contact(patch: pytest.MonkeyPatch) -> None:
    append = Batch.append

    def appended(self: Batch, entry: BatchEntry) -> None:
        with patch.context() as inside:
            inside.setattr(batching, "is_named_by_id", lambda _: False)
            append(self, entry)

    patch.setattr(Batch, "append", appended)


# The ends.


@seen_as("what came before the one rejection too many", at=8)
def _one_rejection_too_many_cuts_off_what_came_before(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Accumulator, "close_older_than", lambda *_: [])


@seen_as("a rejection is not stored", at=14)
def _rejections_are_stored_only_for_a_state(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(SyncPipeline, "_store_rejections", lambda _: None)


@seen_as("a true STATE is held back", at=947)
def _a_lost_store_holds_every_state_back(patch: pytest.MonkeyPatch) -> None:
    def released(self: Ledger) -> Iterator[ReadyState[StateMessage]]:
        self.store_all()
        if not self._is_store_lost:
            yield from self.checkpoint.release()

    patch.setattr(Ledger, "release", released)


# The loop.


@seen_as("a record waits too long")
def _a_batch_never_becomes_old(patch: pytest.MonkeyPatch) -> None:
    def none(self: Accumulator, now: float) -> list[Batch]:
        del self, now
        return []

    patch.setattr(Accumulator, "close_expired", none)
    patch.setattr(Accumulator, "next_expiry", None)


@seen_as("a call waits though its time has come", at=40)
def _a_time_that_has_come_unnoticed_is_missed(patch: pytest.MonkeyPatch) -> None:
    next_time = SyncPipeline._next_time

    def missed(self: SyncPipeline) -> float:
        time = next_time(self)
        return time if time > self.service.now() else self.progress.next_at

    patch.setattr(SyncPipeline, "_next_time", missed)


@seen_as("spins")
def _the_loop_wakes_for_what_it_does_not_do(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Accumulator, "close_expired", lambda *_: [])


@seen_as("a true STATE is held back")
def _a_state_waits_for_the_end(patch: pytest.MonkeyPatch) -> None:
    release = Ledger.release

    def later(self: Ledger) -> Iterator[ReadyState[StateMessage]]:
        if len(self.checkpoint._segments) > 2:
            yield from release(self)

    patch.setattr(Ledger, "release", later)


@seen_as("missing from the counts", at=1)
def _the_end_forgets_what_waits(patch: pytest.MonkeyPatch) -> None:
    def none(self: Accumulator) -> list[Batch]:
        del self
        return []

    patch.setattr(Accumulator, "close_all", none)


@seen_as("missing from the counts", at=32)
def _a_farewell_is_never_said(patch: pytest.MonkeyPatch) -> None:
    def settled(
        self: RequestScheduler, lane: PartitionKey, entry: BatchEntry, farewell: ContactRemoval
    ) -> None:
        del self, lane, entry, farewell

    patch.setattr(RequestScheduler, "submit_farewell", settled)

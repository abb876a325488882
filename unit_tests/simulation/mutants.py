"""Faults of the connector that each break one promise; the simulation must detect all of them.

Nearly all are planted where the connector meets its environment, so that they do not depend on its
structure: an option is ignored, an answer is mistaken for another, requests or output are changed,
or the loop waits differently. The rest (`INSIDE`) patch public parts by their path.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pkgutil import resolve_name
from typing import TypeAlias

import orjson
import pytest

from destination_maileon.accounting.ledger import Ledger
from destination_maileon.delivery.accumulator import Accumulator
from destination_maileon.delivery.report_matching import MatchedReport
from destination_maileon.delivery.request import Request
from destination_maileon.delivery.scheduler import RequestScheduler
from destination_maileon.delivery.sender import ResponseReceived
from destination_maileon.maileon.contact import FieldType
from destination_maileon.maileon.errors import (
    FailureReason,
    FatalError,
    Forbidden,
    RequestRejected,
    RetriableError,
)
from destination_maileon.maileon.report import InvalidContact, SynchronizationReport
from destination_maileon.mapping.mapped_record import MappedRecord
from destination_maileon.pipeline import SyncPipeline
from destination_maileon.streams.catalog import StreamPlan
from unit_tests.simulation.account import Wish
from unit_tests.simulation.scenario import VANISHING_FIELDS
from unit_tests.simulation.sent import is_removal, wishes_of
from unit_tests.simulation.world import Killed, World

Plant = Callable[[pytest.MonkeyPatch], None]
Answer: TypeAlias = SynchronizationReport | bool | Exception
HERE = "unit_tests.simulation."
CONNECTOR = "destination_maileon."


@dataclass(frozen=True, slots=True)
class Planted:
    """A fault, part of the message with which it is detected, and a seed that shows it.

    The seed only saves time: if it no longer shows the fault, another one must.
    """

    plant: Plant
    said: str
    seed: int


def put(path: str, value: object) -> Plant:
    """Replaces the object at this path by a value."""
    return lambda patch: patch.setattr(path, value)


def changed(path: str, change: Callable[..., object]) -> Plant:
    """Passes the result of the function at this path, and its arguments, through `change`."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        usual = resolve_name(path)
        patch.setattr(path, lambda *a, **k: change(usual(*a, **k), *a))

    return plant


def unheard(**settings: object) -> Plant:
    """The connector reads other values for these settings."""
    return changed(HERE + "trial.configuration", lambda raw, _: {**raw, **settings})


def misheard(change: Callable[[Request, Answer], Answer]) -> Plant:
    """The connector receives another answer for a call."""

    def heard(call: Request, answer: Answer, at: float) -> ResponseReceived:
        return ResponseReceived(call, change(call, answer), at)

    return put(HERE + "world.ResponseReceived", heard)


def heard_as(reason: FailureReason, *wrong: FailureReason, **said: object) -> Plant:
    """Calls that failed for one of the reasons `wrong` seem to have failed for `reason`."""

    def change(_: Request, answer: Answer) -> Answer:
        if isinstance(answer, RetriableError) and answer.reason in wrong:
            retry_after = said.get("retry_after", answer.retry_after)
            return RetriableError("no luck.", reason, status=None, retry_after=retry_after)  # type: ignore[arg-type]
        return answer

    return misheard(change)


def refusal_heard_as(*, removes: bool, answer: Callable[[Request], Answer]) -> Plant:
    """Calls of one kind that were refused as a whole seem to have another answer."""
    return misheard(
        lambda call, said: (
            answer(call)
            if isinstance(said, RequestRejected) and is_removal(call) is removes
            else said
        )
    )


def report_heard_as(change: Callable[[SynchronizationReport], SynchronizationReport]) -> Plant:
    """The connector receives changed reports."""
    return misheard(
        lambda _, said: change(said) if isinstance(said, SynchronizationReport) else said
    )


def resent(change: Callable[[Wish], Wish]) -> Plant:
    """The contacts sent are changed."""
    return changed(HERE + "sent.wish_in", lambda wish, _: change(wish))


def asked(**options: object) -> Plant:
    """The query of each call has other options."""
    return changed(HERE + "server.options_of", lambda found, _: replace(found, **options))


def texts(change: Callable[[str], str | None]) -> Plant:
    """The values sent are changed."""

    def changed_wish(wish: Wish) -> Wish:
        items = wish.fields.items()
        fields = {n: text if text is None else change(text) for n, text in items}
        return replace(wish, fields=fields)

    return resent(changed_wish)


def lines(change: Callable[[SyncPipeline, Iterator[bytes]], Iterator[bytes]]) -> Plant:
    """The output is changed."""
    return changed(CONNECTOR + "pipeline.SyncPipeline.run", lambda usual, sync: change(sync, usual))


def waits(change: Callable[[float, float], float]) -> Plant:
    """The loop waits until another time, computed from now and the right one."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        usual = World.next_event

        def next_event(self: World, *, until: float, with_input: bool) -> object:
            return usual(self, until=change(self.now(), until), with_input=with_input)

        patch.setattr(World, "next_event", next_event)

    return plant


def _first_lost(report: SynchronizationReport) -> SynchronizationReport:
    fewer = max(0, report.invalid - 1)
    return replace(report, invalid=fewer, invalid_contacts=report.invalid_contacts[1:])


def _whole_is_invalid(call: Request, said: Answer) -> Answer:
    if not isinstance(said, SynchronizationReport) or not said.invalid:
        return said
    named = [InvalidContact(w.email, w.external_id, 3, None) for w in wishes_of(call)]
    return replace(said, invalid=len(named), invalid_contacts=tuple(named), new=0, existing=0)


def _swapped(_: object, usual: Iterator[bytes]) -> Iterator[bytes]:
    held: bytes | None = None
    for line in usual:
        if b'"STATE"' in line and held is None:
            held = line
        else:
            yield line
            if held is not None:
                yield held
            held = None


def _without_first_state(_: object, usual: Iterator[bytes]) -> Iterator[bytes]:
    is_state = [False]
    for line in usual:
        if b'"STATE"' in line and not is_state[0]:
            is_state[0] = True
        else:
            yield line


def _states_on_a_signal(sync: SyncPipeline, usual: Iterator[bytes]) -> Iterator[bytes]:
    told = 0
    try:
        for line in usual:
            told += b'"STATE"' in line
            yield line
    except Killed:
        assert isinstance(sync.service, World)
        items = enumerate(sync.service.scenario.items, start=1)
        for number in [number for number, item in items if item.is_state][told:]:
            yield orjson.dumps({"type": "STATE", "id": number, "state": {}})
        raise


def _counts(**more: int) -> Plant:
    """The counts of each STATE are too high."""

    def change(_: object, usual: Iterator[bytes]) -> Iterator[bytes]:
        for line in usual:
            if b'"STATE"' not in line:
                yield line
                continue
            message = orjson.loads(line)
            stats = message["state"]["destinationStats"]
            for name, number in more.items():
                (stats if name in stats else stats["additionalStats"])[name] += number
            yield orjson.dumps(message)

    return lines(change)


def _early(part: MappedRecord, ledger: Ledger, plan: StreamPlan, *_: object) -> MappedRecord:
    """A record is settled as soon as it is read."""
    ledger.checkpoint.settle(part.checkpoint_id, plan.key, written=1)
    return part


def _one_of_a_kind(part: MappedRecord, ledger: Ledger, *_: object, first: int = 0) -> MappedRecord:
    """Each record seems to have identifiers that no other record has."""
    if ledger.records > first:
        part.identity_keys = tuple(f"{key} {ledger.records}" for key in part.identity_keys)
    return part


_GONE = dict.fromkeys(VANISHING_FIELDS, FieldType.STRING)
_OVERLOADS = (FailureReason.SERVER_ERROR, FailureReason.TIMEOUT)
_LESS = (FailureReason.THROTTLED, FailureReason.UNAVAILABLE)
_LEDGER = CONNECTOR + "accounting.ledger.Ledger."
_DELIVERY = CONNECTOR + "delivery."


def _done(call: Request) -> Answer:
    sent = len(wishes_of(call))
    return is_removal(call) or SynchronizationReport(sent, sent, 0, 0, 0, ())


def _refusal(status: int) -> RequestRejected:
    return RequestRejected("refused", status=status, server_message="no")


def _named_only(said: SynchronizationReport) -> SynchronizationReport:
    return replace(said, invalid=len({(i.email, i.external_id) for i in said.invalid_contacts}))


def _with_one_key(part: MappedRecord, *_: object) -> MappedRecord:
    """A contact seems to have only its first identifier."""
    part.identity_keys = part.identity_keys[:1]
    return part


def _swapped_halves(first: Request, *_: object) -> Request:
    rest, first.then = first.then, None
    assert rest is not None
    rest.then = first
    return rest


def _twice(said: MatchedReport) -> MatchedReport:
    said.accepted += said.accepted[:1]
    return said


def _dropping_all(patch: pytest.MonkeyPatch) -> None:
    """A sync that stops at a record also drops the records before it."""
    drop, end_at = Accumulator.drop, RequestScheduler.end_at
    patch.setattr(Accumulator, "drop", lambda self, **_: drop(self, from_position=0))
    patch.setattr(RequestScheduler, "end_at", lambda self, _: end_at(self, 0))


def _nothing(*_: object, **__: object) -> None:
    return None


def _none(*_: object, **__: object) -> list[object]:
    return []


PLANTED: dict[str, Planted] = {
    # An option is ignored.
    "batches are larger": Planted(unheard(batch_size=10_000), "too many contacts in a call", 8),
    "bodies are larger": Planted(unheard(max_batch_bytes=9_000_000), "too many bytes", 14),
    "more calls fly": Planted(unheard(concurrent_requests=16), "too many calls in flight", 19),
    "records wait longer": Planted(unheard(flush_interval_seconds=500_000), "waits too long", 0),
    "calls are given up soon": Planted(unheard(max_retry_seconds=0.001), "without a reason", 2),
    "calls are never given up": Planted(unheard(max_retry_seconds=1e6), "all patience", 127),
    "people exist by email": Planted(
        unheard(identifier_mode="email"), "written instead of rejected", 8
    ),
    "contacts are never left alone": Planted(
        unheard(sync_mode="update"), "the account differs", 10
    ),
    "contacts are left alone": Planted(unheard(sync_mode="ignore"), "differs", 1),
    "contacts are always created": Planted(unheard(update_only=False), "the account differs", 34),
    "no permission is given": Planted(unheard(permission="not_set"), "differs", 2),
    "no permission is replaced": Planted(unheard(override_permission=False), "differs", 59),
    "who left is left alone": Planted(unheard(reimport_unsubscribed_contacts=False), "differs", 28),
    "who left is written to": Planted(unheard(reimport_unsubscribed_contacts=True), "differs", 8),
    "nulls are kept": Planted(unheard(null_values="keep"), "differs", 102),
    "nulls clear": Planted(unheard(null_values="clear"), "differs", 190),
    "long texts are kept": Planted(unheard(truncate_long_text=False), "instead of", 549),
    "deletions are left out": Planted(unheard(deleted_records="ignore"), "instead of", 4),
    "deletions delete": Planted(unheard(deleted_records="delete"), "instead of left out", 4),
    "rejections have no limit": Planted(unheard(max_rejected_records=None), "too many rejected", 8),
    "rejections have no share": Planted(unheard(max_rejected_percent=None), "share", 88),
    "deletions have no limit": Planted(
        unheard(max_deleted_records=None), "more people are removed", 69
    ),
    "strict mode is lenient": Planted(
        unheard(ignore_invalid_contacts=True), "strict, something rejected", 29
    ),
    "a dry run sends": Planted(unheard(dry_run=False), "leaves a dry run", 3),
    "new columns create nothing": Planted(
        unheard(unmapped_columns="ignore"), "the account differs", 198
    ),
    # An answer is mistaken for another.
    "a failed call counts as done": Planted(
        misheard(lambda call, said: _done(call) if isinstance(said, RetriableError) else said),
        "never reached the server",
        9,
    ),
    "who asks for less is not heard": Planted(
        heard_as(FailureReason.CONNECTION, *_LESS), "too many calls in flight", 18
    ),
    "the wish to wait is not heard": Planted(
        heard_as(FailureReason.UNAVAILABLE, *_LESS, retry_after=None), "sooner than Maileon", 16
    ),
    "a call that is not answered in time asks for nothing": Planted(
        heard_as(FailureReason.CONNECTION, FailureReason.TIMEOUT), "too many calls in flight", 81
    ),
    "a text that is disliked ends the sync": Planted(
        misheard(lambda _, said: FatalError("no") if isinstance(said, Forbidden) else said),
        "without a reason",
        0,
    ),
    "no call is too large": Planted(
        heard_as(FailureReason.CONNECTION, *_OVERLOADS), "never halved", 119
    ),
    "a refused removal counts as done": Planted(
        refusal_heard_as(removes=True, answer=lambda _: True), "at the server it is None", 68
    ),
    "a refused call counts as done": Planted(
        refusal_heard_as(removes=False, answer=_done), "it is None", 41
    ),
    "a removal that nobody may do is one contact's": Planted(
        refusal_heard_as(removes=True, answer=lambda _: _refusal(400)), "is no failure", 273
    ),
    "a refused contact ends the sync": Planted(
        refusal_heard_as(removes=False, answer=lambda _: _refusal(405)), "without a reason", 42
    ),
    "nobody is rejected": Planted(
        report_heard_as(lambda said: replace(said, invalid=0, invalid_contacts=())),
        "counts as written",
        9,
    ),
    "who is not named is accepted": Planted(report_heard_as(_named_only), "counts as written", 248),
    "one rejection is missed": Planted(
        report_heard_as(_first_lost),
        "counts as written",
        9,
    ),
    "a call is rejected for one contact": Planted(
        misheard(_whole_is_invalid), "counts as rejected", 9
    ),
    "nobody is new": Planted(
        report_heard_as(lambda said: replace(said, new=0)), "created does not add up", 9
    ),
    # Requests are changed.
    "a carriage return is a line feed": Planted(
        texts(lambda text: text.replace("\r", "\n")), "differs", 193
    ),
    "booleans are Python's": Planted(
        texts(lambda text: text.title() if text in {"true", "false"} else text), "differs", 41
    ),
    "texts are cut": Planted(texts(lambda text: text[:200]), "instead of", 9),
    "empty texts are nulls": Planted(texts(lambda text: text or None), "differs", 41),
    "addresses change their case": Planted(
        resent(lambda wish: replace(wish, email=wish.email and wish.email.upper())), "differs", 2
    ),
    "preferences are lost": Planted(
        resent(lambda wish: replace(wish, preferences={})), "the account differs", 7
    ),
    "a permission is not sent": Planted(asked(permission=None), "differs", 2),
    "a permission is always replaced": Planted(asked(overrides_permission=True), "differs", 7),
    # Output is changed, or its order.
    "states swap": Planted(lines(_swapped), "a true STATE is held back", 7),
    "a state is lost": Planted(lines(_without_first_state), "out of order", 59),
    "a signal lets every state out": Planted(lines(_states_on_a_signal), "before record", 60),
    "a state counts a record more": Planted(_counts(recordCount=1), "counts other records", 7),
    "a state counts a rejection more": Planted(_counts(rejectedRecordCount=1), "rejections", 7),
    "a state counts a contact more": Planted(_counts(created=1), "created does not add up", 9),
    "a state counts a merge more": Planted(_counts(merged=1), "merged does not add up", 9),
    # The loop.
    "the loop sleeps too long": Planted(
        waits(lambda now, until: until + 5 if until - now < 20 else until), "waits", 0
    ),
    "the loop sleeps while a line is due": Planted(waits(lambda _, until: until + 40), "told", 0),
    "the loop never sleeps": Planted(waits(min), "spins", 0),
    # Questions about the account, and dry runs.
    "a field is created in thought alone": Planted(
        put(HERE + "server.Server.create_custom_field", _nothing), "differs", 198
    ),
    "a field that has vanished is still listed": Planted(
        changed(HERE + "server.Server.custom_fields", lambda found, _: {**found, **_GONE}),
        "rejected instead of written",
        8,
    ),
    "a dry run foresees nothing": Planted(
        changed(HERE + "trial.predicted_answer", lambda _, call: _done(call)),
        "instead of rejected",
        3,
    ),
}

INSIDE: dict[str, Planted] = {
    "a state leaves too early": Planted(changed(_LEDGER + "received", _early), "STATE", 0),
    "a state leaves before rejections are stored": Planted(
        put(_LEDGER + "release", lambda ledger: ledger.checkpoint.release()), "is stored", 65
    ),
    "rejections are not stored at the end": Planted(
        put(_LEDGER + "store_all", _nothing), "a rejection is not stored", 14
    ),
    "contacts are not recognised": Planted(
        changed(_LEDGER + "received", _one_of_a_kind), "identifier", 3
    ),
    "so many contacts are recognised": Planted(
        changed(_LEDGER + "received", partial(_one_of_a_kind, first=300)), "identifier", 1059
    ),
    "the first value wins": Planted(
        put(CONNECTOR + "mapping.mapped_record.merged_bytes", lambda first, _: first),
        "differs",
        9,
    ),
    "nothing is held": Planted(
        put(_DELIVERY + "decision.DUPLICATE_CODES", frozenset()), "rejected", 0
    ),
    "an acceptance is not noticed": Planted(
        put(_DELIVERY + "held_records.HeldRecords.accepted", _nothing), "brought an acceptance", 17
    ),
    "who stands behind is rejected, too": Planted(
        put(_DELIVERY + "accumulator.Accumulator.is_first", lambda *_: True), "an older record", 98
    ),
    "nothing waits for older records": Planted(
        put(_DELIVERY + "scheduler.RequestScheduler.is_oldest", lambda *_: True),
        "accepted one by one",
        524,
    ),
    "nobody waits for who is held": Planted(
        changed(
            _DELIVERY + "accumulator.Accumulator.keep_place",
            lambda _, accumulator, entry: accumulator.settled(entry.identity_keys),
        ),
        "takes effect after",
        18,
    ),
    "who has one identifier in common is merged": Planted(
        changed(_LEDGER + "received", _with_one_key), "merges two contacts", 22
    ),
    "who is not there is not marked": Planted(
        put(_DELIVERY + "removals.Removals.answered", lambda *_, **__: True), "marked", 21
    ),
    "many calls fly at first": Planted(
        put(_DELIVERY + "scheduler.CALLS_AT_FIRST", 16), "too many calls in flight", 8
    ),
    "halves of one contact swap": Planted(
        changed(_DELIVERY + "request.Request.record_halves", _swapped_halves),
        "takes effect after",
        77,
    ),
    "a removal is never sent": Planted(
        put(_DELIVERY + "accumulator.Accumulator.add_removal", _nothing), "missing", 21
    ),
    "a deletion waits for who claims an address": Planted(
        put(_DELIVERY + "accumulator.Accumulator._is_claimed", lambda *_: False), "ends as", 15
    ),
    "nobody waits for the address of a deletion": Planted(
        put(_DELIVERY + "accumulator.Accumulator._is_claimed", lambda *_: True), "differs", 2607
    ),
    "batches are never old": Planted(
        put(_DELIVERY + "accumulator.Accumulator.flush_expired", _nothing), "spins", 7
    ),
    "what came before a stop is forgotten": Planted(
        _dropping_all, "what came before the one rejection too many", 8
    ),
    "nothing is tried again": Planted(
        put(CONNECTOR + "maileon.backoff.Backoff.delay", _nothing), "without a reason", 2
    ),
    "a report settles somebody twice": Planted(
        changed(_DELIVERY + "report_matching.read", lambda said, *_: _twice(said)), "twice", 1
    ),
}

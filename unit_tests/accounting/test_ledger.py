"""Every record accounted for: counted where it belongs, in the STATEs, and against the limits."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from destination_maileon.accounting.rejection_limits import RejectionLimits
from destination_maileon.accounting.stream_counts import StreamStats
from destination_maileon.errors import TransientError
from destination_maileon.mapping.mapped_record import BatchEntry
from destination_maileon.protocol.messages import StateMessage
from destination_maileon.protocol.output import Level
from unit_tests.simulation.trial import FakeStore
from unit_tests.support.ledgers import OTHER, PLAN, receive, reject, released, state
from unit_tests.support.rooms import UPDATE, Heard, a_ledger, a_report

# Read = written + rejected + left out before sending.


@given(fates=st.lists(st.sampled_from(["written", "rejected", "left out", "removed"])))
def test_every_record_is_counted_once_in_its_stream_and_in_the_state(fates: list[str]) -> None:
    ledger = a_ledger(PLAN, OTHER)
    for fate in fates:
        [entry] = receive(ledger)
        if fate == "written":
            ledger.written(PLAN, [entry])
        elif fate == "rejected":
            reject(ledger, entry)
        elif fate == "left out":
            ledger.left_out(PLAN, entry.parts[0])
        else:
            ledger.removed(PLAN, entry, was_there=True)
    state(ledger)
    counts = ledger.counts[PLAN]
    rejected = fates.count("rejected")
    assert (counts.read, counts.rejected) == (len(fates), rejected)
    assert counts.written == len(fates) - rejected
    assert counts.settled == counts.read == ledger.records
    assert ledger.rejected_records == rejected
    [(written, refused, _)] = released(ledger)
    assert (written, refused) == (len(fates) - rejected, rejected)
    assert ledger.counts[OTHER].read == 0


def test_a_record_knows_its_number_in_its_stream_and_its_segment() -> None:
    ledger = a_ledger(PLAN, OTHER)
    parts = [ledger.received(PLAN, 1.0), ledger.received(OTHER, 2.0)]
    state(ledger)
    parts.append(ledger.received(PLAN, 3.0))
    assert [(part.segment, part.number) for part in parts] == [(0, 1), (0, 1), (1, 2)]
    assert [part.place for part in parts] == [1, 2, 3]
    assert [ledger.counts[plan].started_at for plan in (PLAN, OTHER)] == [1.0, 2.0]


def test_merged_records_are_all_written_and_counted_as_merged() -> None:
    ledger = a_ledger(PLAN)
    [one], [two], [three] = (receive(ledger) for _ in range(3))
    together = BatchEntry.of([one.parts[0], two.parts[0]], UPDATE)
    ledger.written(PLAN, [together, three])
    state(ledger)
    assert (ledger.counts[PLAN].written, ledger.counts[PLAN].merged) == (3, 1)
    [(written, _, statistics)] = released(ledger)
    assert (written, statistics["merged"]) == (3, 1)


def test_records_of_one_contact_may_lie_on_both_sides_of_a_state() -> None:
    ledger = a_ledger(PLAN)
    [one] = receive(ledger)
    state(ledger)
    [two] = receive(ledger)
    assert released(ledger) == []
    ledger.written(PLAN, [BatchEntry.of([one.parts[0], two.parts[0]], UPDATE)])
    state(ledger)
    assert [written for written, _, _ in released(ledger)] == [1, 1]


def test_a_record_of_a_stream_outside_the_catalog_counts_among_all_and_in_its_states() -> None:
    ledger = a_ledger(PLAN)
    ledger.stranger((None, "strangers"))
    assert (ledger.records, ledger.strangers) == (1, 1)
    ledger.checkpoint.state(StateMessage(b"{}", None), None, 1)
    assert [written for written, _, _ in released(ledger)] == [1]


def test_who_is_removed_is_told_from_who_was_gone_already() -> None:
    ledger = a_ledger(PLAN)
    for entry, was_there in zip(receive(ledger, 3), (True, False, True), strict=True):
        ledger.removed(PLAN, entry, was_there=was_there)
    counts = ledger.counts[PLAN]
    assert (counts.removed, counts.gone, counts.written) == (3, 1, 3)


# What calls report.


def test_what_a_report_counts_goes_to_the_stream_and_to_the_next_state() -> None:
    ledger = a_ledger(PLAN)
    entries = receive(ledger, 6)
    report = a_report(6, new=1, existing=2, unsubscribed=1, invalid=0)
    ledger.answered(PLAN, report, sent=6, left_out=2)
    ledger.written(PLAN, entries)
    state(ledger)
    counts = ledger.counts[PLAN]
    assert (counts.created, counts.existing, counts.unsubscribed, counts.left_out) == (1, 2, 1, 2)
    [(_, _, statistics)] = released(ledger)
    assert statistics == {"created": 1, "existing": 2, "unsubscribed": 1, "merged": 0}


def test_contacts_that_are_counted_already_add_only_who_is_new() -> None:
    ledger = a_ledger(PLAN)
    report = a_report(2, new=1, existing=1)
    ledger.answered_again(PLAN, report, sent=2)
    counts = ledger.counts[PLAN]
    assert (counts.created, counts.existing) == (1, 0)


def test_a_report_that_counts_more_than_was_sent_spoils_no_sum() -> None:
    ledger = a_ledger(PLAN)
    report = a_report(2, new=900, existing=800, unsubscribed=700, invalid=0)
    ledger.answered(PLAN, report, sent=2, left_out=0)
    counts = ledger.counts[PLAN]
    assert (counts.created, counts.existing, counts.unsubscribed) == (2, 2, 2)


def test_calls_are_counted_and_the_last_one_ends_the_streams_time() -> None:
    ledger = a_ledger(PLAN)
    for now in (7.0, 9.0):
        ledger.called(PLAN, now)
    assert (ledger.counts[PLAN].calls, ledger.counts[PLAN].ended_at) == (2, 9.0)


# The store.


def test_rejections_are_stored_before_the_state_after_them_leaves() -> None:
    store = FakeStore(fails_at=None)
    ledger = a_ledger(PLAN, store=store)
    assert ledger.keeps_messages
    reject(ledger, *receive(ledger))
    assert store.stored == set()
    state(ledger)
    assert len(released(ledger)) == 1
    assert store.stored == {1}


def test_if_they_cannot_be_stored_only_states_leave_that_none_of_them_precedes() -> None:
    ledger = a_ledger(PLAN, store=FakeStore(fails_at=0))
    [early] = receive(ledger)
    state(ledger)
    reject(ledger, *receive(ledger))
    state(ledger)
    state(ledger)
    assert released(ledger) == []
    ledger.written(PLAN, [early])
    assert [written for written, _, _ in released(ledger)] == [1]
    with pytest.raises(TransientError):
        ledger.heed()
    # Told once.
    assert released(ledger) == []
    ledger.heed()


def test_a_state_that_no_rejection_precedes_needs_no_store() -> None:
    ledger = a_ledger(PLAN, store=FakeStore(fails_at=0))
    state(ledger)
    reject(ledger, *receive(ledger))
    assert len(released(ledger)) == 1
    ledger.heed()


@pytest.mark.parametrize("limits", [RejectionLimits(), RejectionLimits(is_strict=True)])
def test_at_the_end_everything_is_stored(limits: RejectionLimits) -> None:
    store = FakeStore(fails_at=None)
    ledger = a_ledger(PLAN, store=store, limits=limits)
    reject(ledger, *receive(ledger, 2))
    ledger.store_all()
    assert store.stored == {1, 2}


def test_without_a_store_no_message_is_kept() -> None:
    assert not a_ledger(PLAN).keeps_messages


# What is said.


def _said(ledger_log: Heard, level: Level) -> Iterator[str]:
    return (message for said, message in ledger_log.said if said is level)


def test_a_rejection_is_told_at_once_and_summed_up_at_the_end() -> None:
    heard = Heard()
    ledger = a_ledger(PLAN, OTHER, log=heard)
    reject(ledger, *receive(ledger, 2))
    lines = [*_said(heard, Level.WARN)]
    assert [line.split(" (")[0] for line in lines] == [
        "Record 1 of stream contacts",
        "Record 2 of stream contacts",
    ]
    ledger.summarize(StreamStats.words)
    assert [line.partition(":")[0] for line in _said(heard, Level.INFO)] == [
        "Stream contacts",
        "Stream north.leads",
    ]
    [told] = [*_said(heard, Level.WARN)][2:]
    assert told == (
        "Stream contacts: 2 records were rejected: 2 x too long (field CITY). "
        "They are not stored: to have them, choose S3 under "
        '"Storage for Rejected Records" (object_storage_config).'
    )

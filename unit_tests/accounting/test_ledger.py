"""Every record accounted for: counted where it belongs, in the STATEs, and against the limits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from destination_maileon.accounting.checkpoint import STATISTICS
from destination_maileon.accounting.ledger import Ledger
from destination_maileon.accounting.stream_stats import LeftOut
from destination_maileon.config.spec import DeletedRecords
from destination_maileon.errors import StopSync, TransientError
from destination_maileon.maileon.sync_options import SynchronizationMode
from destination_maileon.mapping.mapped_record import BatchEntry
from destination_maileon.protocol.output import Level
from destination_maileon.rejections.rejection import JUDGED_FROM_RECORDS, Rejection
from unit_tests.support.builders import a_plan, options
from unit_tests.support.ledgers import (
    OTHER,
    PLAN,
    MemoryStore,
    a_ledger,
    count_in,
    receive,
    reject,
    released,
    state,
)
from unit_tests.support.rooms import Heard, a_removal, a_report, an_entry

# Read = written + left out + removed + rejected.


def of_one(*entries: BatchEntry) -> BatchEntry:
    """The records of these contacts as those of one."""
    return an_entry(*(part for entry in entries for part in entry.parts))


def remove(
    ledger: Ledger,
    removal: DeletedRecords = DeletedRecords.DELETE,
    *,
    was_there: bool = True,
    is_marked: bool = False,
) -> None:
    [entry] = receive(ledger)
    entry.contact_removal = a_removal(removal)
    ledger.removed(PLAN, entry, was_there=was_there, is_marked=is_marked)


FATES: dict[str, Callable[[Ledger], None]] = {
    "written": lambda ledger: ledger.written(PLAN, receive(ledger)),
    "rejected": lambda ledger: reject(ledger, *receive(ledger)),
    "left out": lambda ledger: ledger.skipped(PLAN, receive(ledger)[0].parts[0]),
    "deleted": remove,
    "opted out": lambda ledger: remove(ledger, DeletedRecords.UNSUBSCRIBE),
}


@given(fates=st.lists(st.sampled_from([*FATES])))
def test_every_record_is_counted_once_in_its_stream_and_in_the_state(fates: list[str]) -> None:
    ledger = a_ledger(PLAN, OTHER)
    for fate in fates:
        FATES[fate](ledger)
    state(ledger)
    counts = ledger.counts[PLAN]
    counted = {
        "written": counts.written,
        "rejected": counts.rejected,
        "left out": counts.left_out.total(),
        "deleted": counts.deleted,
        "opted out": counts.opted_out,
    }
    assert counted == {fate: fates.count(fate) for fate in FATES}
    assert counts.settled == counts.read == ledger.records == len(fates)
    rejected = fates.count("rejected")
    assert ledger.rejected_records == rejected
    [(written, refused, statistics)] = released(ledger)
    # Airbyte knows no third kind: who was left out or removed was no failure.
    assert (written, refused) == (len(fates) - rejected, rejected)
    assert statistics["left_out"] == fates.count("left out")
    assert statistics["removed"] == fates.count("deleted") + fates.count("opted out")
    assert ledger.counts[OTHER].read == 0


def test_a_record_knows_its_number_in_its_stream_and_its_segment() -> None:
    ledger = a_ledger(PLAN, OTHER)
    parts = [count_in(ledger, PLAN, 1.0), count_in(ledger, OTHER, 2.0)]
    state(ledger)
    parts.append(count_in(ledger, PLAN, 3.0))
    assert [(part.checkpoint_id, part.number) for part in parts] == [(0, 1), (0, 1), (1, 2)]
    assert [part.position for part in parts] == [1, 2, 3]
    assert [ledger.counts[plan].started_at for plan in (PLAN, OTHER)] == [1.0, 2.0]


def test_merged_records_are_all_written_and_counted_as_merged() -> None:
    ledger = a_ledger(PLAN)
    [one], [two], [three] = (receive(ledger) for _ in range(3))
    together = of_one(one, two)
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
    ledger.written(PLAN, [of_one(one, two)])
    state(ledger)
    assert [written for written, _, _ in released(ledger)] == [1, 1]


def test_a_record_of_a_stream_outside_the_catalog_counts_as_rejected_in_its_states() -> None:
    ledger = a_ledger(PLAN)
    ledger.unknown_stream(PLAN, b"{}")
    assert (ledger.records, ledger.unknown_streams, ledger.rejected_records) == (1, 1, 1)
    state(ledger, plan=None)
    assert [counts[:2] for counts in released(ledger)] == [(0, 1)]


def test_whoever_was_not_there_is_told_apart_and_so_is_who_got_a_marker() -> None:
    ledger = a_ledger(PLAN)
    remove(ledger)
    remove(ledger, was_there=False)
    remove(ledger, DeletedRecords.UNSUBSCRIBE, was_there=False, is_marked=True)
    counts = ledger.counts[PLAN]
    assert (counts.deleted, counts.opted_out, counts.gone, counts.marked) == (2, 1, 2, 1)
    assert (counts.written, counts.settled) == (0, 3)


# What calls report.


def statistics(**counts: int) -> dict[str, int]:
    return {**dict.fromkeys(STATISTICS, 0), **counts}


def test_what_a_report_counts_goes_to_the_stream_and_to_the_next_state() -> None:
    ledger = a_ledger(PLAN)
    entries = receive(ledger, 6)
    report = a_report(6, new=1, existing=2, unsubscribed=1, invalid=0)
    ledger.answered(PLAN, report, sent=6, left_out=2)
    ledger.written(PLAN, entries)
    state(ledger)
    counts = ledger.counts[PLAN]
    assert (counts.created, counts.existing, counts.unsubscribed) == (1, 2, 1)
    assert (counts.left_out.total(), counts.written) == (3, 3)
    [(_, _, told)] = released(ledger)
    assert told == statistics(created=1, existing=2, unsubscribed=1, left_out=3)


def test_what_a_call_counts_is_told_by_the_first_state_that_leaves_after_it() -> None:
    ledger = a_ledger(PLAN)
    one, other = receive(ledger), receive(ledger)
    state(ledger, "a")
    receive(ledger)
    state(ledger, "b")
    ledger.answered(PLAN, a_report(1), sent=1, left_out=0)
    ledger.written(PLAN, one)
    assert released(ledger) == []
    ledger.answered(PLAN, a_report(1, existing=1), sent=1, left_out=0)
    ledger.written(PLAN, other)
    remove(ledger)
    assert [told for *_, told in released(ledger)] == [
        statistics(created=1, existing=1, removed=1),
    ]


@pytest.mark.parametrize(
    ("changes", "reasons"),
    [
        ({}, {LeftOut.UNSUBSCRIBED: 1, LeftOut.UNTOLD: 3}),
        ({"update_only": True}, {LeftOut.UNSUBSCRIBED: 1, LeftOut.NOT_EXISTING: 3}),
        (
            {"sync_mode": SynchronizationMode.IGNORE},
            {LeftOut.UNSUBSCRIBED: 1, LeftOut.EXISTING: 2, LeftOut.UNTOLD: 3},
        ),
    ],
)
def test_contacts_are_left_out_for_reasons_that_the_options_tell(
    changes: dict[str, Any], reasons: dict[LeftOut, int]
) -> None:
    plan = a_plan(options=options(**changes))
    ledger = a_ledger(plan)
    report = a_report(7, existing=2, unsubscribed=1, new=1)
    ledger.answered(plan, report, sent=7, left_out=3)
    assert +ledger.counts[plan].left_out == reasons
    state(ledger)
    [(_, _, told)] = released(ledger)
    assert told["left_out"] == sum(reasons.values())


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
    store = MemoryStore()
    ledger = a_ledger(PLAN, store=store)
    assert ledger.keeps_messages
    reject(ledger, *receive(ledger))
    assert store.stored == set()
    state(ledger)
    assert len(released(ledger)) == 1
    assert store.stored == {1}


def test_if_they_cannot_be_stored_only_states_leave_that_none_of_them_precedes() -> None:
    ledger = a_ledger(PLAN, store=MemoryStore(fails=True))
    [early] = receive(ledger)
    state(ledger)
    reject(ledger, *receive(ledger))
    state(ledger)
    state(ledger)
    assert released(ledger) == []
    ledger.written(PLAN, [early])
    assert [written for written, _, _ in released(ledger)] == [1]
    with pytest.raises(TransientError):
        ledger.raise_stop_reason()
    # Told once.
    assert released(ledger) == []
    ledger.raise_stop_reason()


def test_a_state_that_no_rejection_precedes_needs_no_store() -> None:
    ledger = a_ledger(PLAN, store=MemoryStore(fails=True))
    state(ledger)
    reject(ledger, *receive(ledger))
    assert len(released(ledger)) == 1
    ledger.raise_stop_reason()


@pytest.mark.parametrize("is_lenient", [True, False])
def test_at_the_end_everything_is_stored(is_lenient: bool) -> None:
    store = MemoryStore()
    ledger = a_ledger(PLAN, store=store, ignore_invalid_contacts=is_lenient)
    reject(ledger, *receive(ledger, 2))
    ledger.store_all()
    assert store.stored == {1, 2}


def test_without_a_store_no_message_is_kept() -> None:
    assert not a_ledger(PLAN).keeps_messages


# What is said.


def lines(heard: Heard, level: Level) -> list[str]:
    return [message for said, message in heard.said if said is level]


def test_a_rejection_is_told_at_once_and_summed_up_at_the_end() -> None:
    heard = Heard()
    ledger = a_ledger(PLAN, OTHER, log=heard)
    reject(ledger, *receive(ledger, 2))
    assert [line.split(" (")[0] for line in heard.warnings] == [
        "Record 1 of stream contacts",
        "Record 2 of stream contacts",
    ]
    ledger.summarize()
    assert [line.partition(":")[0] for line in lines(heard, Level.INFO)] == [
        "Stream contacts",
        "Stream north.leads",
    ]
    [told] = heard.warnings[2:]
    assert told == (
        "Stream contacts: 2 records were rejected: 2 x too long (field CITY). "
        "The rejected records are not stored: to have them, choose S3 under "
        '"Storage for Rejected Records" (object_storage_config).'
    )


def test_the_end_says_where_the_rejected_records_are() -> None:
    heard = Heard()
    ledger = a_ledger(PLAN, log=heard, store=MemoryStore())
    reject(ledger, *receive(ledger))
    ledger.summarize()
    assert heard.warnings[-1].endswith(
        "The rejected records are in the memory of contacts, as messages that can be sent again."
    )


def test_a_dry_run_says_that_it_stores_nothing() -> None:
    heard = Heard()
    ledger = a_ledger(PLAN, log=heard, dry_run=True)
    reject(ledger, *receive(ledger))
    ledger.summarize()
    assert heard.warnings[-1].endswith("A dry run stores no rejected records.")


def test_rejections_that_could_not_be_stored_are_told_and_have_no_report() -> None:
    heard, store = Heard(), MemoryStore(fails=True)
    ledger = a_ledger(PLAN, log=heard, store=store)
    reject(ledger, *receive(ledger))
    ledger.store_all()
    ledger.summarize()
    assert heard.warnings[-1].endswith("The rejected records could not all be stored.")
    assert store.report == {}


def test_the_report_counts_by_stream_and_reason_and_names_no_person() -> None:
    store = MemoryStore()
    ledger = a_ledger(PLAN, OTHER, store=store)
    reject(ledger, *receive(ledger, 2))
    ledger.rejected(PLAN, receive(ledger)[0].parts[0], Rejection("no email", "Send one.", code=2))
    ledger.unknown_stream(a_plan(key=("x", "y")), b"{}")
    ledger.summarize()
    reasons = [
        {"error_code": None, "reason": "too long", "field": "CITY", "records": 2},
        {"error_code": 2, "reason": "no email", "field": None, "records": 1},
    ]
    contacts = {"namespace": None, "name": "contacts"}
    leads = {"namespace": "north", "name": "leads"}
    assert store.report == {
        "streams": [
            {**contacts, **ledger.counts[PLAN].numbers(), "rejections": reasons},
            {**leads, **ledger.counts[OTHER].numbers(), "rejections": []},
        ],
        "records_not_in_catalog": 1,
    }
    assert "example.com" not in str(store.report)


def test_nothing_is_reported_where_nothing_was_rejected() -> None:
    store = MemoryStore()
    ledger = a_ledger(PLAN, store=store)
    ledger.written(PLAN, receive(ledger))
    ledger.summarize()
    assert store.report == {}


def test_a_report_that_cannot_be_stored_is_a_warning() -> None:
    heard, store = Heard(), MemoryStore()
    ledger = a_ledger(PLAN, log=heard, store=store)
    reject(ledger, *receive(ledger))
    ledger.store_all()
    store._fails = True
    ledger.summarize()
    assert heard.warnings[-1] == ("The report of the sync could not be stored: the bucket is gone")
    ledger.raise_stop_reason()


# How much may be rejected.


@pytest.mark.parametrize(("rejected", "fails"), [(2, False), (3, True)])
def test_no_more_records_are_rejected_than_allowed(rejected: int, fails: bool) -> None:
    ledger = a_ledger(PLAN, max_rejected_records=2)
    reject(ledger, *receive(ledger, rejected))
    if not fails:
        ledger.raise_stop_reason()
        ledger.judge()
        return
    # All are settled all the same.
    state(ledger)
    assert released(ledger)[0][:2] == (0, 3)
    words = r"3 records .* the 2 that .*max_rejected_records"
    with pytest.raises(StopSync, match=words) as error:
        ledger.raise_stop_reason()
    assert error.value.position == 3
    assert "3 x too long (field CITY)" in str(error.value)


def test_records_of_unknown_streams_count_against_the_limits() -> None:
    ledger = a_ledger(PLAN, max_rejected_records=1)
    ledger.unknown_stream(PLAN, b"{}")
    ledger.raise_stop_reason()
    ledger.unknown_stream(PLAN, b"{}")
    with pytest.raises(StopSync, match="max_rejected_records") as error:
        ledger.raise_stop_reason()
    assert error.value.position == 2
    share = a_ledger(PLAN, max_rejected_percent=50)
    share.written(PLAN, receive(share))
    share.unknown_stream(PLAN, b"{}")
    share.judge()
    share.unknown_stream(PLAN, b"{}")
    with pytest.raises(StopSync, match="2 of 3 records"):
        share.judge()


def test_a_limit_is_told_once() -> None:
    ledger = a_ledger(PLAN, max_rejected_records=0)
    reject(ledger, *receive(ledger))
    with pytest.raises(StopSync, match="1 record was rejected"):
        ledger.raise_stop_reason()
    reject(ledger, *receive(ledger))
    ledger.raise_stop_reason()
    ledger.judge()


def with_a_tenth_rejected(records: int, percent: float) -> Ledger:
    ledger = a_ledger(PLAN, max_rejected_percent=percent)
    entries = receive(ledger, records)
    ledger.written(PLAN, entries[records // 10 :])
    reject(ledger, *entries[: records // 10])
    return ledger


def test_a_share_is_judged_from_so_many_records_on_and_of_fewer_at_the_end() -> None:
    with pytest.raises(StopSync, match=r"of 100 records"):
        with_a_tenth_rejected(JUDGED_FROM_RECORDS, 9).raise_stop_reason()
    with_a_tenth_rejected(JUDGED_FROM_RECORDS, 10).judge()
    ledger = with_a_tenth_rejected(JUDGED_FROM_RECORDS - 10, 9)
    ledger.raise_stop_reason()
    with pytest.raises(StopSync, match=r"9 of 90 records .* the 9 % that .*max_rejected_percent"):
        ledger.judge()


def test_whoever_is_on_the_way_counts_as_accepted_until_the_end() -> None:
    ledger = a_ledger(PLAN, max_rejected_percent=20)
    on_the_way = receive(ledger, 4 * JUDGED_FROM_RECORDS)
    reject(ledger, *receive(ledger, JUDGED_FROM_RECORDS))
    ledger.raise_stop_reason()
    reject(ledger, *on_the_way[:1])
    with pytest.raises(StopSync, match=r"101 of 500 records were rejected"):
        ledger.raise_stop_reason()


def test_a_sync_without_records_has_no_share() -> None:
    a_ledger(PLAN, max_rejected_records=0, max_rejected_percent=1).judge()


def test_where_none_may_be_rejected_the_first_one_ends_the_sync_and_is_not_settled() -> None:
    ledger = a_ledger(PLAN, ignore_invalid_contacts=False)
    [entry] = receive(ledger)
    state(ledger)
    reject(ledger, entry)
    assert released(ledger) == []
    with pytest.raises(StopSync, match="ignore_invalid_contacts") as error:
        ledger.raise_stop_reason()
    assert error.value.position == 1

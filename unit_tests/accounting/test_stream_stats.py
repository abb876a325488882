"""A stream's counts in words."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields

import pytest

from destination_maileon.accounting.stream_stats import LeftOut, StreamStats


def test_nothing_happened() -> None:
    assert StreamStats().words() == (
        "0 records read, 0 written, 0 created, 0 existing, 0 left out, 0 merged, 0 opted out, "
        "0 deleted, 0 rejected, 0 calls, 0.0 seconds"
    )


def test_every_count_is_told_and_none_under_anothers_name() -> None:
    names = [f.name for f in fields(StreamStats) if f.type is int]
    counts = StreamStats()
    for n, name in enumerate(names, start=1):
        setattr(counts, name, 11 * n)
    counts.settled_well, counts.unsubscribed = 1_000, 3
    counts.left_out = Counter({LeftOut.UNSUBSCRIBED: 3, LeftOut.UNTOLD: 4, LeftOut.EXISTING: 0})
    counts.started_at, counts.ended_at = 10.0, 72.06
    assert counts.words() == (
        f"{counts.read} records read, {counts.written} written, {counts.created} created, "
        f"{counts.existing} existing, "
        "7 left out (3 unsubscribed, 4 by Maileon without a reason), "
        f"{counts.merged} merged, {counts.opted_out} opted out, {counts.deleted} deleted "
        f"({counts.gone} of both not in Maileon, {counts.marked} marked as unsubscribed), "
        f"{counts.left} left the audience, {counts.rejected} rejected, "
        f"{counts.calls} calls, 62.1 seconds"
    )


def test_who_was_not_there_is_told_behind_those_to_whom_they_belong() -> None:
    opted_out = StreamStats(opted_out=2, gone=1).words()
    assert "2 opted out (1 of these not in Maileon), 0 deleted, 0 rejected" in opted_out
    deleted = StreamStats(deleted=2, gone=1).words()
    assert "0 opted out, 2 deleted (1 of these not in Maileon), 0 rejected" in deleted


def test_what_a_dry_run_cannot_know_it_does_not_tell() -> None:
    counts = StreamStats(read=9, settled_well=8, rejected=1, merged=1, calls=2, opted_out=1)
    # Whoever would be sent is counted by nobody.
    counts.left_out = Counter({LeftOut.UNTOLD: 4, LeftOut.DELETED: 1})
    assert counts.words(is_dry_run=True) == (
        "without the dry run it would be 9 records read, up to 6 written, 1 left out (1 deleted at "
        "the source), 1 merged, 1 opted out, 0 deleted, 1 rejected, 4 contacts sent, at least 2 "
        "calls, 0.0 seconds for the dry run"
    )


@pytest.mark.parametrize("left_out", LeftOut)
def test_whoever_is_left_out_removed_or_rejected_is_not_written(left_out: LeftOut) -> None:
    counts = StreamStats(settled_well=9, rejected=2, opted_out=1, deleted=2)
    counts.left_out[left_out] = 3
    assert (counts.settled, counts.written) == (11, 3)


def test_more_left_out_than_there_are_records_is_no_negative_number() -> None:
    assert StreamStats(left_out=Counter({LeftOut.UNTOLD: 2}), settled_well=1).written == 0


def test_what_a_failed_sync_has_not_settled_is_told() -> None:
    assert (
        "1 rejected, 3 not settled, 0 calls"
        in StreamStats(read=9, settled_well=5, rejected=1).words()
    )


def test_a_stream_without_a_call_took_no_time() -> None:
    assert StreamStats(started_at=50.0).words().endswith("0 calls, 0.0 seconds")

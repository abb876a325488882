"""A stream's counts in words."""

from __future__ import annotations

from dataclasses import fields

from destination_maileon.accounting.stream_counts import StreamStats


def test_nothing_happened() -> None:
    assert StreamStats().words() == (
        "0 records read, 0 written, 0 created, 0 existing, 0 unsubscribed, 0 merged, 0 rejected, "
        "0 calls, 0.0 seconds"
    )


def test_every_count_is_told_and_none_under_anothers_name() -> None:
    names = [f.name for f in fields(StreamStats) if f.type == "int"]
    counts = StreamStats(**{name: 11 * n for n, name in enumerate(names, start=1)})
    counts.started_at, counts.ended_at = 10.0, 72.06
    assert counts.words() == (
        f"{counts.read} records read, {counts.written} written, {counts.created} created, "
        f"{counts.existing} existing, {counts.unsubscribed} unsubscribed, {counts.merged} merged, "
        f"{counts.rejected} rejected, {counts.left_out} left out by Maileon, "
        f"{counts.removed} deleted or unsubscribed, {counts.gone} of these gone already, "
        f"{counts.deleted_ignored} deleted records ignored, {counts.calls} calls, 62.1 seconds"
    )


def test_what_a_dry_run_cannot_know_it_does_not_tell() -> None:
    counts = StreamStats(read=9, written=6, rejected=1, merged=1, left_out=4, calls=2)
    counts.removed = 1
    counts.deleted_ignored = 1
    assert counts.foreseen_words() == (
        "without the dry run it would be 9 records read, 6 written, 1 merged, 1 rejected, "
        "4 contacts sent, 1 deleted or unsubscribed, 1 deleted records ignored, 2 calls, "
        "0.0 seconds"
    )


def test_a_record_is_settled_when_it_is_written_or_rejected() -> None:
    assert StreamStats(read=9, written=4, rejected=2).settled == 6


def test_a_stream_without_a_call_took_no_time() -> None:
    assert StreamStats(started_at=50.0).words().endswith("0 calls, 0.0 seconds")

"""Streams that are not in the catalog: each record is counted, and few of the names are told."""

from __future__ import annotations

import pytest

from destination_maileon.delivery.strangers import (
    MAX_NAME_CHARACTERS,
    MAX_NAMED,
    MAX_NAMES_CHARACTERS,
    MAX_STREAMS,
    UnknownStreams,
)
from destination_maileon.errors import StopSync
from unit_tests.support.rooms import Heard


def test_a_stream_is_told_when_it_is_met_and_at_the_end() -> None:
    heard = Heard()
    strangers = UnknownStreams(heard)
    strangers.meet((None, "a"))
    strangers.meet(("crm", "a"))
    strangers.meet((None, "a"))
    assert [said.split(":")[0] for said in heard.warnings] == [
        "Stream a is not in the catalog",
        "Stream crm.a is not in the catalog",
    ]
    strangers.close()
    assert heard.warnings[2:] == [
        "Stream a is not in the catalog: left out in all 2 records.",
        "Stream crm.a is not in the catalog: left out in all 1 record.",
    ]


def test_of_many_streams_some_are_named_and_all_records_counted() -> None:
    heard = Heard()
    strangers = UnknownStreams(heard)
    for number in (*range(MAX_NAMED + 7), *range(MAX_NAMED + 7)):
        strangers.meet((None, f"s{number}"))
    assert len(heard.warnings) == MAX_NAMED + 1
    assert f"More than {MAX_NAMED} streams are not in the catalog" in heard.warnings[-1]
    strangers.close()
    assert len(heard.warnings) == 2 * MAX_NAMED + 2
    assert heard.warnings[-1] == (
        "Not in the catalog either: 7 further streams, left out in all 14 records."
    )


def test_twenty_streams_are_all_named() -> None:
    heard = Heard()
    strangers = UnknownStreams(heard)
    for number in range(MAX_NAMED):
        strangers.meet((None, f"s{number}"))
    strangers.close()
    assert len(heard.warnings) == 2 * MAX_NAMED
    assert all(said.startswith("Stream s") for said in heard.warnings)


def test_streams_without_an_end_end_the_sync() -> None:
    heard = Heard()
    strangers = UnknownStreams(heard)
    for number in range(MAX_STREAMS):
        strangers.meet((None, f"s{number}"))
    strangers.meet((None, "s0"))
    with pytest.raises(StopSync, match=f"{MAX_STREAMS} streams that are not in the catalog"):
        strangers.meet((None, "one more"))
    strangers.close()
    further = MAX_STREAMS - MAX_NAMED
    assert heard.warnings[-1].endswith(
        f"{further} further streams, left out in all {further} records."
    )


def test_names_without_an_end_are_neither_told_nor_remembered() -> None:
    heard = Heard()
    strangers = UnknownStreams(heard)
    name = "n" * (MAX_NAMES_CHARACTERS // 2 - 10)
    strangers.meet((None, f"{name}1"))
    strangers.meet(("x", f"{name}2"))
    with pytest.raises(StopSync):
        strangers.meet((None, f"{name}3"))
    strangers.close()
    assert max(map(len, heard.warnings)) < MAX_NAME_CHARACTERS + 200

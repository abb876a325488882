"""The records are what the kind's description says."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import orjson
import pytest

from benchmark.description import UNCLEAR, Kind, Spread, Trouble
from benchmark.kinds import KINDS
from benchmark.workload import SHARED, Workload

RECORDS = 2_000
PLAIN = KINDS["plain"]


@pytest.mark.parametrize("spread", Spread)
@pytest.mark.parametrize("duplicates", [0.1, 0.9])
def test_as_many_records_are_of_an_earlier_contact_as_it_says(
    spread: Spread, duplicates: float
) -> None:
    kind = replace(PLAIN, duplicates=duplicates, spread=spread)
    addresses = {data["email"] for data in _data(Workload(kind, RECORDS))}
    assert len(addresses) == round(RECORDS * (1 - duplicates))


def test_duplicates_in_a_row_follow_each_other_and_scattered_ones_do_not() -> None:
    for spread, is_in_a_row in ((Spread.IN_A_ROW, True), (Spread.SCATTERED, False)):
        kind = replace(PLAIN, duplicates=0.5, spread=spread)
        addresses = [data["email"] for data in _data(Workload(kind, RECORDS))]
        assert (addresses[0] == addresses[1]) is is_in_a_row


def test_later_records_of_a_contact_have_other_values() -> None:
    first, second, *_ = _data(Workload(KINDS["tens"], RECORDS))
    assert first["email"] == second["email"]
    assert first["city"] != second["city"]


@pytest.mark.parametrize("trouble", Trouble)
def test_one_contact_in_so_many_has_the_trouble(trouble: Trouble) -> None:
    kind = replace(PLAIN, trouble=trouble, troubled_every=5)
    addresses = [data["email"] for data in _data(Workload(kind, RECORDS))]
    assert sum(address.startswith(f"{trouble}.") for address in addresses) == RECORDS / 5
    assert addresses.count(SHARED) == (RECORDS / 5 if trouble is Trouble.SHARED else 0)


def test_so_many_values_are_null_and_no_address_is() -> None:
    data = _data(Workload(KINDS["nulls"], RECORDS))
    values = [value for record in data for name, value in record.items() if name != "email"]
    assert values.count(None) / len(values) == pytest.approx(0.6, abs=0.02)
    assert all(record["email"] for record in data)


def test_a_state_follows_every_so_many_records() -> None:
    lines = [orjson.loads(line)["type"] for line in Workload(KINDS["states"], 100).lines()]
    assert lines[:12] == [*["RECORD"] * 10, "STATE", "RECORD"]
    assert Counter(lines) == {"RECORD": 100, "STATE": 10}


def test_catalog_may_have_the_columns_the_other_way_round() -> None:
    workload = Workload(KINDS["reversed"], 1)
    catalog: Any = workload.catalog()
    properties = catalog["streams"][0]["stream"]["json_schema"]["properties"]
    assert [*properties] == [*_data(workload)[0]][::-1]


def test_a_fifth_of_the_records_is_unclear() -> None:
    workload = Workload(KINDS["unclear"], 100)
    said = Counter(data[workload.kind.doubtful] for data in _data(workload))
    assert said == {UNCLEAR: 20, True: 40, False: 40}


def test_streams_take_turns() -> None:
    workload = Workload(KINDS["streams"], 40)
    messages = [orjson.loads(line) for line in workload.lines()]
    names = [message["record"]["stream"] for message in messages]
    assert len(set(names)) == 20
    assert names[:20] == names[20:]


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_lines_are_the_same_each_time(kind: Kind) -> None:
    assert [*Workload(kind, 50).lines()] == [*Workload(kind, 50).lines()]


def _data(workload: Workload) -> list[dict[str, Any]]:
    messages = map(orjson.loads, workload.lines())
    return [message["record"]["data"] for message in messages if message["type"] == "RECORD"]

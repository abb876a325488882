"""The floor does the connector's work: the same contacts in as many calls, kind by kind.

Without this a ratio would say nothing: a floor that writes less is no floor.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from lxml import etree

from benchmark.description import Kind
from benchmark.kinds import KINDS
from benchmark.running import Bench, Cost, open_bench
from benchmark.workload import Workload

RECORDS = 120


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("calls")


@pytest.fixture(scope="module")
def made(kept: Path) -> Iterator[Bench]:
    with open_bench(kept) as opened:
        yield opened


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_floor_and_connector_send_the_same_contacts(kind: Kind, made: Bench, kept: Path) -> None:
    workload = Workload(kind, RECORDS)
    by_floor = _sent(lambda: made.floor(workload), kept)
    by_connector = _sent(lambda: made.connector(workload), kept)
    assert by_floor
    assert by_connector == by_floor


def test_floor_and_connector_send_as_many_calls(made: Bench) -> None:
    workload = Workload(KINDS["scattered"], 2_500)
    # Duplicates of contacts that are on their way wait, and may need two calls more at the end.
    assert 3 == made.floor(workload).calls <= made.connector(workload).calls <= 5


@pytest.mark.long
def test_plain_connector_sends_the_same_contacts_in_as_many_calls(made: Bench, kept: Path) -> None:
    from benchmark import plain  # noqa: PLC0415 - the CDK takes seconds

    workload = Workload(KINDS["plain"], 1_500)
    by_plain = _sent(lambda: made.program(partial(plain.run, workload.kind), workload), kept)
    assert by_plain == _sent(lambda: made.connector(workload), kept)


def _sent(run: Callable[[], Cost], kept: Path) -> Counter[object]:
    """What is sent during a run: each contact with the permission that its call is about."""
    for file in kept.iterdir():
        file.unlink()
    assert run().calls == len([*kept.iterdir()])
    return Counter(part for file in kept.iterdir() for part in _parts(file.read_bytes()))


def _parts(call: bytes) -> Iterator[object]:
    first, _, body = call.partition(b"\n")
    method, target = first.decode().split(" ")
    address = urlsplit(target)
    if method == "DELETE":
        yield method, address.path.partition("/1.0/")[2]
        return
    permission = parse_qs(address.query).get("permission", [None])
    for contact in etree.fromstring(body):
        yield permission[0], _plain(contact)


def _plain(element: etree._Element) -> object:
    """An element without the order of its children."""
    children = sorted((_plain(child) for child in element), key=repr)
    return element.tag, element.text, tuple(sorted(element.attrib.items())), tuple(children)

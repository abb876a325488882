"""After a sync the account is as if its records had been sent one at a time, in their order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from integration_tests.bookkeeping import Json, Run
from integration_tests.connection import Connection, columns, mapping
from integration_tests.platform import record, stream, stream_state
from maileon_sandbox import Fault, Sandbox

MODES = ("email", "external_id", "maileon_id")
CONTACTS = 100
MAX_FAULTS = 40
ILLEGAL = {"first_name": "x" * 256, "born": "long ago"}
NAMES = ("Max", "Erika", None, ILLEGAL["first_name"], "Zoë")
CONSENTS = ("", "single_opt_in", None, "4", "perhaps")
COLUMNS = columns(
    "external_id", "maileon_id", "first_name", "hat", "consent", "born", "_ab_cdc_deleted_at"
)


def _records(random: Random, ids: Mapping[int, str]) -> Iterator[Json]:
    """A record for each contact and more for some, a few of which nobody can take.

    A contact that has an id here is named by it, and every second one by nothing else.
    """
    numbers = [*range(CONTACTS), *range(0, CONTACTS, 5)]
    random.shuffle(numbers)
    for place in range(0, CONTACTS, 20):
        # Two of one contact with nobody between them, who may be it under another name.
        numbers.insert(place, numbers[place])
    spoilt: set[tuple[int, str]] = set()
    for n in numbers:
        data: dict[str, Any] = {
            "email": f"person{n}@example.com" if random.random() > 0.03 else f"person{n}",
            # Now and then the external id of somebody else.
            "external_id": f"x{n if random.random() > 0.03 else random.randrange(CONTACTS)}",
            "first_name": random.choices(NAMES, (10, 10, 3, 1, 5))[0],
            "hat": random.choice(["red", "", "1", "blue"]),
            "consent": random.choices(CONSENTS, (20, 1, 20, 1, 1))[0],
            "born": random.choices(["2001-02-03", None, ILLEGAL["born"]], (20, 5, 2))[0],
        }
        for column, illegal in ILLEGAL.items():
            # A value that a later record replaces before it is sent is never judged.
            if (n, column) in spoilt:
                del data[column]
            elif data[column] == illegal:
                spoilt.add((n, column))
        if n in ids:
            data["maileon_id"] = ids[n]
            data["email"] = data["email"] if n % 2 else None
        if random.random() < 0.03:
            data["_ab_cdc_deleted_at"] = "2026-01-01"
        yield record(data)


def _sync(connection: Connection, mode: str, **config: object) -> Run:
    account = connection.sandbox.account
    account.add_custom_field("hat")
    account.add_custom_field("born", "date")
    ids = {}
    for n in range(0, CONTACTS, 3):
        email, is_gone = f"person{n}@example.com", n % 15 == 0
        ids[n] = str(account.add_contact(email, external_id=f"x{n}", unsubscribed=is_gone).id)
    messages: list[Json] = []
    for n, message in enumerate(_records(Random(mode), ids if mode == "maileon_id" else {})):
        messages += [message, stream_state(n)] if n % 20 == 19 else [message]
    run = connection.sync(
        messages,
        stream(COLUMNS),
        identifier_mode=mode,
        deleted_records="delete",
        streams=mapping(("consent", "permission")),
        **config,
    )
    assert run.exit_code == 0
    return run


@dataclass(frozen=True, slots=True)
class Outcome:
    """A sync after its end, and the sandbox that it wrote to."""

    run: Run
    sandbox: Sandbox


def _one_at_a_time(folder: Path, mode: str) -> Outcome:
    with Sandbox() as sandbox:
        run = _sync(
            Connection(folder, sandbox),
            mode,
            batch_size=1,
            concurrent_requests=1,
        )
        return Outcome(run, sandbox)


def _in_every_third_call() -> Iterator[Fault]:
    """One kind of fault after another. A fault does not see the calls that earlier ones take."""
    kinds = (
        Fault(status=503),
        Fault(drop="after"),
        Fault(body=b"Please wait", processed=True),
        Fault(drop="before"),
    )
    for n in range(MAX_FAULTS):
        yield replace(kinds[n % len(kinds)], path="/contacts", skip=2 + 2 * n)


def _in_batches_with_faults(folder: Path, sandbox: Sandbox, mode: str) -> Outcome:
    sandbox.script(*_in_every_third_call())
    run = _sync(Connection(folder, sandbox), mode, batch_size=10, concurrent_requests=4)
    return Outcome(run, sandbox)


Futures = dict[str, Future[Outcome]]


@pytest.fixture(scope="module")
def in_batches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Futures]:
    """The syncs with faults, side by side: they wait most of the time."""
    with ExitStack() as opened, ThreadPoolExecutor() as pool:
        # Started one by one: Python 3.11.7 may fail where two threads parse code (`ast`) at once.
        sandboxes = [opened.enter_context(Sandbox()) for _ in MODES]
        folders = [tmp_path_factory.mktemp("sync") for _ in MODES]
        yield dict(
            zip(
                MODES,
                [
                    pool.submit(_in_batches_with_faults, *given)
                    for given in zip(folders, sandboxes, MODES, strict=True)
                ],
                strict=True,
            )
        )


@pytest.mark.parametrize("mode", MODES)
def test_batches_in_flight_with_faults_come_to_the_same_as_one_record_at_a_time(
    tmp_path: Path, in_batches: Futures, mode: str
) -> None:
    apart = _one_at_a_time(tmp_path, mode)
    together = in_batches[mode].result()
    hit = [call.fault is not None for call in together.sandbox.calls]
    assert sum(hit) >= len(hit) // 3 - 1
    assert len(together.sandbox.calls) < len(apart.sandbox.calls) / 2
    assert together.sandbox.account.snapshot() == apart.sandbox.account.snapshot()
    assert together.run.stats == apart.run.stats
    assert sum(rejected for _, rejected in together.run.stats) > 3
    assert together.run.additional("merged") > 0
    assert together.sandbox.violations + apart.sandbox.violations == []

"""One long sync through every kind of trouble, compared with its records taken one at a time.

`python -m integration_tests.soak [--records 100000] [--audiences]`: 20 streams, a STATE after every
50 records, a fault in every tenth call. With audiences each stream keeps one, in which are as many
people in all as there are records, who have to leave. The program runs as a process, over HTTP,
against the sandbox. The reference is the sandbox's own account in this process, one record after
the other, each in a synchronization of its own: over HTTP that would take an hour. Nothing of the
connector is in it.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from random import Random

from integration_tests.bookkeeping import Bookkeeping, Json, Run
from integration_tests.connection import columns
from integration_tests.platform import (
    call,
    catalog,
    line,
    record,
    stream,
    stream_state,
    write_arguments,
)
from maileon_sandbox import Account, Fault, Sandbox
from maileon_sandbox.contacts.parameters import SynchronizeOptions
from maileon_sandbox.contacts.sent_contacts import SentContact, SentField
from maileon_sandbox.contacts.synchronization import Synchronization
from maileon_sandbox.vocabulary import SyncMode

STREAMS = 20
RECORDS_PER_STATE = 50
CALLS_PER_FAULT = 10
REQUEST_TIMEOUT_SECONDS = 2
TIMEOUT_SECONDS = 3_600.0
HOLDER = "holder@example.com"
DELETED = "_ab_cdc_deleted_at"
BEFORE, NOW, OUT = "1", "2", "0"
"""Numbers in an audience's field."""
COLUMNS = columns("external_id", "first_name", "hat", "born", DELETED)
FAULTS = (
    Fault(status=503),
    Fault(drop="after"),
    Fault(body=b"Please wait", processed=True),
    Fault(status=429, retry_after="1"),
    Fault(drop="before"),
    Fault(status=500),
    # The call is carried out, and its answer comes too late.
    Fault(delay_seconds=REQUEST_TIMEOUT_SECONDS + 1),
    Fault(status=504, processed=True),
)
OPTIONS = SynchronizeOptions(
    sync_mode=SyncMode.UPDATE,
    ignore_invalid_contacts=True,
    override_permission=False,
    reimport_unsubscribed_contacts=False,
)


@dataclass(frozen=True, slots=True)
class Soak:
    """What came of it. `expected` holds of each STATE the records and the rejected ones."""

    run: Run
    calls: int
    hit: int
    seconds: float
    violations: list[str]
    is_same_account: bool
    left: int
    expected: list[tuple[float, float]] = field(repr=False)

    @property
    def counts_are_exact(self) -> bool:
        return self.run.exit_code == 0 and self.run.stats == self.expected

    @property
    def is_well(self) -> bool:
        return self.is_same_account and self.counts_are_exact and not self.violations

    def words(self) -> str:
        written = sum(records for records, _ in self.expected)
        rejected = sum(refused for _, refused in self.expected)
        return (
            f"{written:.0f} records written, {rejected:.0f} rejected, "
            f"{self.run.additional('merged'):.0f} merged, {len(self.expected)} states, "
            f"{self.left} people left an audience\n"
            f"{self.calls} calls, {self.hit} of them hit by a fault, {self.seconds:.0f} seconds\n"
            f"the account is {'the same' if self.is_same_account else 'NOT the same'}, "
            f"the counts are {'exact' if self.counts_are_exact else 'NOT exact'}, "
            f"{len(self.violations)} violations"
        )


class Source:
    """Records of people who come once, again soon, again late, and in other streams; and go."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._known: list[list[str]] = [[] for _ in range(STREAMS)]

    def messages(self, records: int) -> Iterator[Json]:
        for number in range(records):
            name = self._random.randrange(STREAMS)
            yield record(self._data(number, self._known[name]), f"s{name}")
            if number % RECORDS_PER_STATE == RECORDS_PER_STATE - 1:
                yield stream_state(number, f"s{name}")
        for name in range(STREAMS):
            yield stream_state("end", f"s{name}")

    def _data(self, number: int, known: list[str]) -> Json:
        fate = self._random.random()
        if fate < 0.02:
            return self._bad(number)
        if fate < 0.03 and known:
            return {"email": f"{self._random.choice(known)}@example.com", DELETED: "2026-01-01"}
        person = self._person(number, known)
        moved = f"-{number}" if self._random.random() < 0.02 else ""
        address = f"{person}@example.com"
        return {
            "email": address.upper() if self._random.random() < 0.1 else address,
            "external_id": f"x-{person}{moved}",
            "first_name": self._random.choice([f"Name {number}", "Zoë", None]),
            "hat": self._random.choice(["red", "", "<1>", None]),
            "born": self._random.choice(["2001-02-03", "1999-12-31T10:00:00Z", None]),
        }

    def _person(self, number: int, known: list[str]) -> str:
        fate = self._random.random()
        if fate < 0.12 and known:
            return self._random.choice(known[-20:])
        if fate < 0.17 and known:
            return self._random.choice(known)
        if fate < 0.20 and (others := self._random.choice(self._known)):
            return self._random.choice(others)
        known.append(f"person{number}")
        return known[-1]

    def _bad(self, number: int) -> Json:
        """Somebody of whom nothing else is known, so that no other record mends it."""
        good = {"email": f"bad{number}@example.com", "external_id": f"x-bad{number}"}
        bad = self._random.choice(
            [{"email": f"bad{number}"}, {"external_id": "held"}, {"first_name": "x" * 256}]
        )
        return {**good, **bad}


def one_at_a_time(
    messages: Iterable[Json], account: Account, *, has_audiences: bool = False
) -> list[tuple[float, float]]:
    """Takes each record into the account; of each STATE the records and the rejected ones."""
    since: dict[str, list[bool]] = {}
    stats = []
    for message in messages:
        if message["type"] == "RECORD":
            given = message["record"]
            membership = {audience(given["stream"]): NOW} if has_audiences else {}
            is_taken = _is_taken(given["data"], account, membership)
            since.setdefault(given["stream"], []).append(is_taken)
        else:
            name = message["state"]["stream"]["stream_descriptor"]["name"]
            taken = since.pop(name, [])
            stats.append((float(taken.count(True)), float(taken.count(False))))
    for contact in account.contacts():
        fields = {n: OUT if v == BEFORE else v for n, v in contact.custom_fields.items()}
        account.put(replace(contact, custom_fields=fields))
    return stats


def audience(stream_name: str) -> str:
    """The field of a stream's audience."""
    return f"in_{stream_name}"


def _is_taken(data: Json, account: Account, membership: Mapping[str, str]) -> bool:
    if data.get(DELETED):
        if (contact := account.by_email(data["email"])) is not None:
            account.remove(contact)
        return True
    sent = SentContact(email=data["email"], external_id=data["external_id"])
    sent.custom_fields += [SentField(*field) for field in membership.items()]
    if data.get("first_name") is not None:
        sent.standard_fields.append(SentField("FIRSTNAME", data["first_name"]))
    if data.get("hat") is not None:
        sent.custom_fields.append(SentField("hat", data["hat"]))
    if data.get("born") is not None:
        sent.custom_fields.append(SentField("born", data["born"][:10]))
    return not Synchronization(account, OPTIONS).run([sent]).rejected


def an_account(leavers: int = 0) -> Account:
    """An account with fields, and with somebody who never gives his external id away.

    `leavers` people are in the audiences of the streams, and in no stream.
    """
    account = Account()
    account.add_custom_field("hat")
    account.add_custom_field("born", "date")
    account.add_contact(HOLDER, external_id="held")
    for number in range(STREAMS):
        account.add_custom_field(audience(f"s{number}"), "integer")
    for number in range(leavers):
        field_name = audience(f"s{number % STREAMS}")
        account.add_contact(f"gone{number}@example.com", custom_fields={field_name: BEFORE})
    return account


def faults() -> Iterator[Fault]:
    """One for each tenth call. A fault does not see the calls that earlier ones take."""
    for number in count():
        kind = FAULTS[number % len(FAULTS)]
        skip = (CALLS_PER_FAULT - 1) * (number + 1)
        yield replace(kind, path="/contacts", skip=skip)


def soak(
    folder: Path,
    records: int,
    *,
    batch_size: int = 100,
    seed: int = 1,
    has_audiences: bool = False,
) -> Soak:
    """Runs the sync, and its records one at a time."""
    leavers = records if has_audiences else 0
    reference = an_account(leavers)
    messages = [*Source(Random(seed)).messages(records)]
    expected = one_at_a_time(messages, reference, has_audiences=has_audiences)
    with Sandbox(account=an_account(leavers), keep_bodies=False) as sandbox:
        most = 20 + records // min(batch_size, 100)
        sandbox.script(*(fault for fault, _ in zip(faults(), range(most), strict=False)))
        started = time.monotonic()
        config: Json = {"batch_size": batch_size, "base_url": sandbox.base_url}
        if has_audiences:
            config["streams"] = [
                {"name": f"s{name}", "audience_field": audience(f"s{name}")}
                for name in range(STREAMS)
            ]
        run = _sync(folder, config | {"api_key": sandbox.api_key}, messages)
        seconds = time.monotonic() - started
        return Soak(
            run=run,
            calls=len(sandbox.calls),
            hit=sum(made.fault is not None for made in sandbox.calls),
            seconds=seconds,
            violations=sandbox.violations,
            left=sum(OUT in c.custom_fields.values() for c in sandbox.account.contacts()),
            is_same_account=sandbox.account.snapshot() == reference.snapshot(),
            expected=expected,
        )


def _sync(folder: Path, config: Json, messages: list[Json]) -> Run:
    config |= {
        "concurrent_requests": 8,
        "deleted_records": "delete",
        "request_timeout_seconds": REQUEST_TIMEOUT_SECONDS,
    }
    platform = Bookkeeping()
    mode: Json = {}
    if "streams" in config:
        mode = {"destination_sync_mode": "overwrite", "generation_id": int(NOW) - 1}
    configured = catalog(*(stream(COLUMNS, f"s{name}", **mode) for name in range(STREAMS)))
    given = b"".join(map(line, (*platform.passed_on(messages), *platform.completed(configured))))
    arguments = write_arguments(folder, config, configured)
    run = call(*arguments, given=given, timeout_seconds=TIMEOUT_SECONDS)
    platform.judge(run)
    return run


def main() -> int:
    """0 if the account is the same, the counts exact, and every call as it should be."""
    parser = argparse.ArgumentParser(prog="python -m integration_tests.soak", description=__doc__)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--batch-size", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--audiences", dest="has_audiences", action="store_true")
    asked = vars(parser.parse_args())
    with tempfile.TemporaryDirectory() as folder:
        done = soak(Path(folder), **asked)
    print(done.words())
    return 0 if done.is_well else 1


if __name__ == "__main__":
    sys.exit(main())

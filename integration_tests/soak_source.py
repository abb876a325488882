"""The source of a soak: records of two streams by their numbers, and the account they come to.

What the account must hold is worked out here from the records alone, one after the other, by
nothing of the connector and nothing of the sandbox. A record's number is in its contact (`seq`), so
that at any moment it can be told which records have arrived.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from random import Random
from types import MappingProxyType
from typing import NamedTuple

from integration_tests.bookkeeping import Json
from integration_tests.connection import columns
from integration_tests.platform import global_state, record, stream

STREAMS = ("people", "leads")
COLUMNS = {
    **columns("first_name", "last_name", "region", "_ab_cdc_deleted_at"),
    "seq": {"type": "integer"},
}
NAMES = ("Max", "Erika", "Zoë", "O'Neill & Søn", None)
RECORDS_PER_PERSON = 3
DELETED_SHARE = 0.003
REFUSED_SHARE = 0.005
STATE_EVERY = 40
"""Records between two states on average."""

SEQ_BASE = 2_000_000_000
"""Added to a record's number, so that no count in a log looks like a value. Maileon's integers have
32 bits."""

Contact = dict[str, str]


class Step(NamedTuple):
    """One record: whom it concerns, and what it does. `values` None deletes the contact."""

    stream: str
    email: str
    values: dict[str, str | None] | None
    is_refused: bool


@dataclass(frozen=True)
class Source:
    """So many records; the same for the same seed."""

    records: int
    seed: int

    def step(self, number: int) -> Step:
        """The record of this number, from 0."""
        random = Random(self.seed * 1_000_003 + number)
        person = random.randrange(max(1, self.records // RECORDS_PER_PERSON))
        email = f"person{person}@example.com"
        stream_name = random.choice(STREAMS)
        if random.random() < DELETED_SHARE:
            return Step(stream_name, email, None, is_refused=False)
        is_refused = random.random() < REFUSED_SHARE
        values = {
            "FIRSTNAME": random.choice(NAMES),
            "LASTNAME": random.choice(NAMES),
            # In a column of its own: a value that a later record replaces is never judged.
            "REGION": "x" * 256 if is_refused else None,
            "seq": str(SEQ_BASE + number),
        }
        return Step(stream_name, email, values, is_refused=is_refused)

    def messages(self, start: int) -> Iterator[Json]:
        """Records and states from this record on, as after the state with this cursor."""
        for number in range(start, self.records):
            yield _record(self.step(number))
            if number + 1 in self._cursors:
                yield global_state(number + 1)

    def streams(self, **configured: object) -> list[Json]:
        return [stream(COLUMNS, name=name, **configured) for name in STREAMS]

    def is_deleted_after(self, number: int, email: str) -> bool:
        """Whether a later record deletes the contact."""
        return self._last_deletions.get(email, -1) > number

    @cached_property
    def _last_deletions(self) -> dict[str, int]:
        steps = map(self.step, range(self.records))
        return {step.email: n for n, step in enumerate(steps) if step.values is None}

    @cached_property
    def _cursors(self) -> frozenset[int]:
        random = Random(self.seed)
        many = range(1, self.records)
        return frozenset(random.sample(many, len(many) // STATE_EVERY)) | {self.records}


def _record(step: Step) -> Json:
    data: Json = {"email": step.email}
    if step.values is None:
        data["_ab_cdc_deleted_at"] = "2026-01-01T00:00:00Z"
    else:
        first, last, region, seq = step.values.values()
        data |= {"first_name": first, "last_name": last, "region": region, "seq": int(seq or 0)}
    return record(data, step.stream)


def account_after(
    source: Source, membership: Mapping[str, Contact] = MappingProxyType({})
) -> dict[str, Contact]:
    """What the account holds of each contact when every record came alone, in order.

    `membership`: what being in a stream writes.
    """
    account: dict[str, Contact] = {}
    for number in range(source.records):
        step = source.step(number)
        if step.values is None:
            account.pop(step.email, None)
        elif not step.is_refused:
            contact = account.setdefault(step.email, {})
            contact |= {name: value for name, value in step.values.items() if value is not None}
            contact |= membership.get(step.stream, {})
    return account

"""A sync that is killed, and again.

`python -m integration_tests.kill_soak --records N [--seed S] [--leavers L]`

Calls fail at random, the program is ended by SIGKILL or SIGTERM at random moments, and starts again
from the last state that it put out, as the platform does it, until the sync ends well. Judged:

- no state is ever ahead of the account: when it comes out, every record before it is there;
- at the end the account is what the records make of it one after the other;
- each life, killed or not, keeps the platform's books, and over all lives every record is in the
  counts of exactly one state that came back;
- with leavers each stream keeps an audience, in which so many people are who are in no stream: at
  the end they are out, and at no end of a life anybody else is;
- SIGTERM ends with 143, nothing is said on the error stream, no life says a key or a value, and the
  sandbox finds no violation.

A call that was in flight when the program died is waited for before the next start: whoever starts
again within milliseconds, while an old call is still on its way, can be overtaken by it.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from threading import Event, Thread
from typing import IO

import orjson

from integration_tests import silence
from integration_tests.bookkeeping import Bookkeeping, Json, Run
from integration_tests.connection import Connection
from integration_tests.platform import (
    PROGRAM,
    TIMEOUT_SECONDS,
    catalog,
    line,
    write_arguments,
)
from integration_tests.soak import BEFORE, NOW, OUT, audience
from integration_tests.soak_source import SEQ_BASE, STREAMS, Contact, Source, account_after
from maileon_sandbox import Fault, Sandbox

FAULTY_SHARE = 0.1
FAULTS = (
    Fault(status=429, retry_after="0"),
    Fault(status=500),
    Fault(status=502, processed=True),
    Fault(status=503),
    Fault(status=504),
    Fault(status=408),
    Fault(drop="before"),
    Fault(drop="after"),
    Fault(delay_seconds=0.3),
    Fault(body=b"<report><count_contacts>1</count_", method="POST", processed=True),
    Fault(body=b"<html>Please wait</html>", method="POST", path="/contacts", whole_path=True),
    Fault(body=b"", method="POST", path="/contacts", whole_path=True),
)
GONE = "gone"
"""How the addresses of those begin who have to leave."""
SIGNALS = (signal.SIGKILL, signal.SIGTERM)
CONFIG = {
    "deleted_records": "delete",
    "max_retry_seconds": 120,
    "flush_interval_seconds": 0.5,
}


@dataclass(slots=True)
class Life:
    """One start of the program: what the platform writes down of it, what it got and said."""

    platform: Bookkeeping = field(default_factory=Bookkeeping)
    given: list[bytes] = field(default_factory=list)
    run: Run = field(default_factory=lambda: Run(0, [], ""))


@dataclass(slots=True)
class Toll:
    """What a soak went through."""

    starts: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    states: int = 0
    calls: int = 0
    faults: int = 0
    records_sent: int = 0
    after_all: int = 0

    def __str__(self) -> str:
        kills = ", ".join(f"{number} x {name}" for name, number in sorted(self.ends.items()))
        return (
            f"{self.starts} starts ({kills}), {self.records_sent} records sent, "
            f"{self.states} states, {self.calls} calls, {self.faults} of them with a fault, "
            f"{self.after_all} starts after the last state"
        )


@dataclass(slots=True, kw_only=True)
class KillSoak:
    """One soak.

    `leavers`: people of each stream's audience who have to leave; with none there are no audiences.
    `calls_per_life`: how many calls the program gets to make at most, by chance, before it is
    killed. After so many `kills` it may live on.
    """

    connection: Connection
    source: Source
    batch_size: int
    calls_per_life: int
    kills: int = 1_000_000
    faulty_share: float = FAULTY_SHARE
    leavers: int = 0
    toll: Toll = field(default_factory=Toll)
    _random: Random = field(init=False)
    _cursor: int = field(default=0, init=False)
    _committed: float = field(default=0.0, init=False)
    _problems: list[str] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self._random = Random(self.source.seed)
        account = self.connection.sandbox.account
        account.add_custom_field("seq", "integer")
        for name in STREAMS if self.leavers else ():
            account.add_custom_field(audience(name), "integer")
            for number in range(self.leavers):
                email = f"{GONE}{number}.{name}@example.com"
                account.add_contact(email, custom_fields={audience(name): BEFORE})

    def run(self) -> Toll:
        """Until the sync ends well. Raises AssertionError if a promise is broken."""
        while not self._life():
            self.check()
        self.check()
        assert self._cursor == self._committed == self.source.records
        there, expected = account_of(self.connection.sandbox), self._expected()
        differing = [
            email for email in {*there, *expected} if there.get(email) != expected.get(email)
        ]
        assert not differing, [
            (email, there.get(email), expected.get(email)) for email in differing
        ]
        return self.toll

    def _expected(self) -> dict[str, Contact]:
        if not self.leavers:
            return account_after(self.source)
        gone = {
            f"{GONE}{number}.{name}@example.com": {audience(name): OUT}
            for name in STREAMS
            for number in range(self.leavers)
        }
        return gone | account_after(self.source, {name: {audience(name): NOW} for name in STREAMS})

    def check(self) -> None:
        """Raises AssertionError if a state was ahead of the account, or an error was told."""
        assert not self._problems, self._problems
        out = [e for e, c in account_of(self.connection.sandbox).items() if OUT in c.values()]
        assert all(email.startswith(GONE) for email in out), "somebody is out who is in"

    def _life(self) -> bool:
        """One start of the program from the last state; whether the sync ended well."""
        sandbox = self.connection.sandbox
        sandbox.reset()
        sandbox.fail_at_random(*FAULTS, share=self.faulty_share, random=Random(self.toll.starts))
        self.toll.after_all += self._cursor == self.source.records
        config = self.connection.config(batch_size=self.batch_size, **CONFIG)
        mode: Json = {}
        if self.leavers:
            mode = {"destination_sync_mode": "overwrite", "generation_id": int(NOW) - 1}
            config["streams"] = [{"name": n, "audience_field": audience(n)} for n in STREAMS]
        configured = catalog(*self.source.streams(**mode))
        arguments = write_arguments(self.connection.folder, config, configured)
        life, pipe = Life(), subprocess.PIPE
        with subprocess.Popen(
            [PROGRAM, *arguments],
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            env=silence.surroundings(),
        ) as process:
            gone = Event()
            others = [
                Thread(target=self._feed, args=(process.stdin, life), daemon=True),
                Thread(target=self._kill, args=(process, gone), daemon=True),
            ]
            for thread in others:
                thread.start()
            try:
                self._read(process.stdout, life)
                process.wait(TIMEOUT_SECONDS)
            finally:
                gone.set()
                process.kill()
            life.run.exit_code = process.returncode
            life.run.stderr = process.stderr.read().decode() if process.stderr else ""
            for thread in others:
                thread.join()
        silence.judge(arguments, b"".join(life.given), life.run.messages, life.run.stderr)
        return self._judged(life)

    def _judged(self, life: Life) -> bool:
        sandbox, exit_code = self.connection.sandbox, life.run.exit_code
        while any(call.status is None and call.finished is None for call in sandbox.calls):
            time.sleep(0.01)
        self.toll.starts += 1
        self.toll.calls += len(sandbox.calls)
        self.toll.faults += sum(call.fault is not None for call in sandbox.calls)
        self.toll.ends["end" if not exit_code else _name(exit_code)] += 1
        assert exit_code in {0, -signal.SIGKILL, 143, -signal.SIGTERM}, exit_code
        judge = life.platform.judge_killed if exit_code < 0 else life.platform.judge
        judge(life.run)
        self._committed += sum(map(sum, life.run.stats))
        assert sandbox.violations == []
        return not exit_code

    def _feed(self, given: IO[bytes] | None, life: Life) -> None:
        assert given is not None
        with suppress(BrokenPipeError):
            for message in life.platform.passed_on(self.source.messages(self._cursor)):
                life.given.append(line(message))
                given.write(life.given[-1])
                self.toll.records_sent += b'"RECORD"' in life.given[-1]
            for message in life.platform.completed(catalog(*self.source.streams())):
                given.write(line(message))
        with suppress(BrokenPipeError):
            given.close()

    def _kill(self, process: subprocess.Popen[bytes], gone: Event) -> None:
        if self.toll.starts >= self.kills:
            return
        calls = self._random.randrange(self.calls_per_life)
        number = self._random.choice(SIGNALS)
        moment = self._random.random() * 0.05
        while len(self.connection.sandbox.calls) < calls and not gone.wait(0.005):
            pass
        if not gone.wait(moment):
            process.send_signal(number)

    def _read(self, taken: IO[bytes] | None, life: Life) -> None:
        assert taken is not None
        for output in taken:
            # The line in which the program was killed is none to the platform.
            if output.endswith(b"\n"):
                life.run.messages.append(orjson.loads(output))
                self.hear(life.run.messages[-1])

    def hear(self, message: Json) -> None:
        """Takes a message of the program, and judges it if it is a state."""
        if message["type"] == "STATE":
            cursor: int = message["state"]["global"]["shared_state"]["cursor"]
            self._problems += self._missing(cursor)
            self._cursor = cursor
            self.toll.states += 1
        elif message["type"] == "TRACE" and message["trace"]["type"] == "ERROR":
            self._problems.append(str(message))

    def _missing(self, cursor: int) -> Iterator[str]:
        """What the account lacks of the records that a state speaks of."""
        if cursor <= self._cursor:
            yield f"state {cursor} came after state {self._cursor}"
        last: dict[str, tuple[int, bool]] = {}
        for number in range(self._cursor, cursor):
            step = self.source.step(number)
            if not step.is_refused:
                last[step.email] = (number, step.values is None)
        for email, (number, is_deleted) in last.items():
            stored = self.connection.sandbox.account.by_email(email)
            if stored is None:
                # A later record may have deleted the contact, ahead of any state.
                if not is_deleted and not self.source.is_deleted_after(number, email):
                    yield f"state {cursor} is ahead of record {number}"
            elif int(stored.custom_fields["seq"]) < SEQ_BASE + number:
                yield f"state {cursor} is ahead of record {number}"


def account_of(sandbox: Sandbox) -> dict[str, Contact]:
    """What the account holds of each contact."""
    return {
        contact.email or "": {**contact.standard_fields, **contact.custom_fields}
        for contact in sandbox.account.contacts()
    }


def _name(exit_code: int) -> str:
    return "SIGKILL" if exit_code == -signal.SIGKILL else "SIGTERM"


def main() -> int:
    """0 if every promise was kept."""
    parser = argparse.ArgumentParser(prog="python -m integration_tests.kill_soak")
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--batch-size", type=int, default=200)
    parser.add_argument("--calls-per-life", type=int, default=40)
    parser.add_argument("--leavers", type=int, default=0, help="of each stream's audience")
    asked = parser.parse_args()
    started_at = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, Sandbox(keep_bodies=False) as sandbox:
        soak = KillSoak(
            connection=Connection(Path(folder), sandbox),
            source=Source(asked.records, asked.seed),
            batch_size=asked.batch_size,
            calls_per_life=asked.calls_per_life,
            leavers=asked.leavers,
        )
        toll = soak.run()
    print(f"{asked.records} records in {time.monotonic() - started_at:.0f} seconds: {toll}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""A server that answers as fast as it can, in a process of its own: it must not be the bottleneck.

The first segment of a URL's path is the run that calls, `NUMBER-MILLISECONDS-KILOBYTES`: each run
has a number of calls and an account of its own, its latency, and the bytes a second that all its
calls together may send (0: any). What becomes of a contact stands at the beginning of its address
(`Trouble`).

    python -m benchmark.sink    until standard input ends
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmark.description import Trouble
from benchmark.kinds import INTERESTS, custom_fields

CODES = {
    Trouble.REFUSED: 25,
    Trouble.INVALID: 3,
    Trouble.TAKEN: 4,
    Trouble.MOVED: 5,
    Trouble.SHARED: 5,
}
POISON = b"<email>poisoned."
TROUBLED = re.compile(rb"<email>((%b)\.[^<]*)</email>" % "|".join(CODES).encode())
EXTERNAL_ID = re.compile(rb"<external_id>([^<]*)</external_id>")
CONTACT = re.compile(rb"<contact>.*?</contact>", re.DOTALL)
NO_EXTERNAL_ID = b'<external_id nil="true"/>'


def _custom_fields() -> bytes:
    fields = "".join(
        f"<custom_field><name>{name}</name><type>{kind}</type></custom_field>"
        for name, kind in custom_fields().items()
    )
    return f"<custom_fields>{fields}</custom_fields>".encode()


FIXED = {
    b"/contacts/fields/custom": _custom_fields(),
    b"/contacts/preference_categories": (
        b"<preference_categories><preference_category><name>News</name>"
        b"</preference_category></preference_categories>"
    ),
    b"/contacts/preference_categories/News/preferences": (
        "<preferences>"
        + "".join(f"<preference><name>{name}</name></preference>" for name in INTERESTS)
        + "</preferences>"
    ).encode(),
}


class Sink:
    """One canned account for each run. `kept` is a folder that gets every call, if there is one."""

    def __init__(self, kept: Path | None = None) -> None:
        self._kept = kept
        self._calls: Counter[bytes] = Counter()
        self._owners: dict[tuple[bytes, bytes], bytes | None] = {}
        self._line_free_at = 0.0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, kept alive."""
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                body = await reader.readexactly(_length(head))
                latency, rate = _line(head)
                await asyncio.sleep(latency + self._in_line(len(body) / rate if rate else 0.0))
                status, answer = self.answer(head, body)
                writer.write(
                    b"HTTP/1.1 %d Said\r\nContent-Type: application/vnd.maileon.api+xml\r\n"
                    b"Content-Length: %d\r\n\r\n%b" % (status, len(answer), answer)
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def _in_line(self, seconds: float) -> float:
        """How long a body takes that needs the line for so long, behind those that have it."""
        now = asyncio.get_running_loop().time()
        self._line_free_at = max(now, self._line_free_at) + seconds
        return self._line_free_at - now

    def answer(self, head: bytes, body: bytes) -> tuple[int, bytes]:
        """Status and body."""
        method, target, _ = head.split(b" ", 2)
        _, run, path = target.split(b"/", 2)
        if path == b"calls":
            return 200, str(self._calls[run]).encode()
        path = path.removeprefix(b"1.0").partition(b"?")[0]
        if path in FIXED:
            return 200, FIXED[path]
        self._calls[run] += 1
        self._keep(run, method + b" " + target + b"\n" + body)
        if method != b"POST":
            return 200, b""
        if POISON in body:
            return 400, b"<error><message>Bad Request</message></error>"
        return 200, _report(body, [*self._refused(run, body)])

    def _keep(self, run: bytes, call: bytes) -> None:
        if self._kept:
            (self._kept / f"{run.decode()}.{self._calls[run]}").write_bytes(call)

    def _refused(self, run: bytes, body: bytes) -> Iterator[tuple[bytes, bytes | None, int]]:
        """Address, external id and code of each contact that is refused."""
        if not TROUBLED.search(body):
            return
        for contact in CONTACT.findall(body):
            if found := TROUBLED.search(contact):
                external_id = EXTERNAL_ID.search(contact)
                owner = external_id[1] if external_id else None
                trouble = Trouble(found[2].decode())
                if self._is_refused(trouble, (run, found[1]), owner):
                    yield found[1], owner, CODES[trouble]

    def _is_refused(self, trouble: Trouble, key: tuple[bytes, bytes], owner: bytes | None) -> bool:
        if trouble is Trouble.SHARED:
            return self._owners.setdefault(key, owner) != owner
        if trouble is Trouble.MOVED:
            is_first = key not in self._owners
            self._owners[key] = owner
            return is_first
        return True


def _report(body: bytes, refused: Sequence[tuple[bytes, bytes | None, int]]) -> bytes:
    count = body.count(b"<contact>")
    invalid = b"".join(_invalid(*one) for one in refused)
    return (
        b"<report><success>true</success><count_contacts>%d</count_contacts>"
        b"<count_existing_contacts>0</count_existing_contacts>"
        b"<count_new_contacts>%d</count_new_contacts>"
        b"<count_invalid_contacts>%d</count_invalid_contacts>"
        b"<count_unsubscribed_contacts>0</count_unsubscribed_contacts>"
        b"<invalid_contacts>%b</invalid_contacts></report>"
    ) % (count, count - len(refused), len(refused), invalid)


def _invalid(email: bytes, external_id: bytes | None, code: int) -> bytes:
    named = b"<external_id>%b</external_id>" % external_id if external_id else NO_EXTERNAL_ID
    return (
        b'<contact><email>%b</email>%b<error code="%d"><error_field>%b</error_field></error>'
        % (
            email,
            named,
            code,
            b"age" if code == CODES[Trouble.REFUSED] else b"",
        )
        + b"</contact>"
    )


def _line(head: bytes) -> tuple[float, float]:
    """Latency in seconds, and bytes a second; what only reads is answered at once."""
    match = re.match(rb"(?:POST|DELETE|PUT) /[0-9]+-([0-9]+)-([0-9]+)/", head)
    return (int(match[1]) / 1_000, int(match[2]) * 1_000) if match else (0, 0)


def _length(head: bytes) -> int:
    match = re.search(rb"(?i)\r\ncontent-length:\s*([0-9]+)", head)
    return int(match[1]) if match else 0


async def _main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kept", type=Path)
    sink = Sink(parser.parse_args().kept)
    server = await asyncio.start_server(sink.serve, "127.0.0.1", 0, limit=16_000_000)
    print(server.sockets[0].getsockname()[1], flush=True)
    # Nobody writes to it: it can be read as soon as whoever started this is gone.
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin, ended.set)
    await ended.wait()


if __name__ == "__main__":
    asyncio.run(_main())

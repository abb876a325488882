"""A service that is none, or means harm: its answers, and a run of the program against it.

It tells an account without custom fields; whatever else it is asked, it answers as a test wants.
"""

from __future__ import annotations

import gzip
import socket
import struct
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from integration_tests import program, silence
from integration_tests.bookkeeping import Json, Run
from integration_tests.platform import (
    PROGRAM,
    TIMEOUT_SECONDS,
    catalog,
    judge,
    line,
    outcome,
    stream,
    write_arguments,
)
from unit_tests.maileon.local_server import Conversation, LocalServer, read_request, reply

KEY = "hostile+Key/0123456789"
XML = ("Content-Type: application/vnd.maileon.api+xml",)

Deed = bytes | Callable[["Moment"], None]


@dataclass(frozen=True, slots=True)
class Moment:
    """A request has come: its body, and whom to answer."""

    server: LocalServer
    connection: socket.socket
    body: bytes


def report(*, contacts: object = 1, invalid: object = 0, named: bytes = b"") -> bytes:
    """A report in which all that are not invalid are new."""
    counts = {"contacts": contacts, "existing_contacts": 0, "new_contacts": contacts}
    counts |= {"invalid_contacts": invalid, "unsubscribed_contacts": 0}
    if invalid:
        counts["new_contacts"] = 0
    elements = "".join(f"<count_{name}>{n}</count_{name}>" for name, n in counts.items())
    invalid_contacts = b"<invalid_contacts>" + named + b"</invalid_contacts>"
    return b"<report>" + elements.encode() + invalid_contacts + b"</report>"


def first_made_when_asked(make: Callable[[], bytes]) -> Deed:
    """An answer that takes long to make, so that only who asks for it waits for that."""
    made = cache(make)
    return lambda moment: moment.connection.sendall(made())


def answer(body: bytes, *headers: str, status: int = 200) -> bytes:
    return reply(status, body, headers=(*XML, *headers))


@cache
def packed(piece: bytes, times: int) -> bytes:
    """So many pieces as gzip, without ever holding them, or packing more than one."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    # After a full flush the next piece begins anew, and so is packed as the first.
    one = packer.compress(piece) + packer.flush(zlib.Z_FULL_FLUSH)
    checksum = 0
    for _ in range(times):
        checksum = zlib.crc32(piece, checksum)
    end = struct.pack("<II", checksum, len(piece) * times % 2**32)
    return gzip.compress(b"")[:10] + one * times + packer.flush() + end


def endless(head: bytes, rest: bytes) -> Deed:
    """The head, and the rest again and again until nobody listens."""

    def deed(moment: Moment) -> None:
        moment.connection.sendall(head)
        while True:
            moment.connection.sendall(rest)

    return deed


def slow(data: bytes) -> Deed:
    return lambda moment: moment.server.trickle(moment.connection, data)


def half_closed(data: bytes = b"") -> Deed:
    """Says so much, will say no more, and goes on listening."""

    def deed(moment: Moment) -> None:
        moment.connection.sendall(data)
        moment.connection.shutdown(socket.SHUT_WR)
        while moment.connection.recv(65_536):
            pass

    return deed


def to_each_once(deeds: Mapping[str, Deed], *, then: bytes) -> Deed:
    """To the contact whose address has this name, this deed; the next time what is meant well."""
    left = dict(deeds)

    def deed(moment: Moment) -> None:
        name = next((name for name in left if f"{name}@".encode() in moment.body), None)
        act(left.pop(name) if name else then, moment)

    return deed


def act(deed: Deed, moment: Moment) -> None:
    if isinstance(deed, bytes):
        moment.connection.sendall(deed)
    else:
        deed(moment)


def doing(deed: Deed) -> Conversation:
    def converse(server: LocalServer, connection: socket.socket) -> None:
        while (seen := read_request(connection)) is not None:
            server.seen.append(seen)
            if seen.target.endswith("/fields/custom"):
                connection.sendall(answer(b"<custom_fields/>"))
            else:
                act(deed, Moment(server, connection, seen.body))

    return converse


@dataclass(frozen=True, slots=True)
class Encounter:
    """A run of the program, what the service saw of it, and the most memory that it took."""

    run: Run
    server: LocalServer
    peak_bytes: int


@contextmanager
def meeting(
    folder: Path, deed: Deed, messages: list[Json], **config: object
) -> Iterator[Encounter]:
    """Runs `write` against a service that does so."""
    with LocalServer(doing(deed)) as server:
        keys = {"api_key": KEY, "base_url": server.url, "max_retry_seconds": 0.5, **config}
        yield _run(folder, server, keys, messages)


def _run(folder: Path, server: LocalServer, config: Json, messages: list[Json]) -> Encounter:
    arguments = write_arguments(folder, config, catalog(stream()))
    given = b"".join(map(line, messages))
    process = program.start(PROGRAM, arguments, silence.surroundings())
    peak = 0
    with ThreadPoolExecutor() as pool:
        done = pool.submit(program.finished, process, given, TIMEOUT_SECONDS)
        while not done.done():
            peak = max(peak, peak_bytes(process.pid))
            time.sleep(0.01)
    run = outcome(arguments, given, done.result())
    judge(run, given)
    return Encounter(run, server, peak)


def peak_bytes(process: int) -> int:
    """The most memory that a running process has had; 0 if it has just ended.

    Not from its resource usage, which begins with what its parent had when it was forked.
    """
    try:
        status = Path(f"/proc/{process}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0
    peaks = [row.split()[1] for row in status.splitlines() if row.startswith("VmHWM")]
    return int(peaks[0]) * 1024 if peaks else 0


def bomb_of_elements() -> bytes:
    """31 MB of empty elements, which travel as 31 KB."""
    return packed(b"<a/>" * 2**18, 31)


def heavy(piece: bytes, times: int) -> bytes:
    """A report that is one, and holds so many times what nobody asked for; it travels as little."""
    head, tail = b"<report>", report().removeprefix(b"<report>")
    return gzip.compress(head + piece * times + tail)


def bomb() -> bytes:
    """A gigabyte of zeros, which travels as one megabyte."""
    return packed(bytes(2**20), 1024)


def bomb_within_a_bomb() -> bytes:
    return gzip.compress(bomb())

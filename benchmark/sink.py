"""A server that answers as fast as it can, in a process of its own: it must not be the bottleneck.

The first segment of a URL's path is the run that calls, `NUMBER-MILLISECONDS`: each run has a
number of calls of its own, and its latency. A contact whose address begins with `refused` is.

    python -m benchmark.sink
"""

from __future__ import annotations

import argparse
import asyncio
import re
from collections import Counter
from pathlib import Path

from benchmark.kinds import INTERESTS, custom_fields

EMAIL = re.compile(rb"<email>(refused[^<]*)</email>")
NOT_A_NUMBER = 25


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

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, kept alive."""
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                body = await reader.readexactly(_length(head))
                answer = await self._answer(head, body)
                writer.write(
                    b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.maileon.api+xml\r\n"
                    b"Content-Length: %d\r\n\r\n%b" % (len(answer), answer)
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def _answer(self, head: bytes, body: bytes) -> bytes:
        method, target, _ = head.split(b" ", 2)
        _, run, path = target.split(b"/", 2)
        if path == b"calls":
            return str(self._calls[run]).encode()
        path = path.removeprefix(b"1.0").partition(b"?")[0]
        if path in FIXED:
            return FIXED[path]
        self._calls[run] += 1
        self._keep(run, method + b" " + target + b"\n" + body)
        if milliseconds := int(run.rpartition(b"-")[2]):
            await asyncio.sleep(milliseconds / 1_000)
        return _report(body) if method == b"POST" else b""

    def _keep(self, run: bytes, call: bytes) -> None:
        if self._kept:
            (self._kept / f"{run.decode()}.{self._calls[run]}").write_bytes(call)


def _report(body: bytes) -> bytes:
    count = body.count(b"<contact>")
    emails = EMAIL.findall(body) if b"<email>refused" in body else []
    invalid = b"".join(
        b'<contact><email>%b</email><external_id nil="true"/><error code="%d">'
        b"<error_field>age</error_field></error></contact>" % (email, NOT_A_NUMBER)
        for email in emails
    )
    return (
        b"<report><success>true</success><count_contacts>%d</count_contacts>"
        b"<count_existing_contacts>0</count_existing_contacts>"
        b"<count_new_contacts>%d</count_new_contacts>"
        b"<count_invalid_contacts>%d</count_invalid_contacts>"
        b"<count_unsubscribed_contacts>0</count_unsubscribed_contacts>"
        b"<invalid_contacts>%b</invalid_contacts></report>"
    ) % (count, count - len(emails), len(emails), invalid)


def _length(head: bytes) -> int:
    match = re.search(rb"(?i)\r\ncontent-length:\s*([0-9]+)", head)
    return int(match[1]) if match else 0


async def _main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kept", type=Path)
    sink = Sink(parser.parse_args().kept)
    server = await asyncio.start_server(sink.serve, "127.0.0.1", 0, limit=16_000_000)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main())

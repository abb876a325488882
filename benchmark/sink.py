"""A server that answers as fast as it can, in a process of its own: it must not be the bottleneck.

It counts the contacts of a call and reports them all as new, or one in `reject_every` as invalid.
One that comes alone is always taken in.

    python -m benchmark.sink --latency 0.05
"""

from __future__ import annotations

import argparse
import asyncio
import re

EMAIL = re.compile(rb"<email>([^<]*)</email>")
FIELDS = b"<custom_fields/>"


class Sink:
    """One canned account."""

    def __init__(self, *, latency: float, reject_every: int, code: int) -> None:
        self._latency = latency
        self._reject_every = reject_every
        self._code = code
        self.calls = 0

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
        if head.startswith(b"GET /calls"):
            return str(self.calls).encode()
        if not head.startswith(b"POST /1.0/contacts?"):
            return FIELDS
        self.calls += 1
        if self._latency:
            await asyncio.sleep(self._latency)
        return self._report(body)

    def _report(self, body: bytes) -> bytes:
        count = body.count(b"<contact>")
        is_asked = self._reject_every and count > 1
        emails = EMAIL.findall(body)[:: self._reject_every] if is_asked else []
        invalid = b"".join(
            b'<contact><email>%b</email><external_id nil="true"/><error code="%d">'
            b"<error_field>age</error_field></error></contact>" % (email, self._code)
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
    parser.add_argument("--latency", type=float, default=0.0)
    parser.add_argument("--reject-every", type=int, default=0)
    parser.add_argument("--code", type=int, default=25)
    given = parser.parse_args()
    sink = Sink(latency=given.latency, reject_every=given.reject_every, code=given.code)
    server = await asyncio.start_server(sink.serve, "127.0.0.1", 0, limit=16_000_000)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main())

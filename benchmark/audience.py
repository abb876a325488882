"""What it costs to let people leave an audience: calls and memory, whatever the account holds.

    python -m benchmark.audience [--contacts 1000000]

The account is made up while it is read, by a server in this process. One person is in the stream;
all others have the number of this generation, or an older one and leave. Ends with an error unless
exactly those leave.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from urllib.parse import parse_qs, urlsplit

from benchmark.table import show

PROGRAM = str(Path(sys.executable).with_name("destination-maileon"))
PERCENTAGES = (1, 50)
THIS, OLDER = 2, 1
IDS = re.compile(rb"<id>(\d+)</id>")
FIELDS = (
    b"<custom_fields><custom_field><name>vip</name><type>integer</type></custom_field>"
    b"</custom_fields>"
)
REPORT = (
    "<report><success>true</success><count_contacts>{0}</count_contacts>"
    "<count_existing_contacts>{0}</count_existing_contacts>"
    "<count_new_contacts>0</count_new_contacts><count_invalid_contacts>0</count_invalid_contacts>"
    "<count_unsubscribed_contacts>0</count_unsubscribed_contacts></report>"
)
# As the page Get Contacts shows it.
CONTACT = (
    "<contact><id>{id}</id><permission>4</permission><email>person{id}@example.com</email>"
    '<external_id nil="true"/><created>2026-01-01 00:00:00.0</created>'
    "<updated>2026-01-01 00:00:00.0</updated><standard_fields></standard_fields><custom_fields>"
    "<field><name>vip</name><value>{number}</value></field></custom_fields></contact>"
)


@dataclass(slots=True)
class Account:
    """So many contacts, of which so many in a hundred leave."""

    contacts: int
    percent: int
    calls: Counter[str] = field(default_factory=Counter)
    left: bytearray = field(default_factory=bytearray)
    lock: Lock = field(default_factory=Lock)

    def leaves(self, id_: int) -> bool:
        return id_ % 100 < self.percent

    def page(self, number: int, size: int) -> bytes:
        self.calls["listing"] += 1
        ids = range((number - 1) * size, min(number * size, self.contacts))
        rows = (CONTACT.format(id=id_ + 1, number=self._number(id_)) for id_ in ids)
        return f"<contacts>{''.join(rows)}</contacts>".encode()

    def _number(self, id_: int) -> int:
        if self.left[id_]:
            return 0
        return OLDER if self.leaves(id_) else THIS

    def take(self, body: bytes) -> bytes:
        """The call that writes the stream has no Maileon ids."""
        ids = [int(id_) - 1 for id_ in IDS.findall(body)]
        self.calls["clearing" if ids else "writing"] += 1
        for id_ in ids:
            self.left[id_] = 1
        return REPORT.format(body.count(b"<contact>")).encode()

    @property
    def is_well(self) -> bool:
        return all(self.left[id_] == self.leaves(id_) for id_ in range(self.contacts))


class Server(ThreadingHTTPServer):
    """Has the account."""

    daemon_threads = True

    def __init__(self, account: Account) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.account = account


class Handler(BaseHTTPRequestHandler):
    """Answers what an audience needs."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        address, account = urlsplit(self.path), self.server.account
        if not address.path.endswith("/contacts"):
            self._answer(FIELDS)
            return
        query = parse_qs(address.query)
        size = int(query["page_size"][0])
        with account.lock:
            body = account.page(int(query["page_index"][0]), size)
        self._answer(body, pages=-(-account.contacts // size))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.server.account.lock:
            self._answer(self.server.account.take(body))

    def _answer(self, body: bytes, pages: int | None = None) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/vnd.maileon.api+xml")
        self.send_header("Content-Length", str(len(body)))
        if pages is not None:
            self.send_header("X-Pages", str(pages))
            self.send_header("X-Items", str(self.server.account.contacts))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *_args: object) -> None:  # noqa: A002 - http.server's
        """Nothing."""


CATALOG = {
    "streams": [
        {
            "stream": {
                "name": "people",
                "json_schema": {"properties": {"email": {"type": "string"}}},
                "supported_sync_modes": ["full_refresh"],
            },
            "sync_mode": "full_refresh",
            "destination_sync_mode": "overwrite",
            "generation_id": THIS - 1,
            "minimum_generation_id": THIS - 1,
            "sync_id": 1,
        }
    ]
}
RECORD = {"stream": "people", "data": {"email": "one@example.com"}, "emitted_at": 1}
STATUS = {"stream_descriptor": {"name": "people"}, "status": "COMPLETE"}
TRACE = {"type": "STREAM_STATUS", "emitted_at": 1, "stream_status": STATUS}
GIVEN = [{"type": "RECORD", "record": RECORD}, {"type": "TRACE", "trace": TRACE}]


def measure(account: Account, most_percent: int | None) -> tuple[object, ...]:
    """One row of the table.

    Raises:
        RuntimeError: if others left than are meant to.
    """
    account.left = bytearray(account.contacts)
    server = Server(account)
    Thread(target=server.serve_forever, daemon=True).start()
    started = time.monotonic()
    base_url = f"http://127.0.0.1:{server.server_port}/1.0"  # ignore-https-check: this machine
    used = _sync(base_url, most_percent)
    seconds = time.monotonic() - started
    server.shutdown()
    server.server_close()
    if not account.is_well:
        raise RuntimeError("others left than are meant to")
    calls = (f"{account.calls[kind]:,}" for kind in ("listing", "clearing"))
    limit = "not set" if most_percent is None else f"{most_percent} %"
    memory, cpu = f"{used['peak_mb']:.0f}", f"{used['cpu']:.0f}"
    return (f"{account.percent} %", limit, *calls, memory, cpu, f"{seconds:.0f}")


def _sync(base_url: str, most_percent: int | None) -> dict[str, float]:
    config = {
        "api_key": "any",
        "base_url": base_url,
        "streams": [{"name": "people", "audience_field": "vip"}],
        "max_audience_leavers_percent": most_percent,
    }
    with tempfile.TemporaryDirectory() as folder:
        arguments = []
        for name, content in (("config", config), ("catalog", CATALOG)):
            path = Path(folder, name)
            path.write_text(json.dumps(content))
            arguments += [f"--{name}", str(path)]
        done = subprocess.run(
            [sys.executable, "-m", "benchmark.peak", PROGRAM, "write", *arguments],
            input="\n".join(map(json.dumps, GIVEN)).encode(),
            stdout=subprocess.PIPE,
            check=True,
        )
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmark.audience")
    parser.add_argument("--contacts", type=int, default=1_000_000)
    contacts = parser.parse_args().contacts
    head = ("leave", "limit", "listing", "clearing", "peak MB", "CPU, s", "seconds")
    rows = [
        measure(Account(contacts, percent), most)
        for percent in PERCENTAGES
        for most in (None, 2 * percent)
    ]
    show(f"Leavers among {contacts:,} contacts: calls, memory, time", head, rows)


if __name__ == "__main__":
    main()

"""`make demo`: recorded source output -> the connector -> a sandbox account, shown to a person.

The connector runs as the platform runs it: a process of its own, records and states on its standard
input, messages on its standard output. The sandbox stops with the demo, unless `--look` keeps it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from textwrap import fill, indent
from typing import Any

from maileon_sandbox import DEMO_KEY, Sandbox
from maileon_sandbox.stopping import told_to_stop

HERE = Path(__file__).parent
PROGRAM = Path(sys.executable).with_name("destination-maileon")
SHOWN_CONTACTS = 3
SHOWN_STATES = 3
WIDTH = 84
REJECTED = " was rejected: "
CUSTOM_FIELDS = {
    "gender_identity": "string",
    "language": "string",
    "age": "integer",
    "height": "float",
    "customer_since": "date",
}

Json = dict[str, Any]


def main() -> int:
    parser = argparse.ArgumentParser(prog="demo", description="One sync into a sandbox, shown.")
    parser.add_argument("--look", action="store_true", help="keep the sandbox until Ctrl-C")
    look = parser.parse_args().look
    given = [*_with_refused(HERE / "source_output.jsonl", HERE / "refused_records.jsonl")]
    with Sandbox(api_key=DEMO_KEY) as sandbox:
        for name, field_type in CUSTOM_FIELDS.items():
            sandbox.account.add_custom_field(name, field_type)
        _show_input(given)
        exit_code, messages = _sync(sandbox.base_url, given)
        _show_log(messages)
        _show_rejections(messages)
        _show_account(sandbox)
        _show_states(given, messages)
        if exit_code:
            print(f"\nThe sync failed (exit code {exit_code}).")
        if look:
            _wait(sandbox)
    if not look:
        print(
            "\nRun `.venv/bin/python -m demo --look` to see all of it in a browser, or"
            "\n`make sandbox` to keep an account open and send it your own data (see README.md)."
        )
    return exit_code


def _wait(sandbox: Sandbox) -> None:
    stopped = told_to_stop()
    _title("Look at it in a browser")
    print(f"{sandbox.url}/\n\nStop it with Ctrl-C.", flush=True)
    stopped.wait()


def _with_refused(output: Path, refused: Path) -> Iterator[bytes]:
    """The recorded lines, and before the last state the records that Maileon must refuse."""
    lines = output.read_bytes().splitlines()
    *others, last = lines
    yield from others
    yield from refused.read_bytes().splitlines()
    yield last


def _sync(base_url: str, given: Iterable[bytes]) -> tuple[int, list[Json]]:
    config = json.loads((HERE / "config.json").read_bytes()) | {"base_url": base_url}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "config.json")
        path.write_text(json.dumps(config), encoding="utf-8")
        arguments = ["write", "--config", str(path), "--catalog", str(HERE / "catalog.json")]
        done = subprocess.run(
            [PROGRAM, *arguments],
            input=b"".join(line + b"\n" for line in given),
            stdout=subprocess.PIPE,
            check=False,
        )
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def _show_input(given: list[bytes]) -> None:
    kinds = Counter(json.loads(line)["type"] for line in given)
    first = json.loads(given[0])["record"]["data"]
    _title("What goes in")
    print(
        f"{kinds['RECORD']} records and {kinds['STATE']} states of Airbyte's source-faker, a few\n"
        "of the records made to be refused. The first one:\n"
    )
    for column in ("id", "name", "email", "title", "gender", "language", "age", "created_at"):
        print(f"    {column:<12}{first[column]}")
    print("\nThey go to a stand-in for Maileon on this machine, with an empty account.")


def _show_log(messages: list[Json]) -> None:
    _title("What the connector says")
    for message in messages:
        if message["type"] == "LOG" and not _is_rejection(message):
            first, *more = message["log"]["message"].splitlines()
            print(f"{message['log']['level']:<5} {first}", *more, sep="\n      ")
        elif message["type"] == "TRACE" and "error" in message["trace"]:
            print(f"ERROR {message['trace']['error']['message']}")


def _is_rejection(message: Json) -> bool:
    return message["type"] == "LOG" and REJECTED in message["log"]["message"]


def _show_rejections(messages: list[Json]) -> None:
    """The log's lines of rejected records, laid out to be read: who, why, what to do."""
    said = [message["log"]["message"] for message in messages if _is_rejection(message)]
    _title("What was refused, and what to do")
    print("One line of the log for each record, here in three parts:")
    for who, _, rest in (line.partition(REJECTED) for line in said):
        reason, _, advice = rest.partition(". ")
        print(f"\n    {who}{REJECTED.rstrip()}\n      {reason}.")
        print(indent(fill(advice, WIDTH), " " * 6))


def _show_account(sandbox: Sandbox) -> None:
    contacts = list(sandbox.account.contacts())
    calls = [call for call in sandbox.calls if call.method == "POST"]
    _title("What the account holds")
    print(f"{len(contacts)} contacts, written in {len(calls)} calls. The first {SHOWN_CONTACTS}:\n")
    for contact in contacts[:SHOWN_CONTACTS]:
        permission = contact.permission.name.lower().replace("_", " ")
        print(f"    {contact.email}  (external id {contact.external_id}, {permission})")
        fields = {**contact.standard_fields, **contact.custom_fields}
        print(*(f"        {name:<16}{value}" for name, value in fields.items()), sep="\n")


def _show_states(given: list[bytes], messages: list[Json]) -> None:
    _title("Which states came back")
    sent = [state for line in given if (state := json.loads(line))["type"] == "STATE"]
    states = [message["state"] for message in messages if message["type"] == "STATE"]
    print(f"{len(states)} of {len(sent)}, each once its records were settled. The last ones:\n")
    print("    id   records   rejected   cursor")
    for state in states[-SHOWN_STATES:]:
        stats = state["destinationStats"]
        counts = f"{stats['recordCount']:>10.0f}{stats['rejectedRecordCount']:>11.0f}"
        print(f"    {state['id']:>2}{counts}   {json.dumps(state['stream']['stream_state'])}")


def _title(text: str) -> None:
    print(f"\n\033[1m{text}\033[0m\n" if sys.stdout.isatty() else f"\n{text}\n{'=' * len(text)}\n")


if __name__ == "__main__":
    sys.exit(main())

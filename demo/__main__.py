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
from collections.abc import Iterable
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

FILES = ("config", "catalog")
AUDIENCE = "winback"

Json = dict[str, Any]

# What the platform says of a stream when the source has ended well.
COMPLETE: Json = {
    "type": "TRACE",
    "trace": {
        "type": "STREAM_STATUS",
        "emitted_at": 1,
        "stream_status": {"stream_descriptor": {"name": "users"}, "status": "COMPLETE"},
    },
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="demo", description="One sync into a sandbox, shown.")
    parser.add_argument("--look", action="store_true", help="keep the sandbox until Ctrl-C")
    look = parser.parse_args().look
    users = (HERE / "source_output.jsonl").read_bytes().splitlines()
    # Before the last state, the records that Maileon must refuse.
    given = [*users[:-1], *(HERE / "refused_records.jsonl").read_bytes().splitlines(), users[-1]]
    config, catalog = (json.loads((HERE / f"{name}.json").read_bytes()) for name in FILES)
    with Sandbox(api_key=DEMO_KEY) as sandbox:
        for name, field_type in CUSTOM_FIELDS.items():
            sandbox.account.add_custom_field(name, field_type)
        _show_input(given)
        config["base_url"] = sandbox.base_url
        exit_code, messages = _sync(config, catalog, given)
        _show_log(messages)
        _show_rejections(messages)
        _show_account(sandbox)
        _show_states(given, messages)
        sandbox.account.add_custom_field(AUDIENCE, "integer")
        config["streams"][0]["audience_field"] = AUDIENCE
        exit_code |= _show_audience(sandbox, users, config=config, catalog=catalog)
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


def _sync(config: Json, catalog: Json, given: Iterable[bytes]) -> tuple[int, list[Json]]:
    with tempfile.TemporaryDirectory() as folder:
        arguments = []
        for name, content in zip(FILES, (config, catalog), strict=True):
            path = Path(folder, name)
            path.write_text(json.dumps(content), encoding="utf-8")
            arguments += [f"--{name}", str(path)]
        done = subprocess.run(
            [PROGRAM, "write", *arguments],
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


def _show_audience(sandbox: Sandbox, users: list[bytes], *, config: Json, catalog: Json) -> int:
    """Two syncs with mode overwrite, the second of fewer users; the worse of their exit codes."""
    _title("An audience that shrinks")
    print(
        f'"{AUDIENCE}" is above 0 for whoever is in the stream, and a contact filter in Maileon\n'
        "asks for that. First the users over 50 are in it; then only those over 60:\n"
    )
    messages = [json.loads(line) for line in users]
    worst = 0
    for generation, age in enumerate((50, 60)):
        catalog["streams"][0] |= {
            "destination_sync_mode": "overwrite",
            "generation_id": generation,
            "minimum_generation_id": generation,
        }
        given = [m for m in messages if m["type"] == "RECORD" and m["record"]["data"]["age"] > age]
        exit_code, _ = _sync(config, catalog, (json.dumps(m).encode() for m in [*given, COMPLETE]))
        worst = max(worst, exit_code)
        numbers = [contact.custom_fields.get(AUDIENCE) for contact in sandbox.account.contacts()]
        left, others = numbers.count("0"), numbers.count(None)
        print(
            f"    sync {generation + 1}: {len(given)} users over {age}, "
            f"{len(numbers) - left - others} in the audience, {left} left"
        )
    return worst


def _title(text: str) -> None:
    print(f"\n\033[1m{text}\033[0m\n" if sys.stdout.isatty() else f"\n{text}\n{'=' * len(text)}\n")


if __name__ == "__main__":
    sys.exit(main())

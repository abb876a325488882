"""How the program ends when it is not given what it needs, and the demo as a person runs it."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from itertools import takewhile
from pathlib import Path

import pytest
import requests

from integration_tests import platform, silence
from integration_tests.bookkeeping import Json
from integration_tests.connection import Connection
from integration_tests.platform import catalog, json_file, stream

ROOT = Path(__file__).parents[1]


def test_the_spec_is_one_message_that_hides_the_key_and_nothing_else_is_said() -> None:
    run = platform.call("spec")
    (message,) = run.messages
    assert (run.exit_code, run.stderr, message["type"]) == (0, "", "SPEC")
    schema = message["spec"]["connectionSpecification"]
    assert schema["properties"]["api_key"]["airbyte_secret"] is True
    modes = message["spec"]["supported_destination_sync_modes"]
    # The last one is for streams that keep an audience.
    assert set(modes) == {"append", "append_dedup", "overwrite"}


@pytest.mark.parametrize("command", ["spec", "check", "discover"])
def test_a_process_that_is_ended_once_its_answer_is_out_ended_well(
    connection: Connection, command: str
) -> None:
    """As PyAirbyte does, which complains about any other end."""
    config = ["--config", json_file(connection.folder, "config", connection.config())]
    arguments = [command, *([] if command == "spec" else config)]
    pipe, env = subprocess.PIPE, silence.surroundings()
    with subprocess.Popen(
        [platform.PROGRAM, *arguments], stdout=pipe, stderr=pipe, env=env
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        answer = process.stdout.readline()
        assert answer.endswith(b"}\n")
        process.terminate()
        # The second one is Python's own end, at the very last of its tidying up.
        assert process.wait(platform.TIMEOUT_SECONDS) in {0, -signal.SIGTERM}
        errors = process.stderr.read()
    done = subprocess.CompletedProcess(arguments, 0, answer, errors)
    assert platform.outcome(arguments, b"", done).stderr == ""


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("config", None),
        ("config", "{"),
        ("config", "[]"),
        ("catalog", None),
        ("catalog", "\x00"),
        ("catalog", '{"streams": [{"stream": {}}]}'),
    ],
)
def test_a_file_that_is_missing_or_broken_is_a_config_error(
    connection: Connection, file: str, content: str | None
) -> None:
    paths = {
        "config": json_file(connection.folder, "config", connection.config()),
        "catalog": json_file(connection.folder, "catalog", catalog(stream())),
    }
    if content is None:
        Path(paths[file]).unlink()
    else:
        Path(paths[file]).write_text(content)
    arguments = [argument for name in paths for argument in (f"--{name}", paths[name])]
    run = platform.call("write", *arguments)
    assert run.error["failure_type"] == "config_error"
    assert ("catalog" if file == "catalog" else "configuration") in run.error["message"]
    assert run.stderr == ""


@pytest.mark.parametrize(
    ("config", "word"),
    [
        ({"sync_mod": "update"}, "sync_mod"),
        ({"permission": "all"}, "permission"),
        ({"flush_interval_seconds": 0}, "flush_interval_seconds"),
    ],
    ids=str,
)
def test_a_wrong_configuration_is_a_config_error_that_names_the_key(
    connection: Connection, config: Json, word: str
) -> None:
    run = connection.sync([], **config)
    assert run.error["failure_type"] == "config_error"
    assert word in run.error["message"]
    assert connection.sandbox.calls == []


def test_a_stream_that_stands_twice_in_the_catalog_is_a_config_error(
    connection: Connection,
) -> None:
    run = connection.sync([], stream(), stream())
    assert run.error["failure_type"] == "config_error"
    assert "people" in run.error["message"]


@pytest.mark.long
def test_the_demo_can_be_looked_at_until_it_is_told_to_stop() -> None:
    command = [sys.executable, "-m", "demo", "--look"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout
        shown = "".join(takewhile(lambda line: "Ctrl-C" not in line, run.stdout))
        address = re.findall(r"^http://\S+$", shown, re.MULTILINE)[-1]
        assert "1,000 contacts" in requests.get(f"{address}page/contacts", timeout=60).text
        assert (
            "5 contacts, refused 6 times" in requests.get(f"{address}page/refused", timeout=60).text
        )
        left = requests.get(f"{address}page/contacts?who=left:winback", timeout=60).text
        assert "176 contacts" in left
        run.send_signal(signal.SIGINT)
        assert run.wait(timeout=60) == 0


def test_the_demo_shows_records_calls_rejections_and_states() -> None:
    lines = [
        json.loads(line)
        for name in ("source_output", "refused_records")
        for line in (ROOT / "demo" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    records = sum(message["type"] == "RECORD" for message in lines)
    states = sum(message["type"] == "STATE" for message in lines)
    done = subprocess.run(
        [sys.executable, "-m", "demo"], capture_output=True, check=False, cwd=ROOT, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{records} records and {states} states" in done.stdout
    assert f"{records} records read" in done.stdout
    assert f"{states} of {states}, each once" in done.stdout
    counts = re.search(r"(\d+) written.* (\d+) merged,.* (\d+) rejected", done.stdout)
    assert counts is not None
    written, merged, rejected = map(int, counts.groups())
    assert written + rejected == records
    assert rejected > 0
    assert f"{written - merged} contacts, written in" in done.stdout
    assert "sync 1: 317 users over 50, 317 in the audience, 0 left" in done.stdout
    assert "sync 2: 141 users over 60, 141 in the audience, 176 left" in done.stdout
    assert "Traceback" not in done.stdout
    # The page about rejections shows one of its lines.
    page = (ROOT / "docs" / "rejections.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^ *(Record \d+ of stream users .*)$", page, re.MULTILINE)
    _, _, refused = done.stdout.partition("What was refused, and what to do")
    assert example in " ".join(refused.split())

"""What Airbyte's platform does to a destination, as a harness: every run of a test goes through it.

Decides alone how the program is started, fed and, if it hangs, killed; `bookkeeping` judges what
comes back.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from integration_tests import program, silence
from integration_tests.bookkeeping import Bookkeeping, Json, Run

# Another build of the connector, if one is named.
PROGRAM = Path(os.environ.get("DESTINATION_MAILEON") or program.CONSOLE_SCRIPT)
TIMEOUT_SECONDS = 100


def record(data: object, stream: str = "people", namespace: str | None = None) -> Json:
    message: Json = {"stream": stream, "data": data, "emitted_at": 1_790_000_000_000}
    if namespace is not None:
        message["namespace"] = namespace
    return {"type": "RECORD", "record": message}


def stream_state(cursor: object, stream: str = "people", namespace: str | None = None) -> Json:
    descriptor = {"name": stream} | ({"namespace": namespace} if namespace else {})
    state = {"stream_descriptor": descriptor, "stream_state": {"cursor": cursor}}
    return {"type": "STATE", "state": {"type": "STREAM", "stream": state}}


def global_state(cursor: object) -> Json:
    return {
        "type": "STATE",
        "state": {
            "type": "GLOBAL",
            "global": {"shared_state": {"cursor": cursor}, "stream_states": []},
        },
    }


def catalog(*streams: Mapping[str, Any]) -> Json:
    return {"streams": [dict(stream) for stream in streams]}


def stream(
    properties: Mapping[str, Any] | None = None, name: str = "people", **configured: object
) -> Json:
    """A configured stream; properties default to an email and a first name."""
    shown = {"email": {"type": "string"}, "first_name": {"type": "string"}}
    schema = {"type": "object", "properties": shown if properties is None else dict(properties)}
    namespace = configured.pop("namespace", None)
    return {
        "stream": {
            "name": name,
            "json_schema": schema,
            "supported_sync_modes": ["full_refresh"],
            **({"namespace": namespace} if namespace else {}),
        },
        "sync_mode": "full_refresh",
        "destination_sync_mode": "append_dedup",
        "generation_id": 0,
        "minimum_generation_id": 0,
        "sync_id": 7,
        **configured,
    }


def sync(
    folder: Path,
    config: Mapping[str, Any],
    configured_catalog: Mapping[str, Any],
    messages: Iterable[Json | bytes],
    *,
    env: Mapping[str, str] | None = None,
) -> Run:
    """Runs `write` and judges it as the platform does."""
    platform = Bookkeeping()
    given = [line(message) for message in platform.passed_on(messages)]
    if not given or given[-1].endswith(b"\n"):
        given += map(line, platform.completed(configured_catalog))
    run = call(*write_arguments(folder, config, configured_catalog), given=b"".join(given), env=env)
    run.sent_states = platform.states
    platform.judge(run, may_keep_states=bool(config.get("dry_run")))
    return run


def raw_sync(
    folder: Path,
    config: Mapping[str, Any],
    configured_catalog: Mapping[str, Any],
    given: bytes,
    *,
    env: Mapping[str, str] | None = None,
) -> Run:
    """Runs `write` with these bytes, states without an id among them, and judges it likewise."""
    run = call(*write_arguments(folder, config, configured_catalog), given=given, env=env)
    judge(run, given, may_keep_states=bool(config.get("dry_run")))
    return run


def write_arguments(
    folder: Path, config: Mapping[str, Any], configured_catalog: Mapping[str, Any]
) -> list[str]:
    files = {"config": config, "catalog": configured_catalog}
    named = [(f"--{name}", json_file(folder, name, content)) for name, content in files.items()]
    return ["write", *(argument for pair in named for argument in pair)]


def call(
    *arguments: str,
    given: bytes = b"",
    env: Mapping[str, str] | None = None,
    timeout_seconds: float | None = None,
) -> Run:
    """Runs the program once, as a process of its own. One that hangs is killed, and has failed."""
    timeout_seconds = timeout_seconds or TIMEOUT_SECONDS
    try:
        process = program.start(PROGRAM, arguments, silence.surroundings(env))
        done = program.finished(process, given, timeout_seconds)
    except subprocess.TimeoutExpired as killed:
        pytest.fail(f"killed after {timeout_seconds} seconds; its output was {killed.stdout!r}")
    return outcome(arguments, given, done)


def outcome(
    arguments: Iterable[str], given: bytes, done: subprocess.CompletedProcess[bytes]
) -> Run:
    """What came of a run, however it was started, once nothing is found in it that must not be."""
    messages, errors = messages_in(done.stdout), (done.stderr or b"").decode()
    silence.judge(arguments, given, messages, errors)
    return Run(done.returncode, messages, errors, output=done.stdout)


def judge(run: Run, given: bytes, *, may_keep_states: bool = False) -> None:
    """Judges a run that got these bytes, states without an id among them."""
    platform = Bookkeeping()
    platform.look_at(given)
    platform.judge(run, may_keep_states=may_keep_states)


def messages_in(output: bytes) -> list[Json]:
    """Every line of the output: nothing but messages may be there."""
    messages = [json.loads(one) for one in output.splitlines()]
    assert all(isinstance(message, dict) and "type" in message for message in messages)
    return messages


def check(folder: Path, config: Mapping[str, Any], *, env: Mapping[str, str] | None = None) -> Json:
    """Runs `check`; its verdict."""
    run = call("check", "--config", json_file(folder, "config", config), env=env)
    assert (run.exit_code, run.stderr) == (0, "")
    (message,) = run.of_type("CONNECTION_STATUS")
    verdict: Json = message["connectionStatus"]
    return verdict


def line(message: Json | bytes) -> bytes:
    """A message as a line; bytes are a line, or a piece of one, already."""
    if isinstance(message, bytes):
        return message
    return json.dumps(message, ensure_ascii=False).encode() + b"\n"


def json_file(folder: Path, name: str, content: Mapping[str, Any]) -> str:
    path = folder / f"{name}.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return str(path)

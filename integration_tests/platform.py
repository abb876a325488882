"""What Airbyte's platform does to a destination, as a harness: every run of a test goes through it.

It numbers the states and adds `sourceStats`, and judges what comes back as the orchestrator does:
each state once, in order, with its `id` and every key it had, and with counts that add up to the
records that were sent since the state before it. Sources: Airbyte platform, container-orchestrator.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROGRAM = Path(sys.executable).with_name("destination-maileon")
TIMEOUT_SECONDS = 100

Json = dict[str, Any]


@dataclass(slots=True)
class Run:
    """What came of one run of the program. `sent_states` are those that the platform sent.

    `output` holds the bytes of the messages, for what their reading does not show.
    """

    exit_code: int
    messages: list[Json]
    stderr: str
    sent_states: list[Json] = field(default_factory=list)
    output: bytes = b""

    def of_type(self, kind: str) -> list[Json]:
        return [message for message in self.messages if message["type"] == kind]

    @property
    def states(self) -> list[Json]:
        return [message["state"] for message in self.of_type("STATE")]

    @property
    def stats(self) -> list[tuple[float, float]]:
        """Of each state that came back: records, rejected records."""
        stats = [state["destinationStats"] for state in self.states]
        return [(one["recordCount"], one["rejectedRecordCount"]) for one in stats]

    def additional(self, name: str) -> float:
        """A statistic's sum over all states."""
        stats = [state["destinationStats"]["additionalStats"] for state in self.states]
        return float(sum(one[name] for one in stats))

    def logs(self, level: str | None = None) -> list[str]:
        logs = [message["log"] for message in self.of_type("LOG")]
        return [log["message"] for log in logs if level in {None, log["level"]}]

    @property
    def errors(self) -> list[Json]:
        traces = [message["trace"] for message in self.of_type("TRACE")]
        return [trace["error"] for trace in traces if trace["type"] == "ERROR"]

    @property
    def error(self) -> Json:
        """The one error that a failed run ends with."""
        (error,) = self.errors
        assert self.exit_code == 1
        return error


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
    """Runs `write` and judges its states as the platform does."""
    platform = Bookkeeping()
    lines = b"".join(line(message) for message in platform.passed_on(messages))
    run = call(*write_arguments(folder, config, configured_catalog), given=lines, env=env)
    run.sent_states = platform.states
    platform.judge(run)
    return run


def write_arguments(
    folder: Path, config: Mapping[str, Any], configured_catalog: Mapping[str, Any]
) -> list[str]:
    files = {"config": config, "catalog": configured_catalog}
    named = [(f"--{name}", json_file(folder, name, content)) for name, content in files.items()]
    return ["write", *(argument for pair in named for argument in pair)]


def call(*arguments: str, given: bytes = b"", env: Mapping[str, str] | None = None) -> Run:
    """Runs the program once, as a process of its own."""
    done = subprocess.run(
        [PROGRAM, *arguments],
        input=given,
        capture_output=True,
        timeout=TIMEOUT_SECONDS,
        env={**os.environ, **(env or {})},
        check=False,
    )
    messages = messages_in(done.stdout)
    return Run(done.returncode, messages, done.stderr.decode(), output=done.stdout)


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


class Bookkeeping:
    """Which states were sent, and how many records before each."""

    def __init__(self) -> None:
        self.states: list[Json] = []
        self._counts: list[int] = []
        self._since: dict[object, int] = {}
        self._since_global = 0

    def passed_on(self, messages: Iterable[Json | bytes]) -> Iterator[Json | bytes]:
        for message in messages:
            if isinstance(message, bytes):
                yield message
            elif message["type"] == "RECORD":
                key = (message["record"].get("namespace"), message["record"]["stream"])
                self._since[key] = self._since.get(key, 0) + 1
                self._since_global += 1
                yield message
            elif message["type"] == "STATE":
                yield self._numbered(message)
            else:
                yield message

    def _numbered(self, message: Json) -> Json:
        state = dict(message["state"])
        if state.get("type") == "STREAM":
            descriptor = state["stream"]["stream_descriptor"]
            count = self._since.pop((descriptor.get("namespace"), descriptor["name"]), 0)
        else:
            count, self._since_global = self._since_global, 0
        state["id"] = len(self.states) + 1
        state["sourceStats"] = {"recordCount": float(count)}
        self.states.append(state)
        self._counts.append(count)
        return {**message, "state": state}

    def judge(self, run: Run) -> None:
        """Fails the test where the platform would fail the sync."""
        for sent, count, state in zip(self.states, self._counts, run.states, strict=False):
            back = dict(state)
            stats = back.pop("destinationStats")
            assert back == sent
            assert stats["recordCount"] + stats["rejectedRecordCount"] == count
            assert all(isinstance(n, float) for n in stats["additionalStats"].values())
        assert len(run.states) <= len(self.states)
        assert len(run.errors) == (run.exit_code == 1)
        if run.exit_code == 0:
            assert len(run.states) == len(self.states)
        assert run.stderr == ""


def line(message: Json | bytes) -> bytes:
    """A message as a line; bytes are a line, or a piece of one, already."""
    if isinstance(message, bytes):
        return message
    return json.dumps(message, ensure_ascii=False).encode() + b"\n"


def json_file(folder: Path, name: str, content: Mapping[str, Any]) -> str:
    path = folder / f"{name}.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return str(path)

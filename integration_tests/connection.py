"""One Airbyte connection for a test: a sandbox, a folder for files, and the program's commands.

Everything a test does not say has a default: an email and a first name as columns, the sandbox's
key and address as configuration.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from integration_tests import platform
from integration_tests.bookkeeping import Json, Run
from integration_tests.live import LiveSync
from integration_tests.platform import (
    catalog,
    json_file,
    record,
    stream,
)
from maileon_sandbox import Call, Sandbox

Messages = list[Json | bytes] | list[Json]


@dataclass(frozen=True, slots=True)
class Connection:
    """The program with its configuration on one side, the sandbox on the other."""

    folder: Path
    sandbox: Sandbox
    environment: Mapping[str, str] = field(default_factory=dict)

    def with_environment(self, **variables: str) -> Connection:
        """The same connection, the program run with these variables."""
        return replace(self, environment=variables)

    def config(self, **changes: object) -> Json:
        return {"api_key": self.sandbox.api_key, "base_url": self.sandbox.base_url, **changes}

    def sync(self, messages: Messages, *streams: Mapping[str, Any], **config: object) -> Run:
        """Runs `write` over these streams (`people`, unless some are named)."""
        configured = catalog(*(streams or (stream(),)))
        return platform.sync(
            self.folder, self.config(**config), configured, messages, env=self.environment
        )

    def write(self, given: bytes, *streams: Mapping[str, Any], **config: object) -> Run:
        """Runs `write` with these bytes as its input, whatever they are."""
        configured = catalog(*(streams or (stream(),)))
        return platform.raw_sync(
            self.folder, self.config(**config), configured, given, env=self.environment
        )

    def open(self, *streams: Mapping[str, Any], **config: object) -> LiveSync:
        """Starts `write` and leaves its input open."""
        return LiveSync(self.folder, self.config(**config), catalog(*(streams or (stream(),))))

    def check(self, **config: object) -> Json:
        """The verdict of `check`."""
        return platform.check(self.folder, self.config(**config), env=self.environment)

    def discover(self, **config: object) -> Run:
        path = json_file(self.folder, "config", self.config(**config))
        return platform.call("discover", "--config", path, env=self.environment)

    @property
    def synchronizations(self) -> list[Call]:
        """The calls that wrote contacts."""
        return [call for call in self.sandbox.calls if call.is_synchronize]

    @property
    def batches(self) -> list[int]:
        """How many contacts each of these calls held, in the order of their arrival."""
        return [call.contacts or 0 for call in self.synchronizations]

    @property
    def removals(self) -> list[tuple[str, dict[str, str]]]:
        """Path and query of each call that deleted or unsubscribed, below the API's root."""
        return [
            (call.path.removeprefix("/1.0"), call.parameters)
            for call in self.sandbox.calls
            if call.method == "DELETE" and not call.path.endswith("/ping")
        ]


def columns(*names: str) -> dict[str, Json]:
    """Text columns, beside an email."""
    return {name: {"type": "string"} for name in ("email", *names)}


def people(*names: str, **data: object) -> list[Json]:
    """A record for each name, with an address that is the person's alone."""
    return [record({"email": f"{name}@example.com", **data}) for name in names]


def mapping(*entries: tuple[str, str], name: str = "people", **stream_keys: object) -> list[Json]:
    """The `streams` of a configuration that maps these columns of one stream."""
    rows = [{"column": column, "target": target} for column, target in entries]
    return [{"name": name, "mapping": rows, **stream_keys}]

"""The commands: which files they read, and how each failure is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from destination_maileon.cli import lines_of, parse, verdict
from destination_maileon.errors import ConfigError, StopSync, TransientError
from destination_maileon.protocol.messages import BadInput
from destination_maileon.protocol.output import FailureType
from destination_maileon.protocol.reader import InputFailed

BOM = b"\xef\xbb\xbf"


def run(folder: Path, *, config: bytes, catalog: bytes = b'{"streams": []}') -> dict[str, Any]:
    """The last line of a sync with these files."""
    paths = {"config": folder / "config.json", "catalog": folder / "catalog.json"}
    paths["config"].write_bytes(config)
    paths["catalog"].write_bytes(catalog)
    files = [part for name, path in paths.items() for part in (f"--{name}", str(path))]
    *_, (last, exit_code) = lines_of(parse(["write", *files]))
    assert exit_code == 1
    message: dict[str, Any] = json.loads(last)
    return message


@pytest.mark.parametrize("mark", [b"", BOM])
def test_a_file_may_begin_with_a_byte_order_mark(tmp_path: Path, mark: bytes) -> None:
    config = {"api_key": "k", "sync_mode": "both"}
    error = run(tmp_path, config=mark + json.dumps(config).encode())["trace"]["error"]
    assert error["message"].startswith('"Existing Contacts" (sync_mode) must be one of')

    files = {"config": b'{"api_key": "k"}', "catalog": mark + b"[]"}
    error = run(tmp_path, **files)["trace"]["error"]
    assert error["message"].startswith("The catalog is not a configured Airbyte catalog")


@pytest.mark.parametrize("content", [b"", BOM + BOM + b"{}", b"{", b'{"api_key": NaN}', b"\xff"])
def test_what_is_no_json_is_told_as_such(tmp_path: Path, content: bytes) -> None:
    error = run(tmp_path, config=content)["trace"]["error"]
    assert error["message"] == "The configuration file is not valid JSON."
    assert error["failure_type"] == "config_error"


def test_a_file_that_is_not_there_is_told_with_the_cause(tmp_path: Path) -> None:
    [(line, exit_code)] = lines_of(parse(["check", "--config", str(tmp_path / "none.json")]))
    assert json.loads(line)["connectionStatus"] == {
        "status": "FAILED",
        "message": "The configuration file cannot be read (No such file or directory).",
    }
    assert exit_code == 0


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ConfigError("x"), FailureType.CONFIG),
        (StopSync("x"), FailureType.CONFIG),
        (TransientError("x"), FailureType.TRANSIENT),
        (BadInput("line 3 is no JSON"), FailureType.SYSTEM),
        (InputFailed("x"), FailureType.SYSTEM),
        (MemoryError(), FailureType.SYSTEM),
        (KeyError("ada@example.com"), FailureType.SYSTEM),
    ],
)
def test_every_failure_is_told_by_who_can_do_something_about_it(
    error: Exception, kind: FailureType
) -> None:
    told_kind, message = verdict(error)
    assert told_kind is kind
    assert "ada@example.com" not in message

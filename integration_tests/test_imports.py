"""No command imports what an advisory is about, nor what the image leaves without bytecode."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from integration_tests.connection import Connection, people
from integration_tests.ecosystem.image import ROOT
from integration_tests.platform import (
    PROGRAM,
    catalog,
    json_file,
    line,
    record,
    stream,
    stream_state,
    write_arguments,
)
from integration_tests.silence import surroundings
from integration_tests.storage import Storage

SECONDS = 100


def _imported(*arguments: str, given: bytes = b"") -> set[str]:
    """The packages that this run imports, as Python itself lists them."""
    done = subprocess.run(
        [PROGRAM, *arguments],
        input=given,
        capture_output=True,
        env=surroundings({"PYTHONPROFILEIMPORTTIME": "1"}),
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    listed = re.findall(rb"^import time:.*\|\s+([\w.]+)$", done.stderr, re.MULTILINE)
    return {name.decode().partition(".")[0] for name in listed}


@pytest.fixture(scope="module")
def never() -> set[str]:
    """Packages of advisories, and of the Dockerfile's exception."""
    vex = json.loads((ROOT / ".openvex/destination-maileon.openvex.json").read_bytes())
    advisories = set(re.findall(r"pkg:pypi/(\w+)@", json.dumps(vex)))
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    (left_out,) = re.findall(r'-x "/\(([\w|]+)\)/"', dockerfile)
    assert "nltk" in advisories
    return advisories | set(left_out.split("|"))


def test_the_list_of_imports_is_read_rightly() -> None:
    assert {"destination_maileon", "pydantic", "json"} <= _imported("spec")


def test_no_command_imports_them(connection: Connection, storage: Storage, never: set[str]) -> None:
    config = connection.config(object_storage_config=storage.config)
    path = json_file(connection.folder, "other", config)

    assert _imported("spec") & never == set()
    assert _imported("check", "--config", path) & never == set()
    assert _imported("discover", "--config", path) & never == set()


def test_no_sync_imports_them_even_if_it_stores_a_rejection(
    connection: Connection, storage: Storage, never: set[str], tmp_path: Path
) -> None:
    config = connection.config(object_storage_config=storage.config)
    messages = [*people("a"), record({"first_name": "nobody"}), stream_state(1)]
    given = b"".join(map(line, messages))
    imported = _imported(*write_arguments(tmp_path, config, catalog(stream())), given=given)

    assert len(storage.rejected()) == 1
    assert "boto3" in imported
    assert imported & never == set()

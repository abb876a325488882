"""The image, built from the Dockerfile as it stands, and run with nothing that it does not need."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from integration_tests import platform
from integration_tests.conftest import connected
from integration_tests.connection import Connection, people
from integration_tests.ecosystem.image import ROOT, Image, built, what_is_missing
from integration_tests.platform import record, stream_state
from integration_tests.storage import Storage
from maileon_sandbox import Sandbox

CONNECTOR = "airbyte-destination-maileon"
PYTHON = "/opt/connector/bin/python"
# The closure of Airbyte's CDK is most of it.
MOST_MEGABYTES = 250

pytestmark = [
    pytest.mark.skipif(bool(what_is_missing()), reason=what_is_missing()),
    pytest.mark.timeout(900),
]


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    with built() as made:
        yield made


@pytest.fixture
def connection(image: Image, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connection]:
    """A connection whose program is a container."""
    # Not below pytest's folder, which nobody but its owner may enter.
    with tempfile.TemporaryDirectory(prefix="shown-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        image.write_program(folder / "program", folder)
        monkeypatch.setattr(platform, "PROGRAM", folder / "program")
        with connected(folder, Sandbox()) as made:
            yield made


def test_the_program_says_its_spec(connection: Connection) -> None:
    del connection
    run = platform.call("spec")

    assert (run.exit_code, run.stderr) == (0, "")
    assert [message["type"] for message in run.messages] == ["SPEC"]


def test_the_program_checks_and_discovers(connection: Connection) -> None:
    assert connection.check()["status"] == "SUCCEEDED"
    (found,) = connection.discover().of_type("DESTINATION_CATALOG")
    assert {one["object_name"] for one in found["destination_catalog"]["operations"]} == {"contact"}


def test_the_program_writes(connection: Connection) -> None:
    run = connection.sync([*people("a", "b"), stream_state(1)])

    assert (run.exit_code, run.stats) == (0, [(2, 0)])
    assert len(connection.sandbox.account.contacts()) == 2


def test_a_rejected_record_goes_to_the_bucket(connection: Connection, storage: Storage) -> None:
    given = [*people("a"), record({"first_name": "nobody"}), stream_state(1)]
    run = connection.sync(given, object_storage_config=storage.config)

    assert (run.exit_code, run.stats) == (0, [(1, 1)])
    assert len(storage.rejected()) == 1


def test_the_program_is_no_root_and_may_write_nothing(image: Image) -> None:
    assert image.output("/usr/bin/id", "-u").strip() == "1000"
    assert image.output("/bin/sh", "-c", _TRY_TO_WRITE) == ""
    assert image.output("/usr/bin/find", "/opt/connector", "!", "-type", "l", *_WRONG) == ""


def test_the_image_is_labelled_as_airbytes_own_are_and_as_registries_ask(image: Image) -> None:
    metadata = yaml.safe_load(ROOT.joinpath("metadata.yaml").read_text(encoding="utf-8"))["data"]
    labels = image.inspected()["Labels"]

    assert labels["io.airbyte.version"] == metadata["dockerImageTag"]
    assert labels["io.airbyte.name"] == metadata["dockerRepository"]
    assert labels["org.opencontainers.image.version"] == metadata["dockerImageTag"]
    assert labels["org.opencontainers.image.licenses"] == metadata["license"]


def test_the_environment_holds_the_locks_runtime_packages_and_the_connector(image: Image) -> None:
    names = set(json.loads(image.output(PYTHON, "-c", _INSTALLED)))
    lock = [sys.executable, "scripts/locked_requirements.py"]
    done = subprocess.run(lock, cwd=ROOT, stdout=subprocess.PIPE, check=True, text=True)
    # name==version, and for some a condition: "; sys_platform == 'win32'".
    locked = re.findall(r"^(\S+)==\S+( ;)?", done.stdout, re.MULTILINE)

    assert names <= {name for name, _ in locked} | {CONNECTOR}
    assert {name for name, condition in locked if not condition} | {CONNECTOR} <= names


def test_nothing_is_in_the_image_that_nobody_runs(image: Image) -> None:
    tests = ["-type", "d", "-name", "tests", "-not", "-path", "*/numpy/*"]
    assert image.output("/usr/bin/find", "/opt/connector/lib", *tests) == ""
    assert image.output("/bin/sh", "-c", "ls -d /build 2> /dev/null; true") == ""
    pip = ["-path", "*/bin/pip*", "-o", "-path", "*/site-packages/pip*", "-prune"]
    assert image.output("/usr/bin/find", "/opt", *pip) == ""


def test_every_service_that_credentials_come_from_is_known(image: Image) -> None:
    assert json.loads(image.output(PYTHON, "-c", _KNOWN_SERVICES)) == _SERVICES


def test_every_module_of_the_connector_has_its_bytecode(image: Image) -> None:
    """Where none can be written, every start would make it anew."""
    missing = json.loads(image.output(PYTHON, "-c", _WITHOUT_BYTECODE))

    assert missing == []


def test_the_image_is_not_larger_than_it_was(image: Image) -> None:
    assert image.added_bytes() < MOST_MEGABYTES * 1_000_000


_TRY_TO_WRITE = """
for folder in /tmp /opt/connector /airbyte/integration_code; do
    touch $folder/x 2> /dev/null && echo $folder
done; true
"""
# Writable by everybody, or closed to somebody.
_WRONG = ["(", "-perm", "-o=w", "-o", "!", "-readable", ")"]
_INSTALLED = """
import json, re
from importlib.metadata import distributions
print(json.dumps([re.sub("[-_.]+", "-", one.metadata["Name"]).lower() for one in distributions()]))
"""
# S3, and the services that botocore/credentials.py and botocore/tokens.py make clients of.
_SERVICES = ["s3", "signin", "sso", "sso-oidc", "sts"]
_KNOWN_SERVICES = """
import json, boto3.session
session = boto3.session.Session(region_name="eu-central-1")
names = sorted(session.get_available_services())
clients = [session.client(name) for name in names]
print(json.dumps(names))
"""
# All that the commands import.
_WITHOUT_BYTECODE = """
import json, os, sys
import boto3.session, destination_maileon.run, destination_maileon.config.spec
import destination_maileon.check, destination_maileon.sync
files = [getattr(module, "__cached__", None) for module in list(sys.modules.values())]
print(json.dumps([one for one in files if one and "/opt/" in one and not os.path.exists(one)]))
"""

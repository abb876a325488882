"""The image's contents, made by the Dockerfile's own steps, and run as the image would run them."""

from __future__ import annotations

import json
import os
import re
import shlex
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from integration_tests import platform
from integration_tests.conftest import connected
from integration_tests.connection import people
from integration_tests.ecosystem.image import ROOT, Image, build, instructions
from integration_tests.platform import stream_state
from maileon_sandbox import Sandbox

OTHERS = stat.S_IROTH | stat.S_IXOTH

# The steps install some ninety packages.
pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    # Not below pytest's folder, which nobody but its owner may enter.
    with tempfile.TemporaryDirectory(prefix="image-") as folder:
        Path(folder).chmod(0o755)
        yield build(ROOT.joinpath("Dockerfile").read_text(encoding="utf-8"), Path(folder))


@pytest.fixture
def program(image: Image, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The harness's program is now the image's, with the image's user, folder and environment."""
    entry = image.root / "entry"
    command = [*_as_the_user(image), *image.entrypoint[:-1], _moved(image, image.entrypoint[-1])]
    variables = [f"{name}={value}" for name, value in image.env.items()]
    entry.write_text(
        f"#!/bin/sh\ncd {image.there('.')}\n"
        f'exec env -i {shlex.join([*variables, *command])} "$@"\n',
        encoding="utf-8",
    )
    entry.chmod(0o755)
    monkeypatch.setattr(platform, "PROGRAM", entry)
    return entry


def _moved(image: Image, path: str) -> str:
    return str(image.there(path))


def _as_the_user(image: Image) -> list[str]:
    """What changes to the image's user, if this user may; another one is not root already."""
    if os.geteuid() != 0:
        return []
    user, group = image.user.split(":")
    change = ["/usr/bin/setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups"]
    python = _moved(image, "/opt/connector/bin/python")
    if subprocess.run([*change, python, "-c", ""], capture_output=True, check=False).returncode:
        pytest.skip("the Python of this machine is closed to other users, or setpriv is missing")
    return change


def test_every_step_is_understood() -> None:
    known = {name for name, _ in instructions(ROOT.joinpath("Dockerfile").read_text())}

    assert known == {"FROM", "USER", "WORKDIR", "RUN", "COPY", "ENV", "LABEL", "ENTRYPOINT"}


def test_the_image_is_labelled_as_airbytes_own_are(image: Image) -> None:
    metadata = yaml.safe_load(ROOT.joinpath("metadata.yaml").read_text(encoding="utf-8"))["data"]

    assert image.labels == {
        "io.airbyte.version": metadata["dockerImageTag"],
        "io.airbyte.name": metadata["dockerRepository"],
    }


def test_the_platform_finds_the_program_that_the_image_starts(image: Image) -> None:
    assert [image.env["AIRBYTE_ENTRYPOINT"]] == image.entrypoint
    assert image.there(image.entrypoint[0]).exists()


def test_the_program_runs_unbuffered_as_a_user_who_may_change_nothing(image: Image) -> None:
    user, group = map(int, image.user.split(":"))

    assert user > 0 < group
    assert image.env["PYTHONUNBUFFERED"] == "1"
    files = [*image.there("/opt/connector/bin").rglob("*")]
    files += image.there("/opt/connector/lib").rglob("*")
    for path in files:
        if path.is_symlink():
            continue
        mode = path.stat().st_mode
        assert not mode & stat.S_IWOTH, path
        assert mode & stat.S_IROTH, path
        assert not path.is_dir() or mode & OTHERS == OTHERS, path


def test_the_environment_holds_the_locks_runtime_packages_and_the_connector(image: Image) -> None:
    python = _moved(image, "/opt/connector/bin/python")
    listed = _output(python, "-m", "pip", "list", "--format=json")
    names = {package["name"].lower().replace("_", "-") for package in json.loads(listed)}
    names -= {"pip", "setuptools", "destination-maileon"}
    runtime = _output(sys.executable, ROOT / "locked_requirements.py")
    # name==version, and for some a condition: "; sys_platform == 'win32'".
    locked = re.findall(r"^(\S+)==\S+( ;)?", runtime, re.MULTILINE)

    assert names <= {name for name, _ in locked}
    assert {name for name, condition in locked if not condition} - {"setuptools"} <= names
    assert "No broken requirements" in _output(python, "-m", "pip", "check")


def test_the_connector_is_installed_and_not_linked(image: Image) -> None:
    python = _moved(image, "/opt/connector/bin/python")
    place = _output(python, "-c", "import destination_maileon as d; print(d.__file__)", cwd="/")

    assert Path(place.strip()).is_relative_to(image.there("/opt/connector"))


def test_the_program_says_its_spec(program: Path) -> None:
    run = platform.call("spec")

    assert program.stat().st_mode & stat.S_IXOTH
    assert [message["type"] for message in run.messages] == ["SPEC"]


def test_the_program_checks_and_writes(program: Path, image: Image) -> None:
    # Where the image's user may read.
    folder = image.root / "secrets"
    folder.mkdir()
    with connected(folder, Sandbox()) as connection:
        assert program == platform.PROGRAM
        assert connection.check()["status"] == "SUCCEEDED"
        run = connection.sync([*people("a", "b"), stream_state(1)])
        assert (run.exit_code, run.stats) == (0, [(2, 0)])
        assert len(connection.sandbox.account.contacts()) == 2


def _output(*command: str | Path, cwd: str | None = None) -> str:
    return subprocess.run(command, cwd=cwd, stdout=subprocess.PIPE, check=True, text=True).stdout

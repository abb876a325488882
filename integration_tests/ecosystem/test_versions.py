"""The connector with the oldest and the newest versions of what it depends on, not those locked.

The promises that lean on other packages' insides are tried again with a program of such a version:
whole syncs, time limits, hostile servers (the sockets below urllib3), and stored rejections.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from integration_tests.ecosystem.counterparts import ROOT, program

TESTS = ("test_main_job.py", "test_hostile_server.py", "test_stored_rejections.py")
SECONDS = 600

pytestmark = pytest.mark.timeout(SECONDS + 60)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The connector as it is installed, unpacked."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "--no-build-isolation", "--no-deps", "--quiet"]
    subprocess.run([*build, "--wheel-dir", folder, ROOT], check=True)
    (path,) = folder.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder / "unpacked")
    return folder / "unpacked"


@pytest.mark.parametrize("environment", ["lowest", "newest"])
def test_the_connector_keeps_its_promises(environment: str, wheel: Path, tmp_path: Path) -> None:
    python, script = program(environment), tmp_path / "destination-maileon"
    script.write_text(
        f"#!{python}\nimport sys\nsys.path.insert(0, {str(wheel)!r})\n"
        "from destination_maileon.run import run\nrun()\n",
        encoding="utf-8",
    )
    script.chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *(f"integration_tests/{name}" for name in TESTS)],
        cwd=ROOT,
        env={
            **os.environ,
            "DESTINATION_MAILEON": str(script),
            "PYTEST_ADDOPTS": "-p no:cacheprovider",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=SECONDS,
        check=False,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-5_000:]


def test_the_lowest_versions_are_those_that_are_declared() -> None:
    """If not: `make locks`."""
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    declared = pyproject["tool"]["poetry"]["dependencies"]
    text = (ROOT / "counterparts" / "lowest.txt").read_text(encoding="utf-8")
    locked = dict(line.split(" ")[0].split("==") for line in text.splitlines() if "==" in line)

    for name in declared.keys() - {"python"}:
        lowest = _numbers(declared[name].lstrip("^>=").partition(",")[0])
        tested = _numbers(locked[name])
        assert tested == lowest + [0] * (len(tested) - len(lowest)), name


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]

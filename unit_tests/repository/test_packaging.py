"""What is shipped: the wheel, and what the image is built from."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BUILD = "import sys; from poetry.core.masonry.api import {0}; {0}(sys.argv[1])"
SOURCES = ("pyproject.toml", "README.md", "LICENSE")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Content by name, built from a copy of what the Dockerfile copies."""
    folder = tmp_path_factory.mktemp("build")
    for name in SOURCES:
        shutil.copy(ROOT / name, folder)
    package = "destination_maileon"
    shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    return _wheel_of(folder)


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the source distribution unpacks to."""
    folder = tmp_path_factory.mktemp("sdist")
    command = [sys.executable, "-c", BUILD.format("build_sdist"), str(folder)]
    subprocess.run(command, cwd=ROOT, check=True)
    (path,) = folder.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        archive.extractall(folder, filter="data")
    return folder / path.name.removesuffix(".tar.gz")


def test_the_wheel_holds_the_connector_and_nothing_else(wheel: dict[str, bytes]) -> None:
    version = _poetry_version()
    tops = {name.partition("/")[0] for name in wheel}

    assert tops == {"destination_maileon", f"airbyte_destination_maileon-{version}.dist-info"}


def test_every_module_is_in_the_wheel(wheel: dict[str, bytes]) -> None:
    modules = {
        path.relative_to(ROOT).as_posix() for path in (ROOT / "destination_maileon").rglob("*.py")
    }

    assert modules == {name for name in wheel if name.endswith(".py")}


def test_no_test_is_in_the_wheel(wheel: dict[str, bytes]) -> None:
    assert not [name for name in wheel if "test" in name or "sandbox" in name]


def test_the_wheel_has_the_console_script(wheel: dict[str, bytes]) -> None:
    assert b"destination-maileon=destination_maileon.run:run" in _info(wheel, "entry_points.txt")


def test_the_wheel_has_the_licence(wheel: dict[str, bytes]) -> None:
    assert _info(wheel, "LICENSE") == (ROOT / "LICENSE").read_bytes()


def test_the_source_distribution_holds_what_a_build_needs_and_nothing_else(unpacked: Path) -> None:
    assert {path.name for path in unpacked.iterdir()} == {
        *SOURCES,
        "destination_maileon",
        "PKG-INFO",
    }


def test_the_source_distribution_builds_the_same_wheel(
    unpacked: Path, wheel: dict[str, bytes]
) -> None:
    assert _wheel_of(unpacked) == wheel


def test_what_the_dockerfile_copies_exists_and_is_not_ignored() -> None:
    allowed = _allowed_in_the_build()

    for source in _copied():
        assert (ROOT / source).exists(), source
        assert any(fnmatch(source, pattern) for pattern in allowed), source


def test_nothing_else_reaches_the_build() -> None:
    assert set(_copied()) == set(_allowed_in_the_build())


def test_the_image_runs_unbuffered_and_not_as_root() -> None:
    lines = _dockerfile().splitlines()
    users = [line.split()[1] for line in lines if line.startswith("USER")]
    program = "/opt/connector/bin/destination-maileon"

    assert users[-1] == "1000:1000"
    assert "ENV PYTHONUNBUFFERED=1" in lines
    assert f'ENV AIRBYTE_ENTRYPOINT="{program}"' in lines
    assert lines[-1] == f'ENTRYPOINT ["{program}"]'


def test_the_image_gets_the_locks_runtime_packages_alone() -> None:
    lock = tomllib.loads((ROOT / "poetry.lock").read_text(encoding="utf-8"))
    runtime = {package["name"] for package in lock["package"] if "main" in package["groups"]}

    assert set(re.findall(r"^(\S+)==", _requirements(), re.MULTILINE)) == runtime
    assert "pytest" not in runtime


def test_one_package_can_be_asked_for_alone() -> None:
    """As the image's build asks for its build tool, and the Makefile for its installer."""
    first, *hashes = _requirements("--dev", "--only", "poetry-core").splitlines()

    assert first.startswith("poetry-core==")
    assert hashes
    assert all(line.strip().startswith("--hash=") for line in hashes)
    assert not hashes[-1].endswith("\\")


def _wheel_of(folder: Path) -> dict[str, bytes]:
    """Content by name of the wheel that is built out of the folder."""
    command = [sys.executable, "-c", BUILD.format("build_wheel"), "dist"]
    subprocess.run(command, cwd=folder, check=True)
    (path,) = folder.glob("dist/*.whl")
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _info(wheel: dict[str, bytes], name: str) -> bytes:
    (path,) = (path for path in wheel if ".dist-info/" in path and path.endswith(f"/{name}"))
    return wheel[path]


def _poetry_version() -> str:
    content = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    version: str = content["tool"]["poetry"]["version"]
    return version


def _dockerfile() -> str:
    return (ROOT / "Dockerfile").read_text(encoding="utf-8")


def _copied() -> list[str]:
    copies = re.findall(r"^COPY (?!--from)(.+) \S+$", _dockerfile(), re.MULTILINE)
    return [source for copy in copies for source in copy.split()]


def _allowed_in_the_build() -> list[str]:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    return [line[1:] for line in lines if line.startswith("!")]


def _requirements(*arguments: str) -> str:
    command = [sys.executable, "scripts/locked_requirements.py", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout

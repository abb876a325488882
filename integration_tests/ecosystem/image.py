"""The image, built from the Dockerfile as it stands and run as a cluster runs it, without a daemon.

Decides alone what stands in for Airbyte's base image, whose registry a machine may not reach: the
Debian that it is made from, with Debian's Python of the same version. Needs root, and programs of
Debian's.

`python -m integration_tests.ecosystem.image` says how large the image is and how fast it starts.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PROGRAMS = ("buildah", "podman", "runc", "mmdebstrap")
SUITE = "bookworm"
PACKAGES = "ca-certificates,python3,python3-venv,python-is-python3"
CERTIFICATES = "/etc/ssl/certs"
BASE = "localhost/base"
NAME = "localhost/destination-maileon"
BUILD_SECONDS = 900
# The engine's own defaults are more than a machine without all rights may set.
LIMITS = ("--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024")


def what_is_missing() -> str:
    """Why no image can be built here; empty if one can."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        return f"not installed (Debian's packages of these names): {', '.join(missing)}"
    return "" if os.geteuid() == 0 else "only root can build an image without a daemon here"


@dataclass(frozen=True, slots=True)
class Image:
    """The image in a store of its own."""

    store: Path

    def command(self, *arguments: str, shown: Path | None = None) -> list[str]:
        """How a cluster starts a container: no rights, nothing to write to, its input a pipe.

        `shown` is a folder that the container may read, at the same path.
        """
        rights = [
            "--read-only",
            "--read-only-tmpfs=false",
            "--cap-drop=all",
            "--security-opt=no-new-privileges",
            *LIMITS,
        ]
        folder = [f"--volume={shown}:{shown}:ro"] if shown else []
        run = ["run", "--rm", "--interactive", "--network=host", *rights, *folder]
        return [*_podman(self.store), *run, *arguments]

    def output(self, program: str, *arguments: str) -> str:
        """What a program of the image says when it is started instead of the connector."""
        return _run(*self.command(f"--entrypoint={program}", NAME, *arguments))

    def inspected(self, name: str = NAME) -> dict[str, Any]:
        (found,) = json.loads(_run(*_podman(self.store), "image", "inspect", name))
        return dict(found)

    def added_bytes(self) -> int:
        """By how much the image is larger than its base."""
        return int(self.inspected()["Size"]) - int(self.inspected(BASE)["Size"])

    def write_program(self, path: Path, shown: Path) -> None:
        """A program that starts the container, for a harness that knows programs alone."""
        command = shlex.join(self.command(NAME, shown=shown))
        path.write_text(f'#!/bin/sh\nexec {command} "$@"\n', encoding="utf-8")
        path.chmod(0o755)


@contextmanager
def built() -> Iterator[Image]:
    """The image, until the end of the block. Raises CalledProcessError where a step fails."""
    with tempfile.TemporaryDirectory(prefix="image-") as name:
        folder = Path(name)
        store = folder / "store"
        try:
            _make_base(folder, store)
            _build(folder, store)
            yield Image(store)
        finally:
            _unmount(folder)


def _unmount(folder: Path) -> None:
    """The engine leaves parts of its store mounted, the innermost last."""
    mounts = Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
    for place in reversed([line.split()[1] for line in mounts]):
        if Path(place).is_relative_to(folder):
            _run("umount", place)


def _make_base(folder: Path, store: Path) -> None:
    archive = folder / "base.tar"
    options = ["--quiet", "--variant=essential", f"--include={PACKAGES}"]
    _run("mmdebstrap", *options, SUITE, str(archive))
    _run(*_podman(store), "import", "--quiet", str(archive), BASE)
    archive.unlink()


def _build(folder: Path, store: Path) -> None:
    dockerfile = ROOT.joinpath("Dockerfile").read_text(encoding="utf-8")
    base = re.findall(r"^FROM (\S+) AS base$", dockerfile, re.MULTILINE)[0]
    settings = _installers_settings(folder)
    volumes = [f"--volume={source}:{target}:ro" for source, target in settings.items()]
    _run(
        *("buildah", *_places(store), "build", "--quiet", "--isolation=chroot"),
        *(f"--build-context={base}=container-image://{BASE}", *volumes, f"--tag={NAME}"),
        str(ROOT),
    )


def _installers_settings(folder: Path) -> dict[str, str]:
    """How this machine reaches its package index, for pip and uv during the build: from, to."""
    pip, uv = folder / "pip.conf", folder / "uv.toml"
    listed = _run(sys.executable, "-m", "pip", "config", "list")
    given = dict(re.findall(r"^(?:global|:env:)\.(index-url|cert)='(.*)'$", listed, re.MULTILINE))
    pip.write_text(_lines("[global]", *(f"{key} = {value}" for key, value in given.items())))
    index = given.get("index-url")
    named = [f'index-url = "{index}"'] if index else []
    uv.write_text(_lines("system-certs = true", *named))
    certificates = {CERTIFICATES: CERTIFICATES} if Path(CERTIFICATES).is_dir() else {}
    return {str(pip): "/etc/pip.conf", str(uv): "/etc/uv/uv.toml", **certificates}


def _lines(*lines: str) -> str:
    return "\n".join([*lines, ""])


def _places(store: Path) -> Sequence[str]:
    return (f"--root={store}", f"--runroot={store.with_name('running')}")


def _podman(store: Path) -> Sequence[str]:
    # runc, since crun asks for control groups that a container on a container does not have.
    return ("podman", *_places(store), "--runtime=runc", "--cgroup-manager=cgroupfs")


def _run(*command: str) -> str:
    done = subprocess.run(
        command, capture_output=True, check=False, text=True, timeout=BUILD_SECONDS
    )
    assert done.returncode == 0, f"{shlex.join(command)}: {done.stdout[-2_000:]}{done.stderr}"
    return done.stdout


def main() -> None:
    if missing := what_is_missing():
        raise SystemExit(missing)
    with built() as image:
        print(f"{image.added_bytes() / 1e6:.0f} MB beside the base image")
        for _ in range(3):
            began = time.monotonic()
            _run(*image.command(NAME, "spec"))
            print(f"{time.monotonic() - began:.1f} seconds from start to end of `spec`")


if __name__ == "__main__":
    main()

"""The Dockerfile's steps, carried out below a folder where there is no engine to build an image.

Decides alone how far that goes: every absolute path is moved below the folder, and the base image
is the Python that runs this. `pip install` is done by uv, with the same arguments in a tenth of the
time, and without a network if the packages have been installed on this machine before.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
TOOLS = Path(sys.executable).parent
INSTALL = re.compile(r"(\S+)/bin/pip install (?:--no-cache-dir )?")
BY_UV = f"""
pip_install() {{
    {TOOLS}/uv pip install --offline "$@" 2> /dev/null || {TOOLS}/uv pip install "$@"
}}
"""
STEP_SECONDS = 300


@dataclass(slots=True)
class Image:
    """What the steps have made so far. Paths are those of the image."""

    root: Path
    workdir: str = "/"
    user: str = ""
    env: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    entrypoint: list[str] = field(default_factory=list)

    def there(self, path: str) -> Path:
        """Where a path of the image is on this machine."""
        return self.root / (Path(self.workdir) / path).relative_to("/")


def instructions(dockerfile: str) -> Iterator[tuple[str, str]]:
    """Each instruction with its words; comments and continued lines are dealt with."""
    lines = (line for line in dockerfile.splitlines() if not line.lstrip().startswith("#"))
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        if line.strip():
            name, _, words = line.partition(" ")
            yield name, words.strip()


def build(dockerfile: str, root: Path) -> Image:
    """Carries out every step. Raises CalledProcessError where one fails."""
    image = Image(root)
    for name, words in instructions(dockerfile):
        _STEPS[name](image, words)
    return image


def _from(image: Image, words: str) -> None:
    """A new stage: what earlier ones left stays where it is, as COPY --from would find it."""
    del words
    image.workdir, image.user = "/", ""
    image.env.clear()


def _run(image: Image, words: str) -> None:
    command = re.sub(r"(?<![\w.])/(opt|build|airbyte)\b", rf"{image.root}/\1", words)
    # uv knows no `wheel`, so that pip itself builds.
    command = INSTALL.sub(r"pip_install --python \1/bin/python ", command)
    subprocess.run(
        ["/bin/sh", "-euc", BY_UV + command],
        cwd=image.there("."),
        env={"PATH": f"{TOOLS}:/usr/bin:/bin", **_passed_through(), **image.env},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        timeout=STEP_SECONDS,
        check=True,
    )


def _passed_through() -> dict[str, str]:
    """What says how this machine reaches its package index."""
    names = re.compile(r"(PIP|UV|SSL|REQUESTS)_.*|HOME|(HTTPS?|NO)_PROXY", re.IGNORECASE)
    return {name: value for name, value in os.environ.items() if names.fullmatch(name)}


def _copy(image: Image, words: str) -> None:
    if words.startswith("--from="):
        # Below one folder, the stages meet where the path is the same.
        _, source, target = shlex.split(words)
        assert source == target, "a virtual environment works at its own path alone"
        assert image.there(source).exists()
        return
    *sources, target = shlex.split(words)
    for source in sources:
        place = image.there(target)
        place = place / source if len(sources) > 1 or target.endswith("/") else place
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, place, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / source, place)


def _workdir(image: Image, words: str) -> None:
    image.workdir = words
    image.there(".").mkdir(parents=True, exist_ok=True)


def _user(image: Image, words: str) -> None:
    image.user = words


def _env(image: Image, words: str) -> None:
    image.env |= dict(pair.split("=", 1) for pair in shlex.split(words))


def _label(image: Image, words: str) -> None:
    image.labels |= dict(pair.split("=", 1) for pair in shlex.split(words))


def _entrypoint(image: Image, words: str) -> None:
    image.entrypoint = json.loads(words)


_STEPS = {
    "FROM": _from,
    "RUN": _run,
    "COPY": _copy,
    "WORKDIR": _workdir,
    "USER": _user,
    "ENV": _env,
    "LABEL": _label,
    "ENTRYPOINT": _entrypoint,
}

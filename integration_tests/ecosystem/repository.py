"""The repository as a folder of its own, for programs that want it at a certain place.

Decides alone what belongs to it: what Git tracks, and what it would.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def copy_to(folder: Path) -> Path:
    """The copy; the folder is made. Skips the test where there is no Git to say what belongs."""
    for name in _names():
        source, target = ROOT / name, folder / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
    return folder


def _names() -> list[str]:
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(
        ["/usr/bin/env", *command], cwd=ROOT, capture_output=True, check=False, text=True
    )
    if done.returncode:
        pytest.skip("no Git repository here, or no git")
    return [name for name in done.stdout.split("\0") if name]

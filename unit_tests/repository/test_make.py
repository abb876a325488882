"""What the Makefile says of what it could not install."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("lock", "is_installed"), [("# nothing is needed\n", True), ("no such line!\n", False)]
)
def test_a_counterpart_that_cannot_be_installed_is_named_and_stops_nothing(
    tmp_path: Path, *, lock: str, is_installed: bool
) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)
    counterparts = tmp_path / "counterparts"
    counterparts.mkdir()
    (counterparts / "any.in").write_text("", encoding="utf-8")
    (counterparts / "any.txt").write_text(lock, encoding="utf-8")
    done = subprocess.run(
        [
            *("/usr/bin/env", "-u", "MAKEFLAGS", "-u", "MAKELEVEL", "make", "counterparts"),
            *(f"BIN={Path(sys.executable).parent}", "INSTALLED=installed", "-o", "installed"),
        ],
        cwd=tmp_path,
        capture_output=True,
        check=False,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0
    assert (tmp_path / ".venv-any" / ".installed").exists() == is_installed
    told = "Could not install counterparts/any.txt: the tests that need it will be SKIPPED"
    assert (told in done.stderr) == (not is_installed)

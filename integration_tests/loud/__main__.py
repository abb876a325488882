"""Runs every test with all logs on, and looks for keys and values in what is said.

Twice: as the program is, and then without its silence, to see what that keeps back. Shows then who
said how much, and how often a value was in it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from integration_tests.loud import LIFTED, sums

PYTEST = [sys.executable, "-m", "pytest", "--numprocesses", "2", "--dist", "loadfile"]


def main() -> None:
    subprocess.run(PYTEST, env={**os.environ, "LOUD": "1"}, check=True)
    with tempfile.TemporaryDirectory() as folder:
        variables = {"LOUD": LIFTED, "LOUD_FOLDER": folder}
        lifted = [*PYTEST, "integration_tests"]
        subprocess.run(lifted, env={**os.environ, **variables}, check=True)
        print("What libraries would say without the silence (lines, lines with a value, logger):")
        for logger, (lines, told) in sorted(sums(Path(folder)).items()):
            print(f"{lines:9} {told:7}  {logger}")


if __name__ == "__main__":
    main()

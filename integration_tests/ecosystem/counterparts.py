"""Airbyte's own programs, each in its environment that `make counterparts` sets up.

Decides alone what a test says that cannot run without them.
"""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "counterparts"


def program(environment: str, name: str = "python") -> Path:
    """A program of this environment; without it the test is skipped."""
    folder = ROOT / f".venv-{environment}"
    if not (folder / ".installed").exists():
        pytest.skip(f"counterparts/{environment}.txt is not installed: `make counterparts`")
    return folder / "bin" / name

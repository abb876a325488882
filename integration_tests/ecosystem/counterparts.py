"""What tests meet beside the sandbox, each in an environment that `make counterparts` sets up.

Decides alone what a test says that cannot run without them.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "counterparts"


def use(environment: str) -> None:
    """Lets a test import this environment's packages; without it the whole module is skipped."""
    if not _is_there(environment):
        pytest.skip(_told(environment), allow_module_level=True)
    (folder,) = ROOT.glob(f".venv-{environment}/lib/python*/site-packages")
    sys.path.append(str(folder))


def program(environment: str, name: str = "python") -> Path:
    """A program of this environment; without it the test is skipped."""
    if not _is_there(environment):
        pytest.skip(_told(environment))
    return ROOT / f".venv-{environment}" / "bin" / name


def _is_there(environment: str) -> bool:
    return (ROOT / f".venv-{environment}" / ".installed").exists()


def _told(environment: str) -> str:
    return f".venv-{environment} is not there: `make .venv-{environment}/.installed`"

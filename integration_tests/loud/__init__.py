"""What libraries say in a loud test run, read back and added up.

`python -m integration_tests.loud` shows who said how much, and whether a value was in it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SITE = Path(__file__).parent
LIFTED = "lifted"
_TALLY = "tally.jsonl"


@dataclass(frozen=True, slots=True)
class Said:
    """A line of a library."""

    logger: str
    text: str


def surroundings() -> dict[str, str]:
    """What to add to the program's environment, as the test run's own `LOUD` has it."""
    if not (loud := os.environ.get("LOUD")):
        return {}
    variables = {"LOG_LEVEL": "DEBUG", "PYTHONPATH": os.fspath(SITE)}
    if loud == LIFTED:
        folder().mkdir(parents=True, exist_ok=True)
        variables["LOUD_FOLDER"] = os.fspath(folder())
    return variables


def folder() -> Path:
    """Where what this test process's programs say is written down."""
    return Path(os.environ["LOUD_FOLDER"], os.environ.get("PYTEST_XDIST_WORKER", "alone"))


def said_in(place: Path) -> Iterator[Said]:
    """What was written down there since the last look. A program may be killed in a line."""
    for path in place.glob("*.jsonl"):
        for line in path.read_text(encoding="utf-8").split("\n"):
            if line.endswith("}"):
                said = json.loads(line)
                yield Said(said["logger"], said["said"])
        path.unlink()


def add_up(said: list[Said], telling: set[Said]) -> None:
    """Keeps who said how much; `telling` are the lines with a value in them."""
    with Path(os.environ["LOUD_FOLDER"], _TALLY).open("a", encoding="utf-8") as file:
        for logger in sorted({one.logger for one in said}):
            lines = sum(one.logger == logger for one in said)
            told = sum(one.logger == logger for one in telling)
            file.write(f"{json.dumps([logger, lines, told])}\n")


def sums(place: Path) -> dict[str, tuple[int, int]]:
    """Of each logger: lines, and those with a value in them."""
    sums: dict[str, tuple[int, int]] = {}
    for line in (place / _TALLY).read_text(encoding="utf-8").splitlines():
        logger, lines, told = json.loads(line)
        before = sums.get(logger, (0, 0))
        sums[logger] = (before[0] + lines, before[1] + told)
    return sums

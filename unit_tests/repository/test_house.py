"""The rooms of the package: how many, how large, and where their tests are."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "destination_maileon"
TESTS = ROOT / "unit_tests"
ROOMS = sorted(folder.name for folder in PACKAGE.iterdir() if (folder / "__init__.py").exists())
MOST_MODULES, MOST_AT_THE_DOOR = 70, 9
MOST_LINES, MOST_LINES_IN_ALL = 350, 9_500
TABLES = {"config/spec.py"}
"""The options of the connector, one after the other: a table may be long."""
UNTESTED = {"errors"}
"""Names of errors, and no code."""


def modules(room: str) -> list[Path]:
    """Those of a room, or of the door for an empty name."""
    return sorted(path for path in (PACKAGE / room).glob("*.py") if path.stem != "__init__")


def test_there_are_only_so_many_modules_and_none_is_too_long() -> None:
    at_the_door = modules("")
    everywhere = [*at_the_door, *(path for room in ROOMS for path in modules(room))]
    assert len(everywhere) <= MOST_MODULES
    assert len(at_the_door) <= MOST_AT_THE_DOOR
    lines = {str(path.relative_to(PACKAGE)): path.read_text().count("\n") for path in everywhere}
    assert {name for name, number in lines.items() if number > MOST_LINES} <= TABLES
    assert sum(lines.values()) < MOST_LINES_IN_ALL


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_has_between_2_and_14_modules(room: str) -> None:
    assert 2 <= len(modules(room)) <= 14


@pytest.mark.parametrize("room", ["", *ROOMS])
def test_every_module_has_tests_of_its_name_and_every_test_a_module(room: str) -> None:
    names = {path.stem for path in modules(room)}
    tested = {path.stem.removeprefix("test_") for path in (TESTS / (room or "door")).glob("test_*")}
    # What would be too long in one file has the name of its part behind the module's.
    parts = {one for one in tested for name in names if one.startswith(f"{name}_")}
    assert tested - parts <= names
    assert names - tested <= UNTESTED

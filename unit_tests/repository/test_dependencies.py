"""What pyproject.toml declares is what the code imports: nothing more, nothing less."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DEVELOPMENT = ["benchmark", "demo", "integration_tests", "maileon_sandbox", "scripts", "unit_tests"]
OWN = {"destination_maileon", *DEVELOPMENT}
# Called as commands or loaded by others, never imported. Stubs are read by mypy alone.
TOOLS = {"flask-cors", "pytest-timeout", "pytest-xdist", "ruff", "mypy", "import-linter", "uv"}
STUBS = re.compile(r"types-.+|.+-stubs")
# Installed for their tests alone, in environments of counterparts/.
ELSEWHERE = {"axe-playwright-python", "playwright"}
# Imported beside the package that brings it and whose interface it is a part of.
PARTS = {
    "airbyte-protocol-models-dataclasses": "airbyte-cdk",
    "markupsafe": "flask",
    "botocore": "boto3",
    "cryptography": "moto",
    "pydantic-core": "pydantic",
    "werkzeug": "flask",
}
DISTRIBUTIONS = packages_distributions()


def test_the_connector_imports_what_it_declares_and_nothing_else() -> None:
    used = _distributions("destination_maileon")

    assert used - PARTS.keys() == _declared("dependencies") - {"python"}
    assert {PARTS[part] for part in used & PARTS.keys()} <= _declared("dependencies")


@pytest.mark.parametrize(("part", "whole"), PARTS.items(), ids=PARTS.keys())
def test_a_part_comes_with_the_package_that_is_declared(part: str, whole: str) -> None:
    named = {re.split(r"[^\w.-]", line)[0] for line in requires(whole) or ()}

    assert part in {_normal(name) for name in named}


def test_every_dependency_of_the_development_is_used() -> None:
    declared = _declared("group", "dev", "dependencies")
    used = {name for folder in DEVELOPMENT for name in _distributions(folder)}

    # Built with by name, in a process of its own.
    assert "poetry.core.masonry" in (ROOT / "unit_tests/repository/test_packaging.py").read_text()
    unused = declared - used - TOOLS - {"poetry-core"}
    assert {name for name in unused if not STUBS.fullmatch(name)} == set()


def test_no_test_imports_what_is_not_declared() -> None:
    declared = _declared("dependencies") | _declared("group", "dev", "dependencies")
    used = {name for folder in DEVELOPMENT for name in _distributions(folder)}

    assert used - declared - ELSEWHERE <= PARTS.keys()


def test_every_dependency_says_what_it_is_for() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for table in ("dependencies", "group.dev.dependencies"):
        block = text.partition(f"[tool.poetry.{table}]\n")[2].partition("\n\n")[0]
        first, *_ = block.splitlines()
        assert first.startswith("# "), table
        assert block.count("\n# ") >= len(block.splitlines()) // 4


@pytest.mark.parametrize("name", sorted(DISTRIBUTIONS.keys() & {"requests", "lxml", "orjson"}))
def test_a_module_is_traced_to_its_distribution(name: str) -> None:
    """The lookup on which the tests above stand."""
    assert DISTRIBUTIONS[name] == [name]


def _declared(*path: str) -> set[str]:
    table = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["poetry"]
    for key in path:
        table = table[key]
    return {_normal(name) for name in table}


@cache
def _distributions(folder: str) -> set[str]:
    trees = (ast.parse(path.read_bytes()) for path in (ROOT / folder).rglob("*.py"))
    foreign = set(_imported(trees)) - OWN - sys.stdlib_module_names
    return {_normal(name) for module in foreign for name in DISTRIBUTIONS.get(module, [module])}


def _imported(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """The top-level name of every module that is imported, but for types alone."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield str(node.module).partition(".")[0]
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            yield from _imported(node.orelse)
        elif not isinstance(node, ast.expr):
            yield from _imported(ast.iter_child_nodes(node))


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()

"""The sandbox imports nothing from the connector."""

from __future__ import annotations

import ast
import re
from dataclasses import fields
from pathlib import Path

from maileon_sandbox import Fault, Rules, Sandbox
from maileon_sandbox.application import application
from maileon_sandbox.tests.client import Client, contact

PACKAGE = Path(__file__).parents[1]


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return {name.partition(".")[0] for name in names}


def test_the_sandbox_imports_nothing_from_the_connector() -> None:
    sources = list(PACKAGE.rglob("*.py"))
    assert len(sources) > 20
    assert [path for path in sources if "destination_maileon" in imported(path)] == []


def test_the_readme_names_every_option_and_every_part_of_a_fault() -> None:
    readme = (PACKAGE / "README.md").read_text(encoding="utf-8")
    words = set(re.findall(r"\w+", readme))
    options = {field.name for field in (*fields(Sandbox), *fields(Rules)) if field.init}
    assert options <= words
    assert {field.name for field in fields(Fault)} <= words


def test_a_sandbox_that_is_started_again_has_its_port_account_and_calls() -> None:
    sandbox = Sandbox()
    for round_ in (1, 2):
        with sandbox, Client(sandbox.base_url, sandbox.api_key) as client:
            report = client.synchronize(contact(email="a@example.com"))
            assert (report.new, report.existing) == ((1, 0) if round_ == 1 else (0, 1))
    assert len(sandbox.calls) == 2


def test_the_readme_lists_every_call_that_is_answered() -> None:
    readme = (PACKAGE / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `((?:(?:GET|POST|PUT|DELETE) )+)(/[^`?]*)", readme, re.MULTILINE)
    told = {(m, re.sub(r"\{\w+\}", "{}", p)) for methods, p in rows for m in methods.split()}
    told = {(method, path) for method, path in told if not path.startswith("/_sandbox/")}
    assert told == answered()


def answered() -> set[tuple[str, str]]:
    return {
        (method, re.sub(r"<[^>]+>", "{}", str(rule)).removeprefix("/1.0"))
        for rule in application().url_map.iter_rules()
        if str(rule).startswith("/1.0/")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }

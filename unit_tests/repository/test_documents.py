"""The documents say what is so: commands, keys, codes, examples and links."""

from __future__ import annotations

import ast
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from destination_maileon.config.spec import GROUPS, connection_specification
from destination_maileon.config.validation import load_config
from destination_maileon.maileon.error_codes import ERROR_CODES
from destination_maileon.mapping.contact_encoder import Reason
from destination_maileon.streams.catalog import stream_plans
from maileon_sandbox import DEMO_KEY
from scripts import documents

ROOT = Path(__file__).parents[2]
PAGE = "docs/integrations/destinations/maileon.md"
CHECKS = "docs/evidence/airbyte-checks.md"
CONSENT = "docs/consent.md"
RELIABILITY = "docs/evidence/reliability.md"
WRITTEN = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", PAGE, CHECKS]
WRITTEN += [RELIABILITY, CONSENT]
KEY = {"api_key": "key"}

MACHINE_PATH = re.compile(r"(?<![\w.])/(work|home|root|Users)/")
# Put together, so that this file is no find of its own.
PACKAGE_HOST = re.compile(
    "|".join(
        re.escape(".".join(host))
        for host in (
            ("pypi", "org"),
            ("files", "pythonhosted", "org"),
            ("registry", "npmjs", "org"),
        )
    )
)


@pytest.mark.parametrize("name", WRITTEN)
def test_every_make_target_that_is_named_exists(name: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))

    assert set(re.findall(r"`(?:\w+=\w+ )?make ([a-z-]+)", _text(name))) <= targets


def test_the_two_commands_are_in_the_readme() -> None:
    assert "`make demo`" in _text("README.md")
    assert "`make test`" in _text("README.md")


@pytest.mark.parametrize("page", documents.TABLES, ids=lambda page: page.name)
def test_the_generated_tables_are_up_to_date(page: Path) -> None:
    """If not: `.venv/bin/python -m scripts.documents`."""
    text = page.read_text(encoding="utf-8")

    assert documents.with_tables(text, page) == text


def test_every_key_of_the_configuration_has_a_row() -> None:
    rows = re.findall(r"^\| `([^`]+)` \|", _between("config"), re.MULTILINE)

    assert rows == documents.configuration_keys()
    assert {row for row in rows if "." not in row} == set(connection_specification()["properties"])


def test_every_documented_error_code_has_a_row() -> None:
    rows = re.findall(r"^\| (\d+) \|", _between("errors"), re.MULTILINE)

    assert [int(row) for row in rows] == list(range(1, 28)) == sorted(ERROR_CODES)


def test_a_missing_mark_is_an_error() -> None:
    with pytest.raises(ValueError, match="config:begin"):
        documents.with_tables("no marks")


@pytest.mark.parametrize("name", WRITTEN)
def test_every_json_example_is_accepted(name: str) -> None:
    for example in _json_examples(name):
        content = json.loads(example)
        if "api_key" in content:
            load_config(content)
        else:
            assert stream_plans(content, load_config(KEY))


@pytest.mark.parametrize("name", ["README.md", PAGE])
def test_there_are_examples_to_try(name: str) -> None:
    assert list(_json_examples(name))


def test_the_configuration_for_the_sandbox_leads_to_the_sandbox() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (port,) = re.findall(r"^SANDBOX_PORT \?= (\d+)", makefile, re.MULTILINE)
    configs = [json.loads(example) for example in _json_examples("README.md")]
    (config,) = (one for one in configs if "base_url" in one)

    assert config == {"api_key": DEMO_KEY, "base_url": f"http://localhost:{port}/1.0"}


def test_the_python_example_calls_pyairbyte_as_the_tests_do() -> None:
    (example,) = re.findall(r"^```python\n(.*?)^```", _text("README.md"), re.MULTILINE | re.DOTALL)
    tried = _calls(_text("counterparts/pyairbyte_syncs.py"))

    for name, keywords in _calls(example).items():
        if name not in {"Path", "get_secret"}:
            assert keywords <= tried[name], name


def _calls(code: str) -> dict[str, set[str]]:
    """The keywords with which each function or method is called."""
    calls: dict[str, set[str]] = {}
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func).rpartition(".")[2]
            calls.setdefault(name, set()).update(str(keyword.arg) for keyword in node.keywords)
    return calls


@pytest.mark.parametrize("name", [*WRITTEN, "maileon_sandbox/README.md"])
def test_every_relative_link_leads_somewhere(name: str) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", _text(name)):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, heading = link.partition("#")
        target = (ROOT / name).parent / path if path else ROOT / name
        assert target.exists(), link
        assert not heading or heading in _anchors(target), link


def test_every_option_of_the_form_that_the_page_names_exists() -> None:
    titles = {schema["title"] for schema in connection_specification()["properties"].values()}
    titles |= {title for _, title in GROUPS}
    setup = _text(PAGE).partition("### Step 2")[2]
    named = set(re.findall(r"\*\*([A-Z][^*]+)\*\*", setup)) - {
        "Destinations",
        "Maileon",
        "Set up destination",
    }

    options = {
        name for name in named if not name[:3].isdigit() and f"- **{name}**:" not in _text(PAGE)
    }
    assert options <= titles


def test_the_architecture_names_every_room_and_no_other() -> None:
    rooms = {path.parent.name for path in (ROOT / "destination_maileon").glob("*/__init__.py")}

    assert set(re.findall(r"^\| `(\w+)/` \|", _text("ARCHITECTURE.md"), re.MULTILINE)) == rooms


def test_no_tracked_file_names_a_machine_or_a_package_registry() -> None:
    for path in _tracked():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        for pattern in (MACHINE_PATH, PACKAGE_HOST):
            assert pattern.findall(text) == [], path.relative_to(ROOT)


def _text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def _between(name: str) -> str:
    _, _, rest = _text("README.md").partition(f"<!-- {name}:begin -->")
    return rest.partition(f"<!-- {name}:end -->")[0]


def _json_examples(name: str) -> list[str]:
    return re.findall(r"^```json\n(.*?)^```", _text(name), re.MULTILINE | re.DOTALL)


def _anchors(path: Path) -> set[str]:
    """The headings, as GitHub makes anchors of them."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in headings}


def _tracked() -> Iterator[Path]:
    """What Git tracks, and what it would; without Git, for example in an archive, nothing."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(
        ["/usr/bin/env", *command], cwd=ROOT, capture_output=True, check=False, text=True
    )
    paths = (ROOT / name for name in done.stdout.split("\0") if name)
    return (path for path in paths if path.is_file())


def test_every_reason_to_reject_a_record_before_it_is_sent_is_explained() -> None:
    rows = re.findall(r"^\| ([^|]+?) \| ", _between("reasons"), re.MULTILINE)

    assert rows[1:] == [reason.value for reason in Reason]

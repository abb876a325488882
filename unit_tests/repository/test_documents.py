"""The documents say what is so: commands, keys, codes, examples and links.

What the pages promise of a sync is tried by `integration_tests`, table by table; the example in
Python by `integration_tests/ecosystem`.
"""

from __future__ import annotations

import ast
import json
import re
import sqlite3
import subprocess
import textwrap
import tomllib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest

from destination_maileon.accounting.checkpoint import STATISTICS
from destination_maileon.config.spec import GROUPS, connection_specification
from destination_maileon.config.validation import load_config
from destination_maileon.maileon.contact import STANDARD_FIELDS
from destination_maileon.maileon.error_codes import ERROR_CODES
from destination_maileon.mapping.mapped_record import Reason
from destination_maileon.protocol.messages import RecordMessage, StateMessage
from destination_maileon.streams.catalog import stream_plans
from destination_maileon.streams.discovery import OPERATIONS
from maileon_sandbox import DEMO_KEY
from scripts import documents
from unit_tests.support.lines import decode

ROOT = documents.ROOT
PAGE = "docs/integrations/destinations/maileon.md"
RECIPES = "docs/recipes.md"
PAGES = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md"))
ROOT_PAGES = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"]
WRITTEN = [*ROOT_PAGES, *PAGES]
KEY = {"api_key": "key"}
# What the examples in SQL read.
TABLES = """
CREATE TABLE customers (
    customer_no TEXT, email TEXT, first_name TEXT, newsletter INTEGER, last_order TEXT,
    opted_out_at TEXT
);
CREATE TABLE confirmations (email TEXT, confirmed_at TEXT);
CREATE TABLE spring_campaign (customer_no TEXT);
"""

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
    table = _between(documents.CONFIGURATION, "config")
    rows = re.findall(r"^\| \*\*[^*]+\*\* \(`([^`]+)`\) \|", table, re.MULTILINE)

    assert rows == documents.configuration_keys()
    assert {row for row in rows if "." not in row} == set(connection_specification()["properties"])


def test_every_documented_error_code_has_a_row() -> None:
    rows = re.findall(r"^\| (\d+) \|", _between(documents.REJECTIONS, "errors"), re.MULTILINE)

    assert [int(row) for row in rows] == list(range(1, 28)) == sorted(ERROR_CODES)


def test_every_standard_field_is_listed_once() -> None:
    names = re.findall(r"\b[A-Z]{3,}\b", _between(documents.MAPPING, "fields"))

    assert sorted(names) == sorted(STANDARD_FIELDS)


def test_every_reason_to_reject_a_record_before_it_is_sent_is_explained() -> None:
    table = _between(documents.REJECTIONS, "reasons")
    rows = re.findall(r"^\| ([^|]+?) \| ", table, re.MULTILINE)

    assert rows[1:] == [reason.value for reason in Reason]


def test_every_count_of_a_state_is_explained() -> None:
    _, _, table = _text("docs/operations.md").partition("| `additionalStats` |")
    rows = re.findall(r"^\| (`.*?) \| ", table.partition("\n\n")[0], re.MULTILINE)

    assert sorted(re.findall(r"`(\w+)`", " ".join(rows))) == sorted(STATISTICS)


def test_every_sync_mode_of_data_activation_is_explained() -> None:
    rows = re.findall(r"^ *\| `(\w+)` \|", _text("docs/data-activation.md"), re.MULTILINE)

    assert rows == list(OPERATIONS)


def test_a_missing_mark_is_an_error() -> None:
    with pytest.raises(ValueError, match="config:begin"):
        documents.with_tables("no marks", documents.CONFIGURATION)


@pytest.mark.parametrize("name", WRITTEN)
def test_every_json_example_is_accepted(name: str) -> None:
    for example in _examples(name, "json"):
        content = json.loads(example)
        if isinstance(content, list):
            # A record's list of preferences.
            keys = {key for preference in content for key in preference}
            assert keys == {"category", "name", "value", "source"}
        elif "streams" in content and "api_key" not in content:
            assert stream_plans(content, load_config(KEY))
        else:
            # As Airbyte's API takes it, or as it is.
            load_config(content.get("configuration", content))


@pytest.mark.parametrize("name", WRITTEN)
def test_every_message_of_an_example_is_one(name: str) -> None:
    lines = chain.from_iterable(example.splitlines() for example in _examples(name, "jsonl"))
    for number, line in enumerate(lines, start=1):
        assert isinstance(decode(line.encode(), number), RecordMessage | StateMessage)


@pytest.mark.parametrize("name", WRITTEN)
def test_every_query_of_an_example_runs(name: str) -> None:
    with sqlite3.connect(":memory:") as database:
        database.executescript(TABLES)
        for example in _examples(name, "sql"):
            database.executescript(example)
            (view,) = re.findall(r"CREATE VIEW (\w+)", example)
            assert database.execute(f"SELECT * FROM {view}").fetchall() == []  # noqa: S608 - ours
    database.close()


@pytest.mark.parametrize("name", WRITTEN)
def test_every_command_of_an_example_is_well_formed(name: str) -> None:
    for example in _examples(name, "sh"):
        subprocess.run(["/bin/sh", "-n"], input=example, check=True, text=True)


def test_the_image_of_the_proxy_recipe_sets_variables_that_are_documented() -> None:
    (example,) = _examples(RECIPES, "dockerfile")
    steps = [line.partition(" ")[::2] for line in example.splitlines()]
    told = dict(step.split("=", 1) for instruction, step in steps if instruction == "ENV")
    (base,) = (step for instruction, step in steps if instruction == "FROM")
    assert {instruction for instruction, _ in steps} == {"FROM", "COPY", "ARG", "ENV"}
    assert f"docker build -t {base} ." in _text("README.md")
    assert ("ARG", told["HTTPS_PROXY"].removeprefix("$")) in steps
    assert told["REQUESTS_CA_BUNDLE"] in {step.split()[-1] for _, step in steps}
    assert all(f"`{name}`" in _text("docs/operations.md") for name in told)


def test_terraform_configures_the_destination_as_the_api_does() -> None:
    (example,) = _examples(RECIPES, "hcl")
    (body,) = re.findall(r"jsonencode\(\{\n(.*?)\}\)", example, re.DOTALL)
    pairs = dict(re.findall(r"^ *(\w+) += (.+)$", body, re.MULTILINE))
    shown = (json.loads(one) for one in _examples(RECIPES, "json"))
    (sent,) = (one["configuration"] for one in shown if "configuration" in one)
    assert pairs.pop("api_key") == "var.maileon_api_key"
    told = {key: json.loads(value) for key, value in pairs.items()}
    assert {"api_key": sent["api_key"], **told} == sent
    assert [example.count(one) for one in "{("] == [example.count(one) for one in "})"]


@pytest.mark.parametrize(
    "name", ["README.md", PAGE, RECIPES, "docs/audiences.md", "docs/rejections.md"]
)
def test_there_are_examples_to_try(name: str) -> None:
    assert list(_examples(name, "json"))


def test_no_example_of_the_readme_claims_consent_or_fails_a_small_sync() -> None:
    for example in _examples("README.md", "json"):
        config = json.loads(example)
        assert not config.keys() & {"permission", "override_permission", "max_rejected_percent"}
        assert config.get("ignore_invalid_contacts", True)


def test_the_configuration_for_the_sandbox_leads_to_the_sandbox() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (port,) = re.findall(r"^SANDBOX_PORT \?= (\d+)", makefile, re.MULTILINE)
    configs = [json.loads(example) for example in _examples("README.md", "json")]
    (config,) = (one for one in configs if "base_url" in one)

    assert config == {"api_key": DEMO_KEY, "base_url": f"http://localhost:{port}/1.0"}


def test_the_python_example_calls_pyairbyte_as_the_tests_do() -> None:
    (example,) = _examples(RECIPES, "python")
    tried = _calls(_text("counterparts/pyairbyte_syncs.py"))

    for name, keywords in _calls(example).items():
        if name not in {"Path", "get_secret"}:
            assert keywords <= tried[name], name


def test_the_python_example_configures_the_connector_as_it_is() -> None:
    (example,) = _examples(RECIPES, "python")
    tree = ast.parse(example)
    (mapping,) = (
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "mapping"
    )
    (config,) = (
        keyword.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if ast.unparse(node.func) == "ab.get_destination" and keyword.arg == "config"
    )
    code = ast.unparse(config).replace("ab.get_secret('MAILEON_API_KEY')", "'key'")
    load_config(ast.literal_eval(code.replace("mapping}", f"{mapping!r}}}")))


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
    for target, heading in _links(name):
        assert target.exists(), target
        assert not heading or heading in _anchors(target), f"{target}#{heading}"


@pytest.mark.parametrize("name", [name for name in WRITTEN if name != "CHANGELOG.md"])
def test_every_file_that_is_named_exists(name: str) -> None:
    folders = r"(?:\w+_tests|destination_maileon|scripts|benchmark|demo|docs)"
    for path in re.findall(rf"`({folders}/[\w./-]+\.\w+)`", _text(name)):
        assert (ROOT / path).exists(), path


def test_every_module_that_the_architecture_names_exists() -> None:
    rooms = "|".join(
        path.parent.name for path in (ROOT / "destination_maileon").glob("*/__init__.py")
    )
    for path in re.findall(rf"`((?:{rooms})/\w+)`", _text("ARCHITECTURE.md")):
        assert (ROOT / "destination_maileon" / f"{path}.py").exists(), path


def test_every_page_is_linked_from_the_readme_but_the_one_for_airbyte() -> None:
    linked = {str(path.relative_to(ROOT)) for path, _ in _links("README.md") if path != ROOT}

    assert {*PAGES, *ROOT_PAGES} - linked == {PAGE, "README.md"}


def test_every_option_of_the_form_that_the_page_names_exists() -> None:
    titles = set(re.findall(r"\*\*(.+?)\*\*", _between(documents.CONFIGURATION, "config")))
    titles |= {title for _, title, _ in GROUPS}
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


READERS_PAGES = [name for name in ("README.md", *PAGES) if name.count("/") < 2]
"""Without the evidence, and Airbyte's own page."""


@pytest.mark.parametrize("name", READERS_PAGES)
def test_an_option_is_named_by_its_title_and_once_on_a_page_by_its_key_behind_it(name: str) -> None:
    tables = r"^( *)```.*?^\1```|<!-- (\w+):begin -->.*?<!-- \2:end -->"
    prose = " ".join(re.sub(tables, "", _text(name), flags=re.MULTILINE | re.DOTALL).split())
    for key, option in connection_specification()["properties"].items():
        # `permission` is a target as well.
        if not option.get("airbyte_hidden") and key != "permission":
            named = re.findall(rf"(?:\*\*([\w ]+)\*\* \()?`{key}\b", prose)
            assert named in ([], [option["title"]]), key
            assert bool(named) == (f"**{option['title']}**" in prose), option["title"]


def test_the_architecture_names_every_room_and_no_other() -> None:
    rooms = {path.parent.name for path in (ROOT / "destination_maileon").glob("*/__init__.py")}

    _, _, section = _text("ARCHITECTURE.md").partition("\n## The rooms\n")
    picture = section.split("```")[1]

    assert sorted(re.findall(r"(\w+)/ ", picture)) == sorted(rooms)


def test_the_layers_of_the_architecture_are_those_that_are_held() -> None:
    project = tomllib.loads(_text("pyproject.toml"))
    contract = project["tool"]["importlinter"]["contracts"][0]
    (drawn,) = re.findall(r"```\n(destination > .*?)```", _text("ARCHITECTURE.md"), re.DOTALL)

    assert [" ".join(layer.split()) for layer in drawn.split(">")] == contract["layers"]


def test_the_glossary_has_fifteen_words_in_order() -> None:
    _, _, glossary = _text("CONTRIBUTING.md").partition("\n## Glossary\n")
    words = re.findall(r"^\| \*\*(.+?)\*\* \|", glossary.partition("\n## ")[0], re.MULTILINE)

    assert len(words) == 15
    assert words == sorted(words)


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


def _between(page: Path, name: str) -> str:
    _, _, rest = page.read_text(encoding="utf-8").partition(f"<!-- {name}:begin -->")
    return rest.partition(f"<!-- {name}:end -->")[0]


def _examples(name: str, language: str) -> Iterator[str]:
    """The blocks of this language, those within lists included."""
    pattern = rf"^( *)```{language}\n(.*?)^\1```"
    for _, example in re.findall(pattern, _text(name), re.MULTILINE | re.DOTALL):
        yield textwrap.dedent(example)


def _links(name: str) -> Iterator[tuple[Path, str]]:
    """Where the relative links of a page lead to, and to which heading."""
    for link in re.findall(r"\]\(([^)\s]+)\)", _text(name)):
        if not re.match(r"[a-z]+:", link):
            path, _, heading = link.partition("#")
            yield ((ROOT / name).parent / path).resolve() if path else ROOT / name, heading


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

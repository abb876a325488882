"""What a release says of itself, and what is said of the packages that come with it."""

from __future__ import annotations

import json
import re
import shutil
import tomllib
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts import release

ROOT = Path(__file__).parents[2]
VEX = ROOT / ".openvex" / "destination-maileon.openvex.json"


def test_every_place_names_the_same_version() -> None:
    assert len(release.versions()) == 5
    assert len(set(release.versions().values())) == 1


def test_a_tag_of_another_version_is_refused_with_the_places_that_differ() -> None:
    with pytest.raises(SystemExit, match=r"v9\.9\.9(?s:.*)metadata\.yaml: \d"):
        release.check("v9.9.9")


@pytest.mark.parametrize(
    ("unreleased", "is_refused"),
    [("", False), ("## [Unreleased]\n\n### Added\n\n", False), ("## Unreleased\n\n- A.\n\n", True)],
)
def test_a_release_is_refused_while_changes_are_unreleased(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, unreleased: str, is_refused: bool
) -> None:
    version = release.versions()["pyproject.toml"]
    for name in ("pyproject.toml", "metadata.yaml", "Dockerfile"):
        shutil.copy(ROOT / name, tmp_path)
    changelog = f"# Changelog\n\n{unreleased}## [{version}] - 2026-01-01\n\n- B.\n"
    tmp_path.joinpath("CHANGELOG.md").write_text(changelog, encoding="utf-8")
    monkeypatch.setattr(release, "ROOT", tmp_path)

    refused = pytest.raises(SystemExit, match="Unreleased") if is_refused else nullcontext()
    with refused:
        release.check(f"v{version}")
    assert release.notes(f"v{version}") == "- B."


def test_the_notes_are_the_changelogs_section() -> None:
    notes = release.notes(f"v{release.versions()['CHANGELOG.md']}")

    assert notes
    assert notes in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert "\n## " not in notes


def test_the_registrys_entry_has_the_spec_and_what_the_metadata_says() -> None:
    metadata = yaml.safe_load((ROOT / "metadata.yaml").read_text(encoding="utf-8"))["data"]
    (entry,) = release.entry("registry.example/maileon")["destinations"]

    assert entry["dockerRepository"] == "registry.example/maileon"
    assert entry["dockerImageTag"] == metadata["dockerImageTag"]
    assert entry["destinationDefinitionId"] == metadata["definitionId"]
    assert entry["supportsDataActivation"] is True
    assert "api_key" in entry["spec"]["connectionSpecification"]["properties"]
    assert metadata.keys() >= set(release.KEPT)
    assert release.definition("registry.example/maileon") == entry


def test_no_workflow_names_a_registry() -> None:
    text = "".join(path.read_text() for path in (ROOT / ".github").rglob("*.yml"))

    assert re.findall(r"\b[\w.-]+\.(?:io|com|org)\b(?=/)", text) == []


def test_every_statement_is_about_a_version_that_the_lock_has(vex: dict[str, Any]) -> None:
    lock = tomllib.loads((ROOT / "poetry.lock").read_text(encoding="utf-8"))
    locked = {f"pkg:pypi/{one['name']}@{one['version']}" for one in lock["package"]}
    named = {
        part["@id"]
        for statement in vex["statements"]
        for product in statement["products"]
        for part in product["subcomponents"]
    }

    assert named <= locked


def test_every_statement_has_what_openvex_asks_of_not_affected(vex: dict[str, Any]) -> None:
    assert vex["@context"].startswith("https://openvex.dev/ns/")
    assert vex.keys() >= {"@id", "author", "timestamp", "version"}
    for statement in vex["statements"]:
        assert statement["status"] == "not_affected"
        assert statement["justification"] == "vulnerable_code_not_in_execute_path"


def test_people_and_scanners_are_told_of_the_same_advisories(vex: dict[str, Any]) -> None:
    told = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    stated = {statement["vulnerability"]["name"] for statement in vex["statements"]}

    assert set(re.findall(r"CVE-\d+-\d+", told)) == stated


@pytest.fixture(scope="module")
def vex() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(VEX.read_bytes())
    return content

"""The workflows and forms as GitHub reads them, and the list of what is in a release."""

from __future__ import annotations

import json
import subprocess
import tomllib
from pathlib import Path

import pytest

from integration_tests.ecosystem.counterparts import ROOT, program

FORMS = {
    "vendor.github-workflows": ".github/workflows/*.yml",
    "vendor.github-issue-forms": ".github/ISSUE_TEMPLATE/[!c]*.yml",
    "vendor.github-issue-config": ".github/ISSUE_TEMPLATE/config.yml",
    "vendor.dependabot": ".github/dependabot.yml",
}


@pytest.mark.parametrize("schema", FORMS)
def test_github_understands_the_file(schema: str) -> None:
    files = sorted(ROOT.glob(FORMS[schema]))
    assert files
    assert _said(program("release", "check-jsonschema"), "--builtin-schema", schema, *files)


def test_the_workflows_have_no_known_weakness() -> None:
    zizmor = program("release", "zizmor")

    assert _said(zizmor, "--offline", "--no-progress", "--format=json", ".github").strip() == "[]"


def test_the_list_of_what_is_in_a_release_is_the_locks() -> None:
    tool = program("release", "cyclonedx-py")
    options = ["--only", "main", "--output-reproducible", "--no-validate"]
    made = json.loads(_said(tool, "poetry", *options, "."))
    lock = tomllib.loads((ROOT / "poetry.lock").read_text(encoding="utf-8"))

    assert made["bomFormat"] == "CycloneDX"
    assert made["metadata"]["component"]["name"] == "airbyte-destination-maileon"
    assert {(part["name"], part["version"]) for part in made["components"]} == {
        (one["name"], one["version"]) for one in lock["package"] if "main" in one["groups"]
    }


def _said(*command: Path | str) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False, text=True)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    return done.stdout

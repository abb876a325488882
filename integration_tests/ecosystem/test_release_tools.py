"""The workflows and forms as GitHub reads them, and the list of what is in a release."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from integration_tests.ecosystem.counterparts import ROOT, program
from scripts import release

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


def test_the_weekly_audit_reads_every_package_that_the_connector_runs_with(tmp_path: Path) -> None:
    requirements = tmp_path / "runtime.txt"
    requirements.write_text(_said(sys.executable, "scripts/locked_requirements.py"), "utf-8")
    audit, python = program("audit", "pip-audit"), program("runtime")
    options = ["--disable-pip", "--require-hashes", "--dry-run"]
    done = subprocess.run(
        [audit, *options, "--requirement", requirements], capture_output=True, check=True, text=True
    )

    (packages,) = python.parents[1].glob("lib/python*/site-packages")
    installed = len(list(packages.glob("*.dist-info")))
    assert f"would have audited {installed} packages" in done.stderr


@pytest.fixture(scope="module")
def sbom(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The list of what is in a release, made as the workflow makes it."""
    listed = tmp_path_factory.mktemp("sbom") / "listed.json"
    tool, runtime = program("release", "cyclonedx-py"), program("runtime")
    _said(tool, "environment", "--output-reproducible", "--no-validate", "-o", listed, runtime)
    return release.sbom(str(listed))


def test_the_list_of_what_is_in_a_release_has_each_package_of_the_lock_once(
    sbom: dict[str, Any],
) -> None:
    lock = tomllib.loads((ROOT / "poetry.lock").read_text(encoding="utf-8"))
    locked = [one for one in lock["package"] if "main" in one["groups"]]
    names = [part["name"].lower().replace("_", "-") for part in sbom["components"]]
    versions = [part["version"] for part in sbom["components"]]

    assert sbom["bomFormat"] == "CycloneDX"
    assert len(set(names)) == len(names)
    assert {(one["name"], one["version"]) for one in locked} >= set(
        zip(names, versions, strict=True)
    )
    # The others are for another system or another Python.
    assert set(names) >= {one["name"] for one in locked if "markers" not in one}


def test_scanners_find_the_product_and_its_packages_in_the_list(sbom: dict[str, Any]) -> None:
    product = sbom["metadata"]["component"]
    references = {part["bom-ref"]: part for part in sbom["components"]}
    (needed,) = (one["dependsOn"] for one in sbom["dependencies"] if one["ref"] == product["purl"])
    stated = json.loads((ROOT / ".openvex/destination-maileon.openvex.json").read_bytes())
    named = {part["@id"] for part in stated["statements"][0]["products"][0]["subcomponents"]}

    assert product["purl"].startswith(stated["statements"][0]["products"][0]["@id"])
    assert {part["purl"] for part in sbom["components"]} >= named
    assert {references[one]["name"] for one in needed} >= {"airbyte-cdk", "lxml", "urllib3"}


def test_nearly_every_package_of_the_list_has_a_licence(sbom: dict[str, Any]) -> None:
    without = {part["name"] for part in sbom["components"] if not part.get("licenses")}

    # Their wheels name none where it is looked for.
    assert without <= {"protobuf", "rich-click"}


def _said(*command: Path | str) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False, text=True)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    return done.stdout

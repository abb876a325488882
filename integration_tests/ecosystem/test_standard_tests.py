"""The CDK's standard tests, as `airbyte-cdk connector test` runs them in the connector's folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from lxml import etree

from integration_tests.ecosystem import repository
from integration_tests.ecosystem.counterparts import program
from maileon_sandbox import Sandbox

CDK = Path(sys.executable).with_name("airbyte-cdk")
ANSWERING = "secrets/config.json"
TIMEOUT_SECONDS = 250

pytestmark = pytest.mark.timeout(TIMEOUT_SECONDS + 50)


@pytest.fixture(scope="module", params=["with our pytest", "with that of airbyte-cdk[dev]"])
def results(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """Outcome by test: passed, failed, or why it was skipped."""
    cdk = program("cdk-dev", "airbyte-cdk") if "[dev]" in request.param else CDK
    # The CDK knows the connector by its folder's name.
    folder = repository.copy_to(tmp_path_factory.mktemp("standard") / "destination-maileon")
    with Sandbox() as sandbox:
        _add_an_account(folder, sandbox)
        done = subprocess.run(
            [cdk, "connector", "test", ".", "--pytest-arg=-m", "--pytest-arg=not image_tests"],
            cwd=folder,
            env={**os.environ, "PYTEST_ADDOPTS": "-p no:cacheprovider"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=TIMEOUT_SECONDS,
            check=False,
            text=True,
        )
    assert done.returncode == 0, done.stdout
    report = etree.parse(folder / "build/test-results/standard-tests-junit.xml")
    return {str(case.get("name")): _outcome(case) for case in report.iter("testcase")}


def test_a_configuration_with_an_account_passes_its_check(results: dict[str, str]) -> None:
    assert results["test_check[secrets/'config' Test Scenario]"] == "passed"


def test_a_configuration_without_a_key_fails_its_check_as_said(results: dict[str, str]) -> None:
    assert results["test_check['catalog' Test Scenario]"] == "passed"


def test_the_demos_configuration_matches_the_spec(results: dict[str, str]) -> None:
    assert results["test_config_matches_spec[demo/'config' Test Scenario]"] == "passed"


def test_nothing_is_left_out_but_what_is_listed_for_another_test(results: dict[str, str]) -> None:
    others = [outcome for outcome in results.values() if outcome != "passed"]

    assert all("acceptance-test-config.yml" in why for why in others), others


def _add_an_account(folder: Path, sandbox: Sandbox) -> None:
    """The entry that acceptance-test-config.yml names for people who have one."""
    config = {"api_key": sandbox.api_key, "base_url": sandbox.base_url}
    (folder / ANSWERING).parent.mkdir()
    (folder / ANSWERING).write_text(json.dumps(config), encoding="utf-8")
    path = folder / "acceptance-test-config.yml"
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    tests = content["acceptance_tests"]["connection"]["tests"]
    tests.append({"config_path": ANSWERING, "status": "succeed"})
    path.write_text(yaml.safe_dump(content), encoding="utf-8")


def _outcome(case: etree._Element) -> str:
    children = {child.tag: child for child in case}
    if "skipped" in children:
        return str(children["skipped"].get("message"))
    return "failed" if children.keys() & {"failure", "error"} else "passed"

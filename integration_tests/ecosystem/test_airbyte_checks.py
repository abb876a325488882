"""Airbyte's own judgement of this repository: its quality checks and its models of metadata.yaml.

Each check passes, or stands in docs/evidence/airbyte-checks.md with the reason.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from destination_maileon.config.spec import connection_specification
from integration_tests.ecosystem import repository
from integration_tests.ecosystem.counterparts import ROOT, SCRIPTS, program

LISTED = "docs/evidence/airbyte-checks.md"
# A Dockerfile is asked for, for people who build the image themselves.
ACCEPTED = "Python connectors must not use a Dockerfile and must declare their base image in"
TIMEOUT_SECONDS = 250

Outcome = dict[str, str]

pytestmark = pytest.mark.timeout(TIMEOUT_SECONDS + 50)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> list[Outcome]:
    """What each check says, in a tree with the connector where Airbyte keeps its own."""
    python = program("airbyte-checks")
    tree = tmp_path_factory.mktemp("airbyte")
    connector = "airbyte-integrations/connectors/destination-maileon"
    copy = repository.copy_to(tree / connector)
    shutil.copytree(copy / "docs/integrations", tree / "docs/integrations")
    _write_spec(copy / "destination_maileon" / "spec.json")
    subprocess.run(["/usr/bin/env", "git", "init", "--quiet", tree], check=True)
    done = subprocess.run(
        [python, SCRIPTS / "qa_checks.py"],
        cwd=tree,
        capture_output=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_every_check_that_applies_passes_but_for_those_that_are_accepted(
    outcomes: list[Outcome],
) -> None:
    failed = [one for one in outcomes if one["status"] == "failed"]

    assert [one for one in failed if not one["name"].startswith(ACCEPTED)] == []
    assert sum(one["status"] == "passed" for one in outcomes) >= 16


def test_every_check_is_listed_with_its_outcome(outcomes: list[Outcome]) -> None:
    """If not, these are the first two columns of the table."""
    text = ROOT.joinpath(LISTED).read_text(encoding="utf-8")
    rows = re.findall(
        r"^\| (.+) \| (passed|failed|does not apply.*) \| (.*) \|$", text, re.MULTILINE
    )

    assert [f"{name} | {outcome}" for name, outcome, _ in rows] == [
        f"{one['name']} | {_told(one)}" for one in outcomes
    ]
    assert [name for name, outcome, why in rows if not why and outcome != "passed"] == []


def test_airbytes_models_accept_the_metadata(tmp_path: Path) -> None:
    assert _refused(ROOT / "metadata.yaml") == ""

    content = yaml.safe_load((ROOT / "metadata.yaml").read_text(encoding="utf-8"))
    content["data"] |= {"definitionId": "none", "tag": []}
    changed = tmp_path / "metadata.yaml"
    changed.write_text(yaml.safe_dump(content), encoding="utf-8")

    refused = _refused(changed)
    assert "data.definitionId" in refused
    assert "data.tag\n" in refused


def _write_spec(path: Path) -> None:
    """What the checks want of the spec, where they look for it: they start no connector."""
    schema = connection_specification()
    titles = {name: {"title": one["title"]} for name, one in schema["properties"].items()}
    spec = {"connectionSpecification": {"required": schema["required"], "properties": titles}}
    path.write_text(json.dumps(spec), encoding="utf-8")


def _told(outcome: Outcome) -> str:
    """As the table says it."""
    if outcome["status"] != "skipped":
        return outcome["status"]
    passes = ", and passes all the same" if outcome["anyway"] == "passed" else ""
    return f"does not apply{passes}"


def _refused(metadata: Path) -> str:
    """What Airbyte's registry would say against it."""
    script = (
        "import sys, yaml; from pydantic import ValidationError;"
        "from airbyte_connector_models.metadata.v0.connector_metadata_definition_v0 "
        "import ConnectorMetadataDefinitionV0 as Model\n"
        "try: Model.model_validate(yaml.safe_load(open(sys.argv[1], encoding='utf-8')))\n"
        "except ValidationError as error: print(error)"
    )
    done = subprocess.run(
        [program("airbyte-checks"), "-c", script, metadata],
        capture_output=True,
        timeout=TIMEOUT_SECONDS,
        check=True,
        text=True,
    )
    return done.stdout

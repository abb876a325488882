"""metadata.yaml: what Airbyte's registry asks of it, and that it agrees with the other files."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import yaml

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def metadata() -> dict[str, Any]:
    content = yaml.safe_load((ROOT / "metadata.yaml").read_text(encoding="utf-8"))
    assert content["metadataSpecVersion"] == "1.0"
    data: dict[str, Any] = content["data"]
    return data


@pytest.fixture(scope="module")
def poetry() -> dict[str, Any]:
    content = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    table: dict[str, Any] = content["tool"]["poetry"]
    return table


def test_version_and_licence_are_those_of_the_package(
    metadata: dict[str, Any], poetry: dict[str, Any]
) -> None:
    assert metadata["dockerImageTag"] == poetry["version"]
    assert metadata["license"] == poetry["license"]
    assert metadata["documentationUrl"] == poetry["documentation"]


def test_the_image_is_named_as_the_package(
    metadata: dict[str, Any], poetry: dict[str, Any]
) -> None:
    assert metadata["dockerRepository"].replace("/", "-") == poetry["name"]
    assert metadata["dockerRepository"] == f"airbyte/{metadata['githubIssueLabel']}"


@pytest.mark.parametrize("kind", ["language", "cdk"])
def test_there_is_one_tag_of_each_kind(metadata: dict[str, Any], kind: str) -> None:
    tags = [tag for tag in metadata["tags"] if tag.startswith(f"{kind}:")]

    assert tags == [f"{kind}:python"]


def test_the_base_image_is_the_dockerfiles_and_pinned(metadata: dict[str, Any]) -> None:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    first, *others = re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)

    assert metadata["connectorBuildOptions"]["baseImage"] == first
    assert re.fullmatch(r"\S+:\d+\.\d+\.\d+@sha256:[0-9a-f]{64}", first)
    assert set(others) == {"base"}


def test_the_definition_has_an_id_of_its_own(metadata: dict[str, Any]) -> None:
    assert UUID(metadata["definitionId"]).version == 4


def test_the_platform_is_told_what_the_connector_can_do(metadata: dict[str, Any]) -> None:
    assert metadata["connectorType"] == "destination"
    assert metadata["supportsRefreshes"] is True
    assert metadata["supportsDataActivation"] is True
    assert "api.maileon.com" in metadata["allowedHosts"]["hosts"]


def test_the_icon_is_there_and_is_an_image(metadata: dict[str, Any]) -> None:
    icon = (ROOT / metadata["icon"]).read_text(encoding="utf-8")

    assert icon.startswith("<svg ")

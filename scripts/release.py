"""What a release needs to know, by `check`, `notes`, `entry`, `definition` and `sbom`.

Decides alone in how many places a version stands, and what an Airbyte of one's own has to be told
of a connector that Airbyte's registry does not list. A test of its own holds the places.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
# What the registry's entry takes over from metadata.yaml as it stands.
KEPT = (
    "name",
    "documentationUrl",
    "releaseStage",
    "supportLevel",
    "releaseDate",
    "tags",
    "license",
    "allowedHosts",
    "supportsRefreshes",
    "supportsDataActivation",
)


def versions() -> Mapping[str, str]:
    """Every place that names the version, and which one it names."""
    places = {"pyproject.toml": tomllib.loads(_text("pyproject.toml"))["tool"]["poetry"]["version"]}
    places["metadata.yaml"] = _metadata()["dockerImageTag"]
    for label in re.findall(r"^LABEL (\S+\.version)=", _text("Dockerfile"), re.MULTILINE):
        places[f"Dockerfile {label}"] = _first(rf"^LABEL {re.escape(label)}=(\S+)", "Dockerfile")
    places["CHANGELOG.md"] = _first(r"^## \[?(\d[^\s\]]*)", "CHANGELOG.md")
    return places


def check(tag: str) -> None:
    """Raises SystemExit if a place names another version than the tag, or changes have none."""
    wrong = {place: named for place, named in versions().items() if f"v{named}" != tag}
    if wrong:
        told = "\n".join(f"  {place}: {named or 'none'}" for place, named in wrong.items())
        raise SystemExit(f"The tag is {tag}, but these name another version:\n{told}")
    if re.search(r"^[^#\s]", _section("Unreleased"), re.MULTILINE):
        raise SystemExit(f"CHANGELOG.md has changes under Unreleased: are they in {tag}?")


def notes(tag: str) -> str:
    """The changelog's section of this version."""
    return _section(tag.removeprefix("v"))


def entry(image: str) -> dict[str, Any]:
    """A registry of one connector, in the form that Airbyte's `oss_registry.json` has."""
    return {"sources": [], "destinations": [definition(image)]}


def definition(image: str) -> dict[str, Any]:
    """What Airbyte asks a registry for when its database lacks a version: `oss.json`."""
    metadata = _metadata()
    told = {
        "destinationDefinitionId": metadata["definitionId"],
        "dockerRepository": image,
        "dockerImageTag": metadata["dockerImageTag"],
        "spec": _spec(),
        "tombstone": False,
        "public": True,
        "custom": False,
    }
    return told | {name: metadata[name] for name in KEPT if name in metadata}


def sbom(file: str) -> dict[str, Any]:
    """The list of an environment's packages (CycloneDX, JSON) as that of what this project needs.

    What made the list reads no name of a project out of the tables that Airbyte's checks ask for.
    """
    listed: dict[str, Any] = json.loads(Path(file).read_bytes())
    project = tomllib.loads(_text("pyproject.toml"))["tool"]["poetry"]
    references = {part["name"].lower(): part["bom-ref"] for part in listed["components"]}
    needed = [references[name] for name in project["dependencies"] if name != "python"]
    purl = f"pkg:pypi/{project['name']}@{project['version']}"
    listed["metadata"]["component"] = {
        "bom-ref": purl,
        "type": "application",
        "name": project["name"],
        "version": project["version"],
        "licenses": [{"license": {"id": project["license"]}}],
        "purl": purl,
    }
    listed["dependencies"].append({"ref": purl, "dependsOn": sorted(needed)})
    return listed


def _section(name: str) -> str:
    """What the changelog has under this heading; empty without it."""
    sections = re.split(r"^(?=## )", _text("CHANGELOG.md"), flags=re.MULTILINE)
    heading = re.compile(rf"## \[?{re.escape(name)}(?![\w.-])")
    return "".join(one.partition("\n")[2].strip() for one in sections if heading.match(one))


def _spec() -> dict[str, Any]:
    """What the program itself says."""
    program = Path(sys.executable).with_name("destination-maileon")
    done = subprocess.run([program, "spec"], stdout=subprocess.PIPE, check=True)  # noqa: S603 - our own
    spec: dict[str, Any] = json.loads(done.stdout)["spec"]
    return spec


def _metadata() -> dict[str, Any]:
    data: dict[str, Any] = yaml.safe_load(_text("metadata.yaml"))["data"]
    return data


def _first(pattern: str, name: str) -> str:
    found = re.search(pattern, _text(name), re.MULTILINE)
    return found.group(1) if found else ""


def _text(name: str) -> str:
    return ROOT.joinpath(name).read_text(encoding="utf-8")


TELLS: Mapping[str, Callable[[str], str | dict[str, Any]]] = {
    "notes": notes,
    "entry": entry,
    "definition": definition,
    "sbom": sbom,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("what", choices=["check", *TELLS])
    parser.add_argument("name", help="the tag, the image without it, or the file")
    arguments = parser.parse_args()
    if arguments.what == "check":
        check(arguments.name)
    else:
        told = TELLS[arguments.what](arguments.name)
        print(told if isinstance(told, str) else json.dumps(told, indent=2))  # noqa: T201 - its output


if __name__ == "__main__":
    main()

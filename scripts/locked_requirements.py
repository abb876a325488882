"""The current folder's poetry.lock as a requirements file for pip, on standard output.

The lock stays the only list of versions, and a machine with nothing but Python and pip installs
exactly it: every version pinned, every file checked against the hashes the lock names. Runs before
anything is installed, hence the standard library alone. Understands lock-version 2.1, in which
each package names its groups and its marker.
"""

from __future__ import annotations

import argparse
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LOCK_VERSION = "2.1"
RUNTIME_GROUP = "main"


def requirements(lock: dict[str, Any], *, groups: frozenset[str]) -> Iterator[str]:
    version = lock["metadata"]["lock-version"]
    if version != LOCK_VERSION:
        raise SystemExit(f"poetry.lock has lock-version {version}, this reads {LOCK_VERSION}.")
    for package in lock["package"]:
        wanted = groups.intersection(package["groups"])
        if wanted:
            yield requirement(package, marker=_marker(package, wanted=wanted))


def requirement(package: dict[str, Any], *, marker: str) -> str:
    hashes = sorted({file["hash"] for file in package["files"]})
    pin = f"{package['name']}=={package['version']}" + (f" ; {marker}" if marker else "")
    return " \\\n    ".join([pin, *(f"--hash={digest}" for digest in hashes)])


def _marker(package: dict[str, Any], *, wanted: frozenset[str]) -> str:
    """One marker for all groups, or a table by group, where a missing group means always."""
    markers = package.get("markers", "")
    if isinstance(markers, str):
        return markers
    if any(group not in markers for group in wanted):
        return ""
    return " or ".join(f"({markers[group]})" for group in sorted(wanted))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--dev", action="store_true", help="with the tools for development")
    parser.add_argument("--only", metavar="NAME", nargs="+", help="these packages and no other")
    arguments = parser.parse_args()
    groups = {RUNTIME_GROUP, "dev"} if arguments.dev else {RUNTIME_GROUP}
    lock = tomllib.loads(Path("poetry.lock").read_text(encoding="utf-8"))
    if arguments.only:
        lock["package"] = [one for one in lock["package"] if one["name"] in arguments.only]
    print("\n".join(requirements(lock, groups=frozenset(groups))))  # noqa: T201 - its output


if __name__ == "__main__":
    main()

"""Airbyte's checks of a connector's repository, over a copy of this one, without a network.

Runs in the environment of airbyte-checks.in, with the root of a tree like Airbyte's as its
directory. Puts out one JSON object per check: name, status, what came of it
although it does not apply, message.

Decides alone what stands in for Airbyte's hosts. They are asked about the connector, and get the
answers for one that is not published yet; whatever else is asked for fails.
"""

from __future__ import annotations

import importlib.util
import io
import json
import sys
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path
from types import ModuleType
from unittest import mock

import requests

CONNECTOR = "destination-maileon"
# Their __init__ modules import every tool of Airbyte's staff, and with them two hundred packages.
PACKAGES = ("airbyte_ops_mcp", "airbyte_ops_mcp.registry")


def _leave_out_the_init_modules() -> None:
    """Makes packages known as mere folders of modules."""
    found = importlib.util.find_spec(PACKAGES[0])
    if found is None or not found.origin:
        raise SystemExit("airbyte-internal-ops is not installed here.")
    top = Path(found.origin).parents[1]
    for name in PACKAGES:
        package = ModuleType(name)
        package.__path__ = [str(top.joinpath(*name.split(".")))]
        sys.modules[name] = package


_leave_out_the_init_modules()

from airbyte_ops_mcp.connector_ops.utils import Connector
from airbyte_ops_mcp.connector_qa.checks import ENABLED_CHECKS, metadata
from airbyte_ops_mcp.connector_qa.checks.documentation.documentation import (
    CheckDocumentationContent,
    CheckDocumentationLinks,
)
from airbyte_ops_mcp.connector_qa.models import Check

# Airbyte's own switch; Docker Hub is asked for the base image otherwise.
OFFLINE = partial(metadata.ValidatorOptions, disable_dockerhub_checks=True)


def main() -> None:
    connector = Connector(CONNECTOR)
    with (
        mock.patch("requests.get", _answer),
        mock.patch.object(metadata, "ValidatorOptions", OFFLINE),
    ):
        for check in ENABLED_CHECKS:
            # They print what they do.
            with redirect_stdout(sys.stderr):
                result = check.run(connector)
                anyway = check._run(connector) if _tells_something(check) else result
            outcome = {
                "name": check.name,
                "status": result.status.name.lower(),
                "anyway": anyway.status.name.lower(),
                "message": anyway.message,
            }
            print(json.dumps(outcome))


def _tells_something(check: Check) -> bool:
    """Whether a check of a source's page is worth a look at a destination's."""
    needs_a_network = isinstance(check, CheckDocumentationLinks)
    return isinstance(check, CheckDocumentationContent) and not needs_a_network


def _answer(url: str, **_options: object) -> requests.Response:
    answer = requests.Response()
    if "connectors.airbyte.com/files/registries" in url:
        answer.status_code = 200
        answer.raw = io.BytesIO(b'{"sources": [], "destinations": []}')
    elif "raw.githubusercontent.com/airbytehq/airbyte" in url:
        answer.status_code = 404
    else:
        raise requests.ConnectionError(f"No network here for {url}")
    return answer


if __name__ == "__main__":
    main()

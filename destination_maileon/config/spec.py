"""The configuration's model -> what the command `spec` prints.

This module alone decides what Airbyte is told about the connector before there is a configuration:
the form's groups, the documentation's address and the supported sync modes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from destination_maileon.config.model import Config
from destination_maileon.config.schema import flat_schema

if TYPE_CHECKING:
    # The CDK exports the protocol's classes with a star, which mypy does not count as an export.
    from airbyte_cdk.models import ConnectorSpecification  # type: ignore[attr-defined]

DOCUMENTATION_URL = "https://docs.airbyte.com/integrations/destinations/maileon"
SYNC_MODES = ("append", "append_dedup")
"""Without data activation. What that offers besides is said by `discover`, per object."""

GROUPS = (
    ("account", "Maileon Account"),
    ("contacts", "Contacts"),
    ("consent", "Consent"),
    ("mapping", "Columns and Fields"),
    ("removal", "Deletions"),
    ("rejected", "Rejected Records"),
    ("safety", "Try It First"),
    ("advanced", "Advanced"),
)


def connection_specification() -> dict[str, Any]:
    """The JSON Schema of the configuration.

    Unknown keys pass it: the platform reads `additionalProperties: false` as a promise that no key
    will ever go, and the model refuses them in words that name the key that was meant.
    """
    schema = flat_schema(Config)
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": schema["title"],
        "type": "object",
        "required": schema["required"],
        "additionalProperties": True,
        "groups": [{"id": group, "title": title} for group, title in GROUPS],
        "properties": schema["properties"],
    }


def specification() -> dict[str, Any]:
    """The content of the SPEC message."""
    return {
        "documentationUrl": DOCUMENTATION_URL,
        "supportsIncremental": True,
        "supported_destination_sync_modes": list(SYNC_MODES),
        "connectionSpecification": connection_specification(),
    }


def connector_specification() -> ConnectorSpecification:
    """The specification as the CDK's entry point wants it."""
    # Not at the top: `specification()` serves who has no need of the CDK, which is slow to import.
    from airbyte_cdk.models import (  # type: ignore[attr-defined]  # noqa: PLC0415
        ConnectorSpecification,
        DestinationSyncMode,
    )

    content = specification()
    modes = [DestinationSyncMode(mode) for mode in content.pop("supported_destination_sync_modes")]
    return ConnectorSpecification(**content, supported_destination_sync_modes=modes)

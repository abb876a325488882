"""The configuration's model -> what the command `spec` prints.

This module alone decides what Airbyte is told about the connector before there is a configuration:
the form's groups, the documentation's address, the supported sync modes, and the plain schema that
its form builder understands. Of the options it knows only where the form's groups begin.
"""

from functools import cache
from typing import Any, TypeAlias

from destination_maileon.config.model import Config

Schema: TypeAlias = dict[str, Any]

DOCUMENTATION_URL = "https://support.maileon.com/support/synchronize-contacts/"
"""Of the call that writes contacts; Airbyte's site has no page of this connector."""
SYNC_MODES = ("append", "append_dedup", "overwrite")
"""Without data activation, whose modes `discover` tells; overwrite only for audiences."""
GROUPS = (
    ("safety", "Try It First", "dry_run"),
    ("account", "Maileon Account", "api_key"),
    ("contacts", "Contacts", "identifier_mode"),
    ("consent", "Consent", "permission"),
    ("mapping", "Columns and Fields", "streams"),
    ("removal", "Deletions", "deleted_records"),
    ("rejected", "Rejected Records", "object_storage_config"),
    ("advanced", "Advanced", "base_url"),
)
"""The form's headings in their order: name, title, and the first option that stands below it."""


def specification() -> Schema:
    """The content of the SPEC message."""
    return {
        "documentationUrl": DOCUMENTATION_URL,
        "supportsIncremental": True,
        "supported_destination_sync_modes": list(SYNC_MODES),
        "connectionSpecification": connection_specification(),
    }


@cache
def connection_specification() -> Schema:
    """The JSON Schema of the configuration, without `$ref`, `$defs`, `anyOf` and `allOf`.

    Unknown keys pass it: the platform reads `additionalProperties: false` as a promise that no key
    will ever go, and the model refuses them in words that name the key that was meant.
    """
    schema = Config.model_json_schema()
    schema = _flat(schema, schema["$defs"])
    begins = {key: group for group, _, key in GROUPS}
    group = ""
    for key, node in schema["properties"].items():
        node["group"] = group = begins.get(key, group)
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": schema["title"],
        "type": "object",
        "required": schema["required"],
        "additionalProperties": True,
        "groups": [{"id": group, "title": title} for group, title, _ in GROUPS],
        "properties": schema["properties"],
    }


_PYDANTICS_OWN = ("$defs", "additionalProperties", "discriminator", "format", "writeOnly")
"""Left out: unknown keys are refused by the model, and secrets are marked by `airbyte_secret`."""


def _flat(node: Any, definitions: Schema) -> Any:  # noqa: ANN401 - a JSON value
    if isinstance(node, list):
        return [_flat(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    node = _resolved(node, definitions)
    flat = {
        name: value if name in {"default", "examples"} else _flat(value, definitions)
        for name, value in node.items()
        if name not in {*_PYDANTICS_OWN, "properties"}
    }
    if "properties" in node:
        # Their names are no keywords.
        flat["properties"] = {
            name: {**_flat(schema, definitions), "order": order}
            for order, (name, schema) in enumerate(node["properties"].items())
        }
    return flat


def _resolved(node: Schema, definitions: Schema) -> Schema:
    """The node with what it refers to; what it says itself counts more, but for a null default."""
    own = {key: value for key, value in node.items() if (key, value) != ("default", None)}
    if reference := own.pop("$ref", None):
        # The description stands first, as it did when each enum had one of its own.
        target = {"description": "", **definitions[reference.rpartition("/")[2]]}
    elif choices := own.pop("anyOf", None):
        (target,) = (choice for choice in choices if choice != {"type": "null"})
    else:
        return own
    return _resolved({**target, **own}, definitions)

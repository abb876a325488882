"""What Airbyte's platform does with a destination catalog, from the form to the configured stream.

A person chooses an object, a sync mode, a matching key, and a destination field for each field of
the source. The platform validates the choice, renames the fields of catalog and records, and hands
the matching key over as the primary key. Sources: Airbyte platform, `ConnectionsHandler`
(`validateCatalogWithDestinationCatalog`), `FieldGenerator`, and the web app's form for data
activation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

# The package has no marker for type checkers.
from airbyte_protocol_dataclasses.models import AirbyteMessage  # type: ignore[import-untyped]
from jsonschema import Draft202012Validator
from pydantic import TypeAdapter

from integration_tests.bookkeeping import Json, Run
from integration_tests.platform import stream

# Of a property's type and format: what the platform shows, for those that it knows.
KNOWN_TYPES = {
    ("boolean", None),
    ("integer", None),
    ("number", None),
    ("object", None),
    ("array", None),
    ("string", None),
    ("string", "date"),
    ("string", "date-time"),
    ("string", "time"),
}
_PROTOCOL = TypeAdapter(AirbyteMessage)


class Invalid(Exception):
    """The platform refuses to save the connection."""


def operations(run: Run) -> dict[str, Json]:
    """What `discover` offers, by sync mode; it must be as the protocol's models want it."""
    assert (run.exit_code, run.stderr) == (0, "")
    (message,) = run.of_type("DESTINATION_CATALOG")
    Draft202012Validator(_PROTOCOL.json_schema()).validate(message)
    # A key that the models do not have would not come back.
    known = _PROTOCOL.dump_python(_PROTOCOL.validate_python(message), mode="json")
    assert _without_nulls(known) == message
    offered: list[Json] = message["destination_catalog"]["operations"]
    assert all(map(_is_known, _properties(offered)))
    return {operation["sync_mode"]: operation for operation in offered}


@dataclass(frozen=True, slots=True)
class Choice:
    """What a person chose for one stream; `fields` are destination names by source name."""

    sync_mode: str
    fields: Mapping[str, str]
    matching_key: tuple[str, ...] | None = None
    object_name: str = "contact"

    def configured(self, offered: Mapping[str, Json], name: str = "people") -> Json:
        """The configured stream that the destination gets; raises Invalid."""
        operation = offered.get(self.sync_mode)
        if operation is None or operation["object_name"] != self.object_name:
            raise Invalid("no such operation")
        schema = operation["json_schema"]
        names = list(self.fields.values())
        if len(set(names)) < len(names):
            raise Invalid("a destination field is chosen twice")
        if not set(schema["required"]) <= set(names):
            raise Invalid("a required field is not mapped")
        if not schema["additionalProperties"] and not set(names) <= set(schema["properties"]):
            raise Invalid("a field does not exist")
        if self.matching_key is not None and not self._key_is_offered(operation):
            raise Invalid("no such matching key, or it is not mapped")
        properties = {one: schema["properties"].get(one, {"type": "string"}) for one in names}
        return stream(
            properties,
            destination_object_name=self.object_name,
            destination_sync_mode=self.sync_mode,
            primary_key=[[key] for key in self.matching_key or ()],
            name=name,
        )

    def renamed(self, data: Mapping[str, object]) -> Json:
        """The record's data as the destination gets it: chosen fields alone, by their new names."""
        return {self.fields[name]: value for name, value in data.items() if name in self.fields}

    def _key_is_offered(self, operation: Json) -> bool:
        key = list(self.matching_key or ())
        return key in operation["matching_keys"] and set(key) <= set(self.fields.values())


def _properties(offered: list[Json]) -> list[Json]:
    return [one for operation in offered for one in operation["json_schema"]["properties"].values()]


def _is_known(schema: Json) -> bool:
    return (schema["type"], schema.get("format")) in KNOWN_TYPES and schema.keys() <= {
        "type",
        "format",
    }


def _without_nulls(value: object) -> object:
    if isinstance(value, dict):
        return {key: _without_nulls(one) for key, one in value.items() if one is not None}
    return [_without_nulls(one) for one in value] if isinstance(value, list) else value

"""The live account -> DESTINATION_CATALOG: what data activation can map in Airbyte's UI.

This module alone decides how the account's fields look there. Every field is named by its target,
so that `targets` finds the way back. Types only in the forms that the UI knows: a string with
another format than date, date-time or time becomes an unknown type there (Airbyte platform).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from destination_maileon.config.model import Config, DeletedRecords, UnmappedColumns
from destination_maileon.config.targets import Kind, Target
from destination_maileon.maileon.contact import STANDARD_FIELDS, FieldType, IdentifierMode
from destination_maileon.maileon.sync_options import SynchronizationMode

Json = dict[str, object]

CONTACT = "contact"
"""The one object of data activation (`destination_object_name`)."""


@dataclass(frozen=True, slots=True)
class Operation:
    """What a destination sync mode of data activation asks for."""

    sync_mode: SynchronizationMode
    update_only: bool = False
    deletes: bool = False
    needs_key: bool = True


OPERATIONS: Mapping[str, Operation] = {
    "append_dedup": Operation(SynchronizationMode.UPDATE),
    "update": Operation(SynchronizationMode.UPDATE, update_only=True),
    "append": Operation(SynchronizationMode.IGNORE, needs_key=False),
    "soft_delete": Operation(SynchronizationMode.UPDATE, deletes=True),
}

_SCHEMAS: Mapping[FieldType, Mapping[str, str]] = {
    FieldType.STRING: {"type": "string"},
    FieldType.GENDER: {"type": "string"},
    FieldType.LOCALE: {"type": "string"},
    FieldType.INTEGER: {"type": "integer"},
    FieldType.FLOAT: {"type": "number"},
    FieldType.BOOLEAN: {"type": "boolean"},
    FieldType.DATE: {"type": "string", "format": "date"},
    FieldType.TIMESTAMP: {"type": "string", "format": "date-time"},
}


def destination_catalog(
    config: Config,
    custom_fields: Mapping[str, FieldType],
    preferences: Collection[tuple[str, str]],
) -> Json:
    """The catalog: one operation for each thing that can be done with contacts."""
    schema: Json = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "required": [],
        "properties": _properties(custom_fields, preferences),
        "additionalProperties": config.unmapped_columns is UnmappedColumns.CREATE,
    }
    removes = config.deleted_records is not DeletedRecords.IGNORE
    operations = [
        {
            "object_name": CONTACT,
            "sync_mode": mode,
            "json_schema": schema,
            "matching_keys": [[key.value] for key in IdentifierMode],
        }
        for mode, operation in OPERATIONS.items()
        if removes or not operation.deletes
    ]
    return {"operations": operations}


def _properties(
    custom_fields: Mapping[str, FieldType], preferences: Collection[tuple[str, str]]
) -> Json:
    properties: Json = {mode.value: {"type": "string"} for mode in IdentifierMode}
    for name, field_type in STANDARD_FIELDS.items():
        properties[str(Target(Kind.STANDARD, name))] = dict(_SCHEMAS[field_type])
    for name, field_type in sorted(custom_fields.items()):
        properties[str(Target(Kind.CUSTOM, name))] = dict(_SCHEMAS[field_type])
    for category, name in sorted(preferences):
        properties[str(Target(Kind.PREFERENCE, name, category))] = {"type": "boolean"}
    # The platform drops what a connection does not map: an opt-out must have a place to go.
    properties[Kind.PERMISSION] = {"type": "string"}
    properties[Kind.UNSUBSCRIBE] = properties[Kind.DELETED] = {"type": "boolean"}
    return properties

"""The live account -> DESTINATION_CATALOG: what data activation can map in Airbyte's UI.

This module alone decides how the account's fields look there, and what can be done with them. Every
field is named by its target, so that `targets` finds the way back.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from destination_maileon.config.spec import Config, DeletedRecords, UnmappedColumns
from destination_maileon.config.targets import Kind, Target
from destination_maileon.maileon.contact import STANDARD_FIELDS, FieldType, IdentifierMode
from destination_maileon.maileon.sync_options import SynchronizationMode

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

_TEXT = {"type": "string"}
_YES_OR_NO = {"type": "boolean"}
_SCHEMAS: Mapping[FieldType, Mapping[str, str]] = {
    FieldType.INTEGER: {"type": "integer"},
    FieldType.FLOAT: {"type": "number"},
    FieldType.BOOLEAN: _YES_OR_NO,
    FieldType.DATE: {"type": "string", "format": "date"},
    FieldType.TIMESTAMP: {"type": "string", "format": "date-time"},
}
"""Where not text. A string with another format than these and time becomes an unknown type in
Airbyte's UI (Airbyte platform)."""


def destination_catalog(
    config: Config, custom_fields: Mapping[str, FieldType], preferences: Collection[tuple[str, str]]
) -> dict[str, object]:
    """The catalog: one operation for each thing that can be done with contacts."""
    fields = [(Target(Kind.STANDARD, name), kind) for name, kind in STANDARD_FIELDS.items()]
    fields += [(Target(Kind.CUSTOM, name), kind) for name, kind in sorted(custom_fields.items())]
    named = [Target(Kind.PREFERENCE, name, category) for category, name in sorted(preferences)]
    schema = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "required": [],
        "properties": {
            **{mode.value: _TEXT for mode in IdentifierMode},
            **{str(target): _SCHEMAS.get(kind, _TEXT) for target, kind in fields},
            **{str(target): _YES_OR_NO for target in named},
            # The platform drops what a connection does not map: an opt-out must have a place to go.
            Kind.PERMISSION: _TEXT,
            Kind.UNSUBSCRIBE: _YES_OR_NO,
            Kind.DELETED: _YES_OR_NO,
        },
        "additionalProperties": config.unmapped_columns is UnmappedColumns.CREATE,
    }
    removes = config.deleted_records is not DeletedRecords.IGNORE
    keys = [[key.value] for key in IdentifierMode]
    operations = [
        {"object_name": CONTACT, "sync_mode": mode, "json_schema": schema, "matching_keys": keys}
        for mode, operation in OPERATIONS.items()
        if removes or not operation.deletes
    ]
    return {"operations": operations}

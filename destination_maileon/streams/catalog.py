"""Configured catalog + configuration -> one StreamPlan per stream.

This module alone decides what passes for a configured catalog, which destination sync modes are
accepted, and which identifier mode and options a stream's calls have. What is missing or unknown in
a catalog is no error where Airbyte's older platforms leave it out, or newer ones add to it. A
refresh or a Clear (`minimum_generation_id` equal to `generation_id`) changes nothing here: contacts
are people, and none is deleted because a table is read anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from destination_maileon.config.model import ColumnMapping, Config, DeletedRecords
from destination_maileon.config.suggestions import shown
from destination_maileon.errors import ConfigError
from destination_maileon.maileon.identifier import IdentifierMode
from destination_maileon.maileon.sync_options import Permission, SynchronizationMode, SyncOptions
from destination_maileon.protocol.messages import StreamKey

CONTACT = "contact"
"""The one object of data activation (`destination_object_name`)."""

PLAIN_MODES = ("append", "append_dedup")
"""Without an object both do the same."""


@dataclass(frozen=True, slots=True)
class Operation:
    """What a destination sync mode of data activation asks for."""

    sync_mode: SynchronizationMode
    update_only: bool = False
    deletes: bool = False
    needs_key: bool = True


OPERATIONS: Mapping[str, Operation] = MappingProxyType(
    {
        "append_dedup": Operation(SynchronizationMode.UPDATE),
        "update": Operation(SynchronizationMode.UPDATE, update_only=True),
        "append": Operation(SynchronizationMode.IGNORE, needs_key=False),
        "soft_delete": Operation(SynchronizationMode.UPDATE, deletes=True),
    }
)


def stream_title(key: StreamKey) -> str:
    """The stream as a person reads it: `namespace.name`, or the name alone."""
    namespace, name = key
    return f"{namespace}.{name}" if namespace else name


@dataclass(frozen=True, eq=False, slots=True)
class StreamPlan:
    """What is fixed for a stream before its first record.

    `properties` are those of its JSON schema, `mapping` the explicit one by column. `is_activated`:
    the connection chose object, operation and matching key (data activation).
    """

    key: StreamKey
    options: SyncOptions
    properties: Mapping[str, object] = field(default_factory=dict)
    mapping: Mapping[str, ColumnMapping] = field(default_factory=dict)
    permission: Permission | None = None
    every_record_is_deleted: bool = False
    is_activated: bool = False
    has_chosen_key: bool = False
    sync_id: int | None = None

    @property
    def title(self) -> str:
        """The stream as a person reads it."""
        return stream_title(self.key)

    @property
    def identifiers(self) -> frozenset[str]:
        """The targets of which the stream needs one; for a key that was chosen no other will do."""
        mode = self.options.identifier_mode
        return frozenset({mode.value}) if self.has_chosen_key else mode.columns

    @property
    def permission_name(self) -> str:
        """The permission as the configuration spells it."""
        return "not_set" if self.permission is None else self.permission.name.lower()


@dataclass(frozen=True, eq=False, slots=True)
class PartitionKey:
    """What the contacts of a call have in common: stream and permission. One of each is made."""

    plan: StreamPlan
    permission: Permission | None


def _none_as_empty(value: object) -> object:
    return {} if value is None else value


class _Stream(BaseModel):
    model_config = ConfigDict(extra="ignore")
    name: str
    namespace: str | None = None
    json_schema: Annotated[dict[str, object], BeforeValidator(_none_as_empty)] = {}


class ConfiguredStream(BaseModel):
    """A stream of the connection, and what the connection says of it."""

    model_config = ConfigDict(extra="ignore")
    stream: _Stream
    destination_sync_mode: str | None = None
    primary_key: list[list[str]] | None = None
    destination_object_name: str | None = None
    sync_id: int | None = None

    @property
    def key(self) -> StreamKey:
        """Namespace and name, as records carry them."""
        return self.stream.namespace or None, self.stream.name

    @property
    def properties(self) -> dict[str, object]:
        """Of its JSON schema."""
        properties = self.stream.json_schema.get("properties")
        return properties if isinstance(properties, dict) else {}

    @property
    def matching_key(self) -> IdentifierMode | None:
        """The identifier that the connection chose; None if it chose none that is one."""
        modes = {mode.value: mode for mode in IdentifierMode}
        match self.primary_key:
            case [[column]] if column in modes:
                return modes[column]
        return None


class ConfiguredCatalog(BaseModel):
    """The streams of the connection."""

    model_config = ConfigDict(extra="ignore")
    streams: list[ConfiguredStream]


def stream_plans(raw_catalog: object, config: Config) -> dict[StreamKey, StreamPlan]:
    """One plan per stream of the catalog.

    Raises:
        ConfigError: with all problems of all streams.
    """
    catalog = parse_catalog(raw_catalog)
    mappings = {(stream.namespace, stream.name): stream.mapping for stream in config.streams}
    problems: list[str] = []
    plans: dict[StreamKey, StreamPlan] = {}
    seen: set[StreamKey] = set()
    for configured in catalog.streams:
        key = configured.key
        if key in seen:
            problems.append(f'Stream "{stream_title(key)}" stands twice in the catalog.')
        seen.add(key)
        found = list(_problems(configured, config))
        problems += [f'Stream "{stream_title(key)}": {problem}' for problem in found]
        if not found:
            # The mapping that names the stream's namespace, else the one that names none.
            mapping = mappings.get(key) or mappings.get((None, key[1])) or ()
            plans[key] = _plan(configured, config, mapping)
    if problems:
        raise ConfigError(" ".join(problems))
    return plans


def unused_mappings(plans: Mapping[StreamKey, StreamPlan], config: Config) -> list[str]:
    """The names of streams that the configuration maps and the catalog does not have."""
    there = {*plans, *((None, name) for _, name in plans)}
    wanted = [(stream.namespace, stream.name) for stream in config.streams]
    return [stream_title(key) for key in wanted if key not in there]


def parse_catalog(raw_catalog: object) -> ConfiguredCatalog:
    """The catalog, if it is one.

    Raises:
        ConfigError: with the first place that is not as it should be.
    """
    try:
        return ConfiguredCatalog.model_validate(raw_catalog)
    except ValidationError as invalid:
        first = invalid.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(step) for step in first["loc"]) or "the whole file"
        said = _in_words(first["type"], first["msg"])
        raise ConfigError(
            f"The catalog is not a configured Airbyte catalog ({place}: {said}). "
            "Refresh the connection's schema in Airbyte and sync again."
        ) from None


def _in_words(kind: str, said: str) -> str:
    """A problem that pydantic tells in words that are none for a person."""
    return "must be an object" if kind in {"model_type", "dict_type"} else said


def _problems(configured: ConfiguredStream, config: Config) -> Iterator[str]:
    mode = configured.destination_sync_mode
    if not configured.destination_object_name:
        if mode not in {None, *PLAIN_MODES}:
            yield _needs_object(mode) if mode in OPERATIONS else _wrong_mode(mode, PLAIN_MODES)
        return
    if configured.destination_object_name != CONTACT:
        name = shown(configured.destination_object_name)
        yield f'Maileon has no object {name} to write to. Choose the object "{CONTACT}".'
        return
    operation = OPERATIONS.get(mode or "")
    if operation is None:
        yield _wrong_mode(mode, OPERATIONS)
        return
    if operation.deletes and config.deleted_records is DeletedRecords.IGNORE:
        yield (
            'the sync mode soft_delete needs "deleted_records" in the configuration to be '
            "unsubscribe or delete, so that nobody is removed unasked."
        )
    if configured.matching_key is None and (operation.needs_key or configured.primary_key):
        keys = ", ".join(mode.value for mode in IdentifierMode)
        yield f"the matching key must be one of {keys}. Choose one of them in the connection."


def _needs_object(mode: str | None) -> str:
    return (
        f'the destination sync mode {mode} is for connections that choose the object "{CONTACT}". '
        f"Choose it, or one of {', '.join(PLAIN_MODES)}, in the connection."
    )


def _wrong_mode(mode: str | None, supported: Mapping[str, Operation] | tuple[str, ...]) -> str:
    known = mode if mode in {*OPERATIONS, "overwrite", "overwrite_dedup"} else "that is set"
    return (
        f"the destination sync mode {known} is not supported, since it would delete contacts or "
        f"has no meaning for them. Choose one of {', '.join(supported)} in the connection."
    )


def _plan(
    configured: ConfiguredStream, config: Config, mapping: Iterable[ColumnMapping]
) -> StreamPlan:
    options = SyncOptions(
        identifier_mode=config.identifier_mode,
        sync_mode=config.sync_mode,
        update_only=config.update_only,
        override_permission=config.override_permission,
        reimport_unsubscribed_contacts=config.reimport_unsubscribed_contacts,
        ignore_invalid_contacts=config.ignore_invalid_contacts,
    )
    plan = StreamPlan(
        key=configured.key,
        options=options,
        properties=configured.properties,
        mapping={entry.column: entry for entry in mapping},
        permission=config.permission,
        sync_id=configured.sync_id,
    )
    return _activated(plan, configured) if configured.destination_object_name else plan


def _activated(plan: StreamPlan, configured: ConfiguredStream) -> StreamPlan:
    operation = OPERATIONS[configured.destination_sync_mode or ""]
    key = configured.matching_key
    options = replace(
        plan.options,
        identifier_mode=key or plan.options.identifier_mode,
        sync_mode=operation.sync_mode,
        update_only=operation.update_only,
    )
    return replace(
        plan,
        options=options,
        every_record_is_deleted=operation.deletes,
        is_activated=True,
        has_chosen_key=key is not None,
    )

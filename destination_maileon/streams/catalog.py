"""Configured catalog + configuration -> one StreamPlan per stream.

This module alone decides what passes for a configured catalog, which destination sync modes are
accepted, and which options a stream's calls have. A refresh or a Clear deletes nobody.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel, ValidationError

from destination_maileon.config import spec
from destination_maileon.config.spec import Config, StreamConfig, titled
from destination_maileon.config.suggestions import did_you_mean, shown
from destination_maileon.errors import ConfigError
from destination_maileon.maileon.contact import IdentifierMode
from destination_maileon.maileon.sync_options import Permission, SynchronizationMode, SyncOptions
from destination_maileon.protocol.messages import StreamKey
from destination_maileon.streams.discovery import CONTACT, OPERATIONS, Operation
from destination_maileon.streams.entry_matching import StreamEntries

PLAIN_MODES = ("append", "append_dedup")
OVERWRITE = "overwrite"
"""Without an object. Overwrite only for a stream with an audience."""


def stream_title(key: StreamKey) -> str:
    """The stream as a person reads it: `namespace.name`, or the name alone."""
    return ".".join(filter(None, key))


@dataclass(frozen=True, eq=False, slots=True)
class StreamPlan:
    """What is fixed for a stream before its first record.

    `properties` are those of its JSON schema, `mapping` the explicit one by column. `is_activated`:
    the connection chose object, operation and matching key (data activation). `overwrites`: those
    who are no longer in the stream drop out of its audience.
    """

    key: StreamKey
    options: SyncOptions
    properties: Mapping[str, object] = field(default_factory=dict)
    mapping: Mapping[str, spec.ColumnMapping] = field(default_factory=dict)
    permission: Permission | None = None
    every_record_is_deleted: bool = False
    is_activated: bool = False
    has_chosen_key: bool = False
    sync_id: int | None = None
    audience_field: str | None = None
    generation_id: int | None = None
    overwrites: bool = False

    @property
    def title(self) -> str:
        return stream_title(self.key)

    @property
    def identifiers(self) -> frozenset[str]:
        """The targets of which the stream needs one; for a key that was chosen no other will do."""
        mode = self.options.identifier_mode
        return frozenset({mode.value}) if self.has_chosen_key else mode.columns

    @property
    def audience_number(self) -> int:
        """What the audience's field holds for who is in the stream; above 0 in every sync."""
        return (self.generation_id or 0) + 1

    @property
    def permission_name(self) -> str:
        """The permission as the configuration spells it."""
        return "not_set" if self.permission is None else self.permission.name.lower()


@dataclass(frozen=True, eq=False, slots=True)
class PartitionKey:
    """What the contacts of a call have in common: stream and permission. One of each is made."""

    plan: StreamPlan
    permission: Permission | None


class _Stream(BaseModel):
    name: str
    namespace: str | None = None
    json_schema: dict[str, object] | None = None


class ConfiguredStream(BaseModel):
    """A stream of the connection, and what the connection says of it."""

    stream: _Stream
    destination_sync_mode: str | None = None
    primary_key: list[list[str]] | None = None
    destination_object_name: str | None = None
    sync_id: int | None = None
    generation_id: int | None = None

    @property
    def key(self) -> StreamKey:
        return self.stream.namespace or None, self.stream.name

    @property
    def properties(self) -> dict[str, object]:
        properties = (self.stream.json_schema or {}).get("properties")
        return properties if isinstance(properties, dict) else {}

    @property
    def matching_key(self) -> IdentifierMode | None:
        """The identifier that the connection chose; None if it chose none that is one."""
        return next((mode for mode in IdentifierMode if self.primary_key == [[mode.value]]), None)


class ConfiguredCatalog(BaseModel):
    """The streams of the connection."""

    streams: list[ConfiguredStream]


def parse_catalog(raw_catalog: object) -> list[ConfiguredStream]:
    """The streams of a catalog; a ConfigError names the first place that is not as it should be."""
    try:
        return ConfiguredCatalog.model_validate(raw_catalog).streams
    except ValidationError as invalid:
        first = invalid.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(step) for step in first["loc"]) or "the whole file"
        raise ConfigError(
            f"The catalog is not a configured Airbyte catalog ({place}: {first['msg']}). "
            "Refresh the connection's schema in Airbyte and sync again."
        ) from None


def stream_plans(raw_catalog: object, config: Config) -> dict[StreamKey, StreamPlan]:
    """One plan per stream of the catalog. A ConfigError tells all problems of all streams."""
    streams = parse_catalog(raw_catalog)
    times = Counter(configured.key for configured in streams)
    twice = (stream_title(key) for key in times if times[key] > 1)
    problems = [f'Stream "{title}" appears twice in the catalog.' for title in twice]
    entries = StreamEntries(config.streams, times)
    plans: dict[StreamKey, StreamPlan] = {}
    for configured in streams:
        key = configured.key
        entry = entries.entry_of(key) or StreamConfig.model_construct(name=key[1])
        found = [*_audience_problems(configured, config, entry), *_problems(configured, config)]
        problems += [f'Stream "{stream_title(key)}": {problem}' for problem in found]
        if not found:
            plans[key] = _plan(configured, config, entry)
    # Each stream has a generation of its own, and takes out whoever has that of another.
    streams_of = Counter(plan.audience_field for plan in plans.values())
    problems += entries.problems()
    problems += [
        f"Stream {shown(plan.title)}: its audience field {shown(plan.audience_field)} is that of "
        "another stream, too, whose members it would take out. Give each stream a field of its own."
        for plan in plans.values()
        if plan.overwrites and streams_of[plan.audience_field] > 1
    ]
    if problems:
        raise ConfigError(" ".join(problems))
    return plans


def unused_entries(plans: Mapping[StreamKey, StreamPlan], config: Config) -> list[str]:
    """The streams of the configuration that this sync does not have, nor any like them."""
    return [stream_title(key) for key in StreamEntries(config.streams, plans).foreign()]


def _audience_problems(
    configured: ConfiguredStream, config: Config, entry: StreamConfig
) -> Iterator[str]:
    overwrites = configured.destination_sync_mode == OVERWRITE
    if entry.audience_field and configured.generation_id is None:
        yield (
            f"its audience field {shown(entry.audience_field)} needs the generation_id of the "
            "stream in the catalog, and this Airbyte sent none. Use a version of Airbyte that "
            "supports refreshes, or take the audience field out of the configuration."
        )
    if configured.destination_object_name or not overwrites:
        return
    if not entry.audience_field:
        yield (
            "the destination sync mode overwrite would delete every contact that is not in the "
            "stream, so it is refused. To have people drop out of an audience instead, name an "
            f'"Audience Field" (audience_field) in the stream\'s entry of {titled("streams")}; '
            f"otherwise choose one of {', '.join(PLAIN_MODES)} in the connection."
        )
    elif config.sync_mode is SynchronizationMode.IGNORE:
        yield (
            f"its audience needs {titled('sync_mode')} to be update, since with ignore contacts "
            "that exist do not get the number of this sync, and everybody who is in the stream "
            "would drop out. Set it to update, or choose append in the connection."
        )


def _problems(configured: ConfiguredStream, config: Config) -> Iterator[str]:
    name, mode = configured.destination_object_name, configured.destination_sync_mode
    supported = [*OPERATIONS] if name else [*PLAIN_MODES]
    if name and name != CONTACT:
        yield f'Maileon has no object {shown(name)} to write to. Choose the object "{CONTACT}".'
    elif mode not in supported and (name or mode not in {None, OVERWRITE}):
        hint = "" if mode in {OVERWRITE, *OPERATIONS} else did_you_mean(mode or "", supported)
        written, where = f" {shown(mode)}" if mode else "", "with" if name else "without"
        yield (
            f"the destination sync mode{written} is not supported {where} the object "
            f'"{CONTACT}"{hint}. Choose one of {", ".join(supported)} in the connection.'
        )
    elif name:
        operation = OPERATIONS[mode or ""]
        if operation.deletes and config.deleted_records is spec.DeletedRecords.IGNORE:
            yield (
                f"the sync mode {mode} needs {titled('deleted_records')} to be unsubscribe or "
                "delete, so that nobody is removed unasked."
            )
        if configured.matching_key is None and (operation.needs_key or configured.primary_key):
            keys = ", ".join(mode.value for mode in IdentifierMode)
            yield f"the matching key must be one of {keys}. Choose one of them in the connection."


def _plan(configured: ConfiguredStream, config: Config, entry: StreamConfig) -> StreamPlan:
    is_activated = bool(configured.destination_object_name)
    mode = configured.destination_sync_mode or ""
    plain = Operation(config.sync_mode, config.update_only)
    operation = OPERATIONS[mode] if is_activated else plain
    key = configured.matching_key if is_activated else None
    return StreamPlan(
        key=configured.key,
        options=SyncOptions(
            identifier_mode=key or config.identifier_mode,
            sync_mode=operation.sync_mode,
            update_only=operation.update_only,
            override_permission=config.override_permission,
            reimport_unsubscribed_contacts=config.reimport_unsubscribed_contacts,
            ignore_invalid_contacts=config.ignore_invalid_contacts,
        ),
        properties=configured.properties,
        mapping={column.column: column for column in entry.mapping},
        permission=config.permission,
        every_record_is_deleted=operation.deletes,
        is_activated=is_activated,
        has_chosen_key=key is not None,
        sync_id=configured.sync_id,
        audience_field=entry.audience_field,
        generation_id=configured.generation_id,
        overwrites=mode == OVERWRITE,
    )

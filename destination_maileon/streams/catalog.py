"""Configured catalog + configuration -> one StreamPlan per stream.

This module alone decides which identifier mode and which options a stream's calls have, and which
destination sync modes are accepted. A refresh or a Clear (`minimum_generation_id` equal to
`generation_id`) changes nothing here: contacts are people, and none is deleted because a table is
read anew.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from destination_maileon.config.model import DeletedRecords
from destination_maileon.config.validation import shown
from destination_maileon.errors import ConfigError
from destination_maileon.maileon.identifier import IdentifierMode
from destination_maileon.maileon.sync_options import SyncOptions
from destination_maileon.streams.configured_catalog import parsed
from destination_maileon.streams.operations import CONTACT, OPERATIONS, PLAIN_MODES
from destination_maileon.streams.stream_plan import StreamPlan, stream_title

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from destination_maileon.config.model import ColumnMapping, Config, StreamConfig
    from destination_maileon.protocol.messages import StreamKey
    from destination_maileon.streams.configured_catalog import ConfiguredStream
    from destination_maileon.streams.operations import Operation


def stream_plans(raw_catalog: object, config: Config) -> dict[StreamKey, StreamPlan]:
    """One plan per stream of the catalog.

    Raises:
        ConfigError: with all problems of all streams.
    """
    catalog = parsed(raw_catalog)
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
            plans[key] = _plan(configured, config)
    if problems:
        raise ConfigError(" ".join(problems))
    return plans


def unused_mappings(plans: Mapping[StreamKey, StreamPlan], config: Config) -> list[str]:
    """The names of streams that the configuration maps and the catalog does not have."""
    return [
        stream_title((stream.namespace, stream.name))
        for stream in config.streams
        if not any(_is_meant(stream, key) for key in plans)
    ]


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


def _plan(configured: ConfiguredStream, config: Config) -> StreamPlan:
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
        mapping=_explicit(configured.key, config),
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


def _explicit(key: StreamKey, config: Config) -> dict[str, ColumnMapping]:
    """The mapping that names the stream's namespace, else the one that names none."""
    fitting = [stream for stream in config.streams if _is_meant(stream, key)]
    fitting.sort(key=lambda stream: stream.namespace is None)
    return {entry.column: entry for entry in fitting[0].mapping} if fitting else {}


def _is_meant(stream: StreamConfig, key: StreamKey) -> bool:
    namespace, name = key
    return stream.name == name and stream.namespace in {None, namespace}

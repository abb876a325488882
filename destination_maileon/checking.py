"""A configuration -> what stands in the way of a sync with it.

This module alone decides what `check` looks at: each request once, 15 seconds in all.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from destination_maileon.bucket import check_bucket
from destination_maileon.config import S3Storage, UnmappedColumns, load_config
from destination_maileon.maileon.client import MaileonClient
from destination_maileon.maileon.errors import MaileonError
from destination_maileon.mapping import Removal
from destination_maileon.problems import ConfigError, SyncError
from destination_maileon.targets import Kind, Target, parse_target, preference_splits

if TYPE_CHECKING:
    from collections.abc import Callable

    from destination_maileon.config import Config

MAX_SECONDS = 15.0
_RESERVE_SECONDS = 1.0


class _Budget:
    """What is left of the time for the whole check."""

    def __init__(self) -> None:
        self._ends_at = time.monotonic() + MAX_SECONDS - _RESERVE_SECONDS

    def client(self, config: Config) -> MaileonClient:
        left = self._ends_at - time.monotonic()
        if left <= 0:
            raise ConfigError(
                f"The check took longer than {MAX_SECONDS:.0f} seconds, since Maileon answers too "
                "slowly. Try again later."
            )
        return MaileonClient(
            config.base_url,
            config.api_key.get_secret_value(),
            timeout_seconds=min(left, config.request_timeout_seconds),
            connections=1,
        )


def problem_with(raw_config: object) -> str | None:
    """What a person must change, in words; None if all is well."""
    budget = _Budget()
    try:
        config = load_config(raw_config)
        for step in _steps(config):
            with budget.client(config) as client:
                step(client)
        if isinstance(config.object_storage_config, S3Storage):
            check_bucket(config.object_storage_config)
    except (MaileonError, SyncError) as error:
        return str(error)
    return None


def _steps(config: Config) -> Iterator[Callable[[MaileonClient], None]]:
    yield lambda client: client.ping("GET")
    yield lambda client: client.ping("POST")
    targets = _targets(config)
    unsubscribes = any(target.kind is Kind.UNSUBSCRIBE for target in targets)
    if config.deleted_records is not Removal.IGNORE or unsubscribes:
        yield lambda client: client.ping("DELETE")
    fields = {target.name for target in targets if target.kind is Kind.CUSTOM}
    if fields and config.unmapped_columns is not UnmappedColumns.CREATE:
        yield lambda client: _check_fields(client, fields)
    paths = {
        entry.target.partition(":")[2]
        for stream in config.streams
        for entry in stream.mapping
        if entry.target.startswith(f"{Kind.PREFERENCE}:")
    }
    if paths:
        yield lambda client: _check_preferences(client, paths)


def _targets(config: Config) -> list[Target]:
    entries = [entry for stream in config.streams for entry in stream.mapping]
    return [target for entry in entries if (target := parse_target(entry.target)) is not None]


def _check_fields(client: MaileonClient, wanted: set[str]) -> None:
    missing = sorted(wanted - client.custom_fields().keys())
    if missing:
        raise ConfigError(
            f"The mapping names custom fields that the account does not have: {_quoted(missing)}. "
            'Create them in Maileon, change the mapping, or set "unmapped_columns" to create.'
        )


def _check_preferences(client: MaileonClient, paths: set[str]) -> None:
    known = client.preferences()
    missing = sorted(path for path in paths if known.isdisjoint(preference_splits(path)))
    if missing:
        raise ConfigError(
            "The mapping names contact preferences that the account does not have: "
            f"{_quoted(missing)} (CATEGORY/NAME). Create them in Maileon or change the mapping."
        )


def _quoted(names: list[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)

"""A configuration -> what stands in the way of a sync with it.

This module alone decides what `check` looks at: all that the configuration names, each request
once, 15 seconds in all. What can be told apart comes in one message.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from destination_maileon.config.model import DeletedRecords, S3Storage, UnmappedColumns
from destination_maileon.config.targets import Kind, Target, parse_target, preference_splits
from destination_maileon.config.validation import load_config
from destination_maileon.errors import ConfigError, SyncError, TransientError
from destination_maileon.maileon.client import MaileonClient
from destination_maileon.maileon.deadline import time_limit
from destination_maileon.maileon.errors import Forbidden, MaileonError, RequestRejected
from destination_maileon.rejections.s3 import CHECK_SECONDS, check_bucket

if TYPE_CHECKING:
    from collections.abc import Callable

    from destination_maileon.config.model import Config

MAX_SECONDS = 15.0
_RESERVE_SECONDS = 3.0
"""For what is not measured here: Python starts, and reads its modules, maybe on a busy machine."""

_TOO_LONG = (
    f"The check took longer than {MAX_SECONDS:.0f} seconds, since Maileon answers too slowly. Try "
    "again later."
)


class Deadline:
    """What is left of the time for the whole check."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._ends_at = now() + MAX_SECONDS - _RESERVE_SECONDS

    def seconds(self) -> float:
        """What is left.

        Raises:
            TransientError: if that is nothing.
        """
        left = self._ends_at - self._now()
        if left <= 0:
            raise TransientError(_TOO_LONG)
        return left

    @contextmanager
    def client(self, config: Config) -> Iterator[MaileonClient]:
        """A client all of whose calls together end in time: for preferences it makes many."""
        left = self.seconds()
        key = config.api_key.get_secret_value()
        seconds = min(left, config.request_timeout_seconds)
        with (
            time_limit(left),
            MaileonClient(config.base_url, key, timeout_seconds=seconds, connections=1) as client,
        ):
            yield client


def problem_with(raw_config: object, budget: Deadline | None = None) -> str | None:
    """What a person must change, in words; None if all is well."""
    budget = budget or Deadline()
    try:
        config = load_config(raw_config)
    except SyncError as error:
        return str(error)
    problems = [*_account_problems(config, budget), *_bucket_problems(config, budget)]
    return " ".join(dict.fromkeys(problems)) or None


def _account_problems(config: Config, budget: Deadline) -> Iterator[str]:
    try:
        with budget.client(config) as client:
            client.ping("GET")
        for step in _steps(config):
            try:
                with budget.client(config) as client:
                    step(client)
            except (Forbidden, RequestRejected, ConfigError) as error:
                # It says nothing of the next question.
                yield str(error)
    except (MaileonError, SyncError) as error:
        yield str(error)


def _bucket_problems(config: Config, budget: Deadline) -> Iterator[str]:
    storage = config.object_storage_config
    if not isinstance(storage, S3Storage):
        return
    try:
        check_bucket(storage, seconds=min(CHECK_SECONDS, budget.seconds()))
    except SyncError as error:
        yield str(error)


def _steps(config: Config) -> Iterator[Callable[[MaileonClient], None]]:
    """What is asked once it is known that the key is good, apart from each other."""
    yield lambda client: client.ping("POST")
    targets = _targets(config)
    unsubscribes = any(target.kind is Kind.UNSUBSCRIBE for target in targets)
    if config.deleted_records is not DeletedRecords.IGNORE or unsubscribes:
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

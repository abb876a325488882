"""What is asked of an account outside of a sync: whether it fits the configuration, what it has.

This module alone decides what `check` looks at (all that the configuration names, each request
once, 15 seconds in all; what can be told apart comes in one message), and how long `discover` asks.
"""

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

from destination_maileon.config.model import (
    Config,
    DeletedRecords,
    S3Storage,
    UnmappedColumns,
    titled,
)
from destination_maileon.config.suggestions import NameIndex, did_you_mean, shown
from destination_maileon.config.targets import (
    Kind,
    Target,
    creation_obstacle,
    parse_target,
    preference_splits,
)
from destination_maileon.config.validation import load_config
from destination_maileon.errors import ConfigError, SyncError, TransientError
from destination_maileon.maileon.backoff import Backoff
from destination_maileon.maileon.client import MaileonClient
from destination_maileon.maileon.contact import FieldType
from destination_maileon.maileon.deadline import time_limit
from destination_maileon.maileon.errors import Forbidden, MaileonError, RequestRejected
from destination_maileon.rejections.s3 import CHECK_SECONDS, check_bucket
from destination_maileon.streams.account import Account, Retrying
from destination_maileon.streams.discovery import destination_catalog

MAX_SECONDS = 15.0
DISCOVER_SECONDS = 50.0
_RESERVE_SECONDS = 3.0
"""For what is not measured here: Python starts, and reads its modules, maybe on a busy machine."""


class Deadline:
    """What is left of the time for a whole command."""

    def __init__(
        self, now: Callable[[], float] = time.monotonic, *, seconds: float | None = None
    ) -> None:
        self._now = now
        self._seconds = MAX_SECONDS if seconds is None else seconds
        self.ends_at = now() + self._seconds - _RESERVE_SECONDS

    def seconds(self) -> float:
        """What is left.

        Raises:
            TransientError: if that is nothing.
        """
        left = self.ends_at - self._now()
        if left <= 0:
            raise TransientError(
                f"Maileon answers too slowly: this took longer than {self._seconds:.0f} seconds. "
                "Try again later."
            )
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


def discovered(config: Config, deadline: Deadline | None = None) -> dict[str, object]:
    """The destination catalog of the account.

    Raises:
        SyncError: if the account does not tell, within a minute in all.
    """
    deadline = deadline or Deadline(seconds=DISCOVER_SECONDS)
    ask = Retrying(
        Backoff(config.max_retry_seconds),
        ends_at=deadline.ends_at,
        advice="Refresh the fields of the destination again later.",
    )
    with deadline.client(config) as client:
        account = Account(client, ask)
        return destination_catalog(config, account.custom_fields, account.preferences)


def problem_with(raw_config: object, deadline: Deadline | None = None) -> str | None:
    """What a person must change, in words; None if all is well."""
    deadline = deadline or Deadline()
    try:
        config = load_config(raw_config)
    except SyncError as error:
        return str(error)
    problems = [*_account_problems(config, deadline), *_bucket_problems(config, deadline)]
    return " ".join(dict.fromkeys(problems)) or None


def _account_problems(config: Config, deadline: Deadline) -> Iterator[str]:
    try:
        with deadline.client(config) as client:
            client.ping("GET")
        for step in _steps(config):
            try:
                with deadline.client(config) as client:
                    step(client)
            except (Forbidden, RequestRejected, ConfigError) as error:
                # It says nothing of the next question.
                yield str(error)
    except (MaileonError, SyncError) as error:
        yield str(error)


def _bucket_problems(config: Config, deadline: Deadline) -> Iterator[str]:
    storage = config.object_storage_config
    if not isinstance(storage, S3Storage):
        return
    try:
        check_bucket(storage, seconds=min(CHECK_SECONDS, deadline.seconds()))
    except SyncError as error:
        yield str(error)


def _steps(config: Config) -> Iterator[Callable[[MaileonClient], None]]:
    """What is asked once it is known that the key is good, apart from each other."""
    yield lambda client: client.ping("POST")
    targets = _targets(config)
    unsubscribes = config.deleted_records is DeletedRecords.UNSUBSCRIBE or any(
        target.kind is Kind.UNSUBSCRIBE for target in targets
    )
    if unsubscribes or config.deleted_records is DeletedRecords.DELETE:
        yield lambda client: client.ping("DELETE")
    if unsubscribes:
        # The marker of people who opted out and whom Maileon does not have is put.
        yield lambda client: client.ping("PUT")
    audiences = {stream.audience_field for stream in config.streams if stream.audience_field}
    if audiences:
        yield lambda client: client.ping_contacts()
    fields = {target.name for target in targets if target.kind is Kind.CUSTOM}
    wanted = fields | audiences
    if config.unmapped_columns is UnmappedColumns.CREATE:
        wanted = {name for name in wanted if creation_obstacle(name)}
    if audiences or wanted:
        yield lambda client: _check_fields(client.custom_fields(), wanted, audiences)
    paths = {
        entry.target.partition(":")[2]
        for stream in config.streams
        for entry in stream.mapping
        if entry.target.startswith(f"{Kind.PREFERENCE}:")
    }
    if paths:
        yield lambda client: _check_preferences(client.preferences(), paths)


def _targets(config: Config) -> list[Target]:
    entries = [entry for stream in config.streams for entry in stream.mapping]
    return [target for entry in entries if (target := parse_target(entry.target)) is not None]


def _check_fields(
    known: dict[str, FieldType], wanted: Collection[str], audiences: Collection[str]
) -> None:
    missing = sorted(set(wanted) - known.keys())
    obstacles = {name: creation_obstacle(name) for name in missing}
    problems = [
        f"Custom field {shown(n)} cannot exist: {why}" for n, why in obstacles.items() if why
    ]
    if missing := [name for name in missing if not obstacles[name]]:
        problems.append(
            "The configuration names custom fields that the account does not have: "
            f"{_listed(missing, NameIndex(known))}. Create them in Maileon, change the "
            f"configuration, or set {titled('unmapped_columns')} to create."
        )
    problems += [
        f"The audience field {shown(name)} has the type {known[name]} and must have the type "
        "integer. Name another one, or create one with this type in Maileon."
        for name in sorted(known.keys() & set(audiences))
        if known[name] is not FieldType.INTEGER
    ]
    if problems:
        raise ConfigError(" ".join(problems))


def _check_preferences(known: frozenset[tuple[str, str]], paths: set[str]) -> None:
    missing = sorted(path for path in paths if known.isdisjoint(preference_splits(path)))
    if missing:
        names = NameIndex(f"{category}/{name}" for category, name in sorted(known))
        raise ConfigError(
            "The mapping names contact preferences that the account does not have: "
            f"{_listed(missing, names)} (CATEGORY/NAME). Create them in Maileon or change the "
            "mapping."
        )


def _listed(names: list[str], known: NameIndex) -> str:
    return ", ".join(f"{shown(name)}{did_you_mean(name, known)}" for name in names)

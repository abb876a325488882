"""What is asked of an account outside of a sync: whether it fits the configuration, what it has.

This module alone decides what `check` looks at (all that the configuration names, each request
once, 15 seconds in all; what can be told apart comes in one message), and how long `discover` asks.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from destination_maileon.config.model import Config, DeletedRecords, S3Storage
from destination_maileon.config.targets import Kind
from destination_maileon.config.validation import load_config
from destination_maileon.errors import ConfigError, SyncError, TransientError
from destination_maileon.maileon.backoff import Backoff
from destination_maileon.maileon.client import MaileonClient
from destination_maileon.maileon.deadline import time_limit
from destination_maileon.maileon.errors import Forbidden, MaileonError, RequestRejected
from destination_maileon.mapping.columns import StreamColumns
from destination_maileon.rejections.s3 import CHECK_SECONDS, check_bucket
from destination_maileon.streams.account import Account, Retrying
from destination_maileon.streams.catalog import stream_plans
from destination_maileon.streams.discovery import destination_catalog

MAX_SECONDS = 15.0
DISCOVER_SECONDS = 50.0
_RESERVE_SECONDS = 3.0
"""For what is not measured here: Python starts, and reads its modules, maybe on a busy machine."""


class Deadline:
    """What is left of the time for a whole command."""

    def __init__(self, seconds: float, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._seconds = seconds
        self.ends_at = now() + seconds - _RESERVE_SECONDS

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
    deadline = deadline or Deadline(DISCOVER_SECONDS)
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
    deadline = deadline or Deadline(MAX_SECONDS)
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
            for ask in _questions(config):
                try:
                    ask(client)
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


def _questions(config: Config) -> Iterator[Callable[[MaileonClient], None]]:
    """What is asked once it is known that the key is good, apart from each other."""
    yield lambda client: client.ping("POST")
    unsubscribes = config.deleted_records is DeletedRecords.UNSUBSCRIBE or any(
        entry.target == Kind.UNSUBSCRIBE for stream in config.streams for entry in stream.mapping
    )
    if unsubscribes or config.deleted_records is DeletedRecords.DELETE:
        yield lambda client: client.ping("DELETE")
    if unsubscribes:
        # The marker of people who opted out and whom Maileon does not have is put.
        yield lambda client: client.ping("PUT")
    if any(stream.audience_field for stream in config.streams):
        yield lambda client: client.ping_contacts()
    yield lambda client: _check_mapping(config, Account(client, lambda question: question()))


def _check_mapping(config: Config, account: Account) -> None:
    """What a sync would say of the mapping before its first record, whatever the columns are."""
    streams = [
        {"stream": {"name": entry.name, "namespace": entry.namespace}, "generation_id": 0}
        for entry in config.streams
    ]
    problems: list[str] = []
    for plan in stream_plans({"streams": streams}, config).values():
        columns = StreamColumns(plan, config, account)
        problems += [f"Stream {plan.title}: {told}" for told in columns.problems_of_mapping()]
    if problems:
        raise ConfigError(" ".join(problems))

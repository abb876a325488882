"""What is asked of an account outside of a sync: whether it fits the configuration, what it has.

`check` asks for all that the configuration names, once, and tells all problems in one message.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from destination_maileon.config.spec import Config, DeletedRecords, S3Storage
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

MAX_SECONDS, DISCOVER_SECONDS = 12.0, 47.0
"""Together with the start of Python on a busy machine they take at most 15 and 50 seconds."""


@contextmanager
def _client(config: Config, seconds: float) -> Iterator[MaileonClient]:
    """A client all of whose calls together end in time: for preferences it makes many."""
    key, most = config.api_key.get_secret_value(), min(seconds, config.request_timeout_seconds)
    with (
        time_limit(seconds),
        MaileonClient(config.base_url, key, timeout_seconds=most, connections=1) as client,
    ):
        yield client


def discovered(config: Config, seconds: float = DISCOVER_SECONDS) -> dict[str, object]:
    """The destination catalog of the account. Raises SyncError if it does not tell in time."""
    ask = Retrying(
        Backoff(config.max_retry_seconds),
        ends_at=time.monotonic() + seconds,
        advice="Refresh the fields of the destination again later.",
    )
    with _client(config, seconds) as client:
        account = Account(client, ask)
        return destination_catalog(config, account.custom_fields, account.preferences)


def problem_with(
    raw_config: object, seconds: float = MAX_SECONDS, now: Callable[[], float] = time.monotonic
) -> str | None:
    """What a person must change, in words; None if all is well."""
    ends_at = now() + seconds
    try:
        config = load_config(raw_config)
    except SyncError as error:
        return str(error)
    problems = [*_account_problems(config, seconds)]
    if isinstance(storage := config.object_storage_config, S3Storage):
        left = ends_at - now()
        try:
            if left <= 0:
                raise TransientError("Maileon is so slow that no time was left for the bucket.")
            check_bucket(storage, seconds=min(CHECK_SECONDS, left))
        except SyncError as error:
            problems.append(str(error))
    return " ".join(dict.fromkeys(problems)) or None


def _account_problems(config: Config, seconds: float) -> Iterator[str]:
    try:
        with _client(config, seconds) as client:
            client.ping("GET")
            for ask in _questions(config, client):
                try:
                    ask()
                except (Forbidden, RequestRejected, ConfigError) as error:
                    # It says nothing of the next question.
                    yield str(error)
    except (MaileonError, SyncError) as error:
        yield str(error)


def _questions(config: Config, client: MaileonClient) -> Iterator[Callable[[], None]]:
    """What is asked once it is known that the key is good, apart from each other."""
    yield partial(client.ping, "POST")
    unsubscribes = config.deleted_records is DeletedRecords.UNSUBSCRIBE or any(
        entry.target == Kind.UNSUBSCRIBE for stream in config.streams for entry in stream.mapping
    )
    if unsubscribes or config.deleted_records is DeletedRecords.DELETE:
        yield partial(client.ping, "DELETE")
    if unsubscribes:
        # The marker of people who opted out and whom Maileon does not have is put.
        yield partial(client.ping, "PUT")
    if any(stream.audience_field for stream in config.streams):
        yield client.ping_contacts
    yield partial(_check_mapping, config, Account(client, lambda question: question()))


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

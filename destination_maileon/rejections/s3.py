"""One bucket of S3, or of a service that speaks like it.

This module alone knows boto3: how an object is written, under which path, and how long that may
take. Invariant: no error holds a credential or anything of a record. boto3 takes long to import, so
only what reaches for a bucket pays for it.
"""

from __future__ import annotations

import logging
import re
import time
from _thread import start_new_thread
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from destination_maileon.errors import SyncError
from destination_maileon.rejections.bucket_answers import bound_answers
from destination_maileon.rejections.bucket_troubles import (
    BAD_KEY,
    NOT_S3,
    TIMEOUT,
    S3Failure,
    of_answer,
    of_exception,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import SecretStr
    from types_boto3_s3 import S3Client

    from destination_maileon.config.model import S3Storage

CHECK_SECONDS = 10.0
CHECK_NAME = "destination_maileon_check.txt"
MAX_SEGMENT_BYTES = 240
"""Of a path between two slashes: file systems that S3-compatible services stand on end at 255."""

_TEXT = "text/plain"
_CHECK_CONTENT = b"Written to see whether this is allowed. It may be deleted.\n"

# Slashes and control characters, and what a listing, which is XML, cannot hold.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f/\\\\\ud800-\udfff\ufffe\uffff]")
_DOT_SEGMENTS = frozenset({".", ".."})

# They log requests with the ID of the access key, and answers, in which anything can stand.
for _library in ("boto3", "botocore", "s3transfer", "urllib3"):
    logging.getLogger(_library).setLevel(logging.CRITICAL + 1)


@dataclass(frozen=True, slots=True)
class S3Timeouts:
    """How long one request may take to connect and between two bytes, and how often it is made.

    `seconds`: what all of it may take together, however it is spent.
    """

    connect_seconds: float
    read_seconds: float
    attempts: int
    seconds: float = 300.0


UPLOAD = S3Timeouts(connect_seconds=10, read_seconds=60, attempts=4)
CHECK = S3Timeouts(connect_seconds=4, read_seconds=5, attempts=1, seconds=CHECK_SECONDS)


class S3Bucket:
    """One bucket, and the folder in it below which everything is written."""

    def __init__(self, settings: S3Storage, tries: S3Timeouts) -> None:
        self._settings = settings
        self._tries = tries
        self._folders = [segment(name) for name in settings.bucket_path.split("/") if name]
        self._client: S3Client | None = None

    def key(self, *steps: str) -> str:
        """The path of an object below the folder; every step is one of `segment`'s."""
        return "/".join((*self._folders, *steps))

    def put(self, key: str, body: bytes, *, media_type: str) -> SyncError | None:
        """Writes an object; what went wrong, to be raised where no exception is being handled."""
        put = partial(self._put, key, body, media_type)
        return _in_time(put, self._tries.seconds, late=self.problem(TIMEOUT))

    def remove(self, key: str, *, seconds: float) -> None:
        """Removes an object if that is allowed, and possible in so many seconds."""
        _in_time(partial(self._remove, key), seconds, late=None)

    def _put(self, key: str, body: bytes, media_type: str) -> SyncError | None:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - see above

        name = self._settings.s3_bucket_name
        if not _fits_a_header(_plain(self._settings.access_key_id) or ""):
            return self.problem(BAD_KEY)
        try:
            answer = self._connected().put_object(
                Bucket=name, Key=key, Body=body, ContentType=media_type
            )
        except ClientError as refusal:
            return self.problem(of_answer(refusal))
        except (BotoCoreError, ValueError) as failure:
            return self.problem(of_exception(failure))
        except (TypeError, AttributeError, RecursionError):
            # An error in a form that boto3 does not expect: a code twice, nested a thousand deep.
            return self.problem(NOT_S3)
        headers = answer["ResponseMetadata"]["HTTPHeaders"]
        # Web pages welcome everything; an S3 service says what it made of it.
        is_page = "etag" not in headers and "html" in headers.get("content-type", "")
        return self.problem(NOT_S3) if is_page else None

    def _remove(self, key: str) -> None:
        with suppress(Exception):
            self._connected().delete_object(Bucket=self._settings.s3_bucket_name, Key=key)

    def problem(self, trouble: S3Failure) -> SyncError:
        settings = self._settings
        place = f"Amazon S3, region {settings.s3_bucket_region}"
        if settings.s3_endpoint is not None:
            place = urlsplit(settings.s3_endpoint).hostname or "the endpoint"
        return trouble.error(
            f'No rejected records can be stored in the bucket "{settings.s3_bucket_name}" '
            f"({place}): {trouble.cause}. {trouble.advice}"
        )

    def _connected(self) -> S3Client:
        if self._client is None:
            self._client = _client(self._settings, self._tries)
        return self._client


def check_bucket(settings: S3Storage, *, seconds: float = CHECK_SECONDS) -> None:
    """Writes a small object and, if that is allowed, removes it; ends after so many seconds.

    Raises:
        ConfigError: if a person must act before anything can be stored.
        TransientError: if there is no telling now.
    """
    ends_at = time.monotonic() + seconds
    bucket = S3Bucket(settings, replace(CHECK, seconds=seconds))
    key = bucket.key(CHECK_NAME)
    problem = bucket.put(key, _CHECK_CONTENT, media_type=_TEXT)
    if problem is not None:
        raise problem from None
    bucket.remove(key, seconds=ends_at - time.monotonic())


def _in_time(
    step: Callable[[], SyncError | None], seconds: float, *, late: SyncError | None
) -> SyncError | None:
    """What comes of the step, or `late`; it may then still go on, and nobody hears of it.

    In a thread: no other way bounds the system's resolver, the search for credentials, and a
    service that sends one byte a minute.
    """
    outcome: SimpleQueue[Exception | None] = SimpleQueue()
    # Not by threading.Thread, which waits without a limit for a thread that has no memory to begin.
    start_new_thread(_try, (step, outcome))
    try:
        result = outcome.get(timeout=max(0.0, seconds))
    except Empty:
        return late
    if isinstance(result, Exception) and not isinstance(result, SyncError):
        raise result
    return result


def _try(step: Callable[[], SyncError | None], outcome: SimpleQueue[Exception | None]) -> None:
    try:
        outcome.put(step())
    except Exception as unexpected:  # noqa: BLE001 - handed over, to be raised where it is waited for
        outcome.put(unexpected)


def segment(name: str) -> str:
    """The name as one step of a path."""
    safe = _UNSAFE.sub("_", name) or "_"
    if safe in _DOT_SEGMENTS:
        return "_" * len(safe)
    return safe.encode()[:MAX_SEGMENT_BYTES].decode(errors="ignore")


def _client(settings: S3Storage, tries: S3Timeouts) -> S3Client:
    import boto3.session  # noqa: PLC0415 - takes long; only who reaches for a bucket pays for it
    from botocore.config import Config  # noqa: PLC0415 - the same

    config = Config(
        connect_timeout=tries.connect_seconds,
        read_timeout=tries.read_seconds,
        retries={"mode": "standard", "total_max_attempts": tries.attempts},
    )
    if settings.s3_endpoint is not None:
        # What is not Amazon's may know neither a host per bucket nor checksums after the body.
        config = config.merge(
            Config(
                s3={"addressing_style": "path"},
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            )
        )
    client: S3Client = boto3.session.Session().client(
        "s3",
        region_name=settings.s3_bucket_region,
        endpoint_url=settings.s3_endpoint,
        aws_access_key_id=_plain(settings.access_key_id),
        aws_secret_access_key=_plain(settings.secret_access_key),
        config=config,
    )
    bound_answers(client)
    return client


def _fits_a_header(text: str) -> bool:
    return text.isascii() and text.isprintable()


def _plain(secret: SecretStr | None) -> str | None:
    """None: boto3 looks where it always does, from the environment to the machine's role."""
    return None if secret is None else secret.get_secret_value().strip()

"""Rejected records -> JSON lines in a bucket.

This module alone knows S3: how a rejected record is written, where, and what a person reads if
that fails. Invariant: what was added is in the bucket when `flush` returns; no object takes the
place of another; no error holds a credential or anything of a record.

boto3 takes long to import, so only what reaches for a bucket pays for it.
"""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from queue import Empty, SimpleQueue
from threading import Thread
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from destination_maileon.exact_json import dumps
from destination_maileon.problems import ConfigError, SyncError, TransientError

if TYPE_CHECKING:
    from botocore.exceptions import ClientError
    from pydantic import SecretStr
    from types_boto3_s3 import S3Client

    from destination_maileon.catalog import StreamPlan
    from destination_maileon.config import S3Storage
    from destination_maileon.merging import Part
    from destination_maileon.rejections import Rejection

PART_BYTES = 5_000_000
"""Lines of one stream go out as an object when they are so many bytes."""

MAX_HELD_BYTES = 32_000_000
"""Of all streams together; beyond that the stream with the most goes out."""

CHECK_SECONDS = 10.0
CHECK_NAME = "destination_maileon_check.txt"
MAX_SEGMENT_BYTES = 240
"""Of a path between two slashes: file systems that S3-compatible services stand on end at 255."""

_LINES = "application/x-ndjson"
_TEXT = "text/plain"
_CHECK_CONTENT = b"Written to see whether this is allowed. It may be deleted.\n"

# Slashes and control characters, and what a listing, which is XML, cannot hold.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f/\\\\\ud800-\udfff\ufffe\uffff]")
_SAFE_CODE = re.compile("[A-Za-z]{3,60}")
_DOT_SEGMENTS = frozenset({".", ".."})

# They log requests with headers and bodies, in which people stand.
for _library in ("boto3", "botocore", "s3transfer", "urllib3"):
    logging.getLogger(_library).setLevel(logging.CRITICAL + 1)


@dataclass(frozen=True, slots=True)
class Tries:
    """How long one request may take to connect and between two bytes, and how often it is made."""

    connect_seconds: float
    read_seconds: float
    attempts: int


UPLOAD = Tries(connect_seconds=10, read_seconds=60, attempts=4)
CHECK = Tries(connect_seconds=4, read_seconds=5, attempts=1)


class RejectedStore:
    """The rejected records of one sync. Lines wait here until they are stored.

    What an upload leaves behind that fails stays, under the name that it has, and goes out with the
    next one: a request that got through although it seemed to fail is only made again.
    """

    def __init__(
        self,
        settings: S3Storage,
        *,
        clock: Callable[[], float] = time.time,
        tries: Tries = UPLOAD,
        part_bytes: int = PART_BYTES,
        max_held_bytes: int = MAX_HELD_BYTES,
    ) -> None:
        self._bucket = _Bucket(settings, tries)
        self._clock = clock
        self._part_bytes = part_bytes
        self._max_held_bytes = max_held_bytes
        self._open: dict[StreamPlan, bytearray] = {}
        self._sealed: dict[str, bytearray] = {}
        self._parts = 0
        # Without a platform every sync has the id 0, and schedules start at the same moment.
        self._suffix = secrets.token_hex(4)

    def add(self, plan: StreamPlan, part: Part, rejection: Rejection) -> None:
        """Keeps the line of a rejected record, and stores lines where they become too many.

        Raises:
            SyncError: if they cannot be stored. The line is kept as long as there is room.
        """
        if self._held_bytes >= self._max_held_bytes:
            self._upload()
        line = _line(part, rejection)
        lines = self._open.setdefault(plan, bytearray())
        lines += line
        if len(lines) >= self._part_bytes:
            self._seal(plan)
            self._upload()
        elif self._held_bytes > self._max_held_bytes:
            self._seal(max(self._open, key=lambda stream: len(self._open[stream])))
            self._upload()

    def flush(self) -> None:
        """Returns when everything added before is in the bucket.

        Raises:
            ConfigError: if a person must act before it can be stored.
            TransientError: if it could not be stored now.
        """
        for plan in list(self._open):
            self._seal(plan)
        self._upload()

    @property
    def _held_bytes(self) -> int:
        return sum(map(len, (*self._open.values(), *self._sealed.values())))

    def _seal(self, plan: StreamPlan) -> None:
        now = self._clock()
        date = datetime.fromtimestamp(now, UTC)
        name = f"{date:%Y_%m_%d}_{int(now * 1000)}_{self._parts}_{self._suffix}.jsonl"
        namespace, stream = plan.key
        folders = [_segment(folder) for folder in (namespace, stream) if folder is not None]
        key = self._bucket.key(str(plan.sync_id or 0), *folders, name)
        self._sealed[key] = self._open.pop(plan)
        self._parts += 1

    def _upload(self) -> None:
        for key, lines in list(self._sealed.items()):
            problem = self._bucket.put(key, bytes(lines), media_type=_LINES)
            # Raised here, where no other exception is at hand to become its context.
            if problem is not None:
                raise problem from None
            del self._sealed[key]


def check_bucket(settings: S3Storage, *, seconds: float = CHECK_SECONDS) -> None:
    """Writes a small object and, if that is allowed, removes it; ends after so many seconds.

    Raises:
        ConfigError: if a person must act before anything can be stored.
        TransientError: if there is no telling now.
    """
    ends_at = time.monotonic() + seconds
    bucket = _Bucket(settings, CHECK)
    outcome: SimpleQueue[Exception | None] = SimpleQueue()
    # In a thread: no other way bounds the system's resolver and the search for credentials.
    thread = Thread(target=_try_out, args=(bucket, outcome), name="check-bucket", daemon=True)
    thread.start()
    try:
        problem = outcome.get(timeout=seconds)
    except Empty:
        problem = bucket.problem(_TIMEOUT)
    if problem is not None:
        raise problem from None
    thread.join(max(0.0, ends_at - time.monotonic()))


def _try_out(bucket: _Bucket, outcome: SimpleQueue[Exception | None]) -> None:
    key = bucket.key(CHECK_NAME)
    try:
        problem = bucket.put(key, _CHECK_CONTENT, media_type=_TEXT)
    except Exception as unexpected:  # noqa: BLE001 - handed over, to be raised where it is waited for
        outcome.put(unexpected)
        return
    outcome.put(problem)
    if problem is None:
        bucket.remove(key)


def _line(part: Part, rejection: Rejection) -> bytes:
    if part.message is None:
        raise ValueError("the message of a rejected record was not kept")
    further = f" Also wrong: {', '.join(rejection.further)}." if rejection.further else ""
    message = {
        "type": "RECORD",
        "record": part.message,
        "rejection": {
            "record_number": part.number,
            "error_code": rejection.code,
            "error_message": f"{rejection.reason}. {rejection.advice}{further}",
            "error_field": rejection.field or None,
        },
    }
    return dumps(message) + b"\n"


def _segment(name: str) -> str:
    """The name as one step of a path."""
    safe = _UNSAFE.sub("_", name) or "_"
    if safe in _DOT_SEGMENTS:
        return "_" * len(safe)
    return safe.encode()[:MAX_SEGMENT_BYTES].decode(errors="ignore")


@dataclass(frozen=True, slots=True)
class _Trouble:
    """A kind of failure: what is raised, why it failed, what a person can do."""

    error: type[SyncError]
    cause: str
    advice: str


_TIMEOUT = _Trouble(
    TransientError,
    "no answer came in time",
    "Check the region or the endpoint, and the network, and try again.",
)
_NO_CONNECTION = _Trouble(
    TransientError,
    "no connection came about, or it was cut",
    "Check the region or the endpoint, its certificate, and the network, and try again.",
)
_UNAVAILABLE = _Trouble(TransientError, "the service is unavailable now", "Try again later.")
_NO_BUCKET = _Trouble(
    ConfigError,
    "there is no such bucket",
    "Create it, or correct the bucket name, its region or the endpoint.",
)
_DENIED = _Trouble(
    ConfigError,
    "access was denied",
    "Allow s3:PutObject below the bucket path, and the use of the bucket's KMS key if it has one.",
)
_BAD_KEY = _Trouble(
    ConfigError,
    "the access key is wrong, expired or deactivated",
    "Enter a valid access key ID and the secret that belongs to it.",
)
_NO_KEY = _Trouble(
    ConfigError,
    "no usable credentials were found",
    "Enter an access key ID and its secret, or give the machine the right to write to the bucket.",
)
_ELSEWHERE = _Trouble(
    ConfigError,
    "the service names another region or address for it",
    "Correct the bucket region or the endpoint.",
)
_NOT_S3 = _Trouble(
    ConfigError,
    "what answers is no S3 service",
    "Correct the endpoint: it is the address for programs, not that of a web page.",
)
_WRONG_CLOCK = _Trouble(ConfigError, "the clock of this machine is wrong", "Set it right.")
_INVALID = _Trouble(
    ConfigError,
    "the request could not be made",
    "Correct the bucket name, the bucket path, the region or the endpoint.",
)

# Amazon S3 API Reference, Error responses.
_BY_CODE: Mapping[str, _Trouble] = MappingProxyType(
    {
        "NoSuchBucket": _NO_BUCKET,
        "AccessDenied": _DENIED,
        **dict.fromkeys(("InvalidAccessKeyId", "SignatureDoesNotMatch"), _BAD_KEY),
        **dict.fromkeys(("InvalidToken", "ExpiredToken"), _BAD_KEY),
        **dict.fromkeys(("AuthorizationHeaderMalformed", "PermanentRedirect"), _ELSEWHERE),
        **dict.fromkeys(("IllegalLocationConstraintException", "TemporaryRedirect"), _ELSEWHERE),
        **dict.fromkeys(("InvalidBucketName", "KeyTooLongError"), _INVALID),
        "RequestTimeTooSkewed": _WRONG_CLOCK,
        "RequestTimeout": _TIMEOUT,
        "OperationAborted": _UNAVAILABLE,
    }
)
_BY_STATUS: Mapping[int, _Trouble] = MappingProxyType(
    {
        **dict.fromkeys((301, 302, 303, 307, 308), _ELSEWHERE),
        401: _BAD_KEY,
        403: _DENIED,
        404: _NO_BUCKET,
        **dict.fromkeys((405, 501), _NOT_S3),
        **dict.fromkeys((408, 429, 500, 502, 503, 504), _UNAVAILABLE),
    }
)
# By name, since the classes are imported late; the row of a class comes before that of its base.
_BY_KIND: Mapping[str, _Trouble] = MappingProxyType(
    {
        **dict.fromkeys(("NoCredentialsError", "PartialCredentialsError"), _NO_KEY),
        **dict.fromkeys(("CredentialRetrievalError", "MetadataRetrievalError"), _NO_KEY),
        **dict.fromkeys(("ProfileNotFound", "ConfigParseError", "SSOError", "LoginError"), _NO_KEY),
        **dict.fromkeys(("ConnectTimeoutError", "ReadTimeoutError"), _TIMEOUT),
        **dict.fromkeys(("ConnectionError", "HTTPClientError"), _NO_CONNECTION),
        **dict.fromkeys(("BotoCoreError", "ValueError"), _INVALID),
    }
)


class _Bucket:
    """One bucket, and the folder in it below which everything is written."""

    def __init__(self, settings: S3Storage, tries: Tries) -> None:
        self._settings = settings
        self._tries = tries
        self._folders = [_segment(name) for name in settings.bucket_path.split("/") if name]
        self._client: S3Client | None = None

    def key(self, *steps: str) -> str:
        return "/".join((*self._folders, *steps))

    def put(self, key: str, body: bytes, *, media_type: str) -> SyncError | None:
        """Writes an object; what went wrong, to be raised where no exception is being handled."""
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - see above

        name = self._settings.s3_bucket_name
        if not _fits_a_header(_plain(self._settings.access_key_id) or ""):
            return self.problem(_BAD_KEY)
        try:
            answer = self._connected().put_object(
                Bucket=name, Key=key, Body=body, ContentType=media_type
            )
        except ClientError as refusal:
            return self.problem(_of_answer(refusal))
        except (BotoCoreError, ValueError) as failure:
            kinds = (_BY_KIND.get(kind.__name__) for kind in type(failure).__mro__)
            return self.problem(next(filter(None, kinds), _INVALID))
        headers = answer["ResponseMetadata"]["HTTPHeaders"]
        # Web pages welcome everything; an S3 service says what it made of it.
        is_page = "etag" not in headers and "html" in headers.get("content-type", "")
        return self.problem(_NOT_S3) if is_page else None

    def remove(self, key: str) -> None:
        """Removes an object if that is allowed."""
        with suppress(Exception):
            self._connected().delete_object(Bucket=self._settings.s3_bucket_name, Key=key)

    def problem(self, trouble: _Trouble) -> SyncError:
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


def _of_answer(refusal: ClientError) -> _Trouble:
    code = refusal.response["Error"].get("Code", "")
    status = refusal.response["ResponseMetadata"]["HTTPStatusCode"]
    if (known := _BY_CODE.get(code) or _BY_STATUS.get(status)) is not None:
        return known
    said = f"{status} {code}" if _SAFE_CODE.fullmatch(code) else str(status)
    return replace(_INVALID, cause=f"the service refuses with {said}")


def _client(settings: S3Storage, tries: Tries) -> S3Client:
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
    return client


def _fits_a_header(text: str) -> bool:
    return text.isascii() and text.isprintable()


def _plain(secret: SecretStr | None) -> str | None:
    """None: boto3 looks where it always does, from the environment to the machine's role."""
    return None if secret is None else secret.get_secret_value().strip()

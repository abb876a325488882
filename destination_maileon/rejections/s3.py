"""One bucket of S3, or of a service that speaks like it, and its failures in words.

Invariant: no error holds a credential or anything of a record.
"""

from __future__ import annotations

import logging
import re
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from destination_maileon.config.spec import S3Storage
from destination_maileon.errors import ConfigError, SyncError, TransientError

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

CHECK_SECONDS = 10.0
CHECK_NAME = "destination_maileon_check.txt"
MAX_SEGMENT_BYTES = 240
"""Of a path between two slashes: file systems that S3-compatible services stand on end at 255."""

# Slashes and control characters, and what a listing, which is XML, cannot hold.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f/\\\\\ud800-\udfff\ufffe\uffff]")
_SAFE_CODE = re.compile("[A-Za-z]{3,60}")

# They log requests with the ID of the access key, and answers, in which anything can stand.
for _library in ("boto3", "botocore", "s3transfer", "urllib3"):
    logging.getLogger(_library).setLevel(logging.CRITICAL + 1)


class S3Bucket:
    """A folder of a bucket. `seconds` bounds the wait for each byte, and to connect, 10 at most."""

    def __init__(self, settings: S3Storage, *, seconds: float = 60.0, attempts: int = 4) -> None:
        self.name = settings.s3_bucket_name
        self._settings = settings
        self._seconds = seconds
        self._attempts = attempts
        # Without keys boto3 looks where it always does, from the environment to the machine's role.
        secrets = (settings.access_key_id, settings.secret_access_key)
        self._keys = [None if s is None else s.get_secret_value().strip() for s in secrets]

    def key(self, *names: str) -> str:
        """The path of an object below the folder, each name a step of it."""
        folders = filter(None, self._settings.bucket_path.split("/"))
        return "/".join(segment(name) for name in (*folders, *names))

    def put(self, key: str, body: bytes, media_type: str) -> None:
        """Writes an object; raises ConfigError if a person must act first, else TransientError."""
        failure = self._failure_to_put(key, body, media_type)
        if failure is None:
            return
        host = urlsplit(self._settings.s3_endpoint or "").hostname
        where = host or f"Amazon S3, region {self._settings.s3_bucket_region}"
        # Here, where the library's exception does not come along: it may hold the key.
        raise failure.error(
            f'No rejected records can be stored in the bucket "{self.name}" '
            f"({where}): {failure.cause}. {failure.advice}"
        )

    def _failure_to_put(self, key: str, body: bytes, media_type: str) -> S3Failure | None:
        access_key = self._keys[0] or ""
        if not (access_key.isascii() and access_key.isprintable()):
            # It would not fit a header.
            return BAD_KEY
        try:
            answer = self.client.put_object(
                Bucket=self.name, Key=key, Body=body, ContentType=media_type
            )
        except Exception as failure:  # noqa: BLE001 - whatever it is, a bucket cannot be written to
            return failure_of(failure)
        headers = answer["ResponseMetadata"]["HTTPHeaders"]
        # Web pages welcome everything; an S3 service says what it made of it.
        is_page = "etag" not in headers and "html" in headers.get("content-type", "")
        return NOT_S3 if is_page else None

    @cached_property
    def client(self) -> S3Client:
        """Of boto3: here alone, so that only who reaches for a bucket waits for its import."""
        import boto3.session  # noqa: PLC0415 - takes long
        from botocore.config import Config  # noqa: PLC0415 - the same

        is_amazon = self._settings.s3_endpoint is None
        client: S3Client = boto3.session.Session().client(
            "s3",
            region_name=self._settings.s3_bucket_region,
            endpoint_url=self._settings.s3_endpoint,
            aws_access_key_id=self._keys[0],
            aws_secret_access_key=self._keys[1],
            config=Config(
                connect_timeout=min(self._seconds, 10.0),
                read_timeout=self._seconds,
                retries={"mode": "standard", "total_max_attempts": self._attempts},
                # Others may know neither a host per bucket nor checksums after the body.
                s3=None if is_amazon else {"addressing_style": "path"},
                request_checksum_calculation=None if is_amazon else "when_required",
            ),
        )
        return client


def check_bucket(settings: S3Storage, *, seconds: float = CHECK_SECONDS) -> None:
    """Writes a small object once and, if that is allowed, removes it; raises what `put` does."""
    # A call may take its seconds twice: to connect, and to wait for the answer.
    bucket = S3Bucket(settings, seconds=seconds / 4, attempts=1)
    key = bucket.key(CHECK_NAME)
    bucket.put(key, b"Written to see whether this is allowed. It may be deleted.\n", "text/plain")
    with suppress(Exception):
        bucket.client.delete_object(Bucket=bucket.name, Key=key)


def segment(name: str) -> str:
    """The name as one step of a path."""
    safe = _UNSAFE.sub("_", name) or "_"
    if safe in {".", ".."}:
        return "_" * len(safe)
    return safe.encode()[:MAX_SEGMENT_BYTES].decode(errors="ignore")


@dataclass(frozen=True, slots=True)
class S3Failure:
    """A kind of failure: why it failed, what a person can do, what is raised.

    It is known by its `signs`: error codes of S3 (Amazon S3 API Reference, Error responses), HTTP
    statuses, and the names of the library's exceptions, which are imported late.
    """

    cause: str
    advice: str
    signs: str = ""
    error: type[SyncError] = ConfigError


INVALID = S3Failure(
    "the request could not be made",
    "Correct the bucket name, the bucket path, the region or the endpoint.",
    "InvalidBucketName KeyTooLongError BotoCoreError ValueError",
)
NOT_S3 = S3Failure(
    "what answers is no S3 service",
    "Correct the endpoint: it is the address for programs, not that of a web page.",
)
BAD_KEY = S3Failure(
    "the access key is wrong, expired or deactivated",
    "Enter a valid access key ID and the secret that belongs to it.",
    "InvalidAccessKeyId SignatureDoesNotMatch InvalidToken ExpiredToken 401",
)
_CA = "the environment variable AWS_CA_BUNDLE or REQUESTS_CA_BUNDLE"
FAILURES = (
    INVALID,
    BAD_KEY,
    S3Failure(
        "its certificate is not trusted",
        f"Correct the endpoint, or name a file with the certificates to trust in {_CA}.",
        "SSLError",
    ),
    S3Failure(
        "no connection could be made, or no answer came in time",
        f"Check region, endpoint and network, and the certificates that {_CA} names; try again.",
        "ConnectionError HTTPClientError RequestTimeout",
        TransientError,
    ),
    S3Failure(
        "the service is unavailable now",
        "Try again later.",
        "OperationAborted 408 429 500 502 503 504",
        TransientError,
    ),
    S3Failure(
        "there is no such bucket",
        "Create it, or correct the bucket name, its region or the endpoint.",
        "NoSuchBucket 404",
    ),
    S3Failure(
        "access was denied",
        "Allow s3:PutObject below the bucket path, and the use of the bucket's KMS key, if any.",
        "AccessDenied 403",
    ),
    S3Failure(
        "no usable credentials were found",
        "Enter an access key ID and its secret, or let the machine's role write to the bucket.",
        "NoCredentialsError PartialCredentialsError CredentialRetrievalError ProfileNotFound "
        "MetadataRetrievalError ConfigParseError SSOError LoginError",
    ),
)
_BY_SIGN = {sign: failure for failure in FAILURES for sign in failure.signs.split()}


def failure_of(error: Exception) -> S3Failure:
    """What the service's answer, or the library's exception, means."""
    answer = getattr(error, "response", None)
    if not isinstance(answer, dict):
        kinds = (_BY_SIGN.get(kind.__name__) for kind in type(error).__mro__)
        return next(filter(None, kinds), INVALID)
    code = answer["Error"].get("Code", "")
    status = answer["ResponseMetadata"]["HTTPStatusCode"]
    is_safe = _SAFE_CODE.fullmatch(code) is not None
    if is_safe and code in _BY_SIGN:
        return _BY_SIGN[code]
    said = f"{status} {code}" if is_safe else str(status)
    likely = _BY_SIGN.get(str(status)) or replace(INVALID, cause="the service refuses")
    return replace(likely, cause=f"{likely.cause} ({said})")

"""What a service says instead of storing an object -> what a person reads, and who must act.

This module alone words the failures of S3. Policies are tables: by the error code in the answer
(Amazon S3 API Reference, Error responses), by its HTTP status, by the exception of the library.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from destination_maileon.errors import ConfigError, SyncError, TransientError

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

_SAFE_CODE = re.compile("[A-Za-z]{3,60}")


@dataclass(frozen=True, slots=True)
class S3Failure:
    """A kind of failure: what is raised, why it failed, what a person can do."""

    error: type[SyncError]
    cause: str
    advice: str


TIMEOUT = S3Failure(
    TransientError,
    "no answer came in time",
    "Check the region or the endpoint, and the network, and try again.",
)
NO_CONNECTION = S3Failure(
    TransientError,
    "no connection came about, or it was cut",
    "Check the region or the endpoint, its certificate, and the network, and try again.",
)
UNAVAILABLE = S3Failure(TransientError, "the service is unavailable now", "Try again later.")
NO_BUCKET = S3Failure(
    ConfigError,
    "there is no such bucket",
    "Create it, or correct the bucket name, its region or the endpoint.",
)
DENIED = S3Failure(
    ConfigError,
    "access was denied",
    "Allow s3:PutObject below the bucket path, and the use of the bucket's KMS key if it has one.",
)
BAD_KEY = S3Failure(
    ConfigError,
    "the access key is wrong, expired or deactivated",
    "Enter a valid access key ID and the secret that belongs to it.",
)
NO_KEY = S3Failure(
    ConfigError,
    "no usable credentials were found",
    "Enter an access key ID and its secret, or give the machine the right to write to the bucket.",
)
ELSEWHERE = S3Failure(
    ConfigError,
    "the service names another region or address for it",
    "Correct the bucket region or the endpoint.",
)
NOT_S3 = S3Failure(
    ConfigError,
    "what answers is no S3 service",
    "Correct the endpoint: it is the address for programs, not that of a web page.",
)
WRONG_CLOCK = S3Failure(ConfigError, "the clock of this machine is wrong", "Set it right.")
INVALID = S3Failure(
    ConfigError,
    "the request could not be made",
    "Correct the bucket name, the bucket path, the region or the endpoint.",
)

# Amazon S3 API Reference, Error responses.
_BY_CODE: Mapping[str, S3Failure] = MappingProxyType(
    {
        "NoSuchBucket": NO_BUCKET,
        "AccessDenied": DENIED,
        **dict.fromkeys(("InvalidAccessKeyId", "SignatureDoesNotMatch"), BAD_KEY),
        **dict.fromkeys(("InvalidToken", "ExpiredToken"), BAD_KEY),
        **dict.fromkeys(("AuthorizationHeaderMalformed", "PermanentRedirect"), ELSEWHERE),
        **dict.fromkeys(("IllegalLocationConstraintException", "TemporaryRedirect"), ELSEWHERE),
        **dict.fromkeys(("InvalidBucketName", "KeyTooLongError"), INVALID),
        "RequestTimeTooSkewed": WRONG_CLOCK,
        "RequestTimeout": TIMEOUT,
        "OperationAborted": UNAVAILABLE,
    }
)
_BY_STATUS: Mapping[int, S3Failure] = MappingProxyType(
    {
        **dict.fromkeys((301, 302, 303, 307, 308), ELSEWHERE),
        401: BAD_KEY,
        403: DENIED,
        404: NO_BUCKET,
        **dict.fromkeys((405, 501), NOT_S3),
        **dict.fromkeys((408, 429, 500, 502, 503, 504), UNAVAILABLE),
    }
)
# By name, since the classes are imported late; the row of a class comes before that of its base.
_BY_KIND: Mapping[str, S3Failure] = MappingProxyType(
    {
        **dict.fromkeys(("NoCredentialsError", "PartialCredentialsError"), NO_KEY),
        **dict.fromkeys(("CredentialRetrievalError", "MetadataRetrievalError"), NO_KEY),
        **dict.fromkeys(("ProfileNotFound", "ConfigParseError", "SSOError", "LoginError"), NO_KEY),
        **dict.fromkeys(("ConnectTimeoutError", "ReadTimeoutError"), TIMEOUT),
        **dict.fromkeys(("ConnectionError", "HTTPClientError"), NO_CONNECTION),
        **dict.fromkeys(("BotoCoreError", "ValueError"), INVALID),
    }
)


def of_answer(refusal: ClientError) -> S3Failure:
    """What the service's answer means."""
    code = refusal.response["Error"].get("Code", "")
    status = refusal.response["ResponseMetadata"]["HTTPStatusCode"]
    if (known := _BY_CODE.get(code) or _BY_STATUS.get(status)) is not None:
        return known
    said = f"{status} {code}" if _SAFE_CODE.fullmatch(code) else str(status)
    return replace(INVALID, cause=f"the service refuses with {said}")


def of_exception(failure: Exception) -> S3Failure:
    """What the library's exception means; what is not known is a request that cannot be made."""
    kinds = (_BY_KIND.get(kind.__name__) for kind in type(failure).__mro__)
    return next(filter(None, kinds), INVALID)

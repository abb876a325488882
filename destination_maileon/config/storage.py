"""Where rejected records are stored, as `object_storage_config` says it.

This module alone decides its keys. Their names are those by which Airbyte finds the bucket and
links to it from a sync.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, ConfigDict, Field, SecretStr

from destination_maileon.config.types import (
    ADDRESS_FORM,
    OPTIONAL_ADDRESS_PATTERN,
    ConfigModel,
    OptionalAddress,
    key,
    refused,
)

_ENDS = re.compile(r"^[/\s]+|[/\s]+$")


def _empty_is_absent(secret: SecretStr) -> SecretStr | None:
    text = secret.get_secret_value().strip()
    return SecretStr(text) if text else None


def _trimmed(text: str) -> str:
    if not text.strip():
        raise refused("must be text that is not empty")
    return text.strip()


def _as_path(text: str) -> str:
    path = _ENDS.sub("", text)
    if not path:
        raise refused("must be a path in the bucket, such as airbyte/maileon")
    return path


_OptionalSecret: TypeAlias = Annotated[SecretStr, AfterValidator(_empty_is_absent)]


class NoStorage(ConfigModel):
    """Rejected records are only reported in the log, without their values."""

    model_config = ConfigDict(title="None")

    storage_type: Annotated[
        Literal["None"],
        key("", title="Storage Type", description="None: nothing is stored."),
    ] = "None"


class S3Storage(ConfigModel):
    """Rejected records are stored as JSON lines in a bucket of S3 or a compatible service."""

    model_config = ConfigDict(title="S3")

    storage_type: Annotated[
        Literal["S3"],
        key(
            "",
            title="Storage Type",
            description="S3: a bucket of Amazon S3 or a compatible service.",
        ),
    ] = "S3"
    s3_bucket_name: Annotated[
        str,
        key(
            "",
            title="Bucket Name",
            description="The bucket's name, as the list of buckets in the S3 console shows it.",
            examples=["airbyte-rejected-records"],
            min_length=1,
        ),
        AfterValidator(_trimmed),
    ]
    s3_bucket_region: Annotated[
        str,
        key(
            "",
            title="Bucket Region",
            description="The bucket's region, as the list of buckets in the S3 console shows it.",
            examples=["eu-central-1"],
            min_length=1,
        ),
        AfterValidator(_trimmed),
    ]
    bucket_path: Annotated[
        str,
        key(
            "",
            title="Bucket Path",
            description="The folder in the bucket below which rejected records are stored. They "
            "hold personal data: let only those read it who may, and let the bucket delete old "
            "files.",
            examples=["airbyte/maileon"],
            min_length=1,
        ),
        AfterValidator(_as_path),
    ]
    access_key_id: Annotated[
        _OptionalSecret | None,
        key(
            "",
            title="Access Key ID",
            description="The ID of an access key that may write to the bucket (in AWS: IAM, Users, "
            "Security credentials). Leave both key fields empty to use the rights of the machine "
            "on which Airbyte runs.",
            airbyte_secret=True,
        ),
    ] = None
    secret_access_key: Annotated[
        _OptionalSecret | None,
        key(
            "",
            title="Secret Access Key",
            description="The secret that belongs to the access key ID. AWS shows it once, when the "
            "access key is created.",
            airbyte_secret=True,
        ),
    ] = None
    s3_endpoint: Annotated[
        OptionalAddress | None,
        key(
            "",
            title="Endpoint",
            description="The address of an S3-compatible service. Leave it empty for Amazon S3.",
            examples=["https://s3.example.com"],
            pattern=OPTIONAL_ADDRESS_PATTERN,
            pattern_descriptor=ADDRESS_FORM,
        ),
    ] = None


ObjectStorage: TypeAlias = Annotated[NoStorage | S3Storage, Field(discriminator="storage_type")]

"""A service that speaks like S3, and a bucket of it for each test."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

import pytest

from destination_maileon.config.spec import S3Storage
from unit_tests.support.s3_service import storage

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


@pytest.fixture(autouse=True)
def _nothing_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN", "PROFILE", "ENDPOINT_URL"):
        monkeypatch.delenv(f"AWS_{name}", raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture(autouse=True, scope="session")
def _what_botocore_knows_is_read_once() -> Iterator[None]:
    """Not for each client anew, which takes ten times as long as a request."""
    from botocore import session  # noqa: PLC0415 - takes long; not for who only collects the tests

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session, "create_loader", cache(session.create_loader))
        yield


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    from moto.server import ThreadedMotoServer  # noqa: PLC0415 - the same

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="module")
def s3(service: str) -> Iterator[S3Client]:
    import boto3  # noqa: PLC0415 - the same
    from botocore.config import Config as BotoConfig  # noqa: PLC0415 - the same

    client: S3Client = boto3.client(
        "s3",
        endpoint_url=service,
        region_name="eu-central-1",
        aws_access_key_id="admin",
        aws_secret_access_key="admin",
        config=BotoConfig(s3={"addressing_style": "path"}),
    )
    yield client
    client.close()


@pytest.fixture
def settings(service: str, s3: S3Client) -> S3Storage:
    name = f"rejected-{uuid.uuid4()}"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    return storage(service, bucket=name)

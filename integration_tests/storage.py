"""A bucket in a server that speaks S3, and the configuration that writes to it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from integration_tests.bookkeeping import Json

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

REPORT = "/report.json"
SECRET_ACCESS_KEY = "made-up-secret-access-key"


@dataclass(frozen=True, slots=True)
class Storage:
    """One bucket. `config` is the `object_storage_config` for it."""

    client: S3Client
    config: Json

    @property
    def bucket(self) -> str:
        name: str = self.config["s3_bucket_name"]
        return name

    def objects(self) -> dict[str, bytes]:
        """The rejected records that are stored, by path."""
        return {key: body for key, body in self._all().items() if not key.endswith(REPORT)}

    def reports(self) -> dict[str, Json]:
        """The reports of syncs, by path."""
        return {key: json.loads(body) for key, body in self._all().items() if key.endswith(REPORT)}

    def _all(self) -> dict[str, bytes]:
        listed = self.client.list_objects_v2(Bucket=self.bucket).get("Contents", [])
        keys = [entry["Key"] for entry in listed]
        return {
            key: self.client.get_object(Bucket=self.bucket, Key=key)["Body"].read() for key in keys
        }

    def rejected(self) -> list[Json]:
        """Every line of every object."""
        return [json.loads(one) for body in self.objects().values() for one in body.splitlines()]

    def clear(self) -> None:
        for key in self._all():
            self.client.delete_object(Bucket=self.bucket, Key=key)


@contextmanager
def stored(bucket: str = "rejected") -> Iterator[Storage]:
    """A server of its own with one bucket, until the end of the block."""
    import boto3  # noqa: PLC0415 - takes long; only who needs a bucket waits for it
    from moto.server import ThreadedMotoServer  # noqa: PLC0415 - the same

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    client: S3Client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="made-up",
        aws_secret_access_key=SECRET_ACCESS_KEY,
    )
    client.create_bucket(Bucket=bucket)
    config = {
        "storage_type": "S3",
        "s3_bucket_name": bucket,
        "s3_bucket_region": "us-east-1",
        "bucket_path": "/maileon/",
        "access_key_id": "made-up",
        "secret_access_key": SECRET_ACCESS_KEY,
        "s3_endpoint": endpoint,
    }
    try:
        yield Storage(client, config)
    finally:
        client.close()
        server.stop()

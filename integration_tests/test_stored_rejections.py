"""Rejected records in a bucket, and the file piped into `write` again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3
import pytest
from moto.server import ThreadedMotoServer

from integration_tests.connection import Connection, people
from integration_tests.platform import Json, line, record, stream, stream_state

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

BUCKET = "rejected"
ACCOUNT_KEY = "made-up-secret-access-key"


@dataclass(frozen=True, slots=True)
class Storage:
    """A bucket, and the configuration that writes to it."""

    client: S3Client
    config: Json

    def objects(self) -> dict[str, bytes]:
        listed = self.client.list_objects_v2(Bucket=BUCKET).get("Contents", [])
        keys = [entry["Key"] for entry in listed]
        return {key: self.client.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys}


@pytest.fixture(scope="module")
def storage() -> Iterator[Storage]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    client: S3Client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="made-up",
        aws_secret_access_key=ACCOUNT_KEY,
    )
    client.create_bucket(Bucket=BUCKET)
    config = {
        "storage_type": "S3",
        "s3_bucket_name": BUCKET,
        "s3_bucket_region": "us-east-1",
        "bucket_path": "/maileon/",
        "access_key_id": "made-up",
        "secret_access_key": ACCOUNT_KEY,
        "s3_endpoint": endpoint,
    }
    yield Storage(client, config)
    client.close()
    server.stop()


def test_rejected_records_are_stored_and_can_be_written_again_once_the_cause_is_gone(
    connection: Connection, storage: Storage
) -> None:
    configured = stream(namespace="public")
    good = {"email": "good@example.com"}
    bad = {"email": "bad@example.com", "first_name": "x" * 256, "tall": 1e400, "n": 2**70}
    raw = line(record(bad, "people", "public")).replace(b"Infinity", b"1e400")
    given = raw + line(record(good, "people", "public")) + line(stream_state(1, "people", "public"))
    run = connection.write(given, configured, object_storage_config=storage.config)
    assert (run.exit_code, run.stats) == (0, [(1, 1)])
    ((key, body),) = storage.objects().items()
    assert key.startswith("maileon/7/public/people/")
    assert key.endswith(".jsonl")
    (stored,) = (json.loads(one) for one in body.splitlines())
    assert stored["type"] == "RECORD"
    assert stored["record"] == record(bad, "people", "public")["record"]
    rejection = stored["rejection"]
    assert (rejection["record_number"], rejection["error_code"]) == (1, 8)
    assert rejection["error_field"] == "FIRSTNAME"
    # As it is, with the option that cuts the text.
    again = connection.write(body, configured, truncate_long_text=True)
    assert again.exit_code == 0
    contact = connection.sandbox.account.by_email("bad@example.com")
    assert contact is not None
    assert contact.standard_fields == {"FIRSTNAME": "x" * 255}


def test_no_state_goes_out_before_the_rejections_before_it_are_stored(
    connection: Connection, storage: Storage
) -> None:
    lost = {**storage.config, "s3_bucket_name": "nowhere"}
    bad = record({"email": "no address"})
    messages = [*people("a"), stream_state(1), bad, stream_state(2)]
    run = connection.sync(messages, batch_size=1, concurrent_requests=1, object_storage_config=lost)
    assert run.error["failure_type"] == "config_error"
    assert "nowhere" in run.error["message"]
    assert run.stats == [(1, 0)]


def test_a_check_writes_to_the_bucket_and_names_one_that_is_not_there(
    connection: Connection, storage: Storage
) -> None:
    assert connection.check(object_storage_config=storage.config) == {"status": "SUCCEEDED"}
    other = {**storage.config, "s3_bucket_name": "nowhere"}
    verdict = connection.check(object_storage_config=other)
    assert verdict["status"] == "FAILED"
    assert '"nowhere"' in verdict["message"]
    assert ACCOUNT_KEY not in verdict["message"]

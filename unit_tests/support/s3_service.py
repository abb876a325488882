"""Rejected records and settings of a bucket for tests, and a service that answers as told."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from pydantic import SecretStr

from destination_maileon.config.spec import S3Storage
from destination_maileon.maileon.contact import IdentifierMode
from destination_maileon.maileon.sync_options import SyncOptions
from destination_maileon.mapping.mapped_record import MappedRecord
from destination_maileon.protocol.exact_json import dumps
from destination_maileon.protocol.messages import StreamKey
from destination_maileon.rejections.rejection import Rejection
from destination_maileon.streams.catalog import StreamPlan

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


KEY_ID = "AKIAQ7NOBODY5KNOWSIT"


SECRET = "vErY/s3cret+kEy/that-nobody.knows"


PERSON = "anna.secret@example.com"


REJECTION = Rejection("invalid email", "Correct the address.", "email", code=2)


def storage(endpoint: str, *, bucket: str = "rejected", path: str = "airbyte/maileon") -> S3Storage:
    return S3Storage(
        storage_type="S3",
        s3_bucket_name=bucket,
        s3_bucket_region="eu-central-1",
        bucket_path=path,
        access_key_id=SecretStr(KEY_ID),
        secret_access_key=SecretStr(SECRET),
        s3_endpoint=endpoint,
    )


def plan(key: StreamKey = ("crm", "people"), sync_id: int | None = 42) -> StreamPlan:
    return StreamPlan(key=key, options=SyncOptions(IdentifierMode.EMAIL), sync_id=sync_id)


def part(message: dict[str, object] | None = None, number: int = 1) -> MappedRecord:
    if message is None:
        message = {"stream": "people", "namespace": "crm", "emitted_at": 1, "data": {"n": number}}
    return MappedRecord(
        number,
        number,
        0,
        identity_keys=(),
        payload=b"",
        message=dumps({"type": "RECORD", "record": message}),
    )


def objects(s3: S3Client, settings: S3Storage) -> dict[str, bytes]:
    bucket = settings.s3_bucket_name
    keys = [found["Key"] for found in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]
    return {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}


class FakeService:
    """Answers every request alike, after a pause, and remembers who asked for what."""

    def __init__(self, status: int, body: bytes = b"", *, pause: float = 0.0) -> None:
        self.status, self.body, self.pause = status, body, pause
        self.media_type = "application/xml"
        self.requests: list[tuple[str, str, str]] = []


@contextmanager
def running(service: FakeService) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        # In which the body is asked for; else boto3 waits a second for that.
        protocol_version = "HTTP/1.1"

        def do_PUT(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"] or 0))
            sent_by = self.headers["Authorization"] or ""
            service.requests.append((self.command, self.path, sent_by))
            time.sleep(service.pause)
            self.send_response(service.status)
            self.send_header("Content-Type", service.media_type)
            self.send_header("Connection", "close")
            self.send_header("Content-Length", str(len(service.body)))
            # Who did not want to wait for the answer has gone.
            with suppress(BrokenPipeError):
                self.end_headers()
                self.wfile.write(service.body)

        def do_DELETE(self) -> None:
            service.requests.append((self.command, self.path, ""))
            self.send_response(403)
            self.send_header("Connection", "close")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def error_xml(code: str) -> bytes:
    # As Amazon does it: some errors repeat the key and what was signed.
    return (
        f"<Error><Code>{code}</Code><Message>{KEY_ID} {SECRET} {PERSON}</Message>"
        f"<AWSAccessKeyId>{KEY_ID}</AWSAccessKeyId></Error>"
    ).encode()


def assert_discreet(error: BaseException) -> None:
    assert error.__cause__ is None
    assert error.__context__ is None
    for secret in (KEY_ID, SECRET, PERSON, "anna"):
        assert secret not in str(error)


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

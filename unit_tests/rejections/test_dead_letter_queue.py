"""Rejected records end up in the bucket, whole and apart, and only there."""

from __future__ import annotations

import json
import logging
import socket
import subprocess
import sys
import threading
import time
import tracemalloc
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.config import Config as BotoConfig
from hypothesis import given
from hypothesis import strategies as st
from moto.server import ThreadedMotoServer
from pydantic import SecretStr

from destination_maileon.config.model import S3Storage
from destination_maileon.errors import ConfigError, SyncError, TransientError
from destination_maileon.maileon.identifier import IdentifierMode
from destination_maileon.maileon.sync_options import SyncOptions
from destination_maileon.mapping.mapped_record import MappedRecord
from destination_maileon.protocol import exact_json
from destination_maileon.protocol.exact_json import dumps
from destination_maileon.protocol.messages import RecordMessage, StreamKey, decode
from destination_maileon.rejections import s3 as bucket
from destination_maileon.rejections.dead_letter_queue import DeadLetterQueue
from destination_maileon.rejections.rejection import Rejection
from destination_maileon.rejections.s3 import (
    CHECK,
    CHECK_NAME,
    MAX_SEGMENT_BYTES,
    UPLOAD,
    S3Timeouts,
    check_bucket,
    segment,
)
from destination_maileon.streams.stream_plan import StreamPlan
from unit_tests.maileon.local_server import LocalServer, read_request

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

KEY_ID = "AKIAQ7NOBODY5KNOWSIT"
SECRET = "vErY/s3cret+kEy/that-nobody.knows"
PERSON = "anna.secret@example.com"
NOW = 1_795_600_800.1234
REJECTION = Rejection("invalid email", "Correct the address.", "email", code=2)
ONCE = S3Timeouts(connect_seconds=2, read_seconds=2, attempts=1)


@pytest.fixture(autouse=True)
def _nothing_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN", "PROFILE", "ENDPOINT_URL"):
        monkeypatch.delenv(f"AWS_{name}", raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="module")
def s3(service: str) -> Iterator[S3Client]:
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


def storage(endpoint: str, *, bucket: str = "rejected", path: str = "airbyte/maileon") -> S3Storage:
    return S3Storage(
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
        keys=(),
        payload=b"",
        message=dumps({"type": "RECORD", "record": message}),
    )


def objects(s3: S3Client, settings: S3Storage) -> dict[str, bytes]:
    bucket = settings.s3_bucket_name
    keys = [found["Key"] for found in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]
    return {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}


def numbers(content: bytes) -> list[int]:
    return [json.loads(line)["rejection"]["record_number"] for line in content.splitlines()]


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


def test_a_line_is_an_airbyte_message_with_the_reason_beside_the_record(
    s3: S3Client, settings: S3Storage
) -> None:
    record: dict[str, object] = {"stream": "people", "emitted_at": 5, "data": {"a": 1}, "meta": {}}
    rejection = Rejection(
        "invalid email",
        "Correct the address.",
        "email",
        code=2,
        further=("ZIP", "A"),
    )
    store = DeadLetterQueue(settings)
    store.add(plan((None, "people")), part(record, number=7), rejection)
    store.add(
        plan((None, "people")), part(record, number=8), Rejection("no identifier", "Send one.")
    )
    store.flush()
    lines = [line for content in objects(s3, settings).values() for line in content.splitlines()]
    by_number = {json.loads(line)["rejection"]["record_number"]: json.loads(line) for line in lines}
    assert by_number[7] == {
        "type": "RECORD",
        "record": record,
        "rejection": {
            "record_number": 7,
            "error_code": 2,
            "error_message": "invalid email. Correct the address. Also wrong: ZIP, A.",
            "error_field": "email",
        },
    }
    assert by_number[8]["rejection"] == {
        "record_number": 8,
        "error_code": None,
        "error_message": "no identifier. Send one.",
        "error_field": None,
    }


ODD_DATA = (
    b'{"big":123456789012345678901234567890,"exact":0.10000000000000000555,"huge":1e400,'
    b'"small":1.0,"null":null,"list":[1,{"x":[]}],'
    b'"text":"\\u0000\\u2028\\r\\n\\ud800 \xf0\x9f\x98\x80",'
    b'"\xc3\xbc\\n":"\\"<&>"}'
)


def test_what_is_stored_can_be_read_again_as_it_was(s3: S3Client, settings: S3Storage) -> None:
    line = b'{"type":"RECORD","record":{"stream":"people","namespace":"crm","data":%s}}' % ODD_DATA
    message = decode(line, 1)
    assert isinstance(message, RecordMessage)
    store = DeadLetterQueue(settings)
    people = plan()
    for number in range(1, 4):
        store.add(people, part(message.decoded(), number), REJECTION)
    store.flush()
    (content,) = objects(s3, settings).values()
    assert content.count(b"\n") == 3
    for number, stored in enumerate(content.split(b"\n")[:3], 1):
        again = decode(stored, number)
        assert isinstance(again, RecordMessage)
        assert again.stream == ("crm", "people")
        assert again.data == message.data
        assert exact_json.dumps(again.data) == exact_json.dumps(message.data)


@pytest.mark.parametrize(
    ("key", "sync_id", "path", "folder"),
    [
        (("crm", "people"), 42, "airbyte/maileon", "airbyte/maileon/42/crm/people"),
        ((None, "people"), 42, "airbyte", "airbyte/42/people"),
        (("crm", "people"), None, "airbyte", "airbyte/0/crm/people"),
        (("crm", "people"), 42, "/airbyte//maileon/", "airbyte/maileon/42/crm/people"),
        (("crm", "people"), 42, "", "42/crm/people"),
        (("crm", "people"), 42, "/", "42/crm/people"),
        (("crm", "people"), 42, "../x/.", "__/x/_/42/crm/people"),
        (("a/b", "c\\d"), 42, "p", "p/42/a_b/c_d"),
        (("..", "."), 42, "p", "p/42/__/_"),
        (("...", ".x"), 42, "p", "p/42/.../.x"),
        (("", ""), 42, "p", "p/42/_/_"),
        (("a\nb\x00\x7f", "c\ud800"), 42, "p", "p/42/a_b__/c_"),
        (("Kö ln", "50% + a?b#c&d=e:f"), 42, "p", "p/42/Kö ln/50% + a?b#c&d=e:f"),
    ],
)
def test_the_path_of_an_object(
    s3: S3Client,
    settings: S3Storage,
    *,
    key: StreamKey,
    sync_id: int | None,
    path: str,
    folder: str,
) -> None:
    settings = settings.model_copy(update={"bucket_path": path})
    store = DeadLetterQueue(settings, clock=lambda: NOW)
    store.add(plan(key, sync_id), part(), REJECTION)
    store.flush()
    (found,) = objects(s3, settings)
    assert found.rpartition("/")[0] == folder
    name = found.rpartition("/")[2]
    assert name.startswith("2026_11_25_1795600800123_0_")
    assert name.endswith(".jsonl")


@given(st.text())
def test_a_name_is_always_one_step_of_a_path(name: str) -> None:
    step = segment(name)
    assert step not in {"", ".", ".."}
    assert not set("/\\\n\r\x00\x7f") & set(step)
    assert len(step.encode()) <= MAX_SEGMENT_BYTES


def test_a_long_name_is_cut_between_characters() -> None:
    assert segment("ü" * 500) == "ü" * (MAX_SEGMENT_BYTES // 2)


def test_an_object_says_what_it_is(s3: S3Client, settings: S3Storage) -> None:
    store = DeadLetterQueue(settings)
    store.add(plan(), part(), REJECTION)
    store.flush()
    (key,) = objects(s3, settings)
    head = s3.head_object(Bucket=settings.s3_bucket_name, Key=key)
    assert head["ContentType"] == "application/x-ndjson"


def test_nothing_is_written_for_nothing(s3: S3Client, settings: S3Storage) -> None:
    store = DeadLetterQueue(settings)
    store.flush()
    store.add(plan(), part(), REJECTION)
    store.flush()
    store.flush()
    assert len(objects(s3, settings)) == 1


def test_without_a_rejection_no_service_is_asked() -> None:
    with running(FakeService(200)) as endpoint:
        DeadLetterQueue(storage(f"{endpoint}/unused")).flush()


def test_lines_wait_until_they_are_flushed(s3: S3Client, settings: S3Storage) -> None:
    store = DeadLetterQueue(settings)
    store.add(plan(), part(), REJECTION)
    assert objects(s3, settings) == {}
    store.flush()
    assert [numbers(content) for content in objects(s3, settings).values()] == [[1]]


def test_a_part_goes_out_when_it_is_large_and_parts_are_counted(
    s3: S3Client, settings: S3Storage
) -> None:
    store = DeadLetterQueue(settings, clock=lambda: NOW, part_bytes=1_000)
    people = plan()
    for number in range(1, 23):
        store.add(people, part(number=number), REJECTION)
    before_the_end = len(objects(s3, settings))
    store.flush()
    found = objects(s3, settings)
    assert 1 < before_the_end < len(found)
    in_order = sorted(found, key=lambda key: int(key.split("_")[-2]))
    assert [int(key.split("_")[-2]) for key in in_order] == list(range(len(found)))
    assert [n for key in in_order for n in numbers(found[key])] == list(range(1, 23))
    assert all(len(content) < 1_400 for content in found.values())


def test_an_object_holds_one_stream(s3: S3Client, settings: S3Storage) -> None:
    store = DeadLetterQueue(settings)
    # The last two have one folder.
    plans = [plan((None, "a")), plan(("a", "a")), plan(("a", "b/c")), plan(("a", "b_c"))]
    for number in range(1, 9):
        store.add(plans[number % 4], part(number=number), REJECTION)
    store.flush()
    found = objects(s3, settings)
    assert sorted(map(numbers, found.values())) == [[1, 5], [2, 6], [3, 7], [4, 8]]
    assert len({key.rpartition("/")[0] for key in found}) == 3


def test_of_all_streams_together_the_one_with_the_most_goes_first(
    s3: S3Client, settings: S3Storage
) -> None:
    store = DeadLetterQueue(settings, max_held_bytes=2_000)
    small, large = plan(("crm", "small")), plan(("crm", "large"))
    store.add(small, part(), REJECTION)
    for number in range(1, 10):
        store.add(large, part(number=number), REJECTION)
    assert {key.split("/")[-2] for key in objects(s3, settings)} == {"large"}
    store.flush()
    assert {key.split("/")[-2] for key in objects(s3, settings)} == {"large", "small"}


def test_another_try_of_the_same_sync_at_the_same_moment_replaces_nothing(
    s3: S3Client, settings: S3Storage
) -> None:
    for number in (1, 2):
        store = DeadLetterQueue(settings, clock=lambda: NOW)
        store.add(plan(), part(number=number), REJECTION)
        store.flush()
    assert sorted(map(numbers, objects(s3, settings).values())) == [[1], [2]]


def test_what_could_not_be_stored_stays_and_is_stored_later(service: str, s3: S3Client) -> None:
    settings = storage(service, bucket=f"late-{uuid.uuid4()}")
    store = DeadLetterQueue(settings)
    people = plan()
    store.add(people, part(number=1), REJECTION)
    for _ in range(2):
        with pytest.raises(ConfigError, match="no such bucket"):
            store.flush()
    store.add(people, part(number=2), REJECTION)
    s3.create_bucket(
        Bucket=settings.s3_bucket_name,
        CreateBucketConfiguration={"LocationConstraint": "eu-central-1"},
    )
    store.flush()
    assert sorted(map(numbers, objects(s3, settings).values())) == [[1], [2]]


def test_a_failed_upload_is_made_again_under_its_name() -> None:
    service = FakeService(503)
    with running(service) as endpoint:
        store = DeadLetterQueue(storage(endpoint), tries=ONCE)
        store.add(plan(), part(), REJECTION)
        for _ in range(2):
            with pytest.raises(TransientError, match="unavailable"):
                store.flush()
        service.status = 200
        store.flush()
        store.flush()
    assert len(service.requests) == 3
    assert len({path for _, path, _ in service.requests}) == 1


def test_memory_stays_bounded_while_nothing_can_be_stored() -> None:
    store = DeadLetterQueue(
        storage(f"http://127.0.0.1:{closed_port()}"), tries=ONCE, max_held_bytes=1_000
    )
    for number in range(1, 40):
        try:
            store.add(plan(), part(number=number), REJECTION)
        except TransientError:
            continue
    assert store._held_bytes < 1_500


def test_an_upload_is_tried_again_by_itself() -> None:
    service = FakeService(503)
    tries = S3Timeouts(connect_seconds=1, read_seconds=1, attempts=2)
    with running(service) as endpoint:
        store = DeadLetterQueue(storage(endpoint), tries=tries)
        store.add(plan(), part(), REJECTION)
        with pytest.raises(TransientError):
            store.flush()
    assert len(service.requests) == 2


@pytest.mark.parametrize(
    ("status", "code", "kind", "words"),
    [
        (404, "NoSuchBucket", ConfigError, "no such bucket"),
        (403, "AccessDenied", ConfigError, "access was denied"),
        (403, "InvalidAccessKeyId", ConfigError, "access key is wrong"),
        (403, "SignatureDoesNotMatch", ConfigError, "access key is wrong"),
        (400, "ExpiredToken", ConfigError, "access key is wrong"),
        (400, "IllegalLocationConstraintException", ConfigError, "another region"),
        (301, "PermanentRedirect", ConfigError, "another region"),
        (307, "", ConfigError, "another region"),
        (403, "RequestTimeTooSkewed", ConfigError, "clock"),
        (400, "KeyTooLongError", ConfigError, "bucket path"),
        (405, "MethodNotAllowed", ConfigError, "no S3 service"),
        (400, "InvalidStorageClass", ConfigError, "refuses with 400 InvalidStorageClass"),
        (400, SECRET, ConfigError, "refuses with 400. "),
        (418, "", ConfigError, "refuses with 418. "),
        (401, "", ConfigError, "access key is wrong"),
        (400, "RequestTimeout", TransientError, "no answer came in time"),
        (409, "OperationAborted", TransientError, "unavailable"),
        (429, "", TransientError, "unavailable"),
        (500, "InternalError", TransientError, "unavailable"),
        (503, "SlowDown", TransientError, "unavailable"),
    ],
)
def test_a_refusal_in_words_for_a_person(
    *, status: int, code: str, kind: type[SyncError], words: str
) -> None:
    with running(FakeService(status, error_xml(code) if code else b"")) as endpoint:
        settings = storage(endpoint)
        with pytest.raises(SyncError) as told:
            check_bucket(settings)
        store = DeadLetterQueue(settings, tries=ONCE)
        store.add(plan(), part({"stream": "s", "data": {"email": PERSON}}), REJECTION)
        with pytest.raises(SyncError) as raised:
            store.flush()
    assert str(told.value) == str(raised.value)
    for error in (told.value, raised.value):
        assert type(error) is kind
        assert words in str(error)
        assert '"rejected" (127.0.0.1)' in str(error)
        assert_discreet(error)


@pytest.mark.parametrize("status", [403, 404, 500])
def test_a_refusal_that_is_no_xml(status: int) -> None:
    with running(FakeService(status, b"<html><p>No")) as endpoint, pytest.raises(SyncError) as told:
        check_bucket(storage(endpoint))
    assert type(told.value) is (TransientError if status == 500 else ConfigError)
    assert_discreet(told.value)


STRANGE_ERRORS = {
    "an element for a code": b"<Error><Code><x>1</x></Code></Error>",
    "two codes": b"<Error><Code>AccessDenied</Code><Code>SlowDown</Code></Error>",
    "two messages": b"<Error><Message>A</Message><Message>B</Message></Error>",
    "an error in an error": b"<Error><Error><Code>A</Code></Error></Error>",
    "very deep": b"<Error>" + b"<a>" * 20_000 + b"</a>" * 20_000 + b"</Error>",
}


@pytest.mark.parametrize("body", STRANGE_ERRORS.values(), ids=STRANGE_ERRORS)
@pytest.mark.parametrize("status", [200, 403, 500])
def test_an_error_in_a_form_that_no_s3_service_gives_it(status: int, body: bytes) -> None:
    with running(FakeService(status, body)) as endpoint, pytest.raises(SyncError) as told:
        check_bucket(storage(endpoint))
    assert type(told.value) in {ConfigError, TransientError}
    assert_discreet(told.value)


def test_a_web_page_is_no_bucket() -> None:
    page = FakeService(200, b"<html>Welcome</html>")
    page.media_type = "text/html; charset=utf-8"
    with running(page) as endpoint, pytest.raises(ConfigError, match="no S3 service"):
        check_bucket(storage(endpoint))


def test_nobody_listens() -> None:
    settings = storage(f"http://127.0.0.1:{closed_port()}")
    with pytest.raises(TransientError, match="no connection came about") as told:
        check_bucket(settings)
    assert_discreet(told.value)


def test_an_answer_that_does_not_come() -> None:
    service = FakeService(200, pause=2)
    with running(service) as endpoint:
        store = DeadLetterQueue(
            storage(endpoint), tries=S3Timeouts(connect_seconds=1, read_seconds=0.2, attempts=1)
        )
        store.add(plan(), part(), REJECTION)
        with pytest.raises(TransientError, match="no answer came in time") as raised:
            store.flush()
    assert_discreet(raised.value)


CHUNK = b"10000\r\n" + bytes(2**16) + b"\r\n"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"
TRICKLES = {
    "an answer": (b"", HEAD),
    "headers": (b"HTTP/1.1 200 OK\r\n", b"A: b\r\n" * 999),
    "a body": (HEAD, b"x" * 9999),
    "an error": (HEAD.replace(b"200 OK", b"503 No"), b"x" * 9999),
}


@pytest.mark.parametrize("trickle", TRICKLES.values(), ids=TRICKLES)
def test_a_service_that_sends_byte_by_byte_holds_nothing_up(trickle: tuple[bytes, bytes]) -> None:
    start, rest = trickle

    def converse(server: LocalServer, connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(start)
        server.trickle(connection, rest)

    # Every byte comes well before the time for one is up.
    slow = S3Timeouts(connect_seconds=60, read_seconds=60, attempts=3, seconds=0.5)
    with LocalServer(converse) as server:
        store = DeadLetterQueue(storage(server.url), tries=slow)
        store.add(plan(), part(), REJECTION)
        with pytest.raises(TransientError, match="no answer came in time") as raised:
            store.flush()
        assert len(server.seen) <= 1
        with pytest.raises(TransientError, match="no answer came in time"):
            check_bucket(storage(server.url), seconds=0.3)
    assert_discreet(raised.value)
    assert UPLOAD.seconds < 600


EMPTY = b"Content-Length: 0\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nETag: any\r\n"
ENDLESS = {
    "a success": (OK + b"\r\n", bytes(2**16), "unavailable"),
    "chunks": (OK + b"Transfer-Encoding: chunked\r\n\r\n", CHUNK, "unavailable"),
    "an error": (b"HTTP/1.1 503 No\r\n\r\n", bytes(2**16), "unavailable"),
    "a refusal": (b"HTTP/1.1 403 No\r\n\r\n", b"<Error>" + bytes(2**16), "denied"),
    "headers": (b"HTTP/1.1 200 OK\r\n", b"A: b\r\n" * 2**12, "no connection came about"),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_of_an_answer_without_an_end_the_beginning_is_read(name: str) -> None:
    start, rest, problem = ENDLESS[name]

    def converse(server: LocalServer, connection: socket.socket) -> None:
        read_request(connection)
        with suppress(OSError):
            connection.sendall(start)
            while not server.closing.is_set():
                connection.sendall(rest)

    tries = S3Timeouts(connect_seconds=30, read_seconds=30, attempts=1, seconds=60)
    with LocalServer(converse) as server:
        store = DeadLetterQueue(storage(server.url), tries=tries)
        store.add(plan(), part(), REJECTION)
        tracemalloc.start()
        try:
            with pytest.raises(SyncError, match=problem):
                store.flush()
            assert tracemalloc.get_traced_memory()[1] < 30 * 2**20
        finally:
            tracemalloc.stop()


def test_an_answer_that_is_cut_off_is_asked_for_again() -> None:
    def converse(server: LocalServer, connection: socket.socket) -> None:
        if (seen := read_request(connection)) is not None:
            server.seen.append(seen)
            cut, whole = OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab", OK + EMPTY
            connection.sendall(cut if len(server.seen) == 1 else whole)

    with LocalServer(converse) as server:
        store = DeadLetterQueue(storage(server.url))
        store.add(plan(), part(), REJECTION)
        store.flush()
        assert len(server.seen) == 2


def test_what_is_unforeseen_in_the_thread_is_no_success(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise KeyError

    monkeypatch.setattr(bucket, "_client", fails)
    store = DeadLetterQueue(storage("http://127.0.0.1:9"))
    store.add(plan(), part(), REJECTION)
    with pytest.raises(KeyError):
        store.flush()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"s3_bucket_name": "no bucket"}, "Correct the bucket name"),
        ({"s3_bucket_region": "not a region"}, "Correct the bucket name"),
        ({"s3_endpoint": "http://.x"}, "Correct the bucket name"),
        ({"access_key_id": None, "secret_access_key": None}, "no usable credentials"),
        ({"secret_access_key": None}, "no usable credentials"),
        ({"access_key_id": SecretStr("anna\nsecret")}, "access key is wrong"),
    ],
)
def test_settings_with_which_no_request_can_be_made(
    *, change: dict[str, object], words: str
) -> None:
    settings = storage(f"http://127.0.0.1:{closed_port()}").model_copy(update=change)
    with pytest.raises(ConfigError, match=words) as told:
        check_bucket(settings)
    assert_discreet(told.value)


def test_a_profile_of_the_environment_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(ConfigError, match="no usable credentials"):
        check_bucket(storage(f"http://127.0.0.1:{closed_port()}"))


def test_without_keys_those_of_the_environment_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAFROMENVIRONMENT")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "also secret")
    service = FakeService(200)
    with running(service) as endpoint:
        for change in ({}, {"access_key_id": None, "secret_access_key": None}):
            store = DeadLetterQueue(storage(endpoint).model_copy(update=change))
            store.add(plan(), part(), REJECTION)
            store.flush()
    own, environment = (sent_by for _, _, sent_by in service.requests)
    assert f"Credential={KEY_ID}/" in own
    assert "Credential=AKIAFROMENVIRONMENT/" in environment


def test_another_service_is_asked_by_path() -> None:
    service = FakeService(200)
    with running(service) as endpoint:
        check_bucket(storage(f"{endpoint}/below"))
    path = f"/below/rejected/airbyte/maileon/{CHECK_NAME}"
    assert [(method, at) for method, at, _ in service.requests] == [("PUT", path), ("DELETE", path)]


def test_check_leaves_nothing_behind(s3: S3Client, settings: S3Storage) -> None:
    check_bucket(settings)
    check_bucket(settings)
    assert objects(s3, settings) == {}


def test_check_asks_once() -> None:
    service = FakeService(503)
    with running(service) as endpoint, pytest.raises(TransientError):
        check_bucket(storage(endpoint))
    assert len(service.requests) == 1


def test_check_ends_in_time() -> None:
    started_at = time.monotonic()
    with (
        running(FakeService(200, pause=1)) as endpoint,
        pytest.raises(TransientError, match="no answer came in time") as told,
    ):
        check_bucket(storage(endpoint), seconds=0.3)
    assert time.monotonic() - started_at < 5
    assert CHECK.connect_seconds + CHECK.read_seconds < 10
    assert_discreet(told.value)


def test_a_record_whose_message_was_not_kept_is_not_passed_over() -> None:
    nameless = MappedRecord(1, 1, 0, keys=(), payload=b"")
    store = DeadLetterQueue(storage("http://127.0.0.1:9"))
    with pytest.raises(ValueError, match="not kept"):
        store.add(plan(), nameless, REJECTION)
    store.flush()


def test_the_libraries_say_nothing(
    settings: S3Storage, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    store = DeadLetterQueue(settings)
    store.add(plan(), part({"stream": "s", "data": {"email": PERSON}}), REJECTION)
    store.flush()
    with pytest.raises(TransientError):
        check_bucket(storage(f"http://127.0.0.1:{closed_port()}"))
    loggers = {record.name.partition(".")[0] for record in caplog.records}
    assert not loggers & {"boto3", "botocore", "s3transfer", "urllib3"}
    assert PERSON not in caplog.text
    written = "".join(capfd.readouterr())
    assert PERSON not in written
    assert KEY_ID not in written


def test_who_needs_no_bucket_does_not_wait_for_boto3() -> None:
    program = (
        "import sys, destination_maileon.rejections.dead_letter_queue as store\n"
        "assert not {'boto3', 'botocore'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)

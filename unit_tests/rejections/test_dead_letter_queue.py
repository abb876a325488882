"""Rejected records end up in the bucket, whole and apart, and only there."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from typing import TYPE_CHECKING

import pytest

from destination_maileon.config.spec import S3Storage
from destination_maileon.errors import ConfigError, TransientError
from destination_maileon.mapping.mapped_record import MappedRecord
from destination_maileon.protocol.exact_json import dumps, members
from destination_maileon.protocol.messages import RecordMessage, StreamKey
from destination_maileon.rejections import dead_letter_queue
from destination_maileon.rejections.dead_letter_queue import DeadLetterQueue
from destination_maileon.rejections.rejection import Rejection
from destination_maileon.rejections.s3 import S3Bucket
from unit_tests.support.lines import decode
from unit_tests.support.s3_service import (
    REJECTION,
    FakeService,
    closed_port,
    objects,
    part,
    plan,
    running,
    storage,
)

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


NOW = 1_795_600_800.1234


def numbers(content: bytes) -> list[int]:
    return [json.loads(line)["rejection"]["record_number"] for line in content.splitlines()]


def test_a_line_is_an_airbyte_message_with_the_reason_beside_the_record(
    s3: S3Client, settings: S3Storage
) -> None:
    record: dict[str, object] = {"stream": "people", "emitted_at": 5, "data": {"a": 1}, "meta": {}}
    rejection = Rejection(
        "invalid email",
        "Correct the address. Also wrong: ZIP, A.",
        "email",
        code=2,
    )
    store = DeadLetterQueue(S3Bucket(settings))
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
    store = DeadLetterQueue(S3Bucket(settings))
    people = plan()
    for number in range(1, 4):
        store.add(
            people,
            MappedRecord(number, number, 0, identity_keys=(), payload=b"", message=line),
            REJECTION,
        )
    store.flush()
    (content,) = objects(s3, settings).values()
    assert content.count(b"\n") == 3
    for number, stored in enumerate(content.split(b"\n")[:3], 1):
        again = decode(stored, number)
        assert isinstance(again, RecordMessage)
        assert again.stream == ("crm", "people")
        assert again.decoded_data() == message.decoded_data()


@pytest.mark.parametrize(
    "line",
    [
        b'\xef\xbb\xbf{"type":"RECORD","record":{"stream":"people","data":{"n":1}}}',
        b'{"type":"RECORD","record":{"stream":"people","data":{"n":1,"a":"\\ud800"}}}',
        b'{"type":"RECORD","record":{"stream":"people","data":{"n":1e9999999999999999999}}}',
        b'{"type":"RECORD","record":{"stream":"people","data":{"n":%s1%s}}}'
        % (b"[" * 1_000, b"]" * 1_000),
    ],
)
def test_whatever_line_was_a_record_is_stored(
    s3: S3Client, settings: S3Storage, line: bytes
) -> None:
    given = decode(line, 1)
    assert isinstance(given, RecordMessage)
    rejected = MappedRecord(1, 1, 0, identity_keys=(), payload=b"", message=given.line)
    store = DeadLetterQueue(S3Bucket(settings))
    store.add(plan(), rejected, REJECTION)
    store.flush()
    [content] = objects(s3, settings).values()
    assert isinstance(decode(content, 2), RecordMessage)
    back, sent = members(content)["record"], members(given.line)["record"]
    assert dumps(back) == dumps(sent)


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
    store = DeadLetterQueue(S3Bucket(settings), clock=lambda: NOW)
    store.add(plan(key, sync_id), part(), REJECTION)
    store.flush()
    (found,) = objects(s3, settings)
    assert found.rpartition("/")[0] == folder
    name = found.rpartition("/")[2]
    assert name.startswith("2026_11_25_1795600800123_0_")
    assert name.endswith(".jsonl")


def test_an_object_says_what_it_is(s3: S3Client, settings: S3Storage) -> None:
    store = DeadLetterQueue(S3Bucket(settings))
    store.add(plan(), part(), REJECTION)
    store.flush()
    (key,) = objects(s3, settings)
    head = s3.head_object(Bucket=settings.s3_bucket_name, Key=key)
    assert head["ContentType"] == "application/x-ndjson"


def test_nothing_is_written_for_nothing(s3: S3Client, settings: S3Storage) -> None:
    store = DeadLetterQueue(S3Bucket(settings))
    store.flush()
    store.add(plan(), part(), REJECTION)
    store.flush()
    store.flush()
    assert len(objects(s3, settings)) == 1


def test_without_a_rejection_no_service_is_asked() -> None:
    with running(FakeService(200)) as endpoint:
        DeadLetterQueue(S3Bucket(storage(f"{endpoint}/unused"))).flush()


def test_lines_wait_until_they_are_flushed(s3: S3Client, settings: S3Storage) -> None:
    store = DeadLetterQueue(S3Bucket(settings))
    store.add(plan(), part(), REJECTION)
    assert objects(s3, settings) == {}
    store.flush()
    assert [numbers(content) for content in objects(s3, settings).values()] == [[1]]


def test_a_part_goes_out_when_it_is_large_and_parts_are_counted(
    s3: S3Client, settings: S3Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_letter_queue, "MAX_HELD_BYTES", 1_000)
    store = DeadLetterQueue(S3Bucket(settings), clock=lambda: NOW)
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
    store = DeadLetterQueue(S3Bucket(settings))
    # The last two have one folder.
    plans = [plan((None, "a")), plan(("a", "a")), plan(("a", "b/c")), plan(("a", "b_c"))]
    for number in range(1, 9):
        store.add(plans[number % 4], part(number=number), REJECTION)
    store.flush()
    found = objects(s3, settings)
    assert sorted(map(numbers, found.values())) == [[1, 5], [2, 6], [3, 7], [4, 8]]
    assert len({key.rpartition("/")[0] for key in found}) == 3


def test_the_lines_of_all_streams_together_go_out_when_they_are_large(
    s3: S3Client, settings: S3Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_letter_queue, "MAX_HELD_BYTES", 1_000)
    store = DeadLetterQueue(S3Bucket(settings))
    plans = [plan(("crm", name)) for name in "abcd"]
    for number in range(20):
        store.add(plans[number % 4], part(number=number), REJECTION)
    assert {key.split("/")[-2] for key in objects(s3, settings)} == {*"abcd"}


def test_another_try_of_the_same_sync_at_the_same_moment_replaces_nothing(
    s3: S3Client, settings: S3Storage
) -> None:
    for number in (1, 2):
        store = DeadLetterQueue(S3Bucket(settings), clock=lambda: NOW)
        store.add(plan(), part(number=number), REJECTION)
        store.flush()
    assert sorted(map(numbers, objects(s3, settings).values())) == [[1], [2]]


def test_what_could_not_be_stored_stays_and_is_stored_later(service: str, s3: S3Client) -> None:
    settings = storage(service, bucket=f"late-{uuid.uuid4()}")
    store = DeadLetterQueue(S3Bucket(settings))
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
    assert [*map(numbers, objects(s3, settings).values())] == [[1, 2]]


def test_a_record_whose_message_was_not_kept_is_not_passed_over() -> None:
    nameless = MappedRecord(1, 1, 0, identity_keys=(), payload=b"")
    store = DeadLetterQueue(S3Bucket(storage("http://127.0.0.1:9")))
    with pytest.raises(ValueError):  # noqa: PT011 - what no line is, the reader of lines says
        store.add(plan(), nameless, REJECTION)
    store.flush()


def test_who_needs_no_bucket_does_not_wait_for_boto3() -> None:
    program = (
        "import sys, destination_maileon.rejections.dead_letter_queue as store\n"
        "assert not {'boto3', 'botocore'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_the_report_of_a_sync_is_stored_beside_its_records(
    s3: S3Client, settings: S3Storage
) -> None:
    store = DeadLetterQueue(S3Bucket(settings))
    for read in (4, 5):
        store.store_report(plan(), {"read": read})
    [(key, content)] = objects(s3, settings).items()
    assert key == "airbyte/maileon/42/report.json"
    assert json.loads(content) == {"read": 5}


def test_a_report_that_cannot_be_stored_is_an_error_with_words() -> None:
    store = DeadLetterQueue(S3Bucket(storage(f"http://127.0.0.1:{closed_port()}"), attempts=1))
    with pytest.raises(TransientError, match="no connection could be made"):
        store.store_report(plan(), {})


def test_a_person_is_told_where_the_records_are() -> None:
    store = DeadLetterQueue(S3Bucket(storage("http://127.0.0.1:9")))
    assert store.location(plan()) == "s3://rejected/airbyte/maileon/42/crm/people"

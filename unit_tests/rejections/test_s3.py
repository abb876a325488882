"""What a bucket says in words for a person, and what is written to it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import SSLError
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from destination_maileon.config.spec import S3Storage
from destination_maileon.errors import ConfigError, SyncError, TransientError
from destination_maileon.rejections.dead_letter_queue import DeadLetterQueue
from destination_maileon.rejections.s3 import (
    CHECK_NAME,
    MAX_SEGMENT_BYTES,
    S3Bucket,
    check_bucket,
    failure_of,
    segment,
)
from unit_tests.support.s3_service import (
    KEY_ID,
    PERSON,
    REJECTION,
    SECRET,
    FakeService,
    assert_discreet,
    closed_port,
    error_xml,
    objects,
    part,
    plan,
    running,
    storage,
)

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


@given(st.text())
def test_a_name_is_always_one_step_of_a_path(name: str) -> None:
    step = segment(name)
    assert step not in {"", ".", ".."}
    assert not set("/\\\n\r\x00\x7f") & set(step)
    assert len(step.encode()) <= MAX_SEGMENT_BYTES


def test_a_long_name_is_cut_between_characters() -> None:
    assert segment("ü" * 500) == "ü" * (MAX_SEGMENT_BYTES // 2)


def test_an_upload_is_tried_again_by_itself() -> None:
    service = FakeService(503)
    with running(service) as endpoint:
        store = DeadLetterQueue(S3Bucket(storage(endpoint), seconds=60, attempts=2))
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
        (400, "IllegalLocationConstraintException", ConfigError, "Correct the bucket name, the"),
        (301, "PermanentRedirect", ConfigError, "refuses (301 PermanentRedirect)"),
        (307, "", ConfigError, "the region or the endpoint"),
        (403, "RequestTimeTooSkewed", ConfigError, "denied (403 RequestTimeTooSkewed)"),
        (400, "KeyTooLongError", ConfigError, "bucket path"),
        (405, "MethodNotAllowed", ConfigError, "refuses (405 MethodNotAllowed)"),
        (400, "InvalidStorageClass", ConfigError, "refuses (400 InvalidStorageClass)"),
        (400, SECRET, ConfigError, "refuses (400). "),
        (418, "", ConfigError, "refuses (418). "),
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
        store = DeadLetterQueue(S3Bucket(settings, seconds=60, attempts=1))
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
    with pytest.raises(TransientError, match="no connection could be made") as told:
        check_bucket(settings)
    assert_discreet(told.value)


def test_an_answer_that_does_not_come() -> None:
    service = FakeService(200, pause=2)
    with running(service) as endpoint:
        store = DeadLetterQueue(S3Bucket(storage(endpoint), seconds=0.2, attempts=1))
        store.add(plan(), part(), REJECTION)
        with pytest.raises(TransientError, match="no answer came in time") as raised:
            store.flush()
    assert_discreet(raised.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"s3_bucket_name": "no bucket"}, "Correct the bucket name"),
        ({"s3_bucket_region": "not a region"}, "Correct the bucket name"),
        ({"s3_endpoint": "http://.x"}, "Correct the bucket name"),
        ({"access_key_id": None, "secret_access_key": None}, "no usable credentials"),
        ({"secret_access_key": None}, "no usable credentials"),
        ({"access_key_id": SecretStr("anna\nsecret")}, "access key is wrong"),
        ({"access_key_id": SecretStr("\u00e4nna")}, "access key is wrong"),
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
            store = DeadLetterQueue(S3Bucket(storage(endpoint).model_copy(update=change)))
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
    # The answer would be a good one, if it were waited for.
    with (
        running(FakeService(200, pause=1)) as endpoint,
        pytest.raises(TransientError, match="no answer came in time") as told,
    ):
        check_bucket(storage(endpoint), seconds=0.3)
    assert_discreet(told.value)


def test_the_libraries_say_nothing(
    settings: S3Storage, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    store = DeadLetterQueue(S3Bucket(settings))
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


def test_a_certificate_that_is_not_trusted_is_told_with_the_variable_that_names_others() -> None:
    failure = failure_of(
        SSLError(endpoint_url="https://s3.example.com", error=OSError("self-signed"))
    )
    assert failure.error is ConfigError
    assert "certificate" in failure.cause
    assert "AWS_CA_BUNDLE" in failure.advice

"""A sync is never silent for long, whatever it waits for: the platform may end one that is."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import cast

import orjson
import pytest

from destination_maileon.config.validation import load_config
from destination_maileon.delivery.progress import EVERY_SECONDS, Progress
from destination_maileon.delivery.request import Request
from destination_maileon.delivery.response_handler import Answer
from destination_maileon.errors import SyncError
from destination_maileon.maileon.auth import SecretRedactor
from destination_maileon.maileon.client import MaileonClient
from destination_maileon.maileon.contact import Contact
from destination_maileon.maileon.errors import FailureReason, FatalError, RetriableError
from destination_maileon.maileon.report import SynchronizationReport
from destination_maileon.maileon.statuses import ContactPage
from destination_maileon.protocol.output import Logger
from destination_maileon.rejections.s3 import S3Bucket
from destination_maileon.sync import asking, store_of
from unit_tests.support.builders import a_plan, a_stream
from unit_tests.support.harness import accepted
from unit_tests.support.rooms import a_report, invalid
from unit_tests.support.scripted import Script, people, ran, record, records_of, state

LONG_SECONDS = 1_000.0
STATUS = {"stream_descriptor": {"name": "contacts"}, "status": "COMPLETE"}
TRACE = {"type": "STREAM_STATUS", "emitted_at": 1, "stream_status": STATUS}
COMPLETE = orjson.dumps({"type": "TRACE", "trace": TRACE})
AUDIENCE = a_stream(
    json_schema={"properties": {"email": {"type": "string"}}},
    destination_sync_mode="overwrite",
    generation_id=4,
)
STORAGE = {
    "storage_type": "S3",
    "s3_bucket_name": "any",
    "s3_bucket_region": "eu-central-1",
    "bucket_path": "any",
}


def slowly(_: Request) -> float:
    return LONG_SECONDS


def fails(_: Request, *, retry_after: float | None) -> Exception:
    return RetriableError("No luck.", FailureReason.SERVER_ERROR, retry_after=retry_after)


def contested(call: Request) -> Answer:
    return a_report(len(call.entries), [invalid(str(call.entries[0].contact.email), 5)])


def one_forbids(call: Request) -> Answer | Exception:
    return FatalError("The key is wrong.") if records_of(call) == [1] else accepted(call)


class AMemberAPage:
    """An account with three contacts whom another generation has put into the audience."""

    def contacts(self, page: int, *, custom_field: str) -> ContactPage:
        assert custom_field == "VIP"
        return ContactPage(((Contact(f"old{page}@example.com", id=str(page)), 1),), 3)

    def synchronize(self, _: object, body: bytes, *, contacts: int) -> SynchronizationReport:
        assert body.count(b"<contact>") == contacts
        return a_report(contacts, existing=contacts)


def a_member_a_page(call: Request) -> Answer:
    if call.job is None:
        return accepted(call)
    return call.job.send(cast("MaileonClient", AMemberAPage()))


ONE = [(0.0, [*people(1), state("a")])]
PHASES: Mapping[str, tuple[partial[Script], dict[str, object]]] = {
    "the source is silent": (partial(Script, [], ends_at=LONG_SECONDS), {}),
    "records wait for their batch": (
        partial(Script, ONE, ends_at=LONG_SECONDS),
        {"flush_interval_seconds": 900},
    ),
    "a call after the end of the input takes long": (partial(Script, ONE, seconds=slowly), {}),
    "a call is tried again": (partial(Script, ONE, answer=partial(fails, retry_after=None)), {}),
    "Maileon asks for a long break": (
        partial(Script, ONE, answer=partial(fails, retry_after=600.0)),
        {},
    ),
    "records are held": (partial(Script, ONE, answer=contested, seconds=slowly), {}),
    "contacts are removed": (
        partial(Script, [(0.0, [record(_ab_cdc_deleted_at="2026-01-01")])], seconds=slowly),
        {"deleted_records": "unsubscribe"},
    ),
    "a call is in flight while the sync ends early": (
        partial(
            Script,
            [(0.0, people(1, 2))],
            answer=one_forbids,
            seconds=lambda call: 1.0 if records_of(call) == [1] else LONG_SECONDS,
        ),
        {"batch_size": 1},
    ),
    "people leave an audience": (
        partial(Script, [(0.0, [*people(1), COMPLETE])], answer=a_member_a_page, seconds=slowly),
        {
            "streams": [{"name": "contacts", "audience_field": "VIP"}],
            "unmapped_columns": "create",
        },
    ),
}


@pytest.mark.parametrize("phase", PHASES)
def test_a_line_of_progress_comes_at_least_every_thirty_seconds_while(phase: str) -> None:
    begins, config = PHASES[phase]
    script = begins()
    streams = [AUDIENCE] if "streams" in config else []
    came = ran(script, *streams, **config)
    told = [time for time, said in came.messages if " in flight" in str(said)]

    assert came.failure is None or isinstance(came.failure, SyncError)
    assert script.time >= 600
    assert max(b - a for a, b in zip([0.0, *told], [*told, script.time], strict=True)) <= (
        EVERY_SECONDS
    )


class Clock:
    """Time that passes only when something takes long."""

    def __init__(self) -> None:
        self.time = 0.0
        self.said: list[str] = []
        self.logger = Logger(SecretRedactor([]), write_now=self._hear)
        self.progress = Progress(self.logger, now=lambda: self.time, wall_clock=lambda: 0.0)

    def _hear(self, line: bytes) -> None:
        self.said.append(orjson.loads(line)["log"]["message"])

    def takes_long(self, *_: object, **__: object) -> None:
        self.time += LONG_SECONDS


def test_a_long_upload_is_told_while_it_lasts(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(S3Bucket, "put", clock.takes_long)
    config = load_config({"api_key": "made-up", "object_storage_config": STORAGE})
    store = store_of(config, clock.progress)
    assert store is not None

    store.store_report(a_plan(), {})

    assert clock.said == ["1000 seconds: storing rejected records."]


def test_a_long_question_to_the_account_is_told_while_it_lasts() -> None:
    clock = Clock()
    ask = asking(load_config({"api_key": "made-up"}), clock.logger, clock.progress)

    ask(clock.takes_long)

    assert clock.said == ["1000 seconds: waiting for Maileon to say what the account has."]

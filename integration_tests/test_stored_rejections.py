"""Rejected records in a bucket, and the file piped into `write` again."""

from __future__ import annotations

import json
import re
import subprocess
from functools import partial

from integration_tests.bookkeeping import Json, Run
from integration_tests.connection import Connection, columns, mapping, people
from integration_tests.platform import line, record, stream, stream_state
from integration_tests.storage import SECRET_ACCESS_KEY, Storage, stored
from scripts.documents import OPERATIONS, REJECTIONS

BAD = record({"email": "no address"})
LONG = "x" * 256


def test_rejected_records_are_stored_and_can_be_written_again_once_the_cause_is_gone(
    connection: Connection, storage: Storage
) -> None:
    configured = stream(namespace="public")
    good = {"email": "good@example.com"}
    bad = {"email": "bad@example.com", "first_name": LONG, "tall": 1e400, "n": 2**70}
    raw = line(record(bad, "people", "public")).replace(b"Infinity", b"1e400")
    given = raw + line(record(good, "people", "public")) + line(stream_state(1, "people", "public"))
    run = connection.write(given, configured, object_storage_config=storage.config)
    assert (run.exit_code, run.stats) == (0, [(1, 1)])
    ((key, body),) = storage.objects().items()
    assert key.startswith("maileon/7/public/people/")
    assert key.endswith(".jsonl")
    (line_stored,) = (json.loads(one) for one in body.splitlines())
    assert line_stored["type"] == "RECORD"
    assert line_stored["record"] == record(bad, "people", "public")["record"]
    rejection = line_stored["rejection"]
    assert (rejection["record_number"], rejection["error_code"]) == (1, 8)
    assert rejection["error_field"] == "FIRSTNAME"
    ((path, report),) = storage.reports().items()
    assert path == "maileon/7/report.json"
    (counts,) = report["streams"]
    assert (counts["read"], counts["written"], counts["rejected"]) == (2, 1, 1)
    assert [(r["error_code"], r["field"], r["records"]) for r in counts["rejections"]] == [
        (8, "FIRSTNAME", 1)
    ]
    assert any(
        "The rejected records are in s3://rejected/maileon/7/public/people," in text
        for text in run.logs("WARN")
    )
    # As it is, with the option that cuts the text.
    again = connection.write(body, configured, truncate_long_text=True)
    assert again.exit_code == 0
    contact = connection.sandbox.account.by_email("bad@example.com")
    assert contact is not None
    assert contact.standard_fields == {"FIRSTNAME": "x" * 255}


def test_the_pages_line_is_stored_corrected_and_sent_again_as_the_page_says(
    connection: Connection, storage: Storage
) -> None:
    page = REJECTIONS.read_text(encoding="utf-8")
    (shown,) = re.findall(r"```jsonl\n(.*?)\n```", page, re.DOTALL)
    (step,) = re.findall(r"^cat rejected/\*.jsonl \| (.*) > corrected.jsonl$", page, re.MULTILINE)
    connection.sandbox.account.add_custom_field("age", "integer")
    mail_is_email = mapping(("mail", "email"), name="customers")
    there = stream({}, name="customers", namespace="public")
    # The third record of its stream.
    others = [record({"mail": f"p{n}@example.com"}, "customers", "public") for n in range(2)]
    connection.sync(
        [*others, json.loads(shown)],
        there,
        object_storage_config=storage.config,
        streams=mail_is_email,
    )
    ((_, body),) = storage.objects().items()
    assert json.loads(body) == json.loads(shown)
    corrected = subprocess.run(["/bin/sh", "-c", step], input=body, capture_output=True, check=True)
    again = connection.write(corrected.stdout, there, streams=mail_is_email)
    assert again.exit_code == 0
    assert connection.sandbox.account.by_email("p2@example.com") is not None


def test_each_stream_has_a_folder_below_that_of_the_sync_and_all_files_together_can_be_replayed(
    connection: Connection, storage: Storage
) -> None:
    streams = [
        stream(namespace="shop", sync_id=42),
        stream(namespace="crm/eu", sync_id=42),
        stream(name="leads", sync_id=42),
    ]
    keys = [("people", "shop"), ("people", "crm/eu"), ("leads", None)]
    messages: list[Json] = []
    for n, (name, namespace) in enumerate(keys):
        late = {"email": f"late{n}@example.com", "first_name": LONG}
        messages += [record(late, name, namespace), record({"first_name": "Nobody"}, name)]
    run = connection.sync(
        [*messages, stream_state(1, "leads")], *streams, object_storage_config=storage.config
    )
    assert run.exit_code == 0
    folders = {path.rpartition("/")[0] for path in storage.objects()}
    assert folders == {
        "maileon/42/shop/people",
        "maileon/42/crm_eu/people",
        "maileon/42/leads",
        # Those of `people` without a namespace are of no stream of the catalog.
        "maileon/42/people",
    }
    assert len(storage.rejected()) == 6
    given = b"".join(storage.objects().values())
    again = connection.write(given, *streams, truncate_long_text=True)
    assert again.exit_code == 0
    assert sorted(c.email or "" for c in connection.sandbox.account.contacts()) == [
        f"late{n}@example.com" for n in range(3)
    ]


def _has_states(run: Run, *, number: int) -> bool:
    return len(run.states) == number


def test_a_state_goes_out_after_the_rejections_before_it_are_stored(
    connection: Connection, storage: Storage
) -> None:
    with connection.open(batch_size=1, object_storage_config=storage.config) as running:
        for n in range(3):
            running.feed(BAD, stream_state(n))
            running.wait_until(partial(_has_states, number=n + 1))
            assert len(storage.rejected()) == n + 1
        run = running.finish()
    assert run.stats == [(0, 1)] * 3


def test_many_rejections_are_stored_in_parts(connection: Connection, storage: Storage) -> None:
    # A part is full at five million bytes: these are some fourteen.
    data = [{"email": f"p{n}@example.com", "first_name": "x" * 700_000} for n in range(20)]
    run = connection.sync(
        [*map(record, data), stream_state(1)], object_storage_config=storage.config
    )
    assert (run.exit_code, run.stats) == (0, [(0, 20)])
    sizes = [len(body) for body in storage.objects().values()]
    assert len(sizes) == 3
    assert max(sizes) < 6_000_000
    emails = [one["record"]["data"]["email"] for one in storage.rejected()]
    assert sorted(emails) == sorted(one["email"] for one in data)


def test_without_access_keys_those_of_the_environment_are_used(
    connection: Connection, storage: Storage
) -> None:
    keys = ("access_key_id", "secret_access_key")
    config = {key: value for key, value in storage.config.items() if key not in keys}
    nowhere = {"AWS_EC2_METADATA_DISABLED": "true", "HOME": str(connection.folder)}
    given = {"AWS_ACCESS_KEY_ID": "made-up", "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY}
    messages = [BAD, stream_state(1)]
    run = connection.with_environment(**nowhere, **given).sync(
        messages, object_storage_config=config
    )
    assert (run.exit_code, run.stats) == (0, [(0, 1)])
    assert len(storage.rejected()) == 1
    run = connection.with_environment(**nowhere).sync(messages, object_storage_config=config)
    assert run.error["failure_type"] == "config_error"
    assert "no usable credentials were found" in run.error["message"]
    assert run.states == []


def test_no_state_goes_out_before_the_rejections_before_it_are_stored(
    connection: Connection, storage: Storage
) -> None:
    lost = {**storage.config, "s3_bucket_name": "nowhere"}
    messages = [*people("a"), stream_state(1), BAD, stream_state(2)]
    run = connection.sync(messages, batch_size=1, concurrent_requests=1, object_storage_config=lost)
    assert run.error["failure_type"] == "config_error"
    assert "nowhere" in run.error["message"]
    assert run.stats == [(1, 0)]


def test_a_bucket_that_goes_away_during_the_sync_ends_it_with_the_states_that_are_true(
    connection: Connection,
) -> None:
    with (
        stored("passing") as passing,
        connection.open(batch_size=1, object_storage_config=passing.config) as running,
    ):
        running.feed(BAD, stream_state(1))
        running.wait_until(lambda run: len(run.states) == 1)
        passing.clear()
        passing.client.delete_bucket(Bucket=passing.bucket)
        # Nothing was rejected before the second: it needs no bucket.
        running.feed(*people("a"), stream_state(2))
        running.wait_until(lambda run: len(run.states) == 2)
        running.feed(BAD, stream_state(3), *people("b"), stream_state(4))
        run = running.finish()
    assert run.error["failure_type"] == "config_error"
    message = run.error["message"]
    for told in ('"passing"', "there is no such bucket", "Create it"):
        assert told in message
    assert SECRET_ACCESS_KEY not in message
    assert run.stats == [(0, 1), (1, 0)]
    assert run.logs("WARN")[-1].endswith("The rejected records could not all be stored.")


def test_a_check_writes_to_the_bucket_and_names_one_that_is_not_there(
    connection: Connection, storage: Storage
) -> None:
    assert connection.check(object_storage_config=storage.config) == {"status": "SUCCEEDED"}
    assert storage.objects() == {}
    other = {**storage.config, "s3_bucket_name": "nowhere"}
    verdict = connection.check(object_storage_config=other)
    assert verdict["status"] == "FAILED"
    assert '"nowhere"' in verdict["message"]
    assert SECRET_ACCESS_KEY not in verdict["message"]


def test_a_dry_run_stores_nothing(connection: Connection, storage: Storage) -> None:
    run = connection.write(
        line(BAD), stream(columns()), dry_run=True, object_storage_config=storage.config
    )
    assert run.logs("WARN")[-1].endswith("A dry run stores no rejected records.")
    assert run.exit_code == 0
    assert storage.objects() == {}


def test_state_and_report_are_as_the_page_shows_them(
    connection: Connection, storage: Storage
) -> None:
    page = OPERATIONS.read_text(encoding="utf-8")
    (state,) = re.findall(r"```jsonl\n(.*?)\n```", page, re.DOTALL)
    (report,) = re.findall(r"```\n(\{.*?)\n```", page, re.DOTALL)
    account = connection.sandbox.account
    account.add_custom_field("AGE", "integer")
    for name in ("max", "bea", "out"):
        account.add_contact(f"{name}@example.com", unsubscribed=name == "out")
    rows = [
        *people("new", "max", "out"),
        *people("max", first_name="Max"),
        *people("bea", "nobody", unsubscribe="yes"),
        *people("ada", age="old"),
    ]
    given = [record(row["record"]["data"], "customers") for row in rows]
    shown = json.loads(state)["state"]

    run = connection.sync(
        [*given, stream_state(1, "customers")],
        stream(columns("first_name", "unsubscribe", "age"), name="customers"),
        object_storage_config=storage.config,
    )

    # As the harness sends it, it has a key more.
    assert run.states == [{**shown, "sourceStats": {"recordCount": 7.0}}]
    assert list(storage.reports().values()) == [json.loads(report)]
    stats = shown["destinationStats"]
    others = stats["additionalStats"]
    parts = ("created", "existing", "merged", "left_out", "removed")
    assert sum(others[part] for part in parts) == stats["recordCount"]

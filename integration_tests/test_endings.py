"""However a sync ends: what came before is sent, its rejections stored, its states out, in order.

And the first cause is what the platform is told.
"""

from __future__ import annotations

import pytest

from integration_tests.bookkeeping import Json, Run
from integration_tests.connection import Connection, columns, people
from integration_tests.platform import record, stream, stream_state
from integration_tests.storage import Storage
from maileon_sandbox import Fault, Rules, Sandbox

BAD = record({"email": "no address"})
NOBODY = record({"first_name": "Max"})
LATE = "While the sync was ending: "
ONE_BY_ONE = {"batch_size": 1, "concurrent_requests": 1}


def _stored(storage: Storage) -> list[int]:
    """Which records are stored, by number."""
    return sorted(one["rejection"]["record_number"] for one in storage.rejected())


def _written(connection: Connection) -> list[str]:
    return sorted(
        (contact.email or "").partition("@")[0] for contact in connection.sandbox.account.contacts()
    )


def _afterwards(run: Run) -> list[str]:
    """What was said of failures after the first."""
    return [said for said in run.logs("WARN") if said.startswith(LATE)]


# Rejections are stored.


@pytest.mark.parametrize(
    ("messages", "config", "rejected"),
    [
        ([NOBODY], {"max_rejected_records": 0}, [1]),
        ([BAD, NOBODY, BAD], {"max_rejected_records": 2}, [1, 2, 3]),
        ([*people("a"), NOBODY], {"ignore_invalid_contacts": False}, [2]),
        ([BAD], {"ignore_invalid_contacts": False}, [1]),
    ],
    ids=["none is allowed", "one too many", "strict, here", "strict, at Maileon"],
)
def test_the_rejection_that_ends_the_sync_is_stored(
    connection: Connection,
    storage: Storage,
    messages: list[Json],
    config: Json,
    rejected: list[int],
) -> None:
    run = connection.sync(messages, object_storage_config=storage.config, **ONE_BY_ONE, **config)
    assert run.error["failure_type"] == "config_error"
    assert _stored(storage) == rejected
    assert len([said for said in run.logs("WARN") if said.startswith("Record ")]) == len(rejected)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault(status=401, contains="b@", times=None), "config_error"),
        (Fault(status=503, contains="b@", times=None), "transient_error"),
    ],
    ids=["the key is refused", "Maileon is away"],
)
def test_what_was_rejected_before_maileon_ends_the_sync_is_stored(
    connection: Connection, storage: Storage, fault: Fault, kind: str
) -> None:
    connection.sandbox.script(fault)
    messages = [NOBODY, BAD, *people("a", "b"), stream_state(1)]
    config = {"object_storage_config": storage.config, "max_retry_seconds": 0.1}
    run = connection.sync(messages, **ONE_BY_ONE, **config)
    assert run.error["failure_type"] == kind
    assert (_stored(storage), run.states) == ([1, 2], [])


def test_of_a_strict_report_the_first_contact_that_it_names_ends_the_sync_and_is_stored(
    connection: Connection, storage: Storage
) -> None:
    with Sandbox(rules=Rules(strict_answer="report")) as sandbox:
        strict = Connection(connection.folder, sandbox)
        messages = [*people("a"), record({"email": "one"}), record({"email": "two"})]
        run = strict.sync(
            messages, ignore_invalid_contacts=False, object_storage_config=storage.config
        )
    assert "(ignore_invalid_contacts) is false" in run.error["message"]
    assert _written(strict) == ["a"]
    assert _stored(storage) == [2]


def test_of_a_contact_in_a_strict_report_the_bad_record_is_found_and_the_good_one_written(
    connection: Connection, storage: Storage
) -> None:
    with Sandbox(rules=Rules(strict_answer="report")) as sandbox:
        strict = Connection(connection.folder, sandbox)
        good = {"email": "one@example.com", "last_name": "One"}
        bad = {"email": "one@example.com", "first_name": "x" * 256}
        run = strict.sync(
            [record(good), record(bad)],
            stream(columns("first_name", "last_name")),
            ignore_invalid_contacts=False,
            object_storage_config=storage.config,
        )
    assert _written(strict) == ["one"]
    assert "error 8" in run.error["message"]
    assert _stored(storage) == [2]


def test_without_the_bucket_a_state_leaves_that_no_rejection_precedes(
    connection: Connection, storage: Storage
) -> None:
    nowhere = {**storage.config, "s3_bucket_name": "nowhere"}
    messages = [*people("a"), stream_state(1), BAD, stream_state(2)]
    run = connection.sync(messages, object_storage_config=nowhere)
    assert "nowhere" in run.error["message"]
    assert (run.stats, _written(connection)) == ([(1, 0)], ["a"])


# What came before is sent.


@pytest.mark.parametrize(
    "config", [{"max_rejected_records": 0}, {"ignore_invalid_contacts": False}]
)
def test_what_came_before_a_record_that_is_rejected_here_is_sent_and_nothing_after_it(
    connection: Connection, config: Json
) -> None:
    leads = stream(name="leads")
    before = [*people("a"), stream_state(1), record({"email": "b@example.com"}, "leads")]
    messages = [*before, stream_state(2, "leads"), NOBODY, *people("c"), stream_state(3)]
    run = connection.sync(messages, stream(), leads, **config)
    assert run.error["failure_type"] == "config_error"
    assert _written(connection) == ["a", "b"]
    assert run.stats == [(1, 0), (1, 0)]


@pytest.mark.parametrize("strict", [False, True])
def test_what_came_before_a_contact_that_maileon_rejects_is_sent_and_nothing_after_it(
    connection: Connection, strict: bool
) -> None:
    # What is before it waits for its batch to fill when it is rejected.
    leads = stream(name="leads")
    config = {"ignore_invalid_contacts": False} if strict else {"max_rejected_records": 0}
    with connection.open(stream(), leads, batch_size=2, **config) as running:
        running.feed(*people("a"), stream_state(1))
        running.feed(record(BAD["record"]["data"], "leads"), record({"email": "x"}, "leads"))
        run = running.ended() if not strict else running.finish()
    assert run.error["failure_type"] == "config_error"
    assert _written(connection) == ["a"]
    assert run.stats == [(1, 0)]


# The first cause is told.


def test_a_broken_line_is_told_although_the_calls_after_it_are_refused(
    connection: Connection,
) -> None:
    connection.sandbox.script(Fault(status=400, method="POST", times=None))
    messages: list[Json | bytes] = [*people("a"), b"{broken\n"]
    run = connection.sync(messages)
    assert run.error["failure_type"] == "system_error"
    assert "line 2" in run.error["message"]
    (afterwards,) = _afterwards(run)
    assert "refused" in afterwards


def test_what_fails_in_several_calls_while_the_sync_is_ending_is_told_once(
    connection: Connection,
) -> None:
    connection.sandbox.script(Fault(status=401, method="POST", times=None, delay_seconds=0.2))
    messages: list[Json | bytes] = [*people("a", "b", "c"), b"{broken\n"]
    run = connection.sync(messages, batch_size=1)
    assert "line 4" in run.error["message"]
    (afterwards,) = _afterwards(run)
    assert "API key" in afterwards


def test_a_bucket_that_is_lost_does_not_hide_why_the_sync_ended(
    connection: Connection, storage: Storage
) -> None:
    nowhere = {**storage.config, "s3_bucket_name": "nowhere"}
    messages: list[Json | bytes] = [NOBODY, b"{broken\n"]
    run = connection.sync(messages, object_storage_config=nowhere)
    assert "line 2" in run.error["message"]
    (afterwards,) = _afterwards(run)
    assert "nowhere" in afterwards

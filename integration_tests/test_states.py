"""When a state goes out, and with which counts."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from integration_tests.bookkeeping import Json
from integration_tests.connection import Connection, columns, people
from integration_tests.platform import (
    call,
    global_state,
    line,
    record,
    stream,
    stream_state,
    write_arguments,
)
from maileon_sandbox import Fault


def _synchronize_fault(**fault: object) -> Fault:
    return Fault(method="POST", path="/contacts", whole_path=True, **fault)  # type: ignore[arg-type]


def _legacy_state(cursor: object) -> Json:
    return {"type": "STATE", "state": {"type": "LEGACY", "data": {"cursor": cursor}}}


def test_states_of_streams_and_of_everything_count_apart(connection: Connection) -> None:
    bad = {"email": "no address"}
    messages = [
        record({"email": "a@example.com"}, "a"),
        record({"email": "b@example.com"}, "b"),
        stream_state(1, "a"),
        record(bad, "a"),
        global_state(1),
        record(bad, "b"),
        record({"email": "c@example.com"}, "a"),
        stream_state(2, "a"),
        stream_state(1, "b"),
        global_state(2),
        _legacy_state(1),
        stream_state(3, "a"),
    ]
    run = connection.sync(messages, stream(name="a"), stream(name="b"))
    # The harness adds the columns up as the platform does.
    assert run.stats == [(1, 0), (2, 1), (1, 1), (1, 1), (1, 1), (0, 0), (0, 0)]


def test_a_state_of_an_old_source_without_a_type_is_for_all_streams(
    connection: Connection,
) -> None:
    old = {"type": "STATE", "state": {"data": {"cursor": 1}}}
    run = connection.sync([record({"email": "a@example.com"}), old])
    assert run.stats == [(1, 0)]


def test_a_global_state_as_pyairbyte_spells_it_comes_back_as_it_was(
    connection: Connection,
) -> None:
    state: Json = {
        "type": "GLOBAL",
        "stream": None,
        "global_": {"shared_state": None, "stream_states": []},
        "data": None,
        "destinationStats": None,
    }
    messages = [record({"email": "a@example.com"}), {"type": "STATE", "state": state}]
    run = connection.write(b"".join(map(line, messages)))
    (returned,) = run.states
    assert {**returned, "destinationStats": None} == state
    assert run.stats == [(1, 0)]


def test_the_empty_state_that_the_platform_adds_for_a_source_without_states_comes_back(
    connection: Connection,
) -> None:
    """Its MissingStateInjector does so at the end of a full refresh."""
    empty: Json = {"stream_descriptor": {"name": "people"}, "stream_state": {}}
    state: Json = {"type": "STATE", "state": {"type": "STREAM", "stream": empty}}
    run = connection.sync([record({"email": "a@example.com"}), state])
    assert run.stats == [(1, 0)]


def test_a_state_waits_until_the_records_before_it_are_settled(connection: Connection) -> None:
    connection.sandbox.script(_synchronize_fault(delay_seconds=1.0))
    with connection.open(batch_size=1) as running:
        running.feed(record({"email": "a@example.com"}), stream_state(1), stream_state(2))
        running.wait_until(lambda _: len(connection.synchronizations) == 1)
        time.sleep(0.5)
        assert connection.synchronizations[0].status is None
        assert running.run.states == []
        # The input is still open: a settled state does not wait for its end.
        running.wait_until(lambda run: len(run.states) == 2)
        assert running.run.stats == [(1, 0), (0, 0)]
        assert running.finish().exit_code == 0


def test_a_state_waits_for_what_was_before_it_even_if_its_own_records_are_settled(
    connection: Connection,
) -> None:
    connection.sandbox.script(_synchronize_fault(delay_seconds=1.0, contains="slow@"))
    with connection.open(batch_size=1) as running:
        running.feed(
            record({"email": "slow@example.com"}),
            stream_state(1),
            record({"email": "fast@example.com"}),
            stream_state(2),
        )
        running.wait_until(
            lambda _: connection.sandbox.account.by_email("fast@example.com") is not None
        )
        time.sleep(0.3)
        assert running.run.states == []
        running.wait_until(lambda run: len(run.states) == 2)
        assert running.finish().exit_code == 0


def test_a_state_with_nothing_before_it_goes_out_at_once(connection: Connection) -> None:
    with connection.open() as running:
        running.feed(stream_state(1), record({"email": "a@example.com"}))
        running.wait_until(lambda run: len(run.states) == 1)
        assert connection.synchronizations == []
        assert running.finish().exit_code == 0


def test_a_silent_source_does_not_keep_a_record_waiting(connection: Connection) -> None:
    # The default is a minute, longer than this waits.
    with connection.open(flush_interval_seconds=0.5) as running:
        running.feed(record({"email": "a@example.com"}), stream_state(1))
        running.wait_until(lambda run: run.stats == [(1, 0)])
        assert len(connection.sandbox.account.contacts()) == 1
        running.feed(record({"email": "b@example.com"}), stream_state(2))
        running.wait_until(lambda run: run.stats == [(1, 0), (1, 0)])
        assert running.finish().exit_code == 0
    assert connection.batches == [1, 1]


def test_a_batch_waits_for_its_time_while_the_source_is_silent(connection: Connection) -> None:
    with connection.open(flush_interval_seconds=30) as running:
        running.feed(record({"email": "a@example.com"}), stream_state(1))
        time.sleep(1.2)
        assert connection.synchronizations == []
        assert running.run.states == []
        assert running.finish().stats == [(1, 0)]


def test_what_the_calls_report_goes_out_once_and_adds_up(connection: Connection) -> None:
    account = connection.sandbox.account
    account.add_contact("old@example.com")
    account.add_contact("gone@example.com", unsubscribed=True)
    messages: list[Json] = []
    for address in ("old@example.com", "gone@example.com", "new@example.com", "New@example.com"):
        messages += [record({"email": address}), stream_state(address)]
    messages += [record({"email": f"more{n}@example.com"}) for n in range(5)]
    run = connection.sync([*messages, stream_state("end")], batch_size=2)
    assert run.exit_code == 0
    sums = {
        name: run.additional(name) for name in ("created", "existing", "unsubscribed", "merged")
    }
    assert sums == {"created": 6, "existing": 1, "unsubscribed": 1, "merged": 1}
    assert sum(records for records, _ in run.stats) == 9


def test_records_that_maileon_leaves_out_as_told_are_not_rejected(
    connection: Connection,
) -> None:
    connection.sandbox.account.add_contact("old@example.com")
    messages = [record({"email": f"{name}@example.com"}) for name in ("old", "new")]
    run = connection.sync([*messages, stream_state(1)], update_only=True)
    assert run.stats == [(2, 0)]
    (summary,) = (said for said in run.logs("INFO") if "records read" in said)
    assert "1 existing" in summary
    assert "1 written" in summary
    assert "1 left out (1 not in Maileon)" in summary


def test_records_of_a_stream_that_is_not_in_the_catalog_are_rejected_and_counted(
    connection: Connection,
) -> None:
    messages = [
        record({"email": "a@example.com"}, "strangers"),
        record({"email": "b@example.com"}, "strangers"),
        stream_state(1, "strangers"),
        record({"email": "c@example.com"}),
        record({"email": "d@example.com"}, "people", "elsewhere"),
        global_state(1),
        stream_state(1),
    ]
    run = connection.sync(messages)
    assert run.exit_code == 0
    assert run.stats == [(0, 2), (1, 3), (1, 0)]
    assert connection.batches == [1]
    warnings = [said for said in run.logs("WARN") if "not in the catalog" in said]
    assert [said.partition(" Refresh")[0] for said in warnings] == [
        "Stream strangers is not in the catalog: 2 records were rejected.",
        "Stream elsewhere.people is not in the catalog: 1 record was rejected.",
    ]


def test_records_are_rejected_and_counted_even_if_the_catalog_is_empty(
    connection: Connection,
) -> None:
    arguments = write_arguments(
        connection.folder, connection.config(max_rejected_records=1), {"streams": []}
    )
    given = [record({"email": "a@example.com"}), stream_state(1), record({"email": "b@b.de"})]
    run = call(*arguments, given=b"".join(map(line, given)))
    assert run.stats == [(0, 1)]
    assert "2 x its stream is not in the catalog" in run.error["message"]


def test_of_very_many_unknown_streams_few_are_named_and_every_record_counts(
    connection: Connection,
) -> None:
    unknown = [record({"email": "a@example.com"}, f"s{number}") for number in range(3_000)]
    run = connection.sync([*people("a"), *unknown, stream_state(1, "s2999"), global_state(1)])
    assert (run.exit_code, run.stats) == (0, [(0, 1), (1, 3_000)])
    warnings = [said for said in run.logs("WARN") if "in the catalog" in said]
    assert len(warnings) == 20 + 1
    assert warnings[-1].startswith(
        "Further streams (2980) are not in the catalog: 2980 records were"
    )


def test_ignored_deletions_and_merged_records_count_as_records(connection: Connection) -> None:
    messages = [
        record({"email": "a@example.com", "_ab_cdc_deleted_at": "2026-01-01T00:00:00Z"}),
        record({"email": "b@example.com"}),
        record({"email": "b@example.com"}),
        stream_state(1),
    ]
    run = connection.sync(messages, stream(columns("_ab_cdc_deleted_at")))
    assert run.stats == [(3, 0)]
    assert [c.email for c in connection.sandbox.account.contacts()] == ["b@example.com"]


@pytest.fixture
def deep_stack() -> Iterator[None]:
    """The platform's part in the tests reads what is nested deeper than Python lets it."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(10 * limit)
    yield
    sys.setrecursionlimit(limit)


@pytest.mark.usefixtures("deep_stack")
def test_states_of_every_depth_that_can_be_read_come_back_digit_by_digit(
    connection: Connection,
) -> None:
    """They are decoded again when they go out: the stack must be no deeper there than before."""
    numbers = ["1e400", "123456789012345678901"]
    # Around the deepest that Python 3.11 and 3.12 read, and that 3.13 does.
    depths = [*range(1_400, 1_501), *range(9_980, 10_001)]
    cursors = [f"{'[' * depth}{n}{']' * depth}" for depth in depths for n in numbers]
    start = b'{"type":"STATE","state":{"data":'
    states = [b'%b%b,"destinationStats":{}}}\n' % (start, text.encode()) for text in cursors]
    given = b"".join([line(record({"email": "a@example.com"})), *states])
    # Python 3.12 has a limit of its own for what is written in C. A thread begins with all of it.
    with ThreadPoolExecutor() as pool:
        run = pool.submit(connection.write, given).result()
    assert run.error["failure_type"] == "system_error"
    back = [row for row in run.output.splitlines() if row.startswith(start)]
    assert 1 < len(back) < len(states)
    for row, cursor in zip(back, cursors, strict=False):
        told = cursor.replace("1e400", "1E+400").encode()
        assert row.removeprefix(start).split(b',"destinationStats"')[0] == told
    assert run.stats[0] == (1, 0)

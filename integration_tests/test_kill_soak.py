"""The short form of `python -m integration_tests.kill_soak`, and that the soak judges at all."""

from __future__ import annotations

import pytest

from integration_tests.connection import Connection
from integration_tests.kill_soak import KillSoak, account_of
from integration_tests.platform import line
from integration_tests.soak_source import Source, account_after

pytestmark = pytest.mark.long


@pytest.mark.parametrize("leavers", [0, 150])
def test_a_sync_that_is_killed_again_and_again_comes_to_the_same_account(
    connection: Connection, leavers: int
) -> None:
    soak = KillSoak(
        connection=connection,
        source=Source(records=300, seed=3),
        batch_size=40,
        calls_per_life=20,
        kills=4,
        faulty_share=0.2,
        leavers=leavers,
    )
    toll = soak.run()
    assert toll.starts == sum(toll.ends.values()) > 2
    assert toll.ends["end"] == 1
    assert toll.records_sent > 300
    assert toll.faults > 0


def test_what_the_records_come_to_is_what_they_come_to_one_by_one(connection: Connection) -> None:
    source = Source(records=150, seed=7)
    connection.sandbox.account.add_custom_field("seq", "integer")
    config = {"batch_size": 1, "concurrent_requests": 1, "deleted_records": "delete"}
    run = connection.write(b"".join(map(line, source.messages(0))), *source.streams(), **config)
    assert run.exit_code == 0
    steps = [source.step(number) for number in range(150)]
    assert any(step.values is None for step in steps)
    assert any(step.is_refused for step in steps)
    assert account_of(connection.sandbox) == account_after(source)


def test_a_state_that_is_ahead_of_the_account_is_noticed(connection: Connection) -> None:
    soak = KillSoak(
        connection=connection, source=Source(records=50, seed=1), batch_size=5, calls_per_life=9
    )
    soak.hear({"type": "STATE", "state": {"global": {"shared_state": {"cursor": 20}}}})
    with pytest.raises(AssertionError, match="state 20 is ahead of record"):
        soak.check()

"""Calls in flight: fewer when the service asks for less, more again, and an end in their midst."""

from __future__ import annotations

import signal

import requests

from integration_tests.bookkeeping import Json
from integration_tests.connection import Connection, people
from integration_tests.hostile import Moment, doing
from integration_tests.platform import stream_state
from maileon_sandbox import Call, Fault
from unit_tests.maileon.local_server import LocalServer


def _together(calls: list[Call], call: Call) -> int:
    """How many calls were in flight when this one began, with it."""
    return sum(
        other.started <= call.started and (other.finished or call.started) > call.started
        for other in calls
    )


def test_calls_in_flight_are_halved_when_the_service_asks_for_less_and_grow_back(
    connection: Connection,
) -> None:
    names = [f"p{n}" for n in range(40)]
    connection.sandbox.script(
        Fault(status=429, contains="p0@"),
        Fault(status=503, contains="p1@"),
        Fault(delay_seconds=0.1, method="POST", path="/contacts", whole_path=True, times=None),
    )
    run = connection.sync([*people(*names), stream_state(1)], batch_size=1, concurrent_requests=8)
    assert run.stats == [(40, 0)]
    calls = connection.synchronizations
    assert [call.status for call in calls[:8]].count(200) == 6
    # Two refusals leave two calls, and each success adds one: twice as many before long.
    after = [call for call in calls[8:] if call.started > min(c.finished or 0 for c in calls)]
    assert _together(calls, after[0]) < 8
    assert 4 < max(_together(calls, call) for call in after) <= 8


def test_a_signal_in_the_midst_of_many_calls_ends_the_sync_and_tells_no_lie(
    connection: Connection,
) -> None:
    slow = Fault(delay_seconds=0.05, method="POST", path="/contacts", whole_path=True, times=None)
    connection.sandbox.script(slow)
    names = [f"p{n}" for n in range(400)]
    messages: list[Json] = []
    for number, person in enumerate(people(*names)):
        messages += [person, stream_state(number)]
    with connection.open(batch_size=10) as running:
        running.feed(*messages)
        running.wait_until(lambda run: len(run.states) > 40)
        run = running.end_by(signal.SIGTERM)
    assert run.exit_code == 143
    assert 40 < len(run.states) < 400
    assert set(run.stats) == {(1, 0)}
    # What the last state says is in the account, is there.
    last = run.states[-1]["stream"]["stream_state"]["cursor"]
    stored = {contact.email for contact in connection.sandbox.account.contacts()}
    assert {f"{name}@example.com" for name in names[: last + 1]} <= stored


def test_the_sync_after_one_that_was_ended_brings_in_the_rest(connection: Connection) -> None:
    slow = Fault(delay_seconds=0.05, method="POST", path="/contacts", whole_path=True, times=None)
    connection.sandbox.script(slow)
    names = [f"p{n}" for n in range(100)]
    with connection.open(batch_size=5, concurrent_requests=2) as running:
        for number, person in enumerate(people(*names)):
            running.feed(person, stream_state(number))
        running.wait_until(lambda run: len(run.states) > 10)
        ended = running.end_by(signal.SIGTERM)
    connection.sandbox.reset()
    saved = ended.states[-1]["stream"]["stream_state"]["cursor"] + 1
    run = connection.sync([*people(*names[saved:]), stream_state("end")])
    assert run.stats == [(100 - saved, 0)]
    assert len(connection.sandbox.account.contacts()) == 100


def test_a_call_that_outlives_its_sync_and_arrives_last_changes_only_who_is_in_it(
    connection: Connection,
) -> None:
    """Nothing in the API says which call is the newer one, so that its contacts are old again.

    What was in flight is in no state, so that the next sync sends it anew; it is only overtaken.
    """
    with (
        LocalServer(doing(_hold)) as network,
        connection.open(base_url=network.url, batch_size=2) as killed,
    ):
        killed.feed(*people("a", "b", first_name="Old"), stream_state(1))
        killed.wait_until(lambda _: any(b"Old" in seen.body for seen in network.seen))
        (late,) = (seen for seen in network.seen if seen.body)
        killed.process.kill()
        killed.process.wait()
        assert killed.run.states == []
    run = connection.sync(
        [*people("a", "b", "c", first_name="Old"), *people("a", "c", first_name="New")]
    )
    assert run.exit_code == 0
    assert _first_names(connection) == {"a": "New", "b": "Old", "c": "New"}
    arrived = requests.post(
        f"{connection.sandbox.base_url.removesuffix('/1.0')}{late.target}",
        data=late.body,
        headers={name: late.headers[name] for name in ("authorization", "content-type")},
        timeout=60,
    )
    assert arrived.status_code == 200
    assert _first_names(connection) == {"a": "Old", "b": "Old", "c": "New"}
    connection.sync(people("a", first_name="New"))
    assert _first_names(connection) == {"a": "New", "b": "Old", "c": "New"}


def _hold(moment: Moment) -> None:
    moment.server.closing.wait()


def _first_names(connection: Connection) -> dict[str, str]:
    contacts = connection.sandbox.account.contacts()
    return {(one.email or "")[0]: one.standard_fields["FIRSTNAME"] for one in contacts}

"""Calls that the service refuses as a whole: halved until the cause stands alone, or given up."""

from __future__ import annotations

import re

from integration_tests.connection import Connection, people
from integration_tests.platform import stream_state
from maileon_sandbox import Fault


def test_one_contact_for_which_calls_are_refused_is_found_and_the_others_are_written(
    connection: Connection,
) -> None:
    said = b"<error><message>Value of Erika not allowed for poison@example.com</message></error>"
    connection.sandbox.script(Fault(status=400, body=said, contains="poison@", times=None))
    names = [f"p{n}" for n in range(1_000)]
    names[616] = "poison"
    run = connection.sync([*people(*names, first_name="Erika"), stream_state(1)])
    assert (run.exit_code, run.stats) == (0, [(999, 1)])
    stored = {contact.email for contact in connection.sandbox.account.contacts()}
    assert stored == {f"{name}@example.com" for name in names if name != "poison"}
    (line,) = (text for text in run.logs("WARN") if text.startswith("Record "))
    assert line.startswith("Record 617 ")
    assert "HTTP 400" in line
    # The server's own words, less what they quote of the record.
    assert re.search(r'"Value of \*\*\* not allowed for \*\*\*"', line)
    # One call of 1,000, then two for each time that 1,000 can be halved.
    assert len(connection.synchronizations) <= 1 + 2 * 10


def test_bad_contacts_all_over_a_sync_are_found_with_many_calls_in_flight(
    connection: Connection,
) -> None:
    said = b"<error><message>a contact is wrong</message></error>"
    connection.sandbox.script(Fault(status=400, body=said, contains="poison", times=None))
    names = [f"poison{n}" if n % 100 == 0 else f"p{n}" for n in range(4_000)]
    run = connection.sync([*people(*names), stream_state(1)], concurrent_requests=4)
    assert (run.exit_code, run.stats) == (0, [(3_960, 40)])


def test_a_key_that_the_service_quotes_goes_nowhere(connection: Connection) -> None:
    key = connection.sandbox.api_key
    said = f"<error><message>API key {key} may not do this</message></error>"
    connection.sandbox.script(Fault(status=400, body=said.encode(), method="POST", times=None))
    run = connection.sync(people("a"))
    assert "may not do this" in run.error["message"]
    assert key[:6].encode() not in run.output
    assert key[-6:].encode() not in run.output


def test_a_call_that_is_too_large_for_the_service_is_halved(connection: Connection) -> None:
    too_many = Fault(status=413, contains="p7@")
    connection.sandbox.script(too_many)
    run = connection.sync([*people(*(f"p{n}" for n in range(8))), stream_state(1)])
    assert run.stats == [(8, 0)]
    assert connection.batches[0] == 8
    assert sorted(connection.batches[1:]) == [4, 4]


def test_calls_that_are_all_refused_to_the_end_are_the_fault_of_the_parameters(
    connection: Connection,
) -> None:
    said = b"<error><message>no such permission</message></error>"
    connection.sandbox.script(Fault(status=400, body=said, method="POST", times=None))
    messages = [*people("a"), stream_state(1), *people("b"), stream_state(2)]
    run = connection.sync(messages)
    assert run.error["failure_type"] == "config_error"
    assert "no such permission" in run.error["message"]
    assert run.states == []


def test_forty_refused_calls_are_enough_to_know_that_nothing_gets_through(
    connection: Connection,
) -> None:
    connection.sandbox.script(Fault(status=400, method="POST", times=None))
    sixty = people(*(f"p{n}" for n in range(60)))
    run = connection.sync([*sixty, stream_state(1)], batch_size=1, concurrent_requests=1)
    assert run.error["failure_type"] == "config_error"
    assert "40" in run.error["message"]
    assert run.states == []
    assert len(connection.synchronizations) == 40


def test_a_wrong_parameter_stops_a_large_sync_after_a_few_dozen_calls(
    connection: Connection,
) -> None:
    connection.sandbox.script(Fault(status=400, method="POST", times=None))
    thousands = people(*(f"p{n}" for n in range(3_000)))
    run = connection.sync([*thousands, stream_state(1)])
    assert run.error["failure_type"] == "config_error"
    assert run.states == []
    # Those that were in flight with the fortieth are answered, too.
    assert 40 <= len(connection.synchronizations) <= 40 + 7


def test_a_call_that_is_refused_for_another_reason_is_not_halved(connection: Connection) -> None:
    connection.sandbox.script(Fault(status=405, method="POST", path="/contacts", times=None))
    run = connection.sync([*people("a", "b", "c", "d"), stream_state(1)])
    assert run.error["failure_type"] == "config_error"
    assert run.states == []

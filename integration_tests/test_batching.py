"""How many calls a sync costs, what each of them holds, and how many fly at once."""

from __future__ import annotations

from itertools import pairwise

import pytest

from integration_tests.bookkeeping import Json
from integration_tests.connection import Connection, columns, mapping
from integration_tests.platform import record, stream, stream_state
from maileon_sandbox import Fault


def _person(n: int, **data: object) -> Json:
    return record({"email": f"person{n}@example.com", **data})


@pytest.mark.parametrize("states_after_each", [False, True])
def test_the_number_of_calls_follows_from_the_number_of_contacts_alone(
    connection: Connection, states_after_each: bool
) -> None:
    messages: list[Json] = []
    for n in range(25):
        messages.append(_person(n))
        if states_after_each:
            messages.append(stream_state(n))
    run = connection.sync([*messages, stream_state("last")], batch_size=10)
    assert run.exit_code == 0
    assert sorted(connection.batches) == [5, 10, 10]
    assert run.stats == ([(1, 0)] * 25 + [(0, 0)] if states_after_each else [(25, 0)])
    assert run.additional("created") == 25


def test_no_body_is_larger_than_configured(connection: Connection) -> None:
    people = [_person(n, first_name="é" * 100) for n in range(30)]
    run = connection.sync([*people, stream_state(1)], max_batch_bytes=2000)
    assert run.stats == [(30, 0)]
    sizes = [len(call.body) for call in connection.synchronizations]
    assert max(sizes) <= 2000
    # A contact takes about 350 bytes: five of them fit, and a body with fewer would be waste.
    assert sum(sizes) / len(sizes) > 1500


def test_a_record_that_no_call_can_hold_is_rejected_and_the_others_are_written(
    connection: Connection,
) -> None:
    people = [_person(1), _person(2, first_name="x" * 2000), _person(3)]
    run = connection.sync([*people, stream_state(1)], max_batch_bytes=1000)
    assert run.exit_code == 0
    assert run.stats == [(2, 1)]
    (line,) = (said for said in run.logs("WARN") if said.startswith("Record 2 "))
    assert "1000 bytes" in line


def test_records_of_one_contact_go_as_one_with_the_later_values(connection: Connection) -> None:
    properties = columns("first_name", "last_name")
    messages = [
        record({"email": "max@example.com", "first_name": "Max", "last_name": "Muster"}),
        record({"email": "erika@example.com", "first_name": "Erika"}),
        stream_state(1),
        record({"email": "MAX@example.com", "first_name": "Maximilian"}),
        stream_state(2),
    ]
    run = connection.sync(messages, stream(properties))
    assert connection.batches == [2]
    assert run.stats == [(2, 0), (1, 0)]
    assert (run.additional("merged"), run.additional("created")) == (1, 2)
    max_, _ = connection.sandbox.account.contacts()
    assert max_.standard_fields == {"FIRSTNAME": "Maximilian", "LASTNAME": "Muster"}


def test_with_ignore_the_first_record_of_a_contact_stands(connection: Connection) -> None:
    messages = [
        record({"email": "max@example.com", "first_name": name}) for name in ("Max", "Moritz")
    ]
    run = connection.sync([*messages, stream_state(1)], sync_mode="ignore")
    assert (run.stats, run.additional("merged")) == ([(2, 0)], 1)
    (contact,) = connection.sandbox.account.contacts()
    assert contact.standard_fields == {"FIRSTNAME": "Max"}


def test_a_bad_record_does_not_take_the_good_ones_of_its_contact_with_it(
    connection: Connection,
) -> None:
    names = ["Max", "Maxi", "x" * 256, "Maximilian", "y" * 256]
    messages: list[Json] = []
    for n, name in enumerate(names):
        messages += [record({"email": "max@example.com", "first_name": name}), stream_state(n)]
    run = connection.sync(messages)
    assert run.exit_code == 0
    assert run.stats == [(1, 0), (1, 0), (0, 1), (1, 0), (0, 1)]
    (contact,) = connection.sandbox.account.contacts()
    assert contact.standard_fields == {"FIRSTNAME": "Maximilian"}
    rejected = [said.split(" of ")[0] for said in run.logs("WARN") if said.startswith("Record ")]
    assert rejected == ["Record 3", "Record 5"]


def test_an_address_moves_from_one_contact_to_another_in_the_order_of_the_records(
    connection: Connection,
) -> None:
    account = connection.sandbox.account
    account.add_contact("old@example.com", external_id="1")
    account.add_contact("other@example.com", external_id="2")
    messages = [
        record({"external_id": "1", "email": "new@example.com"}),
        record({"external_id": "2", "email": "old@example.com"}),
        stream_state(1),
    ]
    run = connection.sync(messages, stream(columns("external_id")), identifier_mode="external_id")
    assert run.stats == [(2, 0)]
    assert {c.external_id: c.email for c in account.contacts()} == {
        "1": "new@example.com",
        "2": "old@example.com",
    }


def test_two_contacts_that_share_an_identifier_are_never_in_one_call(
    connection: Connection,
) -> None:
    # Whoever is recognised by email may still carry another's external id.
    people = [{"email": f"p{n}@example.com", "external_id": f"x{n // 2}"} for n in range(6)]
    run = connection.sync([*map(record, people), stream_state(1)], stream(columns("external_id")))
    # The fixture asserts that no call had an identifier twice; the second of each is a duplicate.
    assert run.stats == [(3, 3)]
    assert [c.email for c in connection.sandbox.account.contacts()] == [
        "p0@example.com",
        "p2@example.com",
        "p4@example.com",
    ]


def test_a_call_holds_contacts_of_one_stream_and_namespaces_are_streams_apart(
    connection: Connection,
) -> None:
    streams = [
        stream(name="people", namespace="north"),
        stream(name="people", namespace="south"),
        stream(name="leads"),
    ]
    messages: list[Json] = []
    for n in range(4):
        messages += [
            record({"email": f"n{n}@example.com"}, "people", "north"),
            record({"email": f"s{n}@example.com"}, "people", "south"),
            record({"email": f"l{n}@example.com"}, "leads"),
        ]
    states = [
        stream_state(1, "people", "north"),
        stream_state(1, "leads"),
        stream_state(1, "people", "south"),
    ]
    only_south = mapping(("first_name", "skip"), name="people", namespace="south")
    run = connection.sync([*messages, *states], *streams, streams=only_south)
    assert connection.batches == [4, 4, 4]
    assert run.stats == [(4, 0)] * 3
    for call in connection.synchronizations:
        assert (
            len({address for address in (b">n0@", b">s0@", b">l0@") if address in call.body}) == 1
        )
    titles = {said.partition(": ")[0] for said in run.logs("INFO") if "records read" in said}
    assert titles == {"Stream north.people", "Stream south.people", "Stream leads"}


def test_contacts_with_different_permissions_go_in_different_calls(
    connection: Connection,
) -> None:
    permissions = ["single_opt_in", "double_opt_in", None, "", "4"]
    people = [_person(n, consent=permissions[n % 5]) for n in range(10)]
    run = connection.sync(
        [*people, stream_state(1)],
        stream(columns("consent")),
        permission="none",
        streams=mapping(("consent", "permission")),
    )
    assert run.stats == [(10, 0)]
    sent = {call.parameters["permission"]: call.contacts for call in connection.synchronizations}
    assert sent == {"2": 2, "4": 4, "1": 4}
    assert len(connection.synchronizations) == 3


@pytest.mark.parametrize("concurrent_requests", [1, 3])
def test_no_more_calls_fly_at_once_than_configured_and_no_fewer(
    connection: Connection, concurrent_requests: int
) -> None:
    connection.sandbox.script(Fault(delay_seconds=0.15, method="POST", times=None))
    run = connection.sync(
        [*map(_person, range(6)), stream_state(1)],
        batch_size=1,
        concurrent_requests=concurrent_requests,
    )
    assert run.exit_code == 0
    calls = connection.synchronizations
    most = max(
        sum(call.overlaps(other) for other in calls if other.started <= call.started)
        for call in calls
    )
    assert most == concurrent_requests


def test_calls_for_one_contact_keep_their_order(connection: Connection) -> None:
    connection.sandbox.script(Fault(delay_seconds=0.2, method="POST"))
    messages: list[Json] = []
    # Different streams, so that the records cannot be merged.
    for n, name in enumerate(["a", "b", "a", "b"]):
        messages.append(record({"email": "max@example.com", "first_name": f"Max {n}"}, name))
    run = connection.sync(messages, stream(name="a"), stream(name="b"))
    assert run.exit_code == 0
    calls = connection.synchronizations
    assert len(calls) == 4
    assert not any(one.overlaps(other) for one, other in pairwise(calls))
    (contact,) = connection.sandbox.account.contacts()
    assert contact.standard_fields == {"FIRSTNAME": "Max 3"}

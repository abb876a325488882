"""Contacts that Maileon refuses since another one has their address or external id.

They are held, and tried again in passes once everything else is settled: whoever had the identifier
may have given it up by then.
"""

from __future__ import annotations

from random import Random

import pytest

from integration_tests.bookkeeping import Json
from integration_tests.connection import Connection, columns
from integration_tests.platform import record, stream, stream_state

COLUMNS = columns("external_id", "first_name", "_ab_cdc_deleted_at")
BY_EXTERNAL_ID: Json = {"identifier_mode": "external_id"}
MOST_CALLS_MORE = 12


def _contact(external_id: str, name: str, **data: object) -> Json:
    return record({"external_id": external_id, "email": f"{name}@example.com", **data})


def _stored(connection: Connection) -> dict[str | None, str | None]:
    """Address by external id."""
    contacts = connection.sandbox.account.contacts()
    return {one.external_id: (one.email or "").partition("@")[0] for one in contacts}


def test_a_hundredth_of_taken_addresses_costs_a_few_calls_more(connection: Connection) -> None:
    messages: list[Json] = []
    for n in range(5_000):
        if n % 100 == 0:
            connection.sandbox.account.add_contact(f"taken{n}@example.com", external_id=f"o{n}")
        messages.append(_contact(f"x{n}", f"taken{n}" if n % 100 == 0 else f"p{n}"))
    run = connection.sync(
        [*messages, stream_state(1)], stream(COLUMNS), batch_size=100, **BY_EXTERNAL_ID
    )
    assert (run.exit_code, run.stats) == (0, [(4_950, 50)])
    assert len(connection.synchronizations) <= 5_000 / 100 + MOST_CALLS_MORE


def test_the_records_of_one_contact_are_held_and_rejected_together(connection: Connection) -> None:
    connection.sandbox.account.add_contact("taken@example.com", external_id="other")
    messages = [_contact("x", "taken", first_name=name) for name in ("a", "b", "c")]
    run = connection.sync([*messages, stream_state(1)], stream(COLUMNS), **BY_EXTERNAL_ID)
    assert (run.exit_code, run.stats) == (0, [(0, 3)])
    assert connection.batches == [1, 1]
    assert _stored(connection) == {"other": "taken"}


def test_an_address_is_held_for_its_new_owner_until_the_old_one_is_deleted(
    connection: Connection,
) -> None:
    account = connection.sandbox.account
    account.add_contact("old@example.com", external_id="survivor")
    account.add_contact("twin@example.com", external_id="twin")
    gone = {"external_id": "twin", "_ab_cdc_deleted_at": "2026-01-01T00:00:00Z"}
    run = connection.sync(
        [_contact("survivor", "twin"), stream_state(1), record(gone), stream_state(2)],
        stream(COLUMNS),
        deleted_records="delete",
        **BY_EXTERNAL_ID,
    )
    assert (run.exit_code, run.stats) == (0, [(1, 0), (1, 0)])
    assert _stored(connection) == {"survivor": "twin"}


@pytest.mark.parametrize("order", [1, -1], ids=["who gives first", "who takes first"])
def test_a_chain_of_moved_addresses_ends_as_the_records_say(
    connection: Connection, order: int
) -> None:
    for n in range(20):
        connection.sandbox.account.add_contact(f"a{n}@example.com", external_id=f"x{n}")
    moved = [_contact(f"x{n}", f"a{n + 1}") for n in reversed(range(20))][::order]
    run = connection.sync([*moved, stream_state(1)], stream(COLUMNS), **BY_EXTERNAL_ID)
    assert (run.exit_code, run.stats) == (0, [(20, 0)])
    assert _stored(connection) == {f"x{n}": f"a{n + 1}" for n in range(20)}


def test_what_comes_after_a_held_record_of_a_contact_waits_for_it(connection: Connection) -> None:
    account = connection.sandbox.account
    account.add_contact("a@example.com", external_id="x1")
    account.add_contact("b@example.com", external_id="x2")
    messages = [
        _contact("x1", "b", first_name="Old"),
        _contact("x1", "c", first_name="New"),
        _contact("x2", "a"),
    ]
    run = connection.sync(
        [*messages, stream_state(1)], stream(COLUMNS), batch_size=1, **BY_EXTERNAL_ID
    )
    # The first could only be written if the second were not: nobody else gives up "b".
    assert (run.exit_code, run.stats) == (0, [(2, 1)])
    assert _stored(connection) == {"x1": "c", "x2": "a"}
    first_names = [one.standard_fields.get("FIRSTNAME") for one in account.contacts()]
    assert "Old" not in first_names


def test_two_who_want_to_swap_are_rejected_after_a_pass_and_told_of(connection: Connection) -> None:
    connection.sandbox.account.add_contact("a@example.com", external_id="x1")
    connection.sandbox.account.add_contact("b@example.com", external_id="x2")
    swapped = [_contact("x1", "b"), _contact("x2", "a"), _contact("x3", "c")]
    run = connection.sync([*swapped, stream_state(1)], stream(COLUMNS), **BY_EXTERNAL_ID)
    assert (run.exit_code, run.stats) == (0, [(1, 2)])
    assert _stored(connection) == {"x1": "a", "x2": "b", "x3": "c"}
    assert sum("error 5" in said and said.startswith("Record ") for said in run.logs("WARN")) == 2


def test_held_records_are_tried_again_while_the_source_is_silent(connection: Connection) -> None:
    connection.sandbox.account.add_contact("taken@example.com", external_id="other")
    with connection.open(stream(COLUMNS), flush_interval_seconds=0.2, **BY_EXTERNAL_ID) as running:
        running.feed(_contact("x", "taken"), stream_state(1))
        running.wait_until(lambda run: run.stats == [(0, 1)])
        assert running.finish().exit_code == 0


def test_no_state_passes_over_a_record_that_is_held(connection: Connection) -> None:
    connection.sandbox.account.add_contact("old@example.com", external_id="owner")
    with connection.open(stream(COLUMNS), batch_size=1, **BY_EXTERNAL_ID) as running:
        running.feed(_contact("x0", "p0"), stream_state(0))
        running.wait_until(lambda run: len(run.states) == 1)
        running.feed(_contact("x1", "old"), stream_state(1), _contact("x2", "p2"), stream_state(2))
        running.wait_until(lambda _: _stored(connection).get("x2") == "p2")
        assert len(running.run.states) == 1
        running.feed(_contact("owner", "new"), stream_state(3))
        run = running.finish()
    assert (run.exit_code, run.stats) == (0, [(1, 0)] * 4)
    assert _stored(connection) == {"owner": "new", "x0": "p0", "x1": "old", "x2": "p2"}


@pytest.mark.parametrize("batch_size", [1, 2])
def test_a_strict_sync_moves_an_address_if_its_owner_gives_it_up_before(
    connection: Connection, batch_size: int
) -> None:
    connection.sandbox.account.add_contact("a@example.com", external_id="x1")
    run = connection.sync(
        [_contact("x1", "b"), _contact("x2", "a"), stream_state(1)],
        stream(COLUMNS),
        batch_size=batch_size,
        ignore_invalid_contacts=False,
        **BY_EXTERNAL_ID,
    )
    assert (run.exit_code, run.stats) == (0, [(2, 0)])
    assert _stored(connection) == {"x1": "b", "x2": "a"}


def test_a_strict_sync_holds_nothing(connection: Connection) -> None:
    connection.sandbox.account.add_contact("a@example.com", external_id="x1")
    run = connection.sync(
        [_contact("x2", "a"), stream_state(1), _contact("x1", "b"), stream_state(2)],
        stream(COLUMNS),
        ignore_invalid_contacts=False,
        **BY_EXTERNAL_ID,
    )
    assert run.error["failure_type"] == "config_error"
    assert "ignore_invalid_contacts" in run.error["message"]
    assert (run.states, _stored(connection)) == ([], {"x1": "a"})


@pytest.mark.parametrize("seed", range(3))
def test_addresses_that_are_free_move_where_no_contact_may_be_invalid(
    connection: Connection, seed: int
) -> None:
    chance = Random(seed)
    names = {f"x{n}": f"a{n}" for n in range(20)}
    for external_id, name in names.items():
        connection.sandbox.account.add_contact(f"{name}@example.com", external_id=external_id)
    free = ["free", "spare"]
    messages = []
    for _ in range(120):
        mover = chance.choice([*names])
        if chance.random() < 0.4:
            free.append(names[mover])
            names[mover] = free.pop(chance.randrange(len(free) - 1))
        messages.append(_contact(mover, names[mover]))
    run = connection.sync(
        [*messages, stream_state(1)],
        stream(COLUMNS),
        batch_size=7,
        ignore_invalid_contacts=False,
        **BY_EXTERNAL_ID,
    )
    assert (run.exit_code, run.stats) == (0, [(120, 0)])
    assert _stored(connection) == names

"""Who waits for whom: contacts with common identifiers for each other, and nobody else for them."""

from __future__ import annotations

import re
from math import ceil
from pathlib import Path

from integration_tests.bookkeeping import Json
from integration_tests.connection import Connection, columns, mapping, people
from integration_tests.hostile import KEY, Moment, act, answer, doing, report
from integration_tests.platform import catalog, record, stream, stream_state, sync
from maileon_sandbox import Call, Fault
from unit_tests.maileon.local_server import LocalServer

BORNE = 10


def _most_together(calls: list[Call]) -> int:
    return max(
        sum(call.overlaps(other) for other in calls if other.started <= call.started)
        for call in calls
    )


def test_contacts_with_two_permissions_each_cost_two_rows_of_full_calls(
    connection: Connection,
) -> None:
    both = [
        record({"email": f"p{n}@example.com", "consent": consent})
        for n in range(400)
        for consent in ("none", "single_opt_in")
    ]
    run = connection.sync(
        [*both, stream_state(1)],
        stream(columns("consent")),
        batch_size=50,
        streams=mapping(("consent", "permission")),
    )
    assert (run.exit_code, run.stats) == (0, [(800, 0)])
    # Each row may end with calls that are not full.
    assert len(connection.synchronizations) <= 2 * (ceil(400 / 50) + 4)


def test_who_has_no_maileon_id_keeps_no_other_call_waiting(connection: Connection) -> None:
    account = connection.sandbox.account
    ids = [account.add_contact(f"p{n}@example.com").id for n in range(40)]
    known = [record({"maileon_id": number, "first_name": "Max"}) for number in ids]
    known[20] = record({"email": "new@example.com", "first_name": "Max"})
    connection.sandbox.script(Fault(delay_seconds=0.2, method="POST", times=None))
    run = connection.sync(
        [*known, stream_state(1)],
        stream(columns("maileon_id", "first_name")),
        identifier_mode="maileon_id",
        batch_size=2,
        concurrent_requests=4,
    )
    assert (run.exit_code, run.stats) == (0, [(40, 0)])
    assert _most_together(connection.synchronizations) == 4
    assert len(connection.synchronizations) <= 21


def test_deletions_travel_beside_each_other_and_beside_contacts(connection: Connection) -> None:
    messages: list[Json] = []
    for n in range(24):
        connection.sandbox.account.add_contact(f"p{n}@example.com")
        messages += people(f"p{n}", _ab_cdc_deleted_at="2026-01-01T00:00:00Z")
    connection.sandbox.script(Fault(delay_seconds=0.2, method="DELETE", times=None))
    run = connection.sync(
        [*messages, stream_state(1)], deleted_records="delete", concurrent_requests=4
    )
    assert (run.exit_code, run.stats) == (0, [(24, 0)])
    calls = [call for call in connection.sandbox.calls if call.method == "DELETE"]
    assert (len(calls), _most_together(calls)) == (24, 4)


def test_a_size_of_calls_that_outlasts_the_timeout_is_learned_once(tmp_path: Path) -> None:
    sizes: list[int] = []

    def bears_ten(moment: Moment) -> None:
        contacts = len(re.findall(rb"<contact>", moment.body))
        sizes.append(contacts)
        if contacts > BORNE:
            moment.server.closing.wait()
        else:
            act(answer(report(contacts=contacts)), moment)

    names = [f"p{n}" for n in range(400)]
    with LocalServer(doing(bears_ten)) as server:
        config = {"api_key": KEY, "base_url": server.url, "request_timeout_seconds": 1}
        run = sync(
            tmp_path,
            {**config, "batch_size": 20, "concurrent_requests": 2},
            catalog(stream()),
            [*people(*names), stream_state(1)],
        )
    assert (run.exit_code, run.stats) == (0, [(400, 0)])
    large = [size for size in sizes if size > BORNE]
    # Not each of the 20 batches finds it out for itself.
    assert len(large) <= 10
    assert any("larger ones are refused" in said for said in run.logs("INFO"))

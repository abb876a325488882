"""A 403 after accepted calls: a firewall dislikes the text of one record; no right was lost."""

from __future__ import annotations

from integration_tests.connection import Connection, people
from integration_tests.platform import stream_state
from maileon_sandbox import Fault

PAGE = b"<!doctype html><html><body><h1>Request blocked</h1></body></html>"


def test_a_page_of_a_firewall_rejects_the_record_that_it_is_about_and_no_other(
    connection: Connection,
) -> None:
    blocked = Fault(status=403, body=PAGE, content_type="text/html", contains="p37@", times=None)
    connection.sandbox.script(blocked)
    names = [f"p{n}" for n in range(60)]
    run = connection.sync([*people(*names), stream_state(1)], batch_size=20, concurrent_requests=1)
    assert (run.exit_code, run.stats) == (0, [(59, 1)])
    assert len(connection.sandbox.account.contacts()) == 59
    (line,) = (said for said in run.logs("WARN") if said.startswith("Record "))
    assert line.startswith("Record 38 of stream people")
    assert "403" in line


def test_a_page_of_a_firewall_for_a_deletion_rejects_its_record_alone(
    connection: Connection,
) -> None:
    for name in ("a", "b", "c"):
        connection.sandbox.account.add_contact(f"{name}@example.com")
    page = Fault(
        status=403, body=PAGE, content_type="text/html", path="/contacts/email/b%40", times=None
    )
    connection.sandbox.script(page)
    gone = people("a", "b", "c", _ab_cdc_deleted_at="2026-01-01T00:00:00Z")
    run = connection.sync([*gone, stream_state(1)], deleted_records="delete", concurrent_requests=1)
    assert (run.exit_code, run.stats) == (0, [(2, 1)])
    left = [contact.email for contact in connection.sandbox.account.contacts()]
    assert left == ["b@example.com"]


def test_a_403_before_anything_was_accepted_is_a_missing_right(connection: Connection) -> None:
    page = Fault(status=403, body=PAGE, content_type="text/html", method="POST", times=None)
    connection.sandbox.script(page)
    run = connection.sync([*people("a", "b"), stream_state(1)], batch_size=1)
    assert run.error["failure_type"] == "config_error"
    assert run.states == []

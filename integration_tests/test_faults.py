"""What the service may do wrong, and what the sync makes of it: tried again, halved, or told."""

from __future__ import annotations

import pytest

from integration_tests.bookkeeping import Json, Run
from integration_tests.connection import Connection, people
from integration_tests.platform import stream_state
from maileon_sandbox import Fault, Sandbox

RETRYABLE = (408, 429, 500, 502, 503, 504)
COUNTS = (
    b"<count_contacts>%s</count_contacts>"
    b"<count_existing_contacts>0</count_existing_contacts>"
    b"<count_new_contacts>%s</count_new_contacts>"
    b"<count_invalid_contacts>0</count_invalid_contacts>"
    b"<count_unsubscribed_contacts>0</count_unsubscribed_contacts>"
)
UNREADABLE = {
    "nothing": b"",
    "a page": b"<html><body>Please wait</body></html>",
    "no XML": b"OK",
    "cut off": b"<report><count_contacts>1</count_",
    "another document": b"<contacts/>",
    "no counts": b"<report><success>true</success></report>",
    "a negative count": b"<report>" + COUNTS % (b"1", b"-1") + b"</report>",
    "a count in words": b"<report>" + COUNTS % (b"one", b"1") + b"</report>",
}


def _each_is_written_alone(connection: Connection, names: list[str], **config: object) -> Run:
    """A sync with one contact a call, at the end of which every contact is there."""
    run = connection.sync([*people(*names), stream_state(1)], batch_size=1, **config)
    assert (run.exit_code, run.stats) == (0, [(len(names), 0)])
    stored = sorted(contact.email or "" for contact in connection.sandbox.account.contacts())
    assert stored == sorted(f"{name}@example.com" for name in names)
    return run


def test_every_status_that_may_pass_is_tried_again(connection: Connection) -> None:
    names = [f"status{status}" for status in RETRYABLE]
    for name, status in zip(names, RETRYABLE, strict=True):
        connection.sandbox.script(Fault(status=status, contains=name))
    _each_is_written_alone(connection, names)
    assert len(connection.synchronizations) == 2 * len(names)


def test_a_call_whose_connection_breaks_is_tried_again_whether_or_not_it_was_carried_out(
    connection: Connection,
) -> None:
    connection.sandbox.script(
        Fault(drop="before", contains="before@"), Fault(drop="after", contains="after@")
    )
    run = _each_is_written_alone(connection, ["before", "after", "well"])
    assert len(connection.synchronizations) == 5
    # The call that was carried out unseen created its contact, which existed the second time.
    assert (run.additional("created"), run.additional("existing")) == (2, 1)


def test_an_answer_that_is_no_readable_report_is_tried_again(connection: Connection) -> None:
    names = [f"answer{n}" for n in range(len(UNREADABLE))]
    for name, body in zip(names, UNREADABLE.values(), strict=True):
        connection.sandbox.script(Fault(body=body, contains=name))
    run = _each_is_written_alone(connection, names)
    assert len(connection.synchronizations) == 2 * len(names)
    assert run.additional("created") == len(names)


def test_a_wait_longer_than_the_patience_is_cut_to_it(connection: Connection) -> None:
    connection.sandbox.script(Fault(status=503, retry_after="3600"))
    run = _each_is_written_alone(connection, ["patient"], max_retry_seconds=1)
    assert run.errors == []


def test_while_the_service_asks_for_less_fewer_calls_fly(connection: Connection) -> None:
    connection.sandbox.script(
        *(Fault(status=503, contains=f"p{n}@") for n in range(4)),
        Fault(delay_seconds=0.2, method="POST", times=None),
    )
    _each_is_written_alone(connection, [f"p{n}" for n in range(8)], concurrent_requests=4)
    good = [call for call in connection.synchronizations if call.status == 200]
    together = [sum(one.overlaps(other) for other in good) for one in good[:2]]
    # Four refusals leave one call at a time; each success allows one more.
    assert together[0] <= 2
    assert len(good) == 8


def test_patience_ends_in_a_transient_error_after_the_true_states(
    connection: Connection,
) -> None:
    connection.sandbox.script(Fault(status=503, contains="never@", times=None))
    messages: list[Json] = []
    for n, name in enumerate(["a", "never", "b"]):
        messages += [*people(name), stream_state(n)]
    run = connection.sync(messages, batch_size=1, max_retry_seconds=1)
    assert run.error["failure_type"] == "transient_error"
    assert "503" in run.error["message"]
    assert "Record 2" in run.error["message"] or "record 2" in run.error["message"]
    assert "never@" not in run.error["message"]
    assert run.stats == [(1, 0)]
    assert connection.sandbox.account.by_email("b@example.com") is not None


def test_a_contact_that_makes_the_only_call_fail_is_found_named_and_not_rejected(
    connection: Connection,
) -> None:
    connection.sandbox.script(Fault(status=500, contains="poison@", times=None))
    names = ["a", "poison", "b", "c"]
    run = connection.sync([*people(*names), stream_state(1)], max_retry_seconds=1)
    assert run.error["failure_type"] == "transient_error"
    assert "The call for record 2 of stream people" in run.error["message"]
    assert "the cause is likely to be this record" in run.error["message"]
    assert run.states == []
    assert not [text for text in run.logs("WARN") if text.startswith("Record ")]
    stored = {contact.email for contact in connection.sandbox.account.contacts()}
    assert stored == {"a@example.com", "b@example.com", "c@example.com"}
    assert (connection.batches[0], {*connection.batches}) == (4, {4, 2, 1})


def test_a_service_that_is_away_from_the_start_is_a_transient_error(
    connection: Connection,
) -> None:
    connection.sandbox.script(Fault(status=503, times=None))
    run = connection.sync([*people("a"), stream_state(1)], max_retry_seconds=1)
    assert run.error["failure_type"] == "transient_error"
    assert run.states == []


@pytest.mark.parametrize("path", ["/contacts/fields/custom", "/contacts"])
def test_a_redirect_is_not_followed_and_asks_a_person(connection: Connection, path: str) -> None:
    with Sandbox() as elsewhere:
        for host in (elsewhere, connection.sandbox):
            target = f"{host.base_url}/contacts"
            connection.sandbox.reset()
            fault = Fault(redirect=target, path=path, whole_path=True, times=None)
            connection.sandbox.script(fault)
            run = connection.sync([*people("a"), stream_state(1)])
            assert run.error["failure_type"] == "config_error"
            assert "redirect" in run.error["message"]
            assert run.states == []
            assert sum(call.fault is not None for call in connection.sandbox.calls) == 1
        assert elsewhere.calls == []


@pytest.mark.parametrize(("status", "word"), [(401, "key"), (404, "base URL"), (301, "redirect")])
def test_what_only_a_person_can_mend_ends_the_sync_after_the_true_states(
    connection: Connection, status: int, word: str
) -> None:
    connection.sandbox.script(Fault(status=status, contains="b@", times=None))
    messages: list[Json] = []
    for n, name in enumerate(["a", "b", "c"]):
        messages += [*people(name), stream_state(n)]
    run = connection.sync(messages, batch_size=1, concurrent_requests=1)
    assert run.error["failure_type"] == "config_error"
    assert word in run.error["message"]
    assert run.stats == [(1, 0)]
    # Nothing is sent after it.
    assert len(connection.synchronizations) == 2


def test_a_report_that_counts_other_contacts_than_were_sent_is_told_once(
    connection: Connection,
) -> None:
    long = b"<report><success>true</success>" + COUNTS % (b"3", b"3") + b"</report>"
    connection.sandbox.script(Fault(body=long, method="POST", times=2))
    run = connection.sync([*people("a", "b", "c", "d"), stream_state(1)], batch_size=2)
    assert (run.exit_code, run.stats) == (0, [(4, 0)])
    assert len([text for text in run.logs("WARN") if "counts other contacts" in text]) == 1


def test_contacts_that_a_report_does_not_account_for_are_left_out(connection: Connection) -> None:
    short = b"<report><success>true</success>" + COUNTS % (b"2", b"1") + b"</report>"
    connection.sandbox.script(Fault(body=short, method="POST", times=2))
    run = connection.sync([*people("a", "b", "c", "d"), stream_state(1)], batch_size=2)
    assert (run.exit_code, run.stats) == (0, [(4, 0)])
    assert run.additional("left_out") == 2


def test_after_an_accepted_call_a_403_is_about_one_record(connection: Connection) -> None:
    page = b"<html><body>Blocked by the firewall</body></html>"
    fault = Fault(status=403, body=page, content_type="text/html", contains="b@", times=None)
    connection.sandbox.script(fault)
    messages = [*people("a", "b", "c"), stream_state(1)]
    run = connection.sync(messages, batch_size=1, concurrent_requests=1)
    assert (run.exit_code, run.stats) == (0, [(2, 1)])

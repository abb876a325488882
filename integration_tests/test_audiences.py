"""A field of the account that always says who is in an audience (the stream's `audience_field`)."""

from __future__ import annotations

import pytest

from integration_tests.bookkeeping import Json, Run
from integration_tests.connection import Connection, people
from integration_tests.platform import line, record, stream
from maileon_sandbox import Fault

FIELD = "vip"
AUDIENCE = [{"name": "people", "audience_field": FIELD}]


@pytest.fixture
def vips(connection: Connection) -> Connection:
    connection.sandbox.account.add_custom_field(FIELD, "integer")
    return connection


def keep(
    vips: Connection, generation: int, *names: str, mode: str = "overwrite", **config: object
) -> Run:
    """A sync of this generation, in which these people are."""
    kept = stream(destination_sync_mode=mode, generation_id=generation)
    return vips.sync(people(*names), kept, streams=AUDIENCE, **config)


def numbers(vips: Connection) -> dict[str, str | None]:
    return {
        str(contact.email).partition("@")[0]: contact.custom_fields.get(FIELD)
        for contact in vips.sandbox.account.contacts()
    }


def test_whoever_drops_out_of_the_stream_leaves_the_audience(vips: Connection) -> None:
    assert keep(vips, 0, "a", "b", "c").exit_code == 0
    assert numbers(vips) == {"a": "1", "b": "1", "c": "1"}
    run = keep(vips, 1, "a", "d")
    assert numbers(vips) == {"a": "2", "b": "0", "c": "0", "d": "2"}
    (summary,) = run.logs("INFO")[-1:]
    assert "2 left the audience" in summary


def test_those_who_were_never_in_it_are_left_alone(vips: Connection) -> None:
    vips.sandbox.account.add_contact("stranger@example.com")
    keep(vips, 1, "a")
    assert numbers(vips) == {"stranger": None, "a": "2"}


@pytest.mark.parametrize("mode", ["append", "append_dedup"])
def test_without_overwrite_people_are_added_and_nobody_leaves(vips: Connection, mode: str) -> None:
    keep(vips, 0, "a", mode=mode)
    keep(vips, 1, "b", mode=mode)
    assert numbers(vips) == {"a": "1", "b": "2"}


def test_leavers_keep_all_else_and_are_named_by_their_maileon_id(vips: Connection) -> None:
    keep(vips, 0, "a", "b")
    keep(vips, 1, "a")
    last = vips.synchronizations[-1]
    assert last.parameters | {"sync_mode": "1", "update_only": "true"} == last.parameters
    assert last.parameters["prefer_maileon_id"] == "true"
    assert last.parameters["override_permission"] == "false"
    assert last.parameters["reimport_unsubscribed_contacts"] == "false"
    assert "permission" not in last.parameters
    [left] = [c for c in vips.sandbox.account.contacts() if c.email == "b@example.com"]
    assert left.standard_fields == {}


def test_nobody_leaves_if_the_source_did_not_say_that_it_was_all(vips: Connection) -> None:
    keep(vips, 0, "a", "b")
    kept = stream(destination_sync_mode="overwrite", generation_id=1)
    given = b"".join(line(message) for message in people("a"))
    run = vips.write(given, kept, streams=AUDIENCE)
    assert numbers(vips) == {"a": "2", "b": "1"}
    assert any("nobody left the audience" in said for said in run.logs("WARN"))


def test_nobody_leaves_if_the_stream_was_empty(vips: Connection) -> None:
    keep(vips, 0, "a")
    run = keep(vips, 1)
    assert numbers(vips) == {"a": "1"}
    assert any("the stream was empty" in said for said in run.logs("WARN"))


def test_nobody_leaves_if_no_record_says_of_whom_it_is(vips: Connection) -> None:
    keep(vips, 0, "a", "b")
    kept = stream(destination_sync_mode="overwrite", generation_id=1)
    run = vips.sync([record({"email": None}), record({"email": ""})], kept, streams=AUDIENCE)
    assert numbers(vips) == {"a": "1", "b": "1"}
    assert any("has a usable identifier" in said for said in run.logs("WARN"))


def test_whose_record_was_rejected_stays_as_before(vips: Connection) -> None:
    keep(vips, 0, "a", "b")
    bad = record({"email": "b@example.com", "first_name": "x" * 300})
    kept = stream(destination_sync_mode="overwrite", generation_id=1)
    run = vips.sync([*people("a"), bad], kept, streams=AUDIENCE)
    assert numbers(vips) == {"a": "2", "b": "1"}
    assert any("the audience keeps 1 person" in said for said in run.logs("WARN"))


def test_whom_maileon_passes_by_for_a_marker_stays_and_that_is_said(vips: Connection) -> None:
    keep(vips, 0, "a", "b", "c")
    vips.sandbox.account.markers.add("b@example.com")
    run = keep(vips, 1, "a")
    assert numbers(vips) == {"a": "2", "b": "1", "c": "0"}
    assert any("1 person whose address has an unsub" in said for said in run.logs("WARN"))


def test_whom_maileon_refuses_to_let_go_stays_and_that_is_said(vips: Connection) -> None:
    keep(vips, 0, "a", "b", "c")
    counts = {"contacts": 2, "new_contacts": 0, "existing_contacts": 1, "unsubscribed_contacts": 0}
    told = "".join(f"<count_{name}>{number}</count_{name}>" for name, number in counts.items())
    invalid = '<contact><email nil="true"/><error code="23"><error_field>x</error_field></error>'
    body = (
        f"<report><success>false</success>{told}<count_invalid_contacts>1</count_invalid_contacts>"
        f"<invalid_contacts>{invalid}</contact></invalid_contacts></report>"
    )
    fault = Fault(status=200, body=body.encode(), contains="<value>0</value>")
    vips.sandbox.script(fault)
    run = keep(vips, 1, "a")
    assert any("1 person who dropped out, but" in said for said in run.logs("WARN"))
    assert any("refuses to update (error 23)" in said for said in run.logs("WARN"))
    assert any("1 left the audience" in said for said in run.logs("INFO"))


def test_more_leavers_than_allowed_end_the_sync_and_nobody_leaves(vips: Connection) -> None:
    keep(vips, 0, "a", "b", "c", "d")
    run = keep(vips, 1, "a", max_audience_leavers_percent=50)
    assert run.error["failure_type"] == "config_error"
    assert "max_audience_leavers_percent" in run.error["message"]
    assert numbers(vips) == {"a": "2", "b": "1", "c": "1", "d": "1"}
    assert keep(vips, 1, "a", "b", max_audience_leavers_percent=50).exit_code == 0
    assert numbers(vips) == {"a": "2", "b": "2", "c": "0", "d": "0"}


@pytest.mark.parametrize("others", [("a", "b"), ("b",), ()])
def test_a_second_attempt_of_a_generation_completes_what_the_first_began(
    vips: Connection, others: tuple[str, ...]
) -> None:
    keep(vips, 0, "a", "b", "c")
    vips.sandbox.script(Fault(status=500, method="GET", path="/contacts", whole_path=True))
    broken = keep(vips, 1, "a", "b", max_retry_seconds=0.0001)
    assert broken.error["failure_type"] == "transient_error"
    assert numbers(vips) == {"a": "2", "b": "2", "c": "1"}
    # Whatever is left for it to read.
    again = keep(vips, 1, *others)
    assert again.exit_code == 0
    seconds = float(again.logs("INFO")[-1].rpartition(", ")[2].split()[0])
    assert seconds < 100  # not since the machine was started
    assert numbers(vips) == {"a": "2", "b": "2", "c": "0"}


def test_a_page_that_fails_is_asked_for_again(vips: Connection) -> None:
    keep(vips, 0, "a", "b")
    fault = Fault(status=503, retry_after="0", method="GET", path="/contacts", whole_path=True)
    vips.sandbox.script(fault)
    assert keep(vips, 1, "a").exit_code == 0
    assert numbers(vips) == {"a": "2", "b": "0"}


def test_a_dry_run_counts_who_would_leave_and_changes_nothing(vips: Connection) -> None:
    keep(vips, 0, "a", "b", "c")
    run = keep(vips, 1, "a", dry_run=True)
    assert numbers(vips) == {"a": "1", "b": "1", "c": "1"}
    assert any("2 left the audience" in said for said in run.logs("INFO"))


def test_many_contacts_are_read_page_by_page(vips: Connection) -> None:
    account = vips.sandbox.account
    for number in range(2_500):
        account.add_contact(f"p{number}@example.com", custom_fields={FIELD: str(number % 2)})
    run = keep(vips, 4, "p1")
    assert any("1249 left the audience" in said for said in run.logs("INFO"))
    assert {value for name, value in numbers(vips).items() if name != "p1"} == {"0"}
    pages = [call for call in vips.sandbox.calls if call.parameters.get("page_index")]
    assert len(pages) == 3


def test_a_call_that_lets_people_leave_has_no_more_bytes_than_allowed(vips: Connection) -> None:
    for number in range(30):
        vips.sandbox.account.add_contact(f"p{number}@example.com", custom_fields={FIELD: "1"})
    keep(vips, 1, "a", max_batch_bytes=1000)
    assert max(len(call.body) for call in vips.synchronizations) <= 1000
    assert sum(vips.batches[1:]) == 30


@pytest.mark.parametrize(
    ("kind", "column", "words"),
    [
        (None, None, 'the account has no custom field "vip" (did you mean "VIPs"?)'),
        ("string", None, "has the type string"),
        ("integer", FIELD, "goes to the audience field"),
    ],
)
def test_a_field_that_cannot_be_kept_ends_the_sync_before_the_first_record(
    connection: Connection, kind: str | None, column: str | None, words: str
) -> None:
    connection.sandbox.account.add_custom_field(FIELD if kind else "VIPs", kind or "integer")
    properties: Json = {"email": {"type": "string"}}
    if column:
        properties[column] = {"type": "integer"}
    kept = stream(properties, destination_sync_mode="overwrite", generation_id=1)
    run = connection.sync(people("a"), kept, streams=AUDIENCE)
    assert run.error["failure_type"] == "config_error"
    assert words in run.error["message"]
    assert connection.synchronizations == []


def test_a_field_that_is_missing_is_created_where_fields_may_be(connection: Connection) -> None:
    run = keep(connection, 0, "a", unmapped_columns="create")
    assert run.exit_code == 0
    assert numbers(connection) == {"a": "1"}
    assert connection.sandbox.account.integer_fields() == [FIELD]

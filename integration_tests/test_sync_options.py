"""Every option of the configuration as query parameters: all of them, on every call."""

from __future__ import annotations

import os

import pytest

from integration_tests.bookkeeping import Json
from integration_tests.connection import Connection, columns, mapping
from integration_tests.platform import record, stream, stream_state

BY_DEFAULT = {
    "sync_mode": "1",
    "use_external_id": "false",
    "prefer_maileon_id": "false",
    "ignore_invalid_contacts": "true",
    "override_permission": "false",
    "reimport_unsubscribed_contacts": "false",
    "update_only": "false",
}
PERMISSIONS = (
    "none",
    "single_opt_in",
    "confirmed_opt_in",
    "double_opt_in",
    "double_opt_in_plus",
    "other",
)
PEOPLE = [
    {"email": f"person{n}@example.com", "external_id": f"x{n}", "maileon_id": 10_001 + n}
    for n in range(3)
]


@pytest.mark.parametrize(
    ("configured", "sent"),
    [
        ({}, {}),
        ({"identifier_mode": "email"}, {}),
        ({"identifier_mode": "external_id"}, {"use_external_id": "true"}),
        ({"identifier_mode": "maileon_id"}, {"prefer_maileon_id": "true"}),
        ({"sync_mode": "ignore"}, {"sync_mode": "2"}),
        ({"update_only": True}, {"update_only": "true"}),
        ({"ignore_invalid_contacts": False}, {"ignore_invalid_contacts": "false"}),
        (
            {"reimport_unsubscribed_contacts": True},
            {"reimport_unsubscribed_contacts": "true"},
        ),
        ({"permission": "double_opt_in"}, {"permission": "4"}),
        (
            {"permission": "none", "override_permission": True},
            {"permission": "1", "override_permission": "true"},
        ),
        ({"override_permission": True}, {}),
    ],
    ids=str,
)
def test_each_call_states_every_documented_parameter(
    connection: Connection, configured: Json, sent: dict[str, str]
) -> None:
    # Three calls, since a batch holds one contact.
    run = connection.sync(
        [record(person) for person in PEOPLE],
        stream(columns("external_id", "maileon_id")),
        batch_size=1,
        **configured,
    )
    assert run.exit_code == 0
    assert [call.parameters for call in connection.synchronizations] == [BY_DEFAULT | sent] * 3


@pytest.mark.parametrize(
    ("configured", "warnings"),
    [
        ({}, []),
        ({"override_permission": True}, ["is set without a permission"]),
        (
            {
                "override_permission": True,
                "permission": "other",
                "reimport_unsubscribed_contacts": True,
            },
            ["permission of existing contacts is replaced by other", "people who unsubscribed"],
        ),
    ],
    ids=str,
)
def test_a_sync_that_touches_consent_says_so_and_any_other_does_not(
    connection: Connection, configured: Json, warnings: list[str]
) -> None:
    run = connection.sync([record({"email": "a@example.com"})], **configured)
    told = run.logs("WARN")
    assert len(told) == len(warnings)
    assert all(warning in said for warning, said in zip(warnings, told, strict=True))


def test_each_permission_has_its_number_by_name_and_by_number(connection: Connection) -> None:
    named = [*PERMISSIONS, 1, 2.0, "3", 4, 5, " 6"]
    people = [
        {"email": f"person{n}@example.com", "consent": value} for n, value in enumerate(named)
    ]
    run = connection.sync(
        [record(person) for person in people],
        stream(columns("consent")),
        streams=mapping(("consent", "permission")),
    )
    assert run.exit_code == 0
    sent = sorted(
        (call.parameters["permission"], call.contacts) for call in connection.synchronizations
    )
    assert sent == [(str(number), 2) for number in range(1, 7)]
    stored = {
        contact.email: contact.permission for contact in connection.sandbox.account.contacts()
    }
    assert stored == {f"person{n}@example.com": n % 6 + 1 for n in range(12)}


@pytest.mark.skipif("LOUD" in os.environ, reason="all logs are on")
def test_debug_logging_shows_the_parameters_and_is_off_unless_asked_for(
    connection: Connection,
) -> None:
    data = [record(PEOPLE[0])]
    assert connection.sync(data).logs("DEBUG") == []
    run = connection.with_environment(LOG_LEVEL="debug").sync(data, update_only=True)
    (line,) = (said for said in run.logs("DEBUG") if "calls are sent with" in said)
    assert "sync_mode=1" in line
    assert "update_only=true" in line


def test_a_record_without_a_maileon_id_goes_by_its_email_and_a_wrong_one_is_rejected(
    connection: Connection,
) -> None:
    data = [
        {"maileon_id": 0, "email": "zero@example.com"},
        {"maileon_id": "", "email": "empty@example.com"},
        {"maileon_id": -1, "email": "less@example.com"},
        {"maileon_id": "abc", "email": "wrong@example.com"},
    ]
    names = {name: {"type": "string"} for name in ("maileon_id", "email")}
    run = connection.sync(
        [*map(record, data), stream_state(1)], stream(names), identifier_mode="maileon_id"
    )
    assert (run.exit_code, run.stats) == (0, [(3, 1)])
    stored = {contact.email for contact in connection.sandbox.account.contacts()}
    assert stored == {"zero@example.com", "empty@example.com", "less@example.com"}
    assert any("whole number from 1 on" in said for said in run.logs("WARN"))

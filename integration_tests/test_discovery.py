"""Data activation: what `discover` offers, and a catalog made from it, written and compared."""

from __future__ import annotations

import pytest

from integration_tests.bookkeeping import Json
from integration_tests.connection import Connection
from integration_tests.platform import record, stream, stream_state
from maileon_sandbox import Fault

TYPES = {
    "Shoe size": ("integer", {"type": "integer"}),
    "rate": ("float", {"type": "number"}),
    "Born": ("date", {"type": "string", "format": "date"}),
    "active": ("boolean", {"type": "boolean"}),
    "hat": ("string", {"type": "string"}),
    "email": ("string", {"type": "string"}),
}
STANDARD = (
    *("ADDRESS", "BIRTHDAY", "CITY", "COUNTRY", "FIRSTNAME", "FULLNAME", "GENDER", "HNR"),
    *("LASTNAME", "LOCALE", "NAMEDAY", "ORGANIZATION", "REGION", "SALUTATION", "STATE"),
    *("TITLE", "ZIP"),
)


def _operations(connection: Connection, **config: object) -> dict[str, Json]:
    """The operations that are offered, by sync mode."""
    run = connection.discover(**config)
    assert (run.exit_code, run.stderr) == (0, "")
    (message,) = run.of_type("DESTINATION_CATALOG")
    operations = message["destination_catalog"]["operations"]
    assert {operation["object_name"] for operation in operations} == {"contact"}
    return {operation["sync_mode"]: operation for operation in operations}


def _fill(connection: Connection) -> None:
    for name, (field_type, _) in TYPES.items():
        connection.sandbox.account.add_custom_field(name, field_type)
    connection.sandbox.account.add_preference("News/Letters", "Weekly")


def _activated(operation: Json, key: str) -> Json:
    """A configured stream as the platform makes it of an operation."""
    return stream(
        operation["json_schema"]["properties"],
        destination_object_name=operation["object_name"],
        destination_sync_mode=operation["sync_mode"],
        primary_key=[[key]],
    )


def test_every_field_of_the_account_is_offered_with_its_type(connection: Connection) -> None:
    _fill(connection)
    operations = _operations(connection)
    assert sorted(operations) == ["append", "append_dedup", "update"]
    for operation in operations.values():
        assert operation["matching_keys"] == [["email"], ["external_id"], ["maileon_id"]]
        schema = operation["json_schema"]
        assert (schema["required"], schema["additionalProperties"]) == ([], False)
        properties = schema["properties"]
        custom = {f"custom:{name}": shown for name, (_, shown) in TYPES.items()}
        assert custom.items() <= properties.items()
        assert sorted(properties) == sorted(
            [
                "email",
                "external_id",
                "maileon_id",
                *(f"standard:{name}" for name in STANDARD),
                *custom,
                "preference:News/Letters/Weekly",
                "permission",
                "unsubscribe",
                "deleted",
            ]
        )
        assert properties["standard:BIRTHDAY"] == {"type": "string", "format": "date"}
        assert properties["preference:News/Letters/Weekly"] == {"type": "boolean"}


@pytest.mark.parametrize("removal", ["unsubscribe", "delete"])
def test_removals_and_new_fields_are_offered_only_if_asked_for(
    connection: Connection, removal: str
) -> None:
    operations = _operations(connection, deleted_records=removal, unmapped_columns="create")
    assert "soft_delete" in operations
    assert operations["append"]["json_schema"]["additionalProperties"] is True


@pytest.mark.parametrize(
    ("fault", "kind"),
    [(Fault(status=401), "config_error"), (Fault(status=503, times=None), "transient_error")],
)
def test_an_account_that_cannot_be_read_is_an_error_like_in_a_sync(
    connection: Connection, fault: Fault, kind: str
) -> None:
    connection.sandbox.script(fault)
    run = connection.discover(max_retry_seconds=0.2)
    assert run.error["failure_type"] == kind
    assert run.of_type("DESTINATION_CATALOG") == []


@pytest.mark.parametrize(
    ("fault", "told"),
    [(Fault(status=503, times=None), "503"), (Fault(status=429, times=None), "429")],
    ids=["busy", "asks for less"],
)
def test_a_service_that_does_not_answer_is_told_with_what_to_do(
    connection: Connection, fault: Fault, told: str
) -> None:
    connection.sandbox.script(fault)
    message = connection.discover(max_retry_seconds=0.2).error["message"]
    assert told in message
    assert message.endswith("Refresh the fields of the destination again later.")


def test_what_is_offered_can_be_written_and_arrives_where_it_should(
    connection: Connection,
) -> None:
    _fill(connection)
    operation = _operations(connection)["append_dedup"]
    values: dict[str, object] = {
        **{f"standard:{name}": f"a {name}" for name in STANDARD},
        "standard:BIRTHDAY": "2001-02-03",
        "standard:NAMEDAY": "2001-02-04",
        "standard:GENDER": "diverse",
        "standard:LOCALE": "de-DE",
        "custom:Shoe size": 44,
        "custom:rate": 0.5,
        "custom:Born": "2001-02-05",
        "custom:active": True,
        "custom:hat": "red",
        "custom:email": "another",
        "preference:News/Letters/Weekly": True,
    }
    data = {"email": "a@example.com", "external_id": "x", **values}
    run = connection.sync([record(data), stream_state(1)], _activated(operation, "email"))
    assert (run.exit_code, run.stats) == (0, [(1, 0)])
    (contact,) = connection.sandbox.account.contacts()
    assert (contact.email, contact.external_id) == ("a@example.com", "x")
    assert contact.standard_fields == {name: f"a {name}" for name in STANDARD} | {
        "BIRTHDAY": "2001-02-03",
        "NAMEDAY": "2001-02-04",
        "GENDER": "d",
        "LOCALE": "de_DE",
    }
    assert contact.custom_fields == {
        "Shoe size": "44",
        "rate": "0.5",
        "Born": "2001-02-05",
        "active": "true",
        "hat": "red",
        "email": "another",
    }
    assert contact.preferences == {("News/Letters", "Weekly"): ("true", None)}


@pytest.mark.parametrize(
    ("mode", "key", "stored"),
    [
        ("append_dedup", "external_id", {"old": "new name", "new": "new name"}),
        ("update", "email", {"old": "new name"}),
        ("append", "external_id", {"old": "old name", "new": "new name"}),
    ],
)
def test_an_operation_does_what_its_name_says(
    connection: Connection, mode: str, key: str, stored: dict[str, str]
) -> None:
    connection.sandbox.account.add_contact(
        "old@example.com", external_id="old", standard_fields={"FIRSTNAME": "old name"}
    )
    data = [
        {"email": f"{name}@example.com", "external_id": name, "standard:FIRSTNAME": "new name"}
        for name in ("old", "new")
    ]
    # The connection's matching key counts, not the configuration's.
    other = {"email": "external_id", "external_id": "email"}[key]
    run = connection.sync(
        [*map(record, data), stream_state(1)],
        _activated(_operations(connection)[mode], key),
        identifier_mode=other,
    )
    assert (run.exit_code, run.stats) == (0, [(2, 0)])
    (call,) = connection.synchronizations
    assert call.parameters["use_external_id"] == ("true" if key == "external_id" else "false")
    found = connection.sandbox.account.contacts()
    assert {c.external_id: c.standard_fields["FIRSTNAME"] for c in found} == stored


@pytest.mark.parametrize(
    ("removal", "key"),
    [("delete", "email"), ("delete", "external_id"), ("unsubscribe", "maileon_id")],
)
def test_every_record_of_a_soft_delete_is_a_removal(
    connection: Connection, removal: str, key: str
) -> None:
    gone = connection.sandbox.account.add_contact("gone@example.com", external_id="gone")
    connection.sandbox.account.add_contact("stays@example.com", external_id="stays")
    operation = _operations(connection, deleted_records=removal)["soft_delete"]
    data = {"email": gone.email, "external_id": gone.external_id, "maileon_id": str(gone.id)}
    run = connection.sync(
        [record({key: data[key]}), stream_state(1)],
        _activated(operation, key),
        deleted_records=removal,
    )
    assert (run.exit_code, run.stats) == (0, [(1, 0)])
    assert connection.synchronizations == []
    left = [(c.email, c.unsubscribed) for c in connection.sandbox.account.contacts()]
    # Who unsubscribes stays without an address.
    unsubscribed = [(None, True)] if removal == "unsubscribe" else []
    assert left == [*unsubscribed, ("stays@example.com", False)]


@pytest.mark.parametrize(
    ("configured", "told"),
    [
        ({"destination_sync_mode": "overwrite"}, "overwrite"),
        ({"destination_sync_mode": "update"}, "update"),
        (
            {
                "destination_object_name": "contact",
                "destination_sync_mode": "soft_delete",
                "primary_key": [["email"]],
            },
            "deleted_records",
        ),
    ],
    ids=str,
)
def test_what_a_sync_cannot_do_is_refused_before_anybody_is_asked(
    connection: Connection, configured: Json, told: str
) -> None:
    data = record({"email": "a@example.com"})
    run = connection.sync([data, stream_state(1)], stream(**configured))
    assert run.error["failure_type"] == "config_error"
    assert told in run.error["message"]
    assert (run.states, connection.sandbox.calls) == ([], [])

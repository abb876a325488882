"""Data activation from end to end: hundreds of fields, mapped as the platform does it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from integration_tests.activation import Choice, Invalid, operations
from integration_tests.bookkeeping import Json
from integration_tests.connection import Connection
from integration_tests.platform import record, stream, stream_state

STRING = {"type": "string"}
TYPES = ("string", "integer", "float", "boolean", "date")
ODD_NAMES = (
    *("Größe in cm", "Schuhe/Stiefel", " Rand ", "A & B <c>", 'das "Beste"', "O'Neil", "100 %"),
    *(
        "日本語 名前",
        "Emoji 😀 hier",
        "a:b:c",
        "custom:COLOR",
        "a.b.c",
        "back\\slash",
        "{x}",
        "#hash?",
    ),
)
CATEGORIES = ("Über uns/Presse", "Shop & more", "News", "日本")
PREFERENCES = [
    (category, f"{name} {n}")
    for category in CATEGORIES
    for n, name in enumerate(("Täglich / wöchentlich", "per E-Mail") * 5)
]
TEXTS = {
    "standard:BIRTHDAY": "2001-02-03",
    "standard:NAMEDAY": "2001-02-04",
    "standard:GENDER": "d",
    "standard:LOCALE": "de_DE",
    "permission": "double_opt_in",
}
STAYS = {"unsubscribe": False, "deleted": False}


def _custom_fields() -> dict[str, str]:
    """Three hundred names, and their types."""
    names = [*ODD_NAMES, *(f"Feld Nr. {n} / größer" for n in range(300 - len(ODD_NAMES)))]
    return {name: TYPES[n % len(TYPES)] for n, name in enumerate(names)}


@dataclass(frozen=True, slots=True)
class Activation:
    """An account, what it offers, and the choice to map all of it by external id."""

    connection: Connection
    offered: dict[str, Json]
    choice: Choice

    def values(self, person: int) -> Json:
        """A value for each field of the source's table, by the type that the field shows."""
        schemas = self.offered["append_dedup"]["json_schema"]["properties"]
        return {
            column: _value(name, schemas[name], person=person)
            for column, name in self.choice.fields.items()
        }


def _value(name: str, schema: Json, *, person: int) -> object:
    if name in {"email", "external_id"}:
        return {"email": f"p{person}@example.com", "external_id": f"x{person}"}[name]
    if name in TEXTS or name in STAYS:
        return TEXTS.get(name, False)
    by_type = {"integer": person + 7, "number": person + 0.5, "boolean": person % 2 == 0}
    if schema.get("format") == "date":
        return f"2020-01-0{person + 1}"
    return by_type.get(schema["type"], f"{person}: {name}")


@pytest.fixture(scope="module")
def activation(shared_connection: Connection) -> Activation:
    account = shared_connection.sandbox.account
    for name, kind in _custom_fields().items():
        account.add_custom_field(name, kind)
    for category, name in PREFERENCES:
        account.add_preference(category, name)
    offered = operations(shared_connection.discover(deleted_records="unsubscribe"))
    names = [n for n in offered["append_dedup"]["json_schema"]["properties"] if n != "maileon_id"]
    fields = {f"column_{n}": name for n, name in enumerate(names)}
    return Activation(
        shared_connection, offered, Choice("append_dedup", fields, matching_key=("external_id",))
    )


def test_every_field_and_preference_is_offered_once(activation: Activation) -> None:
    for operation in activation.offered.values():
        properties = operation["json_schema"]["properties"]
        custom = [name for name in properties if name.startswith("custom:")]
        assert sorted(custom) == sorted(f"custom:{name}" for name in _custom_fields())
        preferences = [name for name in properties if name.startswith("preference:")]
        assert sorted(preferences) == sorted(f"preference:{c}/{n}" for c, n in PREFERENCES)
        assert len(properties) == 3 + 17 + 300 + 40 + 3


def test_every_field_that_is_mapped_arrives_under_its_name(activation: Activation) -> None:
    connection, choice = activation.connection, activation.choice
    run = connection.sync(
        [
            *(record(choice.renamed(activation.values(person))) for person in range(3)),
            stream_state(1),
        ],
        choice.configured(activation.offered),
    )
    assert (run.exit_code, run.stats) == (0, [(3, 0)])
    assert run.logs("WARN") == []
    account = connection.sandbox.account
    for person in range(3):
        contact = account.by_external_id(f"x{person}")
        assert contact is not None
        assert contact.email == f"p{person}@example.com"
        assert contact.permission == 4
        assert len(contact.standard_fields) == 17
        for name, stored in contact.standard_fields.items():
            target = f"standard:{name}"
            assert stored == TEXTS.get(target, f"{person}: {target}")
        expected = {
            "integer": str(person + 7),
            "float": str(person + 0.5),
            "boolean": str(person % 2 == 0).lower(),
            "date": f"2020-01-0{person + 1}",
        }
        assert dict(contact.custom_fields) == {
            name: expected.get(kind, f"{person}: custom:{name}")
            for name, kind in _custom_fields().items()
        }
        assert dict(contact.preferences) == dict.fromkeys(
            PREFERENCES, (str(person % 2 == 0).lower(), None)
        )


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"sync_mode": "overwrite"}, "overwrite"),
        ({"object_name": "company"}, 'no object "company"'),
        ({"matching_key": ("standard:ZIP",)}, "matching key"),
        ({"matching_key": ("email", "external_id")}, "matching key"),
        ({"matching_key": None}, "matching key"),
        ({"fields": {"a": "standard:CITY"}, "matching_key": ("email",)}, "contact's email"),
        ({"fields": {"a": "email"}, "matching_key": ("maileon_id",)}, "contact's maileon_id"),
        ({"fields": {"a": "email", "b": "custom:Gone"}, "matching_key": ("email",)}, '"Gone"'),
    ],
    ids=str,
)
def test_what_the_platform_refuses_is_a_config_error_here_too_before_the_first_record(
    activation: Activation, changes: Json, told: str
) -> None:
    """A connection may be older than the account, or made by hand."""
    choice = replace(activation.choice, **changes)
    if choice.matching_key is not None:
        with pytest.raises(Invalid):
            choice.configured(activation.offered)
    properties = dict.fromkeys(choice.fields.values(), STRING)
    configured = stream(
        properties,
        destination_object_name=choice.object_name,
        destination_sync_mode=choice.sync_mode,
        primary_key=[[key] for key in choice.matching_key or ()],
    )
    calls = len(activation.connection.synchronizations)
    run = activation.connection.sync([record({"email": "a@b.de"}), stream_state(1)], configured)
    assert run.error["failure_type"] == "config_error"
    assert told in run.error["message"]
    assert run.states == []
    assert len(activation.connection.synchronizations) == calls


def test_a_matching_key_that_no_record_carries_is_a_config_error_at_the_end(
    connection: Connection,
) -> None:
    # The catalog does not show the columns.
    configured = stream(
        {},
        destination_object_name="contact",
        destination_sync_mode="update",
        primary_key=[["external_id"]],
    )
    messages = [record({"email": f"{n}@example.com"}) for n in range(3)]
    run = connection.sync([*messages, stream_state(1)], configured)
    assert run.error["failure_type"] == "config_error"
    assert "of its 3 records none has the matching key external_id" in run.error["message"]
    assert run.stats == [(0, 3)]
    last = record({"external_id": "x", "email": "x@example.com"})
    run = connection.sync([*messages, last, stream_state(1)], configured)
    assert (run.exit_code, run.stats) == (0, [(1, 3)])


def test_a_soft_delete_takes_away_whom_an_upsert_brought_in_and_minds_the_order(
    connection: Connection,
) -> None:
    account = connection.sandbox.account
    account.add_contact("gone@example.com", external_id="gone", permission=4)
    account.add_contact("stays@example.com", external_id="stays", permission=4)
    offered = operations(connection.discover(deleted_records="delete"))
    fields = {"id": "external_id", "mail": "email"}
    upsert = Choice("append_dedup", fields, matching_key=("external_id",))
    removal = Choice("soft_delete", {"id": "external_id"}, matching_key=("external_id",))
    removed = removal.configured(offered, name="removed")
    people = upsert.configured(offered)
    messages = [
        record({"external_id": "again", "email": "again@example.com"}),
        record({"external_id": "gone"}, "removed"),
        record({"external_id": "again"}, "removed"),
        record({"external_id": "never there"}, "removed"),
        record({"external_id": "again", "email": "back@example.com"}),
        stream_state(1),
        stream_state(2, "removed"),
    ]
    run = connection.sync(messages, people, removed, deleted_records="delete")
    assert (run.exit_code, run.stats) == (0, [(2, 0), (3, 0)])
    assert {c.external_id: c.email for c in account.contacts()} == {
        "stays": "stays@example.com",
        "again": "back@example.com",
    }


@pytest.mark.parametrize("sync_mode", ["append_dedup", "update"])
@pytest.mark.parametrize("opted_out", [True, "true", "2024-05-01T10:30:00Z"])
def test_a_connection_that_maps_opt_outs_keeps_them(
    connection: Connection, sync_mode: str, opted_out: object
) -> None:
    """The platform drops every column that the connection does not map, and renames the others."""
    account = connection.sandbox.account
    for name in ("left", "stays"):
        account.add_contact(f"{name}@example.com", permission=4)
    offered = operations(connection.discover())
    fields = {
        "mail": "email",
        "first": "standard:FIRSTNAME",
        "left_at": "unsubscribe",
        "consent": "permission",
    }
    choice = Choice(sync_mode, fields, matching_key=("email",))
    rows: list[Json] = [
        {"mail": "left@example.com", "first": "L", "left_at": opted_out, "consent": "other"},
        {"mail": "stays@example.com", "first": "S", "left_at": None, "consent": "other", "x": 1},
        {"mail": "new@example.com", "first": "N", "left_at": False, "consent": "single_opt_in"},
    ]
    run = connection.sync(
        [*(record(choice.renamed(row)) for row in rows), stream_state(1)],
        choice.configured(offered),
    )
    assert (run.exit_code, run.stats) == (0, [(3, 0)])
    known = [(c.email, c.standard_fields, c.permission) for c in account.contacts()]
    new = [] if sync_mode == "update" else [("new@example.com", {"FIRSTNAME": "N"}, 2)]
    # Who unsubscribes stays without an address.
    left, *others = known
    assert (left[0], left[1]) == (None, {})
    assert others == [("stays@example.com", {"FIRSTNAME": "S"}, 4), *new]


def test_a_connection_that_maps_deletions_does_as_it_was_told(connection: Connection) -> None:
    account = connection.sandbox.account
    account.add_contact("gone@example.com", permission=4)
    offered = operations(connection.discover(deleted_records="delete"))
    fields = {"mail": "email", "gone": "deleted"}
    choice = Choice("append_dedup", fields, matching_key=("email",))
    rows: list[Json] = [
        {"mail": "gone@example.com", "gone": True},
        {"mail": "a@example.com", "gone": None},
    ]
    run = connection.sync(
        [*(record(choice.renamed(row)) for row in rows), stream_state(1)],
        choice.configured(offered),
        deleted_records="delete",
    )
    assert (run.exit_code, run.stats) == (0, [(2, 0)])
    assert [c.email for c in account.contacts()] == ["a@example.com"]

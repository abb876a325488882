"""Whole streams as sources deliver them, and what a person would expect in every field."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from integration_tests.bookkeeping import Json
from integration_tests.connection import Connection, columns, mapping
from integration_tests.platform import global_state, record, stream, stream_state
from scripts.documents import MAPPING

DEMO = Path(__file__).parent.parent / "demo"
STRING = {"type": "string"}
NOWHERE = "left out"
# The page's table: for each row the columns it names, and where the log says that each goes.
DOCUMENTED_ROWS = {
    "`email`, `external_id`, `maileon_id`": {
        "email": "email",
        "external_id": "external_id",
        "maileon_id": "maileon_id",
    },
    "`first_name`, `FirstName`, `FIRSTNAME`": dict.fromkeys(
        ("first_name", "FirstName", "FIRSTNAME", "First-Name", "first name"), "standard:FIRSTNAME"
    ),
    "`COLOR`": {"COLOR": "custom:COLOR"},
    "`color`": {"color": "custom:COLOR", "Color": "custom:COLOR", "size": NOWHERE},
    "`custom:COLOR`, `preference:News/Weekly`": {
        "custom:COLOR": "custom:COLOR",
        "preference:News/Weekly": "preference:News/Weekly",
    },
    "`unsubscribe`, `deleted`, `skip`": {
        "unsubscribe": "unsubscribe",
        "deleted": "deleted",
        "skip": NOWHERE,
    },
    "`preferences`": {"preferences": "preferences"},
    "`_ab_cdc_deleted_at`": {"_ab_cdc_deleted_at": "deleted", "_AB_CDC_DELETED_AT": "deleted"},
    "`_airbyte_raw_id`, `_ab_cdc_lsn`": dict.fromkeys(
        ("_airbyte_raw_id", "_ab_cdc_lsn", "_AIRBYTE_META"), NOWHERE
    ),
    "`shoe_size`, without such a field": {"shoe_size": NOWHERE},
}
# Of these a warning tells, since no target fits.
WARNED = ["size", "shoe_size"]


def test_the_pages_table_of_columns_holds_row_by_row(connection: Connection) -> None:
    _, _, section = MAPPING.read_text(encoding="utf-8").partition("\n## Which column goes where\n")
    rows = re.findall(r"^\| (.*?) \|", section.partition("\nAn explicit")[0], re.MULTILINE)
    assert [row for row in rows if row != "column" and not row.startswith("---")] == [
        *DOCUMENTED_ROWS
    ]
    account = connection.sandbox.account
    # Of `Size` and `SIZE` neither is the only one that `size` may mean.
    for name in ("COLOR", "Size", "SIZE"):
        account.add_custom_field(name)
    account.add_preference("News", "Weekly")
    targets = {name: to for row in DOCUMENTED_ROWS.values() for name, to in row.items()}
    # A stream for each column, beside its email.
    streams = [stream({"email": STRING, name: STRING}, name=name) for name in targets]
    run = connection.sync([], *streams)
    assert run.exit_code == 0
    plans = [said for said in run.logs("INFO") if "contacts are recognised" in said]
    for (name, target), plan in zip(targets.items(), plans, strict=True):
        assert plan.startswith(f"Stream {name}: contacts are recognised by email;")
        shown = dict(re.findall(r"^  (.+?) +->  (\S+)", plan, re.MULTILINE))
        assert shown.get(name) == (None if target is NOWHERE else target)
    warned = [said for said in run.logs("WARN") if "left out" in said]
    assert [re.findall('"(.*?)"', said)[0] for said in warned] == WARNED


def test_the_pages_mapping_begins_the_log_as_the_page_shows_it(connection: Connection) -> None:
    _, _, section = MAPPING.read_text(encoding="utf-8").partition("\nAn explicit mapping looks")
    example, shown = re.findall(r"```(?:json)?\n(.*?)\n```", section, re.DOTALL)[:2]
    config = {**json.loads(example), **connection.config()}
    account = connection.sandbox.account
    account.add_custom_field("COLOR")
    account.add_preference("News", "Weekly")
    mapped = [entry["column"] for entry in config["streams"][0]["mapping"]]
    born = {"born": {"type": ["null", "string"], "format": "date"}}
    metadata = ("_ab_cdc_deleted_at", "_ab_cdc_lsn")
    properties = {**dict.fromkeys(mapped, STRING), **born, **dict.fromkeys(metadata, STRING)}
    run = connection.sync([], stream(properties, name="customers", namespace="public"), **config)
    assert run.exit_code == 0
    assert shown in run.logs("INFO")


def test_the_users_of_source_faker_arrive_as_they_are_mapped(connection: Connection) -> None:
    config = json.loads((DEMO / "config.json").read_text(encoding="utf-8"))
    configured = json.loads((DEMO / "catalog.json").read_text(encoding="utf-8"))["streams"]
    lines = (DEMO / "source_output.jsonl").read_text(encoding="utf-8").splitlines()
    messages = [json.loads(one) for one in lines]
    account = connection.sandbox.account
    types = {"age": "integer", "height": "float", "customer_since": "date"}
    for name in ("gender_identity", "language", *types):
        account.add_custom_field(name, types.get(name, "string"))
    run = connection.sync(messages, *configured, streams=config["streams"])
    assert run.exit_code == 0
    data = [one["record"]["data"] for one in messages if one["type"] == "RECORD"]
    assert sum(records for records, _ in run.stats) == len(data) == 1000
    by_id = {contact.external_id: contact for contact in account.contacts()}
    assert len(by_id) == 1000
    for one in data:
        contact = by_id[str(one["id"])]
        assert contact.email == one["email"]
        assert contact.standard_fields == {"FIRSTNAME": one["name"], "TITLE": one["title"]}
        custom = dict(contact.custom_fields)
        assert float(custom.pop("height")) == float(one["height"])
        assert custom == {
            "gender_identity": one["gender"],
            "language": one["language"],
            "age": str(one["age"]),
            "customer_since": one["created_at"][:10],
        }


def _cdc(id_: int, *, at: int, gone: bool = False, **data: object) -> Json:
    """A row as a database's log has it; of a deleted one only the key is known."""
    known = {"id": id_} if gone else {"id": id_, **data}
    return record(
        {
            **dict.fromkeys(("email", "first_name", "birthday", "settings")),
            **known,
            "_ab_cdc_lsn": 26_800_000.0 + at,
            "_ab_cdc_updated_at": f"2026-05-01T10:00:{at:02}.123Z",
            "_ab_cdc_deleted_at": f"2026-05-01T10:00:{at:02}.123Z" if gone else None,
        },
        "customers",
        "public",
    )


CDC_COLUMNS = {
    "id": {"type": "integer"},
    **columns("first_name", "settings"),
    "birthday": {"type": "string", "format": "date"},
    "_ab_cdc_lsn": {"type": "number"},
    "_ab_cdc_updated_at": STRING,
    "_ab_cdc_deleted_at": STRING,
}
CDC_ROWS = [
    _cdc(1, at=1, email="a@example.com", first_name="Ada", birthday="1815-12-10"),
    _cdc(2, at=2, email="b@example.com", first_name="Bob", settings={"news": True}),
    _cdc(1, at=3, email="ada@example.com", first_name="Ada", birthday="1815-12-10"),
    _cdc(2, at=4, gone=True),
    _cdc(3, at=5, email="c@example.com", first_name="Cyn"),
    _cdc(3, at=6, gone=True),
    _cdc(3, at=7, email="cyn@example.com", first_name="Cyn"),
    _cdc(4, at=8, gone=True),
    _cdc(99, at=9, gone=True),
]
ADA = ("ada@example.com", {"FIRSTNAME": "Ada", "BIRTHDAY": "1815-12-10"})
CYN = ("cyn@example.com", {"FIRSTNAME": "Cyn"})
# By external id: the address and the standard fields.
AFTER_CDC = {
    "ignore": {
        "1": ADA,
        "2": ("b@example.com", {"FIRSTNAME": "Bob"}),
        "3": CYN,
        "4": ("there@example.com", {}),
    },
    # Who was unsubscribed has no external id any more; with another address it is a new contact.
    "unsubscribe": {"1": ADA, "3": CYN},
    "delete": {"1": ADA, "3": CYN},
}


@pytest.mark.parametrize("removal", AFTER_CDC)
def test_a_stream_of_a_cdc_source_is_followed_insert_by_insert_and_delete_by_delete(
    connection: Connection, removal: str
) -> None:
    account = connection.sandbox.account
    account.add_custom_field("settings")
    account.add_contact("there@example.com", external_id="4", permission=4)
    run = connection.sync(
        [*CDC_ROWS, global_state("lsn")],
        stream(CDC_COLUMNS, name="customers", namespace="public"),
        identifier_mode="external_id",
        deleted_records=removal,
        streams=mapping(("id", "external_id"), name="customers"),
    )
    assert (run.exit_code, run.stats) == (0, [(9, 0)])
    # The last row is of nobody in Maileon, and has no address for a marker.
    told = ["1 person opted out whom Maileon does not have"] * (removal == "unsubscribe")
    assert [said.partition(", and no unsub")[0] for said in run.logs("WARN")] == told
    people = {
        c.external_id: (c.email, dict(c.standard_fields))
        for c in account.contacts()
        if not c.unsubscribed
    }
    assert people == AFTER_CDC[removal]
    marked = {"b@example.com", "c@example.com", "there@example.com"}
    assert account.markers == (marked if removal == "unsubscribe" else set())
    settings = [c.custom_fields for c in account.contacts() if c.external_id == "2"]
    if removal == "ignore":
        assert settings == [{"settings": '{"news":true}'}]


def test_a_table_in_upper_case_is_no_reason_to_write_who_was_deleted(
    connection: Connection,
) -> None:
    account = connection.sandbox.account
    account.add_contact("gone@example.com", permission=4)
    data = [
        {"EMAIL": "new@example.com", "FIRST_NAME": "New", "_AB_CDC_DELETED_AT": None},
        {"EMAIL": "gone@example.com", "FIRST_NAME": "x", "_AB_CDC_DELETED_AT": "2026-01-01"},
    ]
    run = connection.sync(
        [*map(record, data), stream_state(1)],
        stream(dict.fromkeys(("EMAIL", "FIRST_NAME", "_AB_CDC_DELETED_AT"), STRING)),
        streams=mapping(("EMAIL", "email")),
        unmapped_columns="create",
        deleted_records="delete",
    )
    assert (run.exit_code, run.stats) == (0, [(2, 0)])
    (contact,) = account.contacts()
    assert (contact.email, contact.standard_fields) == ("new@example.com", {"FIRSTNAME": "New"})
    assert account.custom_fields == {}

"""What the recipes promise, with the configurations that they show."""

from __future__ import annotations

import json
import re
import sqlite3
from typing import Any

import pytest

from integration_tests.bookkeeping import Json, Run
from integration_tests.connection import Connection
from integration_tests.platform import record, stream
from scripts.documents import DOCS

LEFT = {"opted_out_at": "2024-05-01T10:30:00Z"}
TABLES = """
CREATE TABLE spring_campaign (customer_no TEXT);
CREATE TABLE customers (customer_no TEXT, email TEXT);
INSERT INTO customers VALUES ('1', 'a@example.com'), ('2', 'b@example.com');
"""
# What a test decides itself.
_OWN = ("api_key", "dry_run")


def test_the_daily_recipe_writes_updates_and_unsubscribes(connection: Connection) -> None:
    account = connection.sandbox.account
    account.add_contact("old@example.com", external_id="1", permission=4)
    account.add_contact("gone@example.com", external_id="2", permission=4)
    moved = {"mail": "new@example.com", "customer_no": "1", "city": "Bonn", "opted_out_at": None}
    gone = {"mail": "gone@example.com", "customer_no": "2", "city": "Kiel", **LEFT}

    run = _sync(connection, [moved, gone], **_recipe("A customers table, every day"))

    assert run.exit_code == 0
    first, second = account.contacts()
    assert (first.email, first.standard_fields) == ("new@example.com", {"CITY": "Bonn"})
    assert second.unsubscribed


def test_a_contact_without_its_number_is_found_once_it_has_got_it_by_its_address(
    connection: Connection,
) -> None:
    anna = connection.sandbox.account.add_contact("anna@example.com", permission=4)
    row = {"email": anna.email, "external_id": "1"}

    refused = _sync(connection, [row], identifier_mode="external_id")
    numbered = _sync(
        connection,
        [row, {"email": "new@example.com", "external_id": "2"}],
        **_recipe("Customer numbers for contacts that are there"),
    )
    moved = {**row, "email": "anna.new@example.com"}
    found = _sync(connection, [moved], identifier_mode="external_id")

    assert any("error 5, duplicate email" in line for line in refused.logs("WARN"))
    assert any("1 left out (1 not in Maileon)" in line for line in numbered.logs("INFO"))
    assert found.exit_code == 0
    (contact,) = connection.sandbox.account.contacts()
    assert (contact.email, contact.external_id, contact.permission) == (
        "anna.new@example.com",
        "1",
        4,
    )


@pytest.mark.parametrize(
    ("mode", "stays"), [("email", "ben@example.com"), ("external_id", "anna@example.com")]
)
def test_opt_outs_reach_everybody_only_if_they_are_sent_both_ways(
    connection: Connection, mode: str, stays: str
) -> None:
    account = connection.sandbox.account
    account.add_contact("anna@example.com", permission=4)
    account.add_contact("ben@example.com", external_id="2", permission=4)
    opt_outs = [
        {"email": "anna@example.com", "external_id": "1", "unsubscribe": "2024-05-01"},
        {"email": "ben.new@example.com", "external_id": "2", "unsubscribe": "2024-05-01"},
    ]
    (other,) = {"email", "external_id"} - {mode}

    _sync(connection, opt_outs, identifier_mode=mode)
    assert [one.email for one in account.contacts() if not one.unsubscribed] == [stays]

    _sync(connection, opt_outs, identifier_mode=other)
    assert all(one.unsubscribed for one in account.contacts())


def test_columns_in_upper_case_unsubscribe_as_the_recipe_maps_them(connection: Connection) -> None:
    connection.sandbox.account.add_contact("anna@example.com", permission=4)
    row = {"EMAIL": "anna@example.com", "CUSTOMER_NO": 1001.0, "UNSUBSCRIBE": 1}
    ben = {"EMAIL": "ben@example.com", "CUSTOMER_NO": 1002.0, "UNSUBSCRIBE": 0}
    recipe = _recipe("Snowflake and other upper case")

    _sync(connection, [row, ben], name="CUSTOMERS", **recipe)

    anna, other = connection.sandbox.account.contacts()
    assert anna.unsubscribed
    assert other.external_id == "1002"


def test_an_audience_without_generations_is_a_column_that_says_who_is_in(
    connection: Connection,
) -> None:
    account = connection.sandbox.account
    account.add_custom_field("IN_SPRING", "integer")
    with sqlite3.connect(":memory:") as database:
        database.row_factory = sqlite3.Row
        database.executescript(TABLES + _view("customers_with_spring"))
        for chosen in ("1", "2"):
            database.execute("DELETE FROM spring_campaign")
            database.execute("INSERT INTO spring_campaign VALUES (?)", (chosen,))
            rows = [dict(row) for row in database.execute("SELECT * FROM customers_with_spring")]
            _sync(connection, rows)
    database.close()

    told = {one.email: one.custom_fields["IN_SPRING"] for one in account.contacts()}
    assert told == {"a@example.com": "0", "b@example.com": "1"}


def _view(name: str) -> str:
    """The statement with which the page of audiences makes it."""
    text = (DOCS / "audiences.md").read_text(encoding="utf-8")
    found = re.search(rf"```sql\n(CREATE VIEW {name} .*?)```", text, re.DOTALL)
    assert found is not None
    return found.group(1)


def _recipe(heading: str) -> dict[str, Any]:
    """The configuration that stands below a heading of the recipes."""
    text = (DOCS / "recipes.md").read_text(encoding="utf-8")
    _, _, section = text.partition(f"\n## {heading}\n")
    block = re.search(r"^( *)```json\n(.*?)^\1```", section, re.MULTILINE | re.DOTALL)
    assert block is not None
    shown: dict[str, Any] = json.loads(block.group(2))
    return {key: value for key, value in shown.items() if key not in _OWN}


def _sync(
    connection: Connection, rows: list[Json], name: str = "customers", **config: object
) -> Run:
    names = {key: {"type": "string"} for row in rows for key in row}
    configured = stream(names, name=name)
    return connection.sync([record(row, name) for row in rows], configured, **config)

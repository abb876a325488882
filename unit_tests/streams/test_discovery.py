"""What the account offers to data activation: every name there leads back to its target."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from destination_maileon.config.targets import Kind, Target, parse_target
from destination_maileon.maileon.contact import STANDARD_FIELDS, FieldType
from destination_maileon.streams.discovery import destination_catalog
from unit_tests.support.builders import a_config

PREFERENCE = ("News/Letters", "Weekly")


def operations(
    custom_fields: Mapping[str, FieldType] | None = None, /, **config: object
) -> list[dict[str, Any]]:
    catalog: Any = destination_catalog(a_config(**config), custom_fields or {}, [PREFERENCE])
    found: list[dict[str, Any]] = catalog["operations"]
    return found


def properties(**custom_fields: FieldType) -> dict[str, dict[str, object]]:
    shown: dict[str, dict[str, object]] = operations(custom_fields)[0]["json_schema"]["properties"]
    return shown


def test_every_name_is_a_target() -> None:
    targets = {name: parse_target(name) for name in properties(HAT=FieldType.STRING)}
    assert None not in targets.values()
    assert targets["custom:HAT"] == Target(Kind.CUSTOM, "HAT")
    assert {name for name, found in targets.items() if found and found.kind is Kind.STANDARD} == {
        f"standard:{name}" for name in STANDARD_FIELDS
    }


@pytest.mark.parametrize("field_type", FieldType)
def test_every_type_is_one_that_the_form_knows(field_type: FieldType) -> None:
    shown = properties(HAT=field_type)["custom:HAT"]
    assert shown["type"] in {"string", "integer", "number", "boolean"}
    assert shown.get("format", "date") in {"date", "date-time"}


@pytest.mark.parametrize(
    ("config", "modes"),
    [
        ({}, {"append", "append_dedup", "update"}),
        (
            {"deleted_records": "unsubscribe"},
            {"append", "append_dedup", "update", "soft_delete"},
        ),
    ],
)
def test_who_removes_nobody_is_offered_no_removal(
    config: dict[str, object], modes: set[str]
) -> None:
    assert {operation["sync_mode"] for operation in operations(**config)} == modes


@pytest.mark.parametrize(("unmapped", "open_to_more"), [("create", True), ("ignore", False)])
def test_further_fields_are_offered_where_they_are_created(
    unmapped: str, open_to_more: bool
) -> None:
    [schema, *_] = [one["json_schema"] for one in operations(unmapped_columns=unmapped)]
    assert schema["additionalProperties"] is open_to_more

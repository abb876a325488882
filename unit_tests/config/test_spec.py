"""The spec: what Airbyte's conventions ask of it, and that it agrees with the model."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft7Validator
from pydantic import BaseModel

from destination_maileon.config.spec import (
    GROUPS,
    Config,
    connection_specification,
    specification,
)
from unit_tests.support.config_cases import ACCEPTED, BEYOND_JSON_SCHEMA, REFUSED, configs

if TYPE_CHECKING:
    from collections.abc import Iterator

SPEC = connection_specification()
TOP = SPEC["properties"]
FORM = Draft7Validator(SPEC)
SMALL_WORDS = {"a", "of", "for", "in", "and", "or"}
HIDDEN = {
    "base_url",
    "batch_size",
    "max_batch_bytes",
    "concurrent_requests",
    "flush_interval_seconds",
    "request_timeout_seconds",
    "max_retry_seconds",
}


def objects(node: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema that has properties, with its path."""
    if "properties" in node:
        yield path, node
    for at, option in enumerate(node.get("oneOf", ())):
        yield from objects(option, f"{path}<{at}>")
    if "items" in node:
        yield from objects(node["items"], f"{path}[]")
    for name, schema in node.get("properties", {}).items():
        yield from objects(schema, f"{path}.{name}")


PROPERTIES = [
    (f"{path}.{name}", schema)
    for path, node in objects(SPEC)
    for name, schema in node["properties"].items()
]


def keywords(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        for keyword, value in node.items():
            yield keyword
            yield from keywords(value)
    if isinstance(node, list):
        for item in node:
            yield from keywords(item)


def test_the_schema_is_one() -> None:
    Draft7Validator.check_schema(SPEC)


@pytest.mark.long
def test_the_cdk_finds_every_secret_marked_where_it_looks(pytestconfig: pytest.Config) -> None:
    # The CDK's package of tests uses a mark of its own when it is imported.
    pytestconfig.addinivalue_line("markers", "image_tests: the CDK's tests of images")
    from airbyte_cdk.test.standard_tests._spec_lint import (  # noqa: PLC0415
        find_secret_marking_errors,
    )

    assert find_secret_marking_errors(SPEC) == []


def test_the_three_secrets_are_marked() -> None:
    secrets = {
        name
        for _, node in objects(SPEC)
        for name, schema in node["properties"].items()
        if schema.get("airbyte_secret") is True
    }

    assert secrets == {"api_key", "access_key_id", "secret_access_key"}


@pytest.mark.parametrize("keyword", ["$ref", "$defs", "definitions", "anyOf", "allOf", "ge", "le"])
def test_no_keyword_is_left_that_the_form_does_not_know(keyword: str) -> None:
    assert keyword not in set(keywords(SPEC))


def test_every_property_is_titled_and_described() -> None:
    for path, schema in PROPERTIES:
        words = schema["title"].split()

        assert all(word[0].isupper() or word in SMALL_WORDS for word in words), path
        assert words[0][0].isupper(), path
        assert schema["description"].endswith("."), path
        assert isinstance(schema["order"], int), path


def test_every_property_has_one_type_and_at_most_null_besides() -> None:
    for path, schema in PROPERTIES:
        assert isinstance(schema["type"], str) or schema["type"] == ["string", "null"], path


def test_every_pattern_is_described_and_fits_its_examples() -> None:
    for path, schema in PROPERTIES:
        assert ("pattern" in schema) == ("pattern_descriptor" in schema), path
        for example in schema.get("examples", ()):
            assert Draft7Validator(schema).is_valid(example), (path, example)


@pytest.mark.parametrize(("path", "node"), list(objects(SPEC)))
def test_the_order_of_an_objects_properties_is_unique(path: str, node: dict[str, Any]) -> None:
    orders = [schema["order"] for schema in node["properties"].values()]

    assert orders == list(range(len(orders))), path


def test_the_form_starts_with_what_everybody_needs_and_keeps_its_groups_together() -> None:
    groups = [schema["group"] for schema in TOP.values()]

    assert list(TOP)[:2] == ["dry_run", "api_key"]
    assert list(dict.fromkeys(groups)) == [group["id"] for group in SPEC["groups"]]
    assert {key: TOP[key]["group"] for _, _, key in GROUPS} == {k: group for group, _, k in GROUPS}


def test_what_everybody_decides_is_shown_and_the_rest_folds_away() -> None:
    """Airbyte's form folds what is optional, but for `always_show` and choices of objects."""
    shown = {name for name, schema in TOP.items() if schema.get("always_show")}

    assert shown == {
        "identifier_mode",
        "sync_mode",
        "permission",
        "streams",
        "unmapped_columns",
        "dry_run",
    }


def test_every_choice_is_explained_by_its_name() -> None:
    """Airbyte's form shows the bare values."""
    for path, schema in PROPERTIES:
        # The permissions have the names by which Maileon's users know them.
        for choice in schema.get("enum", ()) if path != ".permission" else ():
            assert f"{choice}: " in schema["description"], path


def test_exactly_the_keys_for_experts_are_hidden() -> None:
    assert {name for name, schema in TOP.items() if schema.get("airbyte_hidden")} == HIDDEN


def test_the_spec_has_the_models_keys_and_requires_the_api_key_alone() -> None:
    assert TOP.keys() == Config.model_fields.keys()
    assert SPEC["required"] == ["api_key"]


@pytest.mark.parametrize("key", sorted(Config.model_fields.keys() - {"api_key"}))
def test_the_forms_default_is_the_models(key: str) -> None:
    default = Config.model_fields[key].default
    plain = default.model_dump() if isinstance(default, BaseModel) else default
    plain = getattr(plain, "value", list(plain) if isinstance(plain, tuple) else plain)

    assert TOP[key].get("default") == plain
    assert ("default" in TOP[key]) == (plain is not None)


def test_storage_options_are_objects_told_apart_by_a_required_constant() -> None:
    storage = TOP["object_storage_config"]

    assert storage["type"] == "object"
    assert [option["properties"]["storage_type"]["const"] for option in storage["oneOf"]] == [
        "None",
        "S3",
    ]
    for option in storage["oneOf"]:
        assert option["type"] == "object"
        assert option["title"]
        assert option["properties"]["storage_type"]["type"] == "string"
        assert "storage_type" in option["required"]


def test_the_form_takes_whatever_the_model_takes() -> None:
    for _, raw in [*configs(ACCEPTED), *configs(BEYOND_JSON_SCHEMA)]:
        assert FORM.is_valid(raw), raw


def test_the_form_refuses_what_the_model_refuses() -> None:
    for _, raw in configs(REFUSED):
        assert not FORM.is_valid(raw), raw


def test_unknown_keys_are_left_to_the_model_which_names_them() -> None:
    assert SPEC["additionalProperties"] is True
    assert FORM.is_valid({"api_key": "k", "unknown": 1})


def test_records_are_appended_or_keep_an_audience() -> None:
    spec = specification()

    assert spec["supportsIncremental"] is True
    assert spec["supported_destination_sync_modes"] == ["append", "append_dedup", "overwrite"]
    assert spec["documentationUrl"] == "https://support.maileon.com/support/synchronize-contacts/"


def test_the_specification_is_built_without_the_cdk() -> None:
    program = (
        "import sys; from destination_maileon.config.spec import specification; specification();"
        "sys.exit('airbyte_cdk' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0

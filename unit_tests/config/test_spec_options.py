"""The configuration: its defaults, and what each key takes and refuses."""

from __future__ import annotations

import re

import pytest

from destination_maileon.config.spec import (
    Config,
    DeletedRecords,
    IdentifiersInLogs,
    NoStorage,
    NullValues,
    S3Storage,
    UnmappedColumns,
    titled,
)
from destination_maileon.config.validation import load_config
from destination_maileon.errors import ConfigError
from destination_maileon.maileon.contact import IdentifierMode
from destination_maileon.maileon.sync_options import Permission, SynchronizationMode
from unit_tests.support.config_cases import (
    ACCEPTED,
    BEYOND_JSON_SCHEMA,
    REFUSED,
    S3,
    configs,
    mapped,
)

MARKER = "qZx7marker"


def refusal(raw: object) -> str:
    with pytest.raises(ConfigError) as refused:
        pytest.fail(f"{raw} was taken as {load_config(raw)}")
    return str(refused.value)


def test_every_key_but_the_api_key_has_its_default() -> None:
    config = load_config({"api_key": "k"})

    values = {name: getattr(config, name) for name in Config.model_fields}
    assert values.pop("api_key").get_secret_value() == "k"
    assert values == {
        "identifier_mode": IdentifierMode.EMAIL,
        "sync_mode": SynchronizationMode.UPDATE,
        "update_only": False,
        "permission": None,
        "override_permission": False,
        "reimport_unsubscribed_contacts": False,
        "ignore_invalid_contacts": True,
        "streams": (),
        "unmapped_columns": UnmappedColumns.IGNORE,
        "null_values": NullValues.KEEP,
        "truncate_long_text": False,
        "deleted_records": DeletedRecords.IGNORE,
        "max_deleted_records": None,
        "max_audience_leavers_percent": None,
        "dry_run": False,
        "max_rejected_records": None,
        "max_rejected_percent": None,
        "identifiers_in_logs": IdentifiersInLogs.MASKED,
        "object_storage_config": NoStorage(storage_type="None"),
        "base_url": "https://api.maileon.com/1.0",
        "batch_size": 1_000,
        "max_batch_bytes": 8_000_000,
        "concurrent_requests": 8,
        "flush_interval_seconds": 60,
        "request_timeout_seconds": 120,
        "max_retry_seconds": 900,
    }


def test_every_allowed_value_is_taken() -> None:
    for key, raw in configs(ACCEPTED):
        assert key in load_config(raw).model_fields_set, raw


def test_every_other_value_is_refused_by_the_name_of_its_key() -> None:
    for key, raw in [*configs(REFUSED), *configs(BEYOND_JSON_SCHEMA)]:
        assert re.match(rf'"[^"]+" \({key}', refusal(raw)), raw


def test_the_tables_walk_every_key() -> None:
    assert ACCEPTED.keys() == REFUSED.keys() == Config.model_fields.keys()


@pytest.mark.parametrize("key", sorted(Config.model_fields.keys() - {"api_key"}))
def test_null_is_the_same_as_absent(key: str) -> None:
    config = load_config({"api_key": "k", key: None})

    assert config == load_config({"api_key": "k"})


@pytest.mark.parametrize("raw", [{}, {"api_key": None}])
def test_without_an_api_key_nothing_goes(raw: object) -> None:
    assert refusal(raw) == '"API Key" (api_key) is required.'


@pytest.mark.parametrize("raw", [None, 1, "text", [], True])
def test_what_is_no_object_is_refused(raw: object) -> None:
    assert refusal(raw).startswith("The configuration must be an object with the keys dry_run,")


def test_a_whole_number_may_be_written_with_a_zero_fraction() -> None:
    batch_size = load_config({"api_key": "k", "batch_size": 5.0}).batch_size

    assert (batch_size, type(batch_size)) == (5, int)


def test_addresses_lose_space_and_closing_slashes() -> None:
    assert (
        load_config({"api_key": "k", "base_url": " https://a.b/1.0// "}).base_url
        == "https://a.b/1.0"
    )


def test_the_configuration_cannot_be_changed() -> None:
    config = load_config({"api_key": "k"})

    with pytest.raises(ValueError, match="frozen"):
        config.dry_run = True  # type: ignore[misc]


def test_the_key_is_not_in_the_representation() -> None:
    assert MARKER not in repr(load_config({"api_key": MARKER}))


@pytest.mark.parametrize("permission", [None, *Permission])
def test_every_permission_but_not_set_is_one_of_maileons(permission: Permission | None) -> None:
    name = "not_set" if permission is None else permission.name.lower()

    assert load_config({"api_key": "k", "permission": name}).permission is permission


@pytest.mark.parametrize("mode", SynchronizationMode)
def test_the_sync_mode_is_one_of_maileons(mode: SynchronizationMode) -> None:
    assert load_config({"api_key": "k", "sync_mode": mode.name.lower()}).sync_mode is mode


@pytest.mark.parametrize(
    ("keys", "source", "has_source"),
    [({}, None, False), ({"source": None}, None, True), ({"source": ""}, "", True)],
)
def test_an_empty_source_is_not_an_absent_one(
    keys: dict[str, object], source: str | None, has_source: bool
) -> None:
    entry = {"column": "news", "target": "preference:News/Weekly", **keys}
    column = load_config(mapped(entry)).streams[0].mapping[0]

    assert (column.source, column.has_source) == (source, has_source)


@pytest.mark.parametrize("blank", ["", " ", None])
def test_a_blank_namespace_is_none(blank: str | None) -> None:
    raw = {"api_key": "k", "streams": [{"name": "s", "namespace": blank, "mapping": []}]}

    assert load_config(raw).streams[0].namespace is None


def test_empty_optional_keys_of_the_bucket_are_absent_and_its_path_has_no_outer_slashes() -> None:
    empty = {"access_key_id": "", "secret_access_key": " ", "s3_endpoint": ""}
    storage = {**S3, **empty, "bucket_path": "/a/b/"}
    config = load_config({"api_key": "k", "object_storage_config": storage})

    assert isinstance(config.object_storage_config, S3Storage)
    assert config.object_storage_config.access_key_id is None
    assert config.object_storage_config.secret_access_key is None
    assert config.object_storage_config.s3_endpoint is None
    assert config.object_storage_config.bucket_path == "a/b"


def test_an_audience_field_is_a_streams_own_and_may_be_left_empty() -> None:
    fields = [" IN_SPRING", "", None]
    streams = [{"name": str(at), "audience_field": name} for at, name in enumerate(fields)]
    config = load_config({"api_key": "k", "streams": streams})

    assert [stream.audience_field for stream in config.streams] == ["IN_SPRING", None, None]
    assert config.streams[0].mapping == ()


@pytest.mark.parametrize("name", Config.model_fields)
def test_a_key_is_told_by_its_title_with_its_name_behind(name: str) -> None:
    assert titled(name) == f'"{Config.model_fields[name].title}" ({name})'

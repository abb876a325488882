"""For every key of the configuration: values that it takes, and values that it refuses.

The spec's test walks the same tables, so that the form and the connector agree.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

Values: TypeAlias = tuple[object, ...]

S3: dict[str, object] = {
    "storage_type": "S3",
    "s3_bucket_name": "bucket",
    "s3_bucket_region": "eu-central-1",
    "bucket_path": "airbyte/maileon",
}


def mapped(*entries: object) -> dict[str, Any]:
    """A configuration with one stream `s` that has these entries."""
    return {"api_key": "k", "streams": [{"name": "s", "mapping": list(entries)}]}


def _stream(*entries: object) -> object:
    return mapped(*entries)["streams"]


def _column(**keys: object) -> object:
    return _stream({"column": "c", "target": "email", **keys})


_TARGETS = (
    "email",
    "external_id",
    "maileon_id",
    "permission",
    "standard:FIRSTNAME",
    "standard:zip",
    "custom:COLOR",
    "custom:a:b c",
    "preference:News/Weekly",
    "preference:A/B/C",
    "deleted",
    "unsubscribe",
    "skip",
)
_NO_TARGETS = (
    "",
    "Email",
    "preferences",
    "standard:",
    "custom:",
    "preference:News",
    "x:y",
    1,
    None,
)
_NO_TEXTS: Values = (1, True, [], {})
_NO_FLAGS: Values = ("true", "false", 0, 1, 1.0, [], {})
_NO_NUMBERS: Values = ("1", True, False, [], {})
_NO_WHOLE_NUMBERS = (*_NO_NUMBERS, 1.5)
_ADDRESSES = (
    "https://api.maileon.com/1.0",
    "https://host:8443/",
    "https://münchen.example/api",
    "http://localhost",
    "http://localhost:8080/1.0",
    "http://127.0.0.1:1",
    "http://127.8.9.10",
    "http://[::1]:8080/1.0/",
    " https://a.b ",
)
_NO_ADDRESSES = (
    "api.maileon.com",
    "ftp://api.maileon.com",
    "file:///etc/passwd",
    "http://api.maileon.com",
    "http://127.0.0.1.example.com",
    "http://localhost.example.com",
    "http://localhost@example.com",
    "http://[::2]",
    "http://0.0.0.0",
    "https://",
    "https:///1.0",
    "https://user:word@host",
    "https://user@host",
    "https://host?x=1",
    "https://host/#x",
    "https://host/a b",
    "https://[::1",
    "https://host\\@example.com",
    "https://host:0",
    "http://127.0.0.999",
    "http://[0:1]",
    *_NO_TEXTS,
)
_NO_ADDRESSES_AT_SECOND_SIGHT: Values = (
    "https://host:70000",
    "https://[::::]",
    "https://host/\x00",
)
_UNION: Values = (
    "None",
    [],
    {},
    {"storage_type": "GCS"},
    {"storage_type": None},
    {"storage_type": ["S3"]},
)
_SECONDS = (0.001, 1, 60, 1e6)
_NO_SECONDS = (0, -1, 0.0, *_NO_NUMBERS)
_FLAGS = (True, False)
_CHOICES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "identifier_mode": ("email", "external_id", "maileon_id"),
        "sync_mode": ("update", "ignore"),
        "permission": (
            "not_set",
            "none",
            "single_opt_in",
            "confirmed_opt_in",
            "double_opt_in",
            "double_opt_in_plus",
            "other",
        ),
        "unmapped_columns": ("ignore", "create", "fail"),
        "null_values": ("keep", "clear"),
        "deleted_records": ("ignore", "unsubscribe", "delete"),
        "identifiers_in_logs": ("masked", "full"),
    }
)
_SWITCHES = (
    "update_only",
    "override_permission",
    "reimport_unsubscribed_contacts",
    "ignore_invalid_contacts",
    "truncate_long_text",
    "dry_run",
)
_TIMES = ("flush_interval_seconds", "request_timeout_seconds", "max_retry_seconds")

ACCEPTED: Mapping[str, Values] = MappingProxyType(
    {
        "api_key": ("k", " k ", "Basic a2V5", "Authorization: Basic a2V5", "basics", "ключ"),
        **_CHOICES,
        **dict.fromkeys(_SWITCHES, _FLAGS),
        "streams": (
            [],
            _stream(),
            [{"name": "s", "mapping": []}, {"name": "s", "namespace": "n", "mapping": []}],
            [{"name": "s", "namespace": "", "mapping": []}],
            *(_column(target=target) for target in _TARGETS),
            *(_column(source=source) for source in ("", "form", None)),
            _column(column=""),
            [{"name": "s"}],
            *([{"name": "s", "audience_field": field}] for field in ("IN_SPRING", "")),
            *(_column(null_values=choice) for choice in ("keep", "clear")),
        ),
        "max_deleted_records": (0, 1, 10.0, 10**12),
        "max_rejected_records": (0, 1, 10.0, 10**12),
        "max_rejected_percent": (1, 2.5, 100, 100.0),
        "max_audience_leavers_percent": (1, 2.5, 100, 100.0),
        "object_storage_config": (
            {"storage_type": "None"},
            S3,
            {**S3, "access_key_id": "i", "secret_access_key": "s"},
            {**S3, "access_key_id": "", "secret_access_key": ""},
            *({**S3, "s3_endpoint": address} for address in (*_ADDRESSES, "")),
        ),
        "base_url": _ADDRESSES,
        "batch_size": (1, 10_000, 5.0),
        "max_batch_bytes": (1_000, 9_000_000),
        "concurrent_requests": (1, 16),
        **dict.fromkeys(_TIMES, _SECONDS),
    }
)

REFUSED: Mapping[str, Values] = MappingProxyType(
    {
        "api_key": ("", *_NO_TEXTS),
        **dict.fromkeys(_CHOICES, ("", "other_value", "EMAIL", 1, True, [], {})),
        **dict.fromkeys(_SWITCHES, _NO_FLAGS),
        "streams": (
            "s",
            {},
            1,
            ["s"],
            [None],
            [{}],
            [{"name": "", "mapping": []}],
            *([{"name": "s", "audience_field": field}] for field in _NO_TEXTS),
            [{"name": 1, "mapping": []}],
            [{"name": "s", "namespace": 1, "mapping": []}],
            _stream("c"),
            _stream({"target": "email"}),
            _stream({"column": "c"}),
            *(_column(target=target) for target in _NO_TARGETS),
            *(_column(source=source) for source in _NO_TEXTS),
            *(_column(null_values=choice) for choice in ("", "drop", 1)),
        ),
        "max_deleted_records": (-1, *_NO_WHOLE_NUMBERS),
        "max_rejected_records": (-1, *_NO_WHOLE_NUMBERS),
        "max_rejected_percent": (0, 0.99, 100.1, -1, *_NO_NUMBERS),
        "max_audience_leavers_percent": (0, 0.99, 100.1, -1, *_NO_NUMBERS),
        "object_storage_config": (
            *_UNION,
            {"storage_type": "S3"},
            *({key: value for key, value in S3.items() if key != absent} for absent in S3),
            *({**S3, key: wrong} for key in S3 for wrong in ("", 1)),
            {**S3, "access_key_id": 1, "secret_access_key": "s"},
            *({**S3, "s3_endpoint": address} for address in _NO_ADDRESSES),
        ),
        "base_url": ("", *_NO_ADDRESSES),
        "batch_size": (0, 10_001, *_NO_WHOLE_NUMBERS),
        "max_batch_bytes": (999, 9_000_001, *_NO_WHOLE_NUMBERS),
        "concurrent_requests": (0, 17, *_NO_WHOLE_NUMBERS),
        **dict.fromkeys(_TIMES, _NO_SECONDS),
    }
)

_TO_A = {"column": "c", "target": "custom:A"}
BEYOND_JSON_SCHEMA: Mapping[str, Values] = MappingProxyType(
    {
        "api_key": (" ", "Basic ", "basic", "Authorization:", " authorization: Basic "),
        "streams": (
            *(_column(target=target) for target in ("standard:NAME", "email\n")),
            _stream({"column": "a", "target": "email"}, {"column": "a", "target": "skip"}),
        ),
        "object_storage_config": (
            {"storage_type": "None", "s3_bucket_name": "b"},
            {**S3, "access_key_id": "i"},
            {**S3, "secret_access_key": "s"},
            *({**S3, key: " "} for key in S3 if key != "storage_type"),
            {**S3, "bucket_path": "/ /"},
            *({**S3, "s3_endpoint": address} for address in _NO_ADDRESSES_AT_SECOND_SIGHT),
        ),
        "base_url": _NO_ADDRESSES_AT_SECOND_SIGHT,
        "max_rejected_percent": (float("nan"),),
        "max_audience_leavers_percent": (float("nan"),),
        **dict.fromkeys(_TIMES, (float("nan"), float("inf"))),
    }
)
"""Refused by the model alone: what a schema cannot say, or says too late for a person."""


def configs(table: Mapping[str, Values]) -> list[tuple[str, dict[str, Any]]]:
    """Each value of the table in a configuration that is otherwise complete."""
    return [
        (key, {"api_key": "k", key: value}) for key, values in table.items() for value in values
    ]

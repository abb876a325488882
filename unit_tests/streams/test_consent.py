"""Which options deserve a warning before the first record."""

from __future__ import annotations

from typing import Any

import pytest

from destination_maileon.config.spec import titled
from destination_maileon.streams import consent
from destination_maileon.streams.catalog import stream_plans
from unit_tests.support.builders import a_catalog, a_config, a_stream

UPDATE_ONLY = titled("update_only")
OVERRIDES = {"override_permission": True}
COLUMN = {
    "streams": [{"name": "contacts", "mapping": [{"column": "opt_in", "target": "permission"}]}]
}
ACTIVATED = {"destination_object_name": "contact", "primary_key": [["email"]]}


def _warnings(config: dict[str, object], **configured: Any) -> list[str]:
    read = a_config(**config)
    plans = stream_plans(a_catalog(a_stream(**configured)), read).values()
    return list(consent.warnings(plans, read))


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"permission": "double_opt_in"},
        {"update_only": True},
        {"sync_mode": "ignore"},
        COLUMN,
        {"override_permission": True, "permission": "none", "sync_mode": "ignore"},
        {"override_permission": True, **COLUMN, "sync_mode": "ignore"},
        {"deleted_records": "delete"},
    ],
)
def test_what_leaves_consent_alone_is_not_warned_of(config: dict[str, object]) -> None:
    assert _warnings(config) == []


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (
            OVERRIDES,
            f"{titled('override_permission')} is set without a permission, so",
        ),
        (
            {**OVERRIDES, "permission": "none"},
            "the permission of existing contacts is replaced by none, even a higher one.",
        ),
        (
            {**OVERRIDES, **COLUMN},
            'the permission of existing contacts is replaced by the one in column "opt_in"',
        ),
        (
            {"reimport_unsubscribed_contacts": True},
            "people who unsubscribed are added again and may be written to.",
        ),
        (
            {"sync_mode": "ignore", "update_only": True},
            f"{UPDATE_ONLY} leaves out who is new",
        ),
    ],
)
def test_what_touches_consent_or_does_nothing_is_warned_of(
    config: dict[str, object], words: str
) -> None:
    (warning,) = _warnings(config)
    assert warning.startswith(f"Stream contacts: {words}")


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        (
            "append_dedup",
            [f"new contacts are created although {UPDATE_ONLY}", "existing contacts"],
        ),
        ("update", [f"existing contacts are updated although {titled('sync_mode')} is ignore"]),
        ("append", [f"new contacts are created although {UPDATE_ONLY} is set"]),
    ],
)
def test_a_sync_mode_that_is_less_careful_than_the_configuration_is_warned_of(
    mode: str, words: list[str]
) -> None:
    careful: dict[str, object] = {"update_only": True, "sync_mode": "ignore"}
    told = _warnings(careful, **ACTIVATED, destination_sync_mode=mode)
    assert len(told) == len(words)
    for warning, beginning in zip(told, words, strict=True):
        assert warning.startswith(f"Stream contacts: {beginning}")
    assert _warnings({}, **ACTIVATED, destination_sync_mode=mode) == []


def test_whom_a_soft_delete_removes_no_option_contacts() -> None:
    config = {**OVERRIDES, "reimport_unsubscribed_contacts": True, "deleted_records": "delete"}
    assert _warnings(config, **ACTIVATED, destination_sync_mode="soft_delete") == []


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({}, "(who has none there keeps theirs)"),
        ({"permission": "single_opt_in"}, "(who has none there gets single_opt_in)"),
    ],
)
def test_an_override_by_a_column_says_what_an_empty_one_means(
    config: dict[str, object], words: str
) -> None:
    (warning,) = _warnings({**OVERRIDES, **COLUMN, **config})
    assert words in warning


def test_whom_an_activation_leaves_as_they_are_keeps_the_permission() -> None:
    config: dict[str, object] = {**OVERRIDES, "permission": "none"}
    assert _warnings(config, **ACTIVATED, destination_sync_mode="append") == []
    assert len(_warnings(config, **ACTIVATED, destination_sync_mode="append_dedup")) == 1

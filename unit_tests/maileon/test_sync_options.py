from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from destination_maileon.maileon.contact import IdentifierMode
from destination_maileon.maileon.sync_options import Permission, SynchronizationMode, SyncOptions

# Maileon docs, Synchronize Contacts, "Attributes".
_DOCUMENTED = {
    "permission",
    "sync_mode",
    "use_external_id",
    "prefer_maileon_id",
    "ignore_invalid_contacts",
    "override_permission",
    "reimport_unsubscribed_contacts",
    "update_only",
}
_FLAGS = (
    "update_only",
    "override_permission",
    "reimport_unsubscribed_contacts",
    "ignore_invalid_contacts",
)
_MODES = {
    IdentifierMode.EMAIL: ("false", "false"),
    IdentifierMode.EXTERNAL_ID: ("true", "false"),
    IdentifierMode.MAILEON_ID: ("false", "true"),
}


def test_every_combination_says_every_documented_parameter() -> None:
    modes = product(IdentifierMode, SynchronizationMode, (None, *Permission))
    for mode, sync_mode, permission in modes:
        for values in product((False, True), repeat=len(_FLAGS)):
            flags = dict(zip(_FLAGS, values, strict=True))
            query = SyncOptions(mode, sync_mode, **flags).parameters(permission)
            told = {name: {True: "true", False: "false"}[value] for name, value in flags.items()}
            if permission is None:
                told["override_permission"] = "false"
            else:
                told["permission"] = str(int(permission))
            told["sync_mode"] = {"UPDATE": "1", "IGNORE": "2"}[sync_mode.name]
            told["use_external_id"], told["prefer_maileon_id"] = _MODES[mode]
            assert query == told
            assert set(query) == _DOCUMENTED - ({"permission"} if permission is None else set())


def test_by_default_consent_is_not_touched_and_one_bad_contact_stops_no_other() -> None:
    assert SyncOptions(IdentifierMode.EMAIL).parameters(Permission.NONE) == {
        "permission": "1",
        "sync_mode": "1",
        "use_external_id": "false",
        "prefer_maileon_id": "false",
        "ignore_invalid_contacts": "true",
        "override_permission": "false",
        "reimport_unsubscribed_contacts": "false",
        "update_only": "false",
    }


@pytest.mark.parametrize("member", Permission)
def test_a_permission_is_known_by_name_and_by_number(member: Permission) -> None:
    name = member.name
    spellings = (name, name.lower(), name.replace("_", "-"), name.title().replace("_", " "))
    for text in (*spellings, str(member.value), f" {name}\n", f" {member.value} "):
        assert Permission.parse(text) is member


@pytest.mark.parametrize("text", ["", "0", "7", "1.0", "01", "-1", "\u0663", "doi", "NONE_", "²"])
def test_anything_else_is_no_permission(text: str) -> None:
    assert Permission.parse(text) is None


@given(st.text())
def test_whatever_the_text_a_permission_or_none_comes_back(text: str) -> None:
    assert Permission.parse(text) in {None, *Permission}

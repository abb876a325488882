from __future__ import annotations

import dataclasses

import pytest

from destination_maileon.maileon.contact import STANDARD_FIELDS, Contact, FieldType, Preference


def test_the_17_writable_standard_fields_have_the_documented_types() -> None:
    by_type = {FieldType.DATE: {"BIRTHDAY", "NAMEDAY"}, FieldType.GENDER: {"GENDER"}}
    by_type[FieldType.LOCALE] = {"LOCALE"}
    text = set(STANDARD_FIELDS) - set().union(*by_type.values())
    assert len(STANDARD_FIELDS) == 17
    for kind, fields in (by_type | {FieldType.STRING: text}).items():
        assert {name for name, type_ in STANDARD_FIELDS.items() if type_ is kind} == fields


@pytest.mark.parametrize("name", ["PERMISSION_STATUS", "SENDOUT_STATUS"])
def test_a_read_only_field_is_not_among_them(name: str) -> None:
    assert name not in STANDARD_FIELDS


def test_a_new_contact_says_nothing_and_shares_nothing() -> None:
    first, second = Contact(), Contact()
    first.standard_fields["CITY"] = None
    first.preferences["a", "b"] = Preference("true")
    assert second == Contact()


def test_a_preference_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Preference("true").value = "false"  # type: ignore[misc]

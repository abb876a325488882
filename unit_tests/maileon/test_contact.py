from __future__ import annotations

import dataclasses

import pytest

from destination_maileon.maileon.contact import (
    STANDARD_FIELDS,
    Contact,
    FieldType,
    IdentifierMode,
    Preference,
    is_maileon_id,
)

EMAIL, EXTERNAL_ID, MAILEON_ID = IdentifierMode


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


def test_the_value_of_a_mode_is_its_name_in_configurations() -> None:
    assert [mode.value for mode in IdentifierMode] == ["email", "external_id", "maileon_id"]


def test_each_mode_names_the_columns_of_which_it_needs_one() -> None:
    assert EMAIL.columns == {"email"}
    assert EXTERNAL_ID.columns == {"external_id"}
    assert MAILEON_ID.columns == {"maileon_id", "email"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1", True),
        (str(2**63 - 1), True),
        ("0001", True),
        ("0", False),
        (str(2**63), False),
        ("9" * 5_000, False),
        ("-1", False),
        ("1.0", False),
        ("", False),
        ("\u0663", False),
        ("²", False),
        (" 1", False),
    ],
)
def test_a_maileon_id_is_a_positive_java_long(text: str, expected: bool) -> None:
    assert is_maileon_id(text) is expected


def test_only_by_maileon_id_is_the_id_sent() -> None:
    assert [mode.sends_id for mode in IdentifierMode] == [False, False, True]


_ALL = Contact(email="a@b.c", external_id="x", id="1")


@pytest.mark.parametrize(
    ("mode", "contact", "name"),
    [
        (EMAIL, _ALL, ("email", "a@b.c")),
        (EXTERNAL_ID, _ALL, ("external id", "x")),
        (MAILEON_ID, _ALL, ("Maileon id", "1")),
        (EMAIL, Contact(external_id="x", id="1"), ("external id", "x")),
        (EXTERNAL_ID, Contact(email="a@b.c", id="1"), ("email", "a@b.c")),
        (MAILEON_ID, Contact(email="a@b.c", external_id="x"), ("email", "a@b.c")),
        (MAILEON_ID, Contact(external_id="x"), ("external id", "x")),
        (EMAIL, Contact(id="1"), ("", "")),
    ],
)
def test_a_contact_is_called_by_what_its_mode_recognises_or_by_what_it_has(
    mode: IdentifierMode, contact: Contact, name: tuple[str, str]
) -> None:
    assert mode.identify(contact) == name

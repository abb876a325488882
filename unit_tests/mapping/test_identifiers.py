"""A record's identifiers, and whether Maileon can recognise a contact by them."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import pytest

from destination_maileon.config.targets import IDENTIFIERS, Kind
from destination_maileon.maileon.contact import IdentifierMode
from destination_maileon.mapping.identifiers import (
    INVISIBLE,
    MANY_ADDRESSES,
    MAX_TRACKED_IDS,
    Identifiers,
    SharedIds,
)
from destination_maileon.mapping.rows import Rows

EMAIL, EXTERNAL_ID, MAILEON_ID = IdentifierMode


def keys_of(mode: IdentifierMode, identity: Mapping[str, object]) -> tuple[str, ...]:
    """The keys of a record with these identifiers, by their columns."""
    rows = Rows(map(str, IDENTIFIERS))
    kinds = IDENTIFIERS if mode.sends_id else (Kind.EMAIL, Kind.EXTERNAL_ID)
    places = {kind: rows.columns[kind] for kind in kinds}
    return Identifiers(mode, places, set()).of(rows.of(identity))[1]


@pytest.mark.parametrize(
    ("mode", "identity", "are_usable"),
    [
        (EMAIL, {"email": "a@b.c"}, True),
        (EMAIL, {"email": ""}, False),
        (EMAIL, {"external_id": "x", "maileon_id": "1"}, False),
        (EXTERNAL_ID, {"external_id": "x"}, True),
        (EXTERNAL_ID, {"external_id": "", "email": "a@b.c"}, False),
        (MAILEON_ID, {"maileon_id": "1"}, True),
        (MAILEON_ID, {"maileon_id": "x", "email": "a@b.c"}, False),
        (MAILEON_ID, {"email": "a@b.c"}, True),
        (MAILEON_ID, {"external_id": "x"}, False),
    ],
)
def test_a_contact_is_usable_with_what_its_mode_recognises(
    mode: IdentifierMode, identity: dict[str, str], are_usable: bool
) -> None:
    assert bool(keys_of(mode, identity)) is are_usable


@pytest.mark.parametrize(
    ("value", "identifiers"),
    [
        ("ada@example.com", ["ada@example.com"]),
        (" ada@example.com", [" ada@example.com"]),
        (17, ["17"]),
        (17.0, ["17"]),
        (2**200 + 1, [str(2**200 + 1)]),
        (Decimal("17.0"), ["17"]),
        ("Zoë\u00a0", ["Zoë\u00a0"]),
        ("", []),
        (" \t", []),
        ("\u00a0", []),
        (True, []),
        (False, []),
        ([], []),
        (["ada@example.com"], []),
        ({}, []),
        ({"id": 7}, []),
    ],
)
def test_an_identifier_is_plain_text_or_a_number_and_absent_when_blank(
    value: object, identifiers: list[str]
) -> None:
    keys = keys_of(EXTERNAL_ID, {"external_id": value})
    assert [key.removeprefix("x") for key in keys[-1:]] == identifiers


@pytest.mark.parametrize("character", ["\u200b", "\ufeff", "\u00ad", "\u2060", "\u202e"])
def test_characters_that_nobody_sees_are_found(character: str) -> None:
    assert INVISIBLE.search(f"a{character}b")


@pytest.mark.parametrize("text", ["änne@example.com", "日本", "a b", "é", "\u00a0"])
def test_characters_that_somebody_sees_are_not(text: str) -> None:
    assert INVISIBLE.search(text) is None


def test_an_id_of_many_people_is_found_among_thousands_of_others() -> None:
    shared, found = SharedIds(), 0
    for number in range(20 * MAX_TRACKED_IDS):
        found += shared.look((f"e{number}@b.de", f"x{number}"))
        found += shared.look((f"e{number}@c.de", "x0"))
        assert len(shared._addresses) <= MAX_TRACKED_IDS
    assert found == 1


def test_ids_of_few_people_are_none() -> None:
    shared = SharedIds()
    for number in range(1_000):
        assert not shared.look((f"e{number % (MANY_ADDRESSES - 1)}@b.de", "x1"))
        assert not shared.look((f"e{number}@b.de",))
        assert not shared.look((f"e{number}@b.de", "i7"))


def test_where_contacts_are_recognised_by_maileons_ids_these_are_looked_at() -> None:
    shared, found = SharedIds(IdentifierMode.MAILEON_ID), 0
    for number in range(MANY_ADDRESSES):
        found += shared.look((f"e{number}@b.de", "x1", f"i{number}"))
    assert (found, shared.title) == (0, "Maileon id")
    for number in range(MANY_ADDRESSES):
        found += shared.look((f"e{number}@b.de", f"x{number}", "i7"))
    assert found == 1

"""A record's identifiers, and whether Maileon can recognise a contact by them."""

from __future__ import annotations

import pytest

from destination_maileon.config.targets import IDENTIFIERS
from destination_maileon.maileon.identifier import IdentifierMode
from destination_maileon.mapping.identifiers import Identifiers
from destination_maileon.mapping.rows import Rows

EMAIL, EXTERNAL_ID, MAILEON_ID = IdentifierMode


@pytest.mark.parametrize(
    ("mode", "identity", "are_usable"),
    [
        (EMAIL, {"email": "a@b.c"}, True),
        (EMAIL, {"email": ""}, False),
        (EMAIL, {"external_id": "x", "id": "1"}, False),
        (EXTERNAL_ID, {"external_id": "x"}, True),
        (EXTERNAL_ID, {"external_id": "", "email": "a@b.c"}, False),
        (MAILEON_ID, {"id": "1"}, True),
        (MAILEON_ID, {"id": "x", "email": "a@b.c"}, False),
        (MAILEON_ID, {"email": "a@b.c"}, True),
        (MAILEON_ID, {"external_id": "x"}, False),
    ],
)
def test_a_contact_is_usable_with_what_its_mode_recognises(
    mode: IdentifierMode, identity: dict[str, str], are_usable: bool
) -> None:
    kinds = IDENTIFIERS
    rows = Rows(map(str, kinds), clearing=[])
    places = {kind: rows.place(kind) for kind in kinds}
    identifiers = Identifiers(mode, places, clean=lambda value: value, seen=set())
    row = rows.of({kind: identity.get(kind.replace("maileon_", "")) for kind in kinds})
    _, keys = identifiers.of(row, is_clean=True)
    assert bool(keys) is are_usable

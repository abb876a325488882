"""How a person is named in a log line."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from destination_maileon.config.model import IdentifiersInLogs
from destination_maileon.maileon.contact import Contact
from destination_maileon.maileon.identifier import IdentifierMode
from destination_maileon.rejections.naming import (
    contact_name,
    masked,
)

EMAIL, EXTERNAL_ID, MAILEON_ID = IdentifierMode
MASKED, FULL = IdentifiersInLogs


@pytest.mark.parametrize(
    ("identifier", "shown"),
    [
        ("max@example.com", "m***@***.com"),
        ("max@mail.example.co.uk", "m***@***.uk"),
        ("m@e.de", "m***@***.de"),
        ("max@localhost", "m***@***"),
        ("max@example.c", "m***@***"),
        ("max@1.2.3.4", "m***@***"),
        ("max@example.com ", "m***@***"),
        ("max@", "m***@***"),
        ("@example.com", "***@***.com"),
        ("@", "***@***"),
        ("a@b@example.com", "a***@***.com"),
        ("12345", "1***"),
        ("x", "***"),
        ("Zoë Müller", "Z***"),
        ("", "***"),
    ],
)
def test_an_identifier_shows_its_first_letter_and_its_domains_ending(
    identifier: str, shown: str
) -> None:
    assert masked(identifier) == shown


@given(st.text() | st.emails())
def test_nothing_else_of_an_identifier_is_shown(identifier: str) -> None:
    form = re.fullmatch(r"(.?)\*\*\*(?:@\*\*\*(\.[A-Za-z]{2,12})?)?", masked(identifier), re.DOTALL)
    assert form is not None
    assert identifier.startswith(form[1])
    assert identifier.endswith(form[2] or "")


@pytest.mark.parametrize(
    ("mode", "contact", "name", "full"),
    [
        (EMAIL, Contact("max@b.com", "x12"), "email m***@***.com", "email max@b.com"),
        (EXTERNAL_ID, Contact("max@b.com", "x12"), "external id x***", "external id x12"),
        (EXTERNAL_ID, Contact("max@b.com"), "email m***@***.com", "email max@b.com"),
        (MAILEON_ID, Contact("max@b.com", id="77"), "Maileon id 7***", "Maileon id 77"),
        (MAILEON_ID, Contact("max@b.com"), "email m***@***.com", "email max@b.com"),
        (EMAIL, Contact(external_id="x12"), "external id x***", "external id x12"),
        (EMAIL, Contact(), "without an identifier", "without an identifier"),
    ],
)
def test_a_contact_is_named_by_what_its_mode_recognises(
    mode: IdentifierMode, contact: Contact, name: str, full: str
) -> None:
    assert contact_name(contact, mode, MASKED) == name
    assert contact_name(contact, mode, FULL) == full

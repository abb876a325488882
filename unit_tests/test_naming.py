"""How a person is named in a log line, and that no text shows what a record holds."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from destination_maileon.maileon.contact import Contact, Preference
from destination_maileon.maileon.identifier import IdentifierMode
from destination_maileon.naming import (
    HIDDEN,
    IdentifiersInLogs,
    contact_name,
    masked,
    without_values,
)
from unit_tests.builders import a_contact

EMAIL, EXTERNAL_ID, MAILEON_ID = IdentifierMode
MASKED, FULL = IdentifiersInLogs
WORDS = ["illegal", "value", ":", "in", "contact"]
# Nothing of the words around it, nor of the mask.
secrets = st.text(st.characters(exclude_characters="*ilegavuncot:", codec="utf-8"), min_size=1)


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
        ("x", "x***"),
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


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Lovelace is not allowed", "*** is not allowed"),
        ("LOVELACE, lovelace", "***, ***"),
        ('illegal value "Lovelaces"', 'illegal value "***s"'),
        ("in Old  London\nTown.", "in ***."),
        ("in old londontown", "in ***"),
        ("ada@example.com and eva@example.org", "*** and ***"),
        ("<eva@example.org>; x", "<***>; x"),
        ("7 of 17 contacts", "*** of 17 contacts"),
        ("sent by shop-7", "sent by ***"),
        ("the value true", "the value ***"),
        ("too long: Old London To", "too long: ***"),
        ("too long: Lo", "too long: Lo"),
        ("no value here", "no value here"),
        ("", ""),
    ],
)
def test_what_the_service_says_is_shown_less_the_values_of_the_contact(
    text: str, expected: str
) -> None:
    contact = a_contact(
        LASTNAME="Lovelace",
        CITY="Old London Town",
        custom={"N": "7", "EMPTY": "", "NULL": None},
        preferences={("News", "Weekly"): Preference("true", "shop-7", has_source=True)},
    )
    assert without_values(text, contact) == expected


@pytest.mark.parametrize("letter", ["\u200b", "\x07", "\u2028", "\u00ad", "\ue000"])
def test_a_value_is_found_with_and_without_what_cannot_be_printed(letter: str) -> None:
    contact = a_contact(LASTNAME=f"Love{letter}lace")
    for shown in (f"Love{letter}lace", "Love lace", "Lovelace"):
        assert without_values(f"not {shown}!", contact) == f"not {HIDDEN}!"


@pytest.mark.parametrize(
    ("value", "text"), [("ΟΔΟΣ", "ΟΔΟΣΑ"), ("STRASSE", "strasse"), ("Éva", "éva")]
)
def test_a_value_is_found_in_every_script(value: str, text: str) -> None:
    assert without_values(text, a_contact(LASTNAME=value)).startswith(HIDDEN)


@pytest.mark.parametrize("word", ["-", "*", "(", "a-"])
def test_a_value_of_many_words_that_are_none_takes_no_exponential_time(word: str) -> None:
    # The service quotes all but the last of them. There would be 2 to their number ways to match.
    contact = a_contact(LASTNAME=f"{word} " * 200)
    text = "not allowed: " + f"{word} " * 199 + "!"
    assert without_values(text, contact) == text


@pytest.mark.parametrize("value", ["- - x", "a - - b", "(a) (b)", "-- --", "! a !"])
def test_a_value_of_words_that_are_none_is_found(value: str) -> None:
    contact = a_contact(LASTNAME=value)
    for shown in (value, value.replace(" ", ""), value.replace(" ", "\u2028")):
        assert without_values(f"not {shown}.", contact) == f"not {HIDDEN}."


def test_a_value_longer_than_the_text_costs_no_expression() -> None:
    contact = a_contact(LASTNAME="not " * 1_000_000)
    assert without_values("this is not allowed", contact) == "this is not allowed"


@given(st.lists(secrets, min_size=1, max_size=5), st.data())
def test_no_value_of_the_contact_is_left(values: list[str], data: st.DataObject) -> None:
    contact = Contact(
        email=values[0],
        external_id=values[-1],
        standard_fields={f"S{number}": value for number, value in enumerate(values[:2])},
        custom_fields={f"C{number}": value for number, value in enumerate(values)},
        preferences={("a", "b"): Preference(values[0], values[-1], has_source=True)},
    )
    said = data.draw(st.lists(st.sampled_from([*WORDS, *values])))
    shown = without_values(" ".join(said), contact).casefold()
    for value in values:
        words = [word.casefold() for word in value.split()]
        if sum(map(len, words)) >= 3:
            assert " ".join(words) not in " ".join(shown.split())
        elif words and value.isprintable():
            alone = rf"(?<!\w){re.escape(' '.join(words))}(?!\w)"
            assert re.search(alone, shown) is None

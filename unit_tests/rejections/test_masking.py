"""No text shows what a record holds, whoever wrote it."""

from __future__ import annotations

import json
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from destination_maileon.config.spec import IdentifiersInLogs
from destination_maileon.maileon.contact import Contact, IdentifierMode, Preference
from destination_maileon.rejections.masking import HIDDEN, contact_name, masked, without_values
from unit_tests.support.builders import a_contact

WORDS = ["illegal", "value", ":", "in", "contact"]
# Nothing of the words around it, nor of the mask; and something to be seen.
secrets = st.text(
    st.characters(exclude_characters="*ilegavuncot:", codec="utf-8"), min_size=1
).filter(lambda text: any(c.isprintable() and not unicodedata.combining(c) for c in text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Lovelace is not allowed", "*** is not allowed"),
        ("LOVELACE, lovelace", "***, ***"),
        ('illegal value "Lovelaces"', 'illegal value "***"'),
        ("in Old  London\nTown.", "in ***."),
        ("ada@example.com and eva@example.org", "*** and ***"),
        ("<eva@example.org>; x", "<***>; x"),
        ("7 of 17 contacts", "*** of 17 contacts"),
        ("sent by shop-7", "sent by ***"),
        ("the value true", "the value ***"),
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
        preferences={("News", "Weekly"): Preference("true", "shop-7")},
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
        preferences={("a", "b"): Preference(values[0], values[-1])},
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


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("max.secret%40x.com is taken", "*** is taken"),
        ("max.secret&#64;x.com is taken", "*** is taken"),
        ("is taken by contact 4711", "is taken by contact ***"),
        ("call +49 30 1234567 first", "call +*** first"),
        ("like 'Erika' and \u201eErika\u201c", "like '***' and \u201e***\u201c"),
        ('field "CITY" or "Hat" of "Weekly"', 'field "CITY" or "Hat" of "Weekly"'),
        ("isn't and can't", "isn't and can't"),
        ("permission must be between 1 and 6, 255 at most", None),
    ],
)
def test_what_looks_like_the_value_of_anybody_is_hidden_and_names_of_fields_are_not(
    text: str, expected: str | None
) -> None:
    weekly = {("News", "Weekly"): Preference("true")}
    someone = a_contact(CITY=None, custom={"HAT": None}, preferences=weekly)
    shown = without_values(text, a_contact(), someone, known_names={"News", "Weekly"})
    assert shown == (text if expected is None else expected)


@pytest.mark.parametrize("quote", ["", "'", '"'])
def test_the_name_of_a_preference_that_only_a_record_knows_is_hidden(quote: str) -> None:
    listed = {("News", "Anna Secret"): Preference("true"), ("Topsecret", "Weekly"): Preference("x")}
    text = f"no {quote}Anna Secret{quote} in News, no Weekly in {quote}Topsecret{quote}"
    shown = without_values(text, a_contact(preferences=listed), known_names={"News", "Weekly"})
    assert shown == f"no {quote}***{quote} in News, no Weekly in {quote}***{quote}"


@pytest.mark.parametrize(
    "value", ["Foo/Bar", 'say "hello" Bob', r"Back\slash", "one\ntwo", "a\tb c"]
)
@pytest.mark.parametrize("slash", ["/", r"\/"])
def test_a_value_is_found_as_json_quotes_it(value: str, slash: str) -> None:
    quoted = json.dumps(value)[1:-1].replace("/", slash)
    said = without_values(f"the value {quoted} is illegal", a_contact(LASTNAME=value))
    assert said == f"the value {HIDDEN} is illegal"


@pytest.mark.parametrize(
    ("value", "said"),
    [("Stra\u00dfe", "not STRASSE!"), ("STRASSE", "not stra\u00dfe!"), ("Gro\u1e9e", "not gross!")],
)
def test_where_a_value_cannot_be_cut_out_nothing_is_shown(value: str, said: str) -> None:
    assert without_values(said, a_contact(LASTNAME=value)) == HIDDEN


def test_a_long_value_of_many_words_takes_no_exponential_time() -> None:
    contact = a_contact(LASTNAME="- " * 200)
    text = "not allowed: " + "- " * 199 + "!"
    assert without_values(text, contact) == text


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

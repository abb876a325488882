"""No text shows what a record holds, whoever wrote it."""

from __future__ import annotations

import json
import re
import tracemalloc
import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from destination_maileon.maileon.contact import Contact, Preference
from destination_maileon.rejections.folding import Folded
from destination_maileon.rejections.masking import without_values
from destination_maileon.rejections.naming import HIDDEN
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


def _in_pieces(text: str) -> str:
    return unicodedata.normalize("NFKD", text)


def _whole(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


SPELLINGS: list[Callable[[str], str]] = [
    str.upper, str.lower, str.casefold, str.swapcase, str.title, _in_pieces, _whole,
]  # fmt: skip
letters = st.characters(categories=["L", "M"], exclude_characters="notNOT")


@given(
    value=st.from_regex(r"[a-zA-Z]", fullmatch=True).flatmap(
        lambda first: st.text(letters, min_size=3, max_size=12).map(lambda rest: first + rest)
    ),
    spellings=st.lists(st.sampled_from(SPELLINGS), max_size=3),
)
def test_a_value_is_found_however_its_letters_are_written(
    value: str, spellings: list[Callable[[str], str]]
) -> None:
    shown = value
    for spelling in spellings:
        shown = spelling(shown)
    contact = a_contact(LASTNAME=value)
    assert without_values(f"+ {shown} +", contact) == f"+ {HIDDEN} +"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("Stra\u00dfe", "STRASSE"),
        ("STRASSE", "stra\u00dfe"),
        ("Gro\u1e9e", "gross"),
        ("Andr\u00e9", "Andre\u0301"),
        ("Andre\u0301", "ANDR\u00c9"),
        ("Andr\u00e9", "Andre"),
        ("Muller", "M\u00fcller"),
        ("I\u015f\u0131k", "ISIK"),
        ("\uff21\uff44\uff41 L", "ada l"),
        ("\ufb01sch", "FISCH"),
    ],
)
def test_an_accent_a_case_or_a_joined_letter_hides_no_value(value: str, shown: str) -> None:
    contact = a_contact(LASTNAME=value)
    assert without_values(f"not {shown}!", contact) == f"not {HIDDEN}!"
    beginning = a_contact(LASTNAME=f"{value} of somewhere else")
    assert shown[:-1] not in without_values(f"not {shown} of so... at all", beginning)


@pytest.mark.parametrize("text", ["a\u0301\u0301b", "\u0301", "\u00df", "x\u00dfy", "\u0130\u0307"])
def test_what_is_hidden_is_hidden_with_all_its_accents(text: str) -> None:
    folded = Folded(text)
    assert folded.without([]) == text
    if folded.folded:
        assert folded.without([(0, len(folded.folded))]) == HIDDEN
    assert Folded("x\u00dfy").without([(1, 2)]) == f"x{HIDDEN}y"


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


def test_a_value_longer_than_the_text_is_found_by_its_beginning_alone() -> None:
    contact = a_contact(LASTNAME="\u00c4rger " * 1_000_000)
    tracemalloc.start()
    shown = without_values("too long: A\u0308rger a\u0308rg", contact)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert shown == f"too long: {HIDDEN}"
    # The value has some ten megabytes, and what it is folded into would have a multiple.
    assert most < 1_000_000


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
    ("text", "expected"),
    [
        ("Topsec is bad", "*** is bad"),
        ("Topsecret Str... is bad", "***... is bad"),
        ("topsecret, Topsecr", "***, ***"),
        ("unTopsec is a word", "unTopsec is a word"),
        ("unTopsec is no Topsecr", "unTopsec is no ***"),
        ("Tops is short", "Tops is short"),
    ],
)
def test_a_value_that_was_cut_off_is_hidden_within_a_text_too(text: str, expected: str) -> None:
    assert without_values(text, a_contact(ADDRESS="Topsecret Street")) == expected


@pytest.mark.parametrize(
    "value", ["Foo/Bar", 'say "hello" Bob', r"Back\slash", "one\ntwo", "a\tb c"]
)
@pytest.mark.parametrize("slash", ["/", r"\/"])
def test_a_value_is_found_as_json_quotes_it(value: str, slash: str) -> None:
    quoted = json.dumps(value)[1:-1].replace("/", slash)
    said = without_values(f"the value {quoted} is illegal", a_contact(LASTNAME=value))
    assert said == f"the value {HIDDEN} is illegal"

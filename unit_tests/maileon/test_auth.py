from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from destination_maileon.maileon.auth import SecretRedactor, authorization, secret_forms

_KEY = "12345678-abcd-ef01-2345-6789abcdef01"
_HEADER = "Basic MTIzNDU2NzgtYWJjZC1lZjAxLTIzNDUtNjc4OWFiY2RlZjAx"


@pytest.mark.parametrize(
    "pasted",
    [
        _KEY,
        f"  {_KEY}\n",
        _HEADER,
        f"Authorization: {_HEADER}",
        f" authorization:{_HEADER.replace('Basic', 'basic')} ",
        f"Authorization: {_KEY}",
        f"{_HEADER[:30]}\n{_HEADER[30:]}",
        f"Basic {_KEY}",
    ],
)
def test_the_key_is_understood_however_it_was_pasted(pasted: str) -> None:
    assert authorization(pasted) == _HEADER


def test_the_key_goes_without_the_colon_of_user_and_password() -> None:
    assert base64.b64decode(authorization("k:y").removeprefix("Basic ")) == b"k:y"


def test_what_follows_basic_is_base64_already() -> None:
    assert authorization("Basic abcdEFGH") == "Basic abcdEFGH"


def test_a_key_beyond_latin_letters_is_utf_8() -> None:
    assert authorization("schlüssel€") == "Basic c2NobMO8c3NlbOKCrA=="


@given(st.text())
def test_the_header_is_one_line_of_ascii_whatever_was_pasted(pasted: str) -> None:
    header = authorization(pasted)
    assert header.isascii()
    assert header.isprintable()
    assert all(secret_forms(pasted))


@pytest.mark.parametrize(
    "form",
    [
        "ke/y +ü",
        "a2UveSArw7w=",
        "a2UveSArw7w",
        "ke%2Fy%20%2B%C3%BC",
        "ke%2Fy+%2B%C3%BC",
        "ke/y%20%2B%C3%BC",
        "a2UveSArw7w%3D",
    ],
)
@pytest.mark.parametrize("pasted", ["ke/y +ü", " ke/y +ü ", "Authorization: Basic a2UveSArw7w="])
def test_every_form_of_the_key_is_known_as_secret(form: str, pasted: str) -> None:
    assert form in secret_forms(pasted)


def test_the_prefix_alone_is_no_secret() -> None:
    assert not {"Basic", "Authorization:", "Authorization", ""} & secret_forms("Basic abcd1234")


@pytest.mark.parametrize(
    ("secrets", "text", "shown"),
    [
        ([], "nothing secret", "nothing secret"),
        (["abcd", "abcdef"], "abcdef abcd", "**** ****"),
        (["abc", ""], "abc", "abc"),
        (["a.c*"], "a.c* abcc", "**** abcc"),
        (["ünï✓"], "xünï✓x", "x****x"),
    ],
)
def test_redaction(secrets: list[str], text: str, shown: str) -> None:
    assert SecretRedactor(secrets)(text) == shown


@given(st.lists(st.text(min_size=4, max_size=6), max_size=4), st.text())
def test_no_secret_stays_in_a_text(secrets: list[str], text: str) -> None:
    alone = [secret for secret in secrets if "*" not in secret]
    shown = SecretRedactor(alone)("|".join([text, *alone]))
    assert not any(secret in shown for secret in alone)


def test_a_text_loses_the_key_in_every_form_and_case() -> None:
    key = "0f8fad5b-d9cb-469f-a165-70867728950e"
    text = f"key {key.upper()} in {authorization(key)} may not"
    assert SecretRedactor(secret_forms(key))(text) == "key **** in Basic **** may not"

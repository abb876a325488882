from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from destination_maileon.maileon.auth import authorization, secret_forms
from destination_maileon.maileon.redaction import SecretRedactor


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

"""What counts as a boolean, a number, a text or an address: the same as in the form's schema."""

from __future__ import annotations

import pytest
from pydantic import SecretStr, ValidationError

from destination_maileon.config import types


class Kinds(types.ConfigModel):
    """A key of each kind."""

    count: types.Count = 0
    percent: types.Percent = 50.0
    seconds: types.Seconds = 1.0
    text: types.Text = "a"
    trimmed: types.TrimmedText = "a"
    address: types.Address = "https://a.b"


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("count", [-1, 1.5, "1", True]),
        ("percent", [0.5, 100.5, "1", True]),
        ("seconds", [0, -1, float("nan"), float("inf")]),
        ("text", ["", 1]),
        ("trimmed", ["", "  "]),
    ],
)
def test_what_is_none_of_its_kind_is_refused(key: str, values: list[object]) -> None:
    for value in values:
        with pytest.raises(ValidationError):
            Kinds.model_validate({key: value})


@pytest.mark.parametrize(
    ("key", "given", "taken"),
    [
        ("count", 3.0, 3),
        ("percent", 3, 3.0),
        ("seconds", 0.5, 0.5),
        ("trimmed", " a b ", "a b"),
        ("address", " https://a.b/1.0// ", "https://a.b/1.0"),
    ],
)
def test_what_is_of_its_kind_is_taken(key: str, given: object, taken: object) -> None:
    read = getattr(Kinds.model_validate({key: given}), key)
    assert (read, type(read)) == (taken, type(taken))


class Cleared(types.ConfigModel):
    """What a form may leave empty."""

    text: types.OrBlank[str] = None
    address: types.OrBlank[types.Address] = None
    secret: types.OrBlank[SecretStr] = None


@pytest.mark.parametrize("blank", [None, "", "  "])
def test_a_field_that_was_cleared_is_absent(blank: object) -> None:
    assert Cleared.model_validate(dict.fromkeys(Cleared.model_fields, blank)) == Cleared()


def test_space_around_a_field_that_may_be_cleared_is_no_part_of_it() -> None:
    secret = Cleared.model_validate({"text": " a ", "secret": " k "}).secret
    assert secret is not None
    assert secret.get_secret_value() == "k"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.255.0.9", "[::1]"])
def test_this_machine_may_be_called_without_tls(host: str) -> None:
    address = f"http://{host}:8080/1.0"  # ignore-https-check: this machine
    assert Kinds.model_validate({"address": address}).address == address


@pytest.mark.parametrize(
    "address",
    [
        "http://a.b/1.0",  # ignore-https-check: refused
        "http://127.0.0.1.a.b",  # ignore-https-check: refused
        "http://localhost@a.b",  # ignore-https-check: refused
        "https://user:pass@a.b",
        "https://a.b/?q=1",
        "https://a.b/#part",
        "https://a b",
        "ftp://a.b",
        "a.b",
        "https://a.b:0",
    ],
)
def test_where_the_key_could_be_read_it_is_not_sent(address: str) -> None:
    with pytest.raises(ValidationError, match="must have the form https://"):
        Kinds.model_validate({"address": address})

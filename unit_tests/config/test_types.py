"""What counts as a boolean, a number, a text or an address: the same as in the form's schema."""

from __future__ import annotations

import pytest
from pydantic import SecretStr, TypeAdapter, ValidationError

from destination_maileon.config import types


def read(kind: type[object], value: object) -> object:
    read_as: TypeAdapter[object] = TypeAdapter(kind)
    return read_as.validate_python(value)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (types.Flag, ["true", 1, 0, None]),
        (types.Count, [-1, 1.5, "1", True]),
        (types.Number, ["1", True, float("nan"), float("inf")]),
        (types.Percent, [0.5, 100.5]),
        (types.Seconds, [0, -1]),
        (types.Text, ["", 1]),
        (types.TrimmedText, ["", "  "]),
    ],
)
def test_what_is_none_of_its_kind_is_refused(kind: type[object], values: list[object]) -> None:
    for value in values:
        with pytest.raises(ValidationError):
            read(kind, value)


@pytest.mark.parametrize(
    ("kind", "given", "taken"),
    [
        (types.Flag, False, False),
        (types.Count, 3.0, 3),
        (types.Number, 3, 3.0),
        (types.Seconds, 0.5, 0.5),
        (types.TrimmedText, " a b ", "a b"),
        (types.Address, " https://a.b/1.0// ", "https://a.b/1.0"),
    ],
)
def test_what_is_of_its_kind_is_taken(kind: type[object], given: object, taken: object) -> None:
    assert read(kind, given) == taken


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
    assert read(types.Address, address) == address


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
        read(types.Address, address)

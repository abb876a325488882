"""Every error code of Maileon docs, Synchronize Contacts Error Codes, and the values around it."""

from __future__ import annotations

import pytest

from maileon_sandbox import ErrorCode, Sandbox
from maileon_sandbox.tests.client import Client, Value, contact, preference

LONG = "x" * 256
TEXT_FIELDS = {
    "ADDRESS": 6,
    "CITY": 7,
    "FIRSTNAME": 8,
    "FULLNAME": 9,
    "HNR": 10,
    "LASTNAME": 11,
    "ORGANIZATION": 12,
    "REGION": 13,
    "STATE": 14,
    "TITLE": 15,
    "ZIP": 16,
    # No code is documented for these two.
    "SALUTATION": 28,
    "COUNTRY": 28,
}
PATTERN_FIELDS = [
    (
        "BIRTHDAY",
        17,
        ["", "24.12.1999", "1999-02-29", "1999-12-24T10:00:00", "1999-12-24 25:00:00"],
    ),
    ("NAMEDAY", 18, ["", "1999-13-01", "99-01-01"]),
    ("GENDER", 19, ["", "x", "M", "male"]),
    ("LOCALE", 20, ["", "deu", "de-DE", "de_de", "DE"]),
]
TYPED_FIELDS = [
    ("boolean", 22, ["", "yes", "2", "TRUE"]),
    ("float", 23, ["", "1,5", "abc", "NaN", "1e999"]),
    ("double", 24, ["", "1,5", "Infinity"]),
    ("integer", 25, ["", "1.0", "1e3", "2147483648", "-2147483649", "٣"]),
    ("string", 26, [LONG]),
    ("date", 27, ["", "24.12.1999", "2023-02-29", "2023-02-28T00:00:00"]),
    ("timestamp", 27, ["", "10:00:00", "2023-02-28 24:00:00"]),
]
GOOD_STANDARD: list[tuple[str, str, str]] = [
    ("BIRTHDAY", "2000-02-29", "2000-02-29"),
    ("BIRTHDAY", "2000-02-29 23:59:59", "2000-02-29"),
    ("NAMEDAY", "1999-12-24 10:00:00", "1999-12-24"),
    ("GENDER", "m", "m"),
    ("GENDER", "f", "f"),
    ("GENDER", "d", "d"),
    ("LOCALE", "en", "en"),
    ("LOCALE", "de_DE", "de_DE"),
    ("FIRSTNAME", "", ""),
    ("CITY", "ä" * 255, "ä" * 255),
    ("LASTNAME", " \U0001f600 <&> ", " \U0001f600 <&> "),
]
GOOD_TYPED = [
    ("boolean", "0", "false"),
    ("boolean", "1", "true"),
    ("boolean", "false", "false"),
    ("boolean", "true", "true"),
    ("float", "-1.50", "-1.5"),
    ("float", "1e3", "1000.0"),
    ("double", "2", "2.0"),
    ("integer", "2147483647", "2147483647"),
    ("integer", "-2147483648", "-2147483648"),
    ("integer", "+7", "7"),
    ("string", "", ""),
    ("string", "x" * 255, "x" * 255),
    ("date", "2024-02-29 10:11:12", "2024-02-29"),
    ("timestamp", "2024-02-29 10:11:12", "2024-02-29 10:11:12"),
]


def rejections(client: Client, sent: str, **parameters: str) -> list[tuple[int, str | None]]:
    report = client.synchronize(sent, **parameters)
    assert report.success is (not report.rejected)
    assert report.invalid == len(report.rejected)
    return [(code, field) for _, _, code, field in report.rejected]


def test_every_code_from_1_to_27_is_known() -> None:
    assert set(range(1, 28)) <= set(ErrorCode)


def test_code_1_is_a_missing_external_id(client: Client) -> None:
    sent = contact(email="a@example.com")
    assert rejections(client, sent, use_external_id="true") == [(1, "external_id")]


@pytest.mark.parametrize(
    ("sent", "parameter"),
    [
        (contact(external_id="x-1"), "update_only"),
        (contact(email=""), "update_only"),
        (contact(external_id="x-1"), "use_external_id"),
        (contact(id="999"), "prefer_maileon_id"),
        (contact(id="x", external_id="x-1"), "prefer_maileon_id"),
    ],
)
def test_code_2_is_a_missing_email(client: Client, sent: str, parameter: str) -> None:
    assert rejections(client, sent, **{parameter: "true"}) == [(2, "email")]


@pytest.mark.parametrize(
    "email",
    ["a@example", "example.com", "@example.com", "a@b@example.com", "a b@example.com", "a@.x"],
)
def test_code_3_is_an_invalid_email_and_shows_it(client: Client, email: str) -> None:
    assert rejections(client, contact(email=email)) == [(3, email)]


def test_code_4_is_another_contacts_external_id(sandbox: Sandbox, client: Client) -> None:
    sandbox.account.add_contact("a@example.com", external_id="x-1")
    sent = contact(email="b@example.com", external_id="x-1")
    assert rejections(client, sent) == [(4, "x-1")]


def test_code_5_is_another_contacts_email(sandbox: Sandbox, client: Client) -> None:
    sandbox.account.add_contact("a@example.com", external_id="x-1")
    sent = contact(email="A@Example.com", external_id="x-2")
    assert rejections(client, sent, use_external_id="true") == [(5, "A@Example.com")]


@pytest.mark.parametrize(("name", "code"), TEXT_FIELDS.items())
def test_a_text_of_more_than_255_characters_has_its_fields_code(
    client: Client, name: str, code: int
) -> None:
    sent = contact(email="a@example.com", standard={name: LONG})
    assert rejections(client, sent) == [(code, name)]


@pytest.mark.parametrize(
    ("name", "code", "value"),
    [(name, code, value) for name, code, values in PATTERN_FIELDS for value in values],
)
def test_a_standard_field_that_breaks_its_pattern_has_its_code(
    client: Client, name: str, code: int, value: str
) -> None:
    sent = contact(email="a@example.com", standard={name: value})
    assert rejections(client, sent) == [(code, name)]


def test_code_21_is_an_unknown_custom_field_and_case_counts(
    sandbox: Sandbox, client: Client
) -> None:
    sandbox.account.add_custom_field("Color")
    sent = contact(email="a@example.com", custom={"COLOR": "red"})
    assert rejections(client, sent) == [(21, "COLOR")]


@pytest.mark.parametrize(
    ("type_", "code", "value"),
    [(type_, code, value) for type_, code, values in TYPED_FIELDS for value in values],
)
def test_a_custom_value_that_does_not_match_its_type_has_the_types_code(
    sandbox: Sandbox, client: Client, type_: str, code: int, value: str
) -> None:
    sandbox.account.add_custom_field("Some Field", type_)
    sent = contact(email="a@example.com", custom={"Some Field": value})
    assert rejections(client, sent) == [(code, "Some Field")]
    assert sandbox.account.contacts() == []


def test_what_has_no_documented_code_gets_one_above_27(sandbox: Sandbox, client: Client) -> None:
    sandbox.account.add_preference("News", "Weekly")
    cases = {
        contact(email="a@example.com", standard={"NICKNAME": "x"}): (29, "NICKNAME"),
        contact(email="a@example.com", preferences=preference("News", "Daily", value="true")): (
            30,
            "Daily",
        ),
        contact(email="a@example.com", preferences=preference("Other", "Weekly", value="true")): (
            30,
            "Weekly",
        ),
        contact(email="a@example.com", preferences=preference("News", "Weekly", value="yes")): (
            31,
            "Weekly",
        ),
    }
    for sent, expected in cases.items():
        assert rejections(client, sent) == [expected]


@pytest.mark.parametrize(("name", "value", "stored"), GOOD_STANDARD)
def test_a_legal_standard_value_is_stored(
    sandbox: Sandbox, client: Client, name: str, value: str, stored: str
) -> None:
    assert rejections(client, contact(email="a@example.com", standard={name: value})) == []
    assert sandbox.account.contacts()[0].standard_fields == {name: stored}


@pytest.mark.parametrize(("type_", "value", "stored"), GOOD_TYPED)
def test_a_legal_custom_value_is_stored(
    sandbox: Sandbox, client: Client, type_: str, value: str, stored: str
) -> None:
    sandbox.account.add_custom_field("Some Field", type_)
    assert rejections(client, contact(email="a@example.com", custom={"Some Field": value})) == []
    assert sandbox.account.contacts()[0].custom_fields == {"Some Field": stored}


@pytest.mark.parametrize(
    ("identifiers", "standard", "custom", "expected"),
    [
        ({"email": "a@b"}, {"GENDER": "x"}, {"none": ""}, (3, "a@b")),
        ({"email": "a@b.de"}, {"LOCALE": "x", "GENDER": "x"}, {"none": ""}, (20, "LOCALE")),
        ({"email": "a@b.de"}, {"GENDER": "f"}, {"none": "", "other": ""}, (21, "none")),
        ({"email": "a@b.de"}, {"GENDER": "f"}, {}, (30, "Daily")),
    ],
)
def test_a_contact_has_one_error_the_first_by_identifiers_standard_custom_preferences(
    client: Client,
    identifiers: dict[str, Value],
    standard: dict[str, Value],
    custom: dict[str, Value],
    expected: tuple[int, str],
) -> None:
    daily = preference("News", "Daily", value="true")
    sent = contact(standard=standard, custom=custom, preferences=daily, **identifiers)
    assert rejections(client, sent) == [expected]

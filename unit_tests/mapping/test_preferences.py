"""The `preferences` column: which forms are understood, and that no other says what it holds."""

from __future__ import annotations

import json
import traceback
from collections.abc import Mapping

import pytest
from hypothesis import given

from destination_maileon.maileon.contact import Preference
from destination_maileon.maileon.contact_xml import contact_of, without_forbidden
from destination_maileon.mapping.mapped_record import Reason, Refusal
from destination_maileon.mapping.preferences import listed as walked
from destination_maileon.protocol.exact_json import dumps
from unit_tests.protocol.test_exact_json import values

NEWS = ("News", "Weekly")


def clean(value: object) -> object:
    return without_forbidden(value) if isinstance(value, str) else value


def listed(
    value: object, known: frozenset[tuple[str, str]] | None = None
) -> dict[tuple[str, str], Preference]:
    said = "".join([piece for pieces in walked(value, clean, known) for piece in pieces])
    return contact_of(f"<contact><preferences>{said}</preferences></contact>".encode()).preferences


def entry(**more: object) -> dict[str, object]:
    return {"category": "News", "name": "Weekly", "value": True, **more}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ({}, Preference("true")),
        ({"source": None}, Preference("true", "")),
        ({"source": ""}, Preference("true", "")),
        ({"source": "shop"}, Preference("true", "shop")),
        ({"source": 7}, Preference("true", "7")),
        ({"source": {"a": 1.0}}, Preference("true", '{"a":1.0}')),
    ],
)
def test_a_source_is_kept_deleted_or_set_by_its_key(
    source: Mapping[str, object], expected: Preference
) -> None:
    assert listed([entry(**source)]) == {NEWS: expected}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (False, "false"),
        (1, "true"),
        ("0", "false"),
        ("Yes", "true"),
        ("\x00no", "false"),
        (" on ", "true"),
        ("1.0", "true"),
    ],
)
def test_a_value_is_written_as_a_boolean_where_it_is_one(value: object, text: str) -> None:
    assert listed([entry(value=value)]) == {NEWS: Preference(text)}


@pytest.mark.parametrize("value", [None, "", "\x00"])
def test_a_preference_without_a_value_is_left_out(value: object) -> None:
    assert listed([entry(value=value, source="shop")]) == {}
    without = entry()
    del without["value"]
    assert listed([without]) == {}


def test_the_later_entry_for_a_preference_wins() -> None:
    assert listed([entry(), entry(value=False, source="shop")]) == {
        NEWS: Preference("false", "shop")
    }


def test_names_are_text_less_what_xml_forbids() -> None:
    assert listed([{"category": 7, "name": "We\x00ekly", "value": True}]) == {
        ("7", "Weekly"): Preference("true")
    }


def test_further_keys_are_passed_over() -> None:
    assert listed([entry(since="2024")]) == {NEWS: Preference("true")}


@pytest.mark.parametrize("value", [None, "", "  ", "null", "[]", " [] ", []])
def test_nothing_is_no_preference(value: object) -> None:
    assert listed(value) == {}


def test_a_list_may_come_as_json_text() -> None:
    entries = [entry(source="Zoë")]
    assert listed(json.dumps(entries)) == listed(entries)


@pytest.mark.parametrize("unusual", ["0", '"\\ud800"', "9" * 5000])
def test_every_digit_of_a_json_text_counts(unusual: str) -> None:
    text = '[{"category":123456789012345678901,"name":0.12345678901234567891,"value":1,"more":%s}]'
    assert [*listed(text % unusual)] == [("123456789012345678901", "0.12345678901234567891")]


@pytest.mark.parametrize(
    "value",
    [
        0,
        False,
        True,
        "secret",
        '{"category": "secret"}',
        '"secret"',
        "[NaN]",
        "[1e9999999999999999999]",
        "[" * 5000,
        "[\ud800]",
        {},
        entry(),
        ["secret"],
        [None],
        [[]],
        [entry(), "secret"],
        [{}],
        [{"category": "secret", "value": True}],
        [{"name": "secret", "value": True}],
        [entry(category=None)],
        [entry(name="")],
        [entry(name=" ")],
        [entry(name="\x00")],
        [entry(name=True)],
        [entry(category=["secret"])],
        [entry(category={"secret": 1})],
    ],
)
def test_another_form_is_refused_and_none_of_it_is_told(value: object) -> None:
    with pytest.raises(Refusal, match="Write it as a list of ") as caught:
        listed(value)
    assert "secret" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    ("named", "hint"),
    [
        ({"name": "weekly"}, ' (did you mean "News/Weekly"?)'),
        ({"name": "Weekyl"}, ' (did you mean "News/Weekly"?)'),
        ({"category": "News ", "value": "no"}, ' (did you mean "News/Weekly"?)'),
        ({"name": "secret"}, ""),
    ],
)
def test_one_that_the_account_lacks_is_refused_and_what_is_like_it_is_named(
    named: dict[str, object], hint: str
) -> None:
    with pytest.raises(Refusal) as caught:
        listed([entry(), entry(**named)], frozenset({NEWS, ("Shop", "Offers")}))
    assert caught.value.reason is Reason.UNKNOWN_PREFERENCE
    assert (caught.value.advice, caught.value.field) == (
        f"Use the category and name of one in Maileon{hint}, or create it there.",
        None,
    )


def test_one_that_the_account_lacks_is_no_fault_if_it_has_no_value_or_nobody_knows() -> None:
    nothing = entry(name="Daily", value=None)
    assert listed([nothing], frozenset()) == {}
    assert listed([entry(name="Daily")]) == {("News", "Daily"): Preference("true")}


@given(values)
def test_any_value_is_understood_or_refused(value: object) -> None:
    for form in (value, [value], [entry(value=value)], dumps(value).decode()):
        try:
            found = listed(form)
        except Refusal:
            continue
        assert all(category and name and p.value for (category, name), p in found.items())

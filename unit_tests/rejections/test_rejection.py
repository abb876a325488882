"""How a rejection is told: which field, whose fault, how often, and in which order of reasons."""

from __future__ import annotations

import pytest

from destination_maileon.config.spec import IdentifiersInLogs
from destination_maileon.maileon.contact import Contact, FieldType, IdentifierMode, Preference
from destination_maileon.maileon.report import InvalidContact
from destination_maileon.rejections.rejection import (
    LINES_PER_REASON,
    Rejection,
    RejectionLog,
    excess,
    rejection_by_report,
)
from unit_tests.support.builders import a_config, a_contact, a_mapping, a_part, a_plan

TYPES = {"age": FieldType.INTEGER, "hat": FieldType.STRING}
LONG = "x" * 256


def _finding(code: int | None, field: str | None = None) -> InvalidContact:
    return InvalidContact("ada@example.com", None, code, field)


def _told(
    contact: Contact, *findings: InvalidContact, mode: IdentifierMode = IdentifierMode.EMAIL
) -> Rejection:
    return rejection_by_report(contact, findings, mode=mode, custom_types=TYPES, known_fields=TYPES)


def _log() -> RejectionLog:
    return RejectionLog(IdentifiersInLogs.MASKED)


@pytest.mark.parametrize(
    ("finding", "field"),
    [
        # The code's own field counts, whatever the report says.
        (_finding(3, "ada@"), "email"),
        (_finding(8), "FIRSTNAME"),
        # Else the report's, if it is one at all: it may be the value.
        (_finding(25, "age"), "age"),
        (_finding(25, "about fifty"), "age"),
        (_finding(99, "FIRSTNAME"), "FIRSTNAME"),
        (_finding(99, "about fifty"), ""),
        (_finding(99, None), ""),
        (_finding(None, "hat"), "hat"),
    ],
)
def test_a_field_is_shown_only_if_it_is_one(finding: InvalidContact, field: str) -> None:
    contact = a_contact(custom={"age": "about fifty"}, FIRSTNAME=LONG)
    assert _told(contact, finding).field == field


@pytest.mark.parametrize(
    ("letter", "told"),
    [("\u200b", "U+200B"), ("\ufeff", "U+FEFF"), ("\u00ad", "U+00AD"), ("x", "")],
)
def test_a_character_of_an_address_that_nobody_sees_is_told(letter: str, told: str) -> None:
    advice = _told(a_contact(f"ada@exam{letter}ple.com"), _finding(3)).advice
    assert ("It holds an invisible character" in advice) is bool(told)
    assert told in advice


_DUPLICATES = [
    (IdentifierMode.EMAIL, 4, "the address may have changed: recognise contacts by external_id"),
    (IdentifierMode.EMAIL, 5, "Give each contact an email address of its own"),
    (IdentifierMode.EXTERNAL_ID, 4, "Give each contact an external id of its own"),
    (
        IdentifierMode.EXTERNAL_ID,
        5,
        "sync once by email to give it this one; under an older one, delete the older contact",
    ),
    (IdentifierMode.MAILEON_ID, 4, "Give each contact an external id of its own"),
    (IdentifierMode.MAILEON_ID, 5, "Give each contact an email address of its own"),
]


@pytest.mark.parametrize(("mode", "code", "advice"), _DUPLICATES)
def test_what_to_do_about_a_duplicate_depends_on_how_contacts_are_recognised(
    mode: IdentifierMode, code: int, advice: str
) -> None:
    told = _told(a_contact(external_id="x1"), _finding(code), mode=mode)
    assert advice in told.advice


def test_all_of_many_other_fields_are_named() -> None:
    custom = {f"F{n}": LONG for n in range(60)}
    types = dict.fromkeys(custom, FieldType.STRING)
    told = rejection_by_report(
        a_contact("ada@", custom=custom),
        [_finding(3)],
        mode=IdentifierMode.EMAIL,
        custom_types=types,
        known_fields=types,
    )
    assert told.advice.endswith(f" Also wrong: {', '.join(custom)}.")


@pytest.mark.parametrize(("known", "field"), [(["Weekly"], "Weekly"), ([], "")])
def test_a_preference_is_named_only_if_others_than_the_record_know_it(
    known: list[str], field: str
) -> None:
    contact = a_contact("ada@", preferences={("News", "Weekly"): Preference("maybe")})
    told = rejection_by_report(
        contact,
        [_finding(None, "Weekly")],
        mode=IdentifierMode.EMAIL,
        custom_types={},
        known_fields=known,
    )
    assert told.field == field
    assert told.advice.endswith(" Also wrong: email.")


def test_what_else_is_wrong_comes_along_once_and_without_what_is_told_already() -> None:
    contact = a_contact("ada@", custom={"age": "x", "none": "y"}, FIRSTNAME=LONG, GENDER="x")
    rejection = _told(contact, _finding(8), _finding(25, "age"), _finding(26, "a value"))
    assert rejection.field == "FIRSTNAME"
    assert rejection.advice.endswith(" Also wrong: age, email, GENDER, none.")


@pytest.mark.parametrize(
    ("finding", "label"),
    [
        (_finding(3), "error 3, invalid email address (field email)"),
        (_finding(21, "hat"), "error 21, no such custom field (field hat)"),
        (_finding(99), "error 99, unknown error code"),
        (_finding(None), "an error without a readable code"),
    ],
)
def test_a_rejection_is_counted_by_code_meaning_and_field(
    finding: InvalidContact, label: str
) -> None:
    assert _told(a_contact(), finding).reason_key == label


@pytest.mark.parametrize(
    ("rejection", "where"),
    [
        (Rejection("r", "Act.", "FIRSTNAME"), ""),
        (Rejection("r", "Act.", "ZIP"), 'It comes from column "postcode". '),
        # The address, and not the custom field of that name.
        (Rejection("r", "Act.", "email"), 'It comes from column "mail". '),
        (Rejection("r", "Act.", "Weekly"), 'It comes from column "wants". '),
        (Rejection("r", "Act.", "hat"), ""),
        (Rejection("r", "Act."), ""),
    ],
)
def test_a_line_names_the_column_where_it_has_another_name(
    rejection: Rejection, where: str
) -> None:
    plan = a_plan(
        mapping=a_mapping(
            ("backup", "custom:email"),
            ("mail", "email"),
            ("postcode", "standard:ZIP"),
            ("wants", "preference:News/Weekly"),
            ("hat", "custom:hat"),
        )
    )
    line = _log().line(plan, a_part(), rejection)
    assert line is not None
    assert line.startswith("Record 1 of stream contacts (email a***@***.com) was rejected: r")
    assert line.endswith(f". {where}Act.")


def test_three_lines_of_one_kind_are_told_and_all_are_counted() -> None:
    log, plan, other = _log(), a_plan(), a_plan(key=("ns", "others"))
    one, two = Rejection("one", "Act."), Rejection("two", "Act.", "ZIP")
    lines = [log.line(plan, a_part(), two) for _ in range(LINES_PER_REASON + 2)]
    assert [line is None for line in lines] == [False] * LINES_PER_REASON + [True] * 2
    told = [line for line in lines if line and "only counted" in line]
    assert told == lines[LINES_PER_REASON - 1 : LINES_PER_REASON]
    # Another reason, and another stream, have lines of their own.
    assert log.line(plan, a_part(), one) is not None
    assert log.line(other, a_part(), two) is not None
    assert log.totals(plan) == "5 x two (field ZIP); 1 x one"
    assert log.totals(other) == "1 x two (field ZIP)"
    assert log.totals(plan, other) == "6 x two (field ZIP); 1 x one"
    assert log.totals(plan, other, most=1) == "6 x two (field ZIP)"
    assert log.totals(a_plan()) == ""


def test_reasons_of_the_same_number_stay_in_the_order_in_which_they_came() -> None:
    log, plan = _log(), a_plan()
    for reason in ("c", "a", "b", "a"):
        log.line(plan, a_part(), Rejection(reason, "Act."))
    assert log.totals(plan) == "2 x a; 1 x c; 1 x b"


def test_the_counts_of_a_stream_come_with_the_first_rejection_of_each_reason() -> None:
    log, plan, other = _log(), a_plan(), a_plan(key=("ns", "others"))
    first, again = Rejection("one", "Act.", code=3), Rejection("one", "Act at once.", code=3)
    for rejection in (Rejection("two", "Act."), first, again):
        log.line(plan, a_part(), rejection)
    log.line(other, a_part(), first)
    [(counted, records), other_reason] = log.counts[plan].most_common()
    assert counted is first
    assert records == 2
    assert other_reason == (Rejection("two", "Act."), 1)


@pytest.mark.parametrize(
    ("rejected", "words"), [(1, "1 of 3 records was"), (2, "2 of 3 records were")]
)
def test_a_share_is_told_in_the_number_of_what_was_rejected(rejected: int, words: str) -> None:
    told = excess(a_config(max_rejected_percent=30), rejected, 3, is_end=True)
    assert (told or "").startswith(f"{words} rejected, which is more than the 30 % that ")

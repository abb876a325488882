"""What a report says of the contacts of its call: sound whatever it leaves out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from destination_maileon.delivery.report_matching import UNNAMED, MatchedReport, read
from destination_maileon.maileon.contact import Contact
from destination_maileon.maileon.report import InvalidContact, SynchronizationReport
from destination_maileon.mapping.mapped_record import BatchEntry
from unit_tests.support.builders import a_part
from unit_tests.support.rooms import a_report, an_entry, invalid

Findings = list[tuple[int, str | None]]
Naming = Callable[[list[InvalidContact]], list[InvalidContact]]


def entries_of(*contacts: Contact) -> list[BatchEntry]:
    return [
        an_entry(a_part(position, contact)) for position, contact in enumerate(contacts, start=1)
    ]


def named(*names: str) -> list[BatchEntry]:
    return entries_of(*(Contact(f"{name}@b.de") for name in names))


def in_lists(entries: Sequence[BatchEntry], reading: MatchedReport) -> dict[str, str]:
    """Of each contact by its first letter: the list that it is in."""
    lists = {
        "accepted": reading.accepted,
        "rejected": [entry for entry, _ in reading.rejected],
        "uncertain": reading.uncertain,
    }
    return {
        entry.identity_keys[0][1]: name
        for name, listed in lists.items()
        for entry in entries
        if entry in listed
    }


# Whatever is true, and however little of it is told.


def _without_external_id(found: InvalidContact) -> InvalidContact:
    return replace(found, external_id=None)


def _without_name(found: InvalidContact) -> InvalidContact:
    return replace(found, email=None, external_id=None)


def _shouted(found: InvalidContact) -> InvalidContact:
    return replace(found, email=found.email and f" {found.email.upper()}")


NAMINGS: dict[str, Naming] = {
    "as sent": list,
    "email only": lambda found: [*map(_without_external_id, found)],
    "without a name": lambda found: [*map(_without_name, found)],
    "in another form": lambda found: [*map(_shouted, found)],
    "the first only": lambda found: found[:1],
    "the last only": lambda found: found[-1:],
    "not at all": lambda _: [],
}
numbers = st.integers(1, 6)
sent_contacts = st.lists(
    st.tuples(numbers, st.sampled_from(["e", "x", "i", "ex", "ei", "eix"])),
    min_size=1,
    max_size=6,
    unique_by=lambda pair: pair[0],
)
# Of one contact every error is listed, each once.
findings = st.lists(
    st.sampled_from([(8, "CITY"), (8, "ZIP"), (25, None), (4, "external_id")]),
    max_size=2,
    unique=True,
)


def a_contact_of(number: int, identifiers: str) -> Contact:
    return Contact(
        email=f"p{number}@b.de" if "e" in identifiers else None,
        external_id=f"x{number}" if "x" in identifiers else None,
        id=str(number) if "i" in identifiers else None,
    )


@pytest.mark.parametrize("naming", NAMINGS.values(), ids=NAMINGS.keys())
@given(sent=sent_contacts, truth=st.lists(findings, min_size=6, max_size=6))
def test_nobody_is_called_what_he_is_not_and_everybody_is_somewhere(
    naming: Naming, sent: list[tuple[int, str]], truth: list[Findings]
) -> None:
    contacts = [a_contact_of(*one) for one in sent]
    entries = entries_of(*contacts)
    wrong = dict(zip(entries, truth, strict=False))
    found = [
        InvalidContact(contact.email, contact.external_id, code, name)
        for contact, entry in zip(contacts, entries, strict=True)
        for code, name in wrong[entry]
    ]
    report = a_report(len(sent), naming(found), invalid=sum(map(bool, wrong.values())))
    reading = read(entries, report)
    rejected = [entry for entry, _ in reading.rejected]
    everybody = [*reading.accepted, *rejected, *reading.uncertain]
    assert sorted(map(id, everybody)) == sorted(map(id, entries))
    assert not any(wrong[entry] for entry in reading.accepted)
    assert all(wrong[entry] for entry in rejected)
    for entry, reasons in reading.rejected:
        said = {(r.code, r.error_field) for r in reasons} - {(None, None)}
        assert said <= {*wrong[entry]}


@given(sent=sent_contacts, truth=st.lists(findings, min_size=6, max_size=6))
def test_whoever_is_named_as_he_was_sent_is_known_at_once(
    sent: list[tuple[int, str]], truth: list[Findings]
) -> None:
    contacts = [a_contact_of(*one) for one in sent if one[1] != "i"]
    assume(contacts)
    entries = entries_of(*contacts)
    wrong = dict(zip(entries, truth, strict=False))
    found = [
        InvalidContact(contact.email, contact.external_id, code, name)
        for contact, entry in zip(contacts, entries, strict=True)
        for code, name in wrong[entry]
    ]
    reading = read(entries, a_report(len(contacts), found))
    assert reading.uncertain == []
    assert [entry for entry, _ in reading.rejected] == [e for e in entries if wrong[e]]


# Told.


def test_more_invalid_contacts_than_have_no_email_may_be_anybody() -> None:
    entries = entries_of(Contact(id="1"), Contact("a@b.de"), Contact("c@b.de"))
    nameless = [InvalidContact(None, None, 30, None)] * 2
    reading = read(entries, a_report(3, nameless))
    assert (reading.accepted, reading.uncertain) == ([], entries)


def test_a_contact_with_an_external_id_alone_may_go_unnamed_too() -> None:
    contacts = Contact(id="1"), Contact(external_id="2", id="2"), Contact("c@b.de")
    entries = entries_of(*contacts, Contact("d@b.de"))
    nameless, named_one = InvalidContact(None, None, 30, None), invalid("d@b.de")
    reading = read(entries, a_report(4, [nameless, nameless, named_one]))
    assert [entry for entry, _ in reading.rejected] == [*entries[:2], entries[3]]
    reading = read(entries, a_report(4, [nameless, named_one]))
    assert (reading.accepted, reading.uncertain) == (entries[2:3], entries[:2])


def test_a_report_that_names_nobody_may_mean_anybody() -> None:
    entries = entries_of(Contact("a@b.de", "1"), Contact(external_id="2"))
    reading = read(entries, a_report(2, [InvalidContact(None, None, 5, None)], invalid=1))
    assert (reading.accepted, reading.uncertain) == ([], entries)


def test_without_invalid_contacts_everybody_is_accepted() -> None:
    entries = named("a", "b")
    assert read(entries, a_report(2, existing=1)).accepted == entries


def test_all_findings_of_a_contact_come_with_it() -> None:
    entries = named("a", "b")
    findings_of_b = [invalid("b@b.de", 8, "CITY"), invalid("B@B.de", 25, "AGE")]
    reading = read(entries, a_report(2, findings_of_b, invalid=1))
    assert reading.rejected == [(entries[1], findings_of_b)]
    assert reading.accepted == entries[:1]


def test_a_name_that_fits_several_contacts_is_told_of_none_of_them_alone() -> None:
    entries = entries_of(Contact("a@b.de"), Contact("c@b.de", "a"), Contact("d@b.de"))
    strange = InvalidContact("a@b.de", "a", 8, None)
    reading = read(entries, a_report(3, [strange], invalid=1))
    assert in_lists(entries, reading) == dict.fromkeys("acd", "uncertain")


def test_a_single_contact_that_is_invalid_is_meant_whoever_is_named() -> None:
    [entry] = named("a")
    strange = invalid("somebody@else.org")
    assert read([entry], a_report(1, [strange])).rejected == [(entry, [strange])]
    assert read([entry], a_report(1, invalid=1)).rejected == [(entry, [UNNAMED])]


def test_the_nameless_are_sought_among_those_who_were_sent_without_a_name() -> None:
    sent = Contact("a@b.de"), Contact("b@b.de"), Contact(id="7"), Contact(id="8")
    entries = entries_of(*sent)
    reading = read(entries, a_report(4, [invalid(None), invalid("b@b.de")], invalid=2))
    lists = {"a": "accepted", "b": "rejected", "7": "uncertain", "8": "uncertain"}
    assert in_lists(entries, reading) == lists


def test_all_nameless_are_rejected_if_all_of_them_must_be_for_the_same_reason() -> None:
    sent = Contact("a@b.de"), Contact("b@b.de"), Contact(id="7"), Contact(id="8")
    entries = entries_of(*sent)
    found = [invalid(None), invalid(None), invalid("b@b.de")]
    reading = read(entries, a_report(4, found, invalid=3))
    lists = {"a": "accepted", "b": "rejected", "7": "rejected", "8": "rejected"}
    assert in_lists(entries, reading) == lists


@pytest.mark.parametrize("naming", [lambda _: None, lambda n: f"stranger{n}@else.org"])
def test_a_reason_that_is_named_again_and_again_is_told_once_of_each_contact(
    naming: Callable[[int], str | None],
) -> None:
    entries = entries_of(Contact(id="7"), Contact(id="8"))
    strangers = [invalid(naming(n)) for n in range(1_000)]
    reading = read(entries, a_report(2, strangers, invalid=2))
    assert reading.rejected == [(entry, strangers[:1]) for entry in entries]


def test_of_one_contact_every_reason_is_told_once() -> None:
    [entry] = entries_of(Contact(id="7"))
    city, age = invalid(None, 8, "CITY"), invalid(None, 25, "AGE")
    reading = read([entry], a_report(1, [city, age, city, age], invalid=1))
    assert reading.rejected == [(entry, [city, age])]


def test_who_cannot_be_told_is_uncertain_as_the_reasons_differ() -> None:
    entries = entries_of(Contact(id="7"), Contact(id="8"))
    nameless = [invalid(None, 8), invalid(None, 25)]
    reading = read(entries, a_report(2, nameless, invalid=2))
    assert in_lists(entries, reading) == {"7": "uncertain", "8": "uncertain"}


# Counted.


def a_raw_report(contacts: int, new: int, existing: int = 0) -> SynchronizationReport:
    return a_report(contacts, new=new, existing=existing, invalid=0)


@pytest.mark.parametrize(
    ("report", "left_out", "is_miscounted"),
    [
        (a_raw_report(3, 3), 0, False),
        (a_raw_report(3, 1), 2, False),
        (a_raw_report(3, 0), 3, False),
        (a_raw_report(2, 2), 1, True),
        (a_raw_report(4, 3), 0, True),
        (a_raw_report(3, 2, existing=2), 0, True),
        (a_raw_report(0, 0), 3, True),
    ],
)
def test_what_is_in_no_count_is_left_out_and_a_sum_that_is_wrong_is_told(
    report: SynchronizationReport, left_out: int, is_miscounted: bool
) -> None:
    reading = read(named("a", "b", "c"), report)
    assert (reading.left_out, reading.is_miscounted) == (left_out, is_miscounted)
    assert len(reading.accepted) == 3

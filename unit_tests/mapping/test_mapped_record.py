"""Records of one contact, merged, leave the account as the records one by one."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from destination_maileon.config.targets import Kind, Target
from destination_maileon.maileon.contact import Contact, FieldType, Preference
from destination_maileon.maileon.contact_xml import contact_bytes
from destination_maileon.maileon.sync_options import SynchronizationMode
from destination_maileon.mapping.columns import Column, StreamColumns
from destination_maileon.mapping.contact_encoder import ContactEncoder
from destination_maileon.mapping.mapped_record import (
    BatchEntry,
    MappedRecord,
    contact_keys,
)
from destination_maileon.protocol.messages import Texts
from destination_maileon.streams.catalog import PartitionKey
from unit_tests.support.builders import a_config, a_contact, a_part, a_plan, an_account, options

UPDATE, IGNORE = SynchronizationMode
WEEKLY = ("News", "Weekly")
names = st.sampled_from(["A", "B", "C"])
texts = st.sampled_from(["", "x", "y", "z"])
fields = st.dictionaries(names, st.none() | texts)
preferences = st.builds(
    Preference,
    st.sampled_from(["true", "false"]),
    source=st.none() | texts,
)
# The records of one contact: its address in whatever case.
contacts = st.builds(
    Contact,
    email=st.sampled_from(["ada@example.com", "Ada@Example.com"]),
    standard_fields=fields,
    custom_fields=fields,
    preferences=st.dictionaries(st.tuples(st.just("News"), names), preferences),
)


values: st.SearchStrategy[object] = st.none() | st.sampled_from(["", "1", "x", "\x00"])
COLUMNS = {"A": values, "B": values}


@dataclass
class Stored:
    """What an account holds of one contact. A preference's source may be absent."""

    email: str | None
    fields: dict[str, str] = field(default_factory=dict)
    preferences: dict[tuple[str, str], tuple[str, str | None]] = field(default_factory=dict)


def synchronized(stored: Stored | None, contact: Contact, mode: SynchronizationMode) -> Stored:
    """The contact after a call, by the documentation of Synchronize Contacts."""
    if stored is not None and mode is IGNORE:
        return stored
    after = deepcopy(stored) or Stored(contact.email)
    # Found by its address, whose spelling stays.
    assert (after.email or "").lower() == (contact.email or "").lower()
    for kind, given_fields in (("s", contact.standard_fields), ("c", contact.custom_fields)):
        for name, value in given_fields.items():
            after.fields.pop(kind + name, None)
            if value is not None:
                after.fields[kind + name] = value
    for key, preference in contact.preferences.items():
        _, source = after.preferences.get(key, ("", None))
        said = source if preference.source is None else (preference.source or None)
        after.preferences[key] = (preference.value, said)
    return after


def after_all(
    stored: Stored | None, records: Sequence[Contact], mode: SynchronizationMode
) -> Stored | None:
    for contact in records:
        stored = synchronized(stored, contact, mode)
    return stored


def merged(records: Sequence[Contact], mode: SynchronizationMode) -> Contact:
    """What several records of a contact become, read back."""
    return entry_of([a_part(contact=record) for record in records], mode).contact


def entry_of(parts: Sequence[MappedRecord], mode: SynchronizationMode) -> BatchEntry:
    """The contact that these records make, ready to be sent."""
    partition_key = PartitionKey(a_plan(options=options(sync_mode=mode)), None)
    return BatchEntry.of_record(parts[0], partition_key, arrived_at=0.0).of_parts(parts)


@pytest.mark.parametrize("mode", SynchronizationMode)
@given(before=st.lists(contacts, max_size=2), records=st.lists(contacts, min_size=1, max_size=5))
def test_merged_records_leave_the_account_as_one_by_one(
    mode: SynchronizationMode, before: list[Contact], records: list[Contact]
) -> None:
    stored = after_all(None, before, UPDATE)
    untouched = deepcopy(records)
    assert after_all(stored, [merged(records, mode)], mode) == after_all(stored, records, mode)
    assert records == untouched


@pytest.mark.parametrize("mode", SynchronizationMode)
@given(records=st.lists(contacts, min_size=2, max_size=6), cut=st.integers(1, 5))
def test_merging_in_parts_is_merging_at_once(
    mode: SynchronizationMode, records: list[Contact], cut: int
) -> None:
    parts = [part for part in (records[:cut], records[cut:]) if part]
    assert merged([merged(part, mode) for part in parts], mode) == merged(records, mode)


@given(
    rows=st.lists(
        st.fixed_dictionaries({"email": st.just("ada@example.com")}, optional=COLUMNS),
        min_size=1,
        max_size=6,
    ),
    clears=st.booleans(),
)
def test_records_as_they_are_encoded_are_merged_as_one_by_one(
    rows: list[dict[str, object]], clears: bool
) -> None:
    stream = StreamColumns(a_plan(), a_config(), an_account())
    stream.columns |= {
        "email": Column("email", Target(Kind.EMAIL)),
        "A": Column("A", Target(Kind.STANDARD, "A"), clear=clears),
        "B": Column("B", Target(Kind.CUSTOM, "B"), FieldType.INTEGER, clear=clears),
    }
    encoder = ContactEncoder(stream)
    encoded = [encoder.encode(encoder.rows.of(row), Texts.ANYTHING) for row in rows]
    parts = [
        a_part(payload=payload, identity_keys=keys, is_whole=is_whole)
        for payload, keys, is_whole in (one for one in encoded if isinstance(one, tuple))
    ]
    whole = merged([part.contact for part in parts], UPDATE)
    assert entry_of(parts, UPDATE).contact == whole


def test_with_update_the_later_value_wins_field_by_field() -> None:
    first = a_contact(FIRSTNAME="Ada", CITY="London", custom={"AGE": "1", "B": None})
    last = a_contact(FIRSTNAME=None, ZIP="1", custom={"AGE": "2"})
    assert merged([first, last], UPDATE) == a_contact(
        FIRSTNAME=None, CITY="London", ZIP="1", custom={"AGE": "2", "B": None}
    )


@pytest.mark.parametrize("is_whole", [False, True])
def test_the_first_spelling_of_an_address_stands(*, is_whole: bool) -> None:
    spelled = [a_contact("Ada@Example.com"), a_contact("ada@example.com", CITY="London")]
    parts = [a_part(contact=contact, is_whole=is_whole) for contact in spelled]
    assert entry_of(parts, UPDATE).contact == a_contact("Ada@Example.com", CITY="London")


def test_of_records_before_a_whole_one_nothing_is_left() -> None:
    whole = a_part(contact=a_contact(CITY="Rome"), is_whole=True)
    parts = [a_part(contact=a_contact(FIRSTNAME="Ada", CITY="London")), whole]
    later = a_part(contact=a_contact(TITLE="Dr."))
    assert entry_of([*parts, later], UPDATE).contact == a_contact(CITY="Rome", TITLE="Dr.")


def test_with_ignore_the_first_record_stands() -> None:
    first = a_contact(FIRSTNAME="Ada")
    assert merged([first, a_contact(FIRSTNAME="Eva", CITY="Rome")], IGNORE) == first


@pytest.mark.parametrize(
    ("earlier", "later", "expected"),
    [
        (Preference("true"), Preference("false"), Preference("false")),
        (
            Preference("true", "shop"),
            Preference("false"),
            Preference("false", "shop"),
        ),
        (
            Preference("true", "shop"),
            Preference("true", ""),
            Preference("true", ""),
        ),
        (
            Preference("true", ""),
            Preference("false"),
            Preference("false", ""),
        ),
        (
            Preference("true"),
            Preference("false", "web"),
            Preference("false", "web"),
        ),
    ],
)
def test_of_a_preference_value_and_source_are_merged_apart(
    earlier: Preference, later: Preference, expected: Preference
) -> None:
    pair = [a_contact(preferences={WEEKLY: p}) for p in (earlier, later)]
    assert merged(pair, UPDATE).preferences == {WEEKLY: expected}


# Identifiers, compared.


@pytest.mark.parametrize(
    ("contact", "keys"),
    [
        (Contact(), ()),
        (Contact("Ada@Example.COM"), ("eada@example.com",)),
        (Contact("a@b.de", "X1", "007"), ("ea@b.de", "xX1", "i7")),
        (Contact(" A@b.de"), ("ea@b.de", "e a@b.de")),
        (Contact("\u212aATE@b.de"), ("e\u212aate@b.de", "ekate@b.de")),
        (Contact("änne@B.de"), ("eänne@b.de",)),
        (Contact("Änne@b.de"), ("eÄnne@b.de", "eänne@b.de")),
        (Contact(external_id="x "), ("xx", "xx ")),
        (Contact(external_id="a@b.de"), ("xa@b.de",)),
    ],
)
def test_identifiers_are_compared_the_address_without_case(
    contact: Contact, keys: tuple[str, ...]
) -> None:
    assert contact_keys(contact) == keys


@pytest.mark.parametrize(
    ("one", "other", "share"),
    [
        (Contact("a@b.de"), Contact("A@B.de", "x"), True),
        (Contact("a@b.de"), Contact(" a@b.de "), True),
        (Contact(external_id="x"), Contact(external_id="X"), False),
        (Contact(external_id="x"), Contact(external_id="\tx"), True),
        (Contact(id="7"), Contact(id="07"), True),
        (Contact(external_id="7"), Contact(id="7"), False),
        (Contact("\u212aate@b.de"), Contact("kate@b.de"), True),
        (Contact("Änne@b.de"), Contact("änne@b.de"), True),
        (Contact("a@b.de", "x"), Contact("c@d.de", "x"), True),
    ],
)
def test_contacts_share_a_key_if_they_may_be_one_person(
    one: Contact, other: Contact, share: bool
) -> None:
    assert bool({*contact_keys(one)} & {*contact_keys(other)}) is share


# Entries.


def test_an_entry_of_one_record_is_the_record() -> None:
    part = a_part(3)
    entry = entry_of([part], UPDATE)
    assert (entry.contact, entry.payload, entry.identity_keys) == (
        part.contact,
        part.payload,
        part.identity_keys,
    )
    assert (entry.position, entry.parts) == (3, [part])


@pytest.mark.parametrize("mode", SynchronizationMode)
def test_an_entry_is_merged_when_it_is_sealed(mode: SynchronizationMode) -> None:
    parts = [a_part(5, a_contact(FIRSTNAME="Ada")), a_part(9, a_contact(CITY="London"))]
    entry = entry_of(parts, mode)
    assert entry.contact == merged([part.contact for part in parts], mode)
    assert entry.payload == contact_bytes(entry.contact)
    assert (entry.position, entry.parts) == (5, parts)
    assert parts[0].contact == a_contact(FIRSTNAME="Ada")

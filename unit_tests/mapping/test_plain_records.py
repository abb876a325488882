"""The short way comes out where the long way does, byte by byte."""

from __future__ import annotations

import tracemalloc
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from destination_maileon.config.targets import Kind, Target
from destination_maileon.maileon.contact import Contact, FieldType
from destination_maileon.maileon.contact_xml import contact_bytes
from destination_maileon.maileon.identifier import IdentifierMode
from destination_maileon.mapping import plain_records
from destination_maileon.mapping.mapped_record import contact_keys
from destination_maileon.mapping.plain_records import PlainRecords
from destination_maileon.mapping.record_mapper import Column, MappingRules, RecordMapper
from destination_maileon.protocol import exact_json
from destination_maileon.protocol.messages import RecordMessage, decode

if TYPE_CHECKING:
    from destination_maileon.mapping.mapped_record import Written

COLUMNS = [
    Column("mail", Target(Kind.EMAIL)),
    Column("customer", Target(Kind.EXTERNAL_ID)),
    Column("number", Target(Kind.MAILEON_ID)),
    Column("name", Target(Kind.STANDARD, "FIRSTNAME")),
    Column("born", Target(Kind.STANDARD, "BIRTHDAY"), type=FieldType.DATE, clear=True),
    Column("sex", Target(Kind.STANDARD, "GENDER"), type=FieldType.GENDER),
    Column("tongue", Target(Kind.STANDARD, "LOCALE"), type=FieldType.LOCALE),
    Column("eye", Target(Kind.CUSTOM, "Eye <&> Color"), clear=True),
    Column("age", Target(Kind.CUSTOM, "age"), type=FieldType.INTEGER, clear=True),
    Column("weight", Target(Kind.CUSTOM, "weight"), type=FieldType.FLOAT),
    Column("member", Target(Kind.CUSTOM, "member"), type=FieldType.BOOLEAN),
    Column("news", Target(Kind.PREFERENCE, "Weekly & more", "News"), source="web", has_source=True),
    Column("offers", Target(Kind.PREFERENCE, "Offers", "News")),
    Column("listed", Target(Kind.PREFERENCES)),
    Column("gone", Target(Kind.DELETED)),
    Column("left", Target(Kind.UNSUBSCRIBE)),
    Column("nothing", Target(Kind.SKIP)),
]
PLAIN = {"mail": "Anna@Example.com", "customer": "C-1", "name": "Anna", "age": 41, "news": True}
VALUES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=300)
    | st.sampled_from(
        ["", " ", "7", "de-DE", "female", "2024-05-06T07:08:09Z", "a@b.de", "\r", "&"]
    )
    | st.lists(st.integers(), max_size=2)
    | st.just(Decimal("123456789012345678901234567890.5"))
)
RECORDS = st.dictionaries(st.sampled_from([c.name for c in COLUMNS]), VALUES)
NULLS = st.fixed_dictionaries({"listed": st.none(), "gone": st.none(), "left": st.none()})
IDENTIFIERS = st.fixed_dictionaries(
    {
        "mail": st.none() | st.sampled_from(["a@b.de", "A@B.DE", " a@b.de", ""]),
        "customer": st.none() | st.sampled_from(["x", "007", 7, True, "ä"]),
        "number": st.none() | st.sampled_from([1, "12", "012", 0, "x", -1]),
    }
)


def read(data: Mapping[str, object]) -> RecordMessage:
    """A record as it comes in."""
    line = exact_json.dumps({"type": "RECORD", "record": {"stream": "contacts", "data": data}})
    message = decode(line, 1)
    assert isinstance(message, RecordMessage)
    return message


def element(plain: PlainRecords, data: Mapping[str, object]) -> Written | None:
    """What comes of a record, by the short way."""
    message = read(data)
    assert message.data is not None
    return plain.element(message.data, message.types, is_clean=message.is_clean)


def rules(mode: IdentifierMode, *, truncates: bool = False) -> MappingRules:
    return MappingRules(identifier_mode=mode, truncate_long_text=truncates)


@given(
    record=RECORDS,
    nulls=NULLS,
    identifiers=IDENTIFIERS,
    mode=st.sampled_from(list(IdentifierMode)),
    truncates=st.booleans(),
)
def test_the_short_way_agrees_with_the_long_way(
    record: dict[str, object],
    nulls: dict[str, object],
    identifiers: dict[str, object],
    mode: IdentifierMode,
    truncates: bool,
) -> None:
    data = record | nulls | identifiers
    plain = element(PlainRecords(COLUMNS, rules(mode, truncates=truncates)), data)
    if plain is None:
        return
    contact = RecordMapper(COLUMNS, rules(mode, truncates=truncates)).map(read(data).data or {})
    assert isinstance(contact, Contact)
    assert plain == (contact_bytes(contact), contact_keys(contact))


@pytest.mark.parametrize("mode", IdentifierMode)
def test_a_usual_record_goes_the_short_way(mode: IdentifierMode) -> None:
    plain = element(PlainRecords(COLUMNS, rules(mode)), PLAIN)
    assert plain is not None
    assert plain[1] == ("eanna@example.com", "xC-1")


@pytest.mark.parametrize(
    "unusual",
    [
        {"mail": None, "customer": None},
        {"mail": " anna@example.com"},
        {"mail": ["anna@example.com"]},
        {"name": "Anna & Co"},
        {"name": "a\x00b"},
        {"gone": False},
        {"left": "2024-05-06"},
        {"listed": []},
        {"_ab_cdc_deleted_at": "2024-05-06"},
    ],
)
def test_an_unusual_record_goes_the_long_way(unusual: dict[str, object]) -> None:
    assert element(PlainRecords(COLUMNS, rules(IdentifierMode.EMAIL)), PLAIN | unusual) is None


def test_no_record_of_a_stream_of_deletions_is_plain() -> None:
    deletions = MappingRules(identifier_mode=IdentifierMode.EMAIL, every_record_is_deleted=True)
    assert element(PlainRecords(COLUMNS, deletions), PLAIN) is None


def test_columns_that_nobody_has_resolved_go_the_long_way() -> None:
    plain = PlainRecords(COLUMNS, rules(IdentifierMode.EMAIL))
    assert element(plain, PLAIN | {"new": None}) is None


def test_only_so_many_shapes_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain_records, "MAX_SHAPES", 2)
    plain = PlainRecords(COLUMNS, rules(IdentifierMode.EMAIL))
    assert element(plain, PLAIN) is not None
    assert element(plain, PLAIN | {"age": None}) is not None
    assert element(plain, PLAIN | {"age": 1.5}) is None
    assert element(plain, PLAIN | {"age": 42}) is not None


def test_what_is_remembered_of_unmapped_columns_is_forgotten_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(plain_records, "MAX_REMEMBERED", 3)
    plain = PlainRecords(COLUMNS, rules(IdentifierMode.EMAIL))
    values: list[object] = [1, "a", None, 1.5, [], {}]
    written = {element(plain, PLAIN | {"nothing": value}) for value in values}
    assert written == {element(plain, PLAIN)}
    assert None not in written


def test_only_so_many_layouts_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain_records, "MAX_SHAPES", 1)
    plain = PlainRecords(COLUMNS, rules(IdentifierMode.EMAIL))
    assert element(plain, PLAIN) is not None
    assert element(plain, {"mail": "anna@example.com"}) is None
    assert element(plain, PLAIN) is not None


def test_only_so_many_columns_are_kept_in_all(monkeypatch: pytest.MonkeyPatch) -> None:
    # Once for their layout, and once for their types.
    monkeypatch.setattr(plain_records, "MAX_COLUMNS", 2 * len(PLAIN) + 2)
    plain = PlainRecords(COLUMNS, rules(IdentifierMode.EMAIL))
    narrow: dict[str, object] = {"mail": "anna@example.com"}
    assert element(plain, PLAIN) is not None
    assert element(plain, PLAIN | {"age": None}) is None
    assert element(plain, dict(reversed(PLAIN.items()))) is None
    assert element(plain, narrow) is not None
    assert element(plain, {"age": None, **narrow}) is None
    assert None not in (element(plain, PLAIN), element(plain, narrow))


def test_what_is_remembered_of_wide_records_is_forgotten_sooner(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    unmapped = dict.fromkeys(("nothing", *(f"n{n}" for n in range(400))))
    monkeypatch.setattr(plain_records, "MAX_COLUMNS", 5 * (len(PLAIN) + 400))
    columns = [*COLUMNS, *(Column(name, Target(Kind.SKIP)) for name in unmapped)]
    plain = PlainRecords(columns, rules(IdentifierMode.EMAIL))
    tracemalloc.start()
    try:
        for number in range(400):
            column = f"n{number}"
            assert element(plain, PLAIN | unmapped | {column: 1}) is not None
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 400_000

"""Which records say that their contact is gone, and what becomes of the contact then."""

from __future__ import annotations

from decimal import Decimal

import pytest

from destination_maileon.config.spec import DeletedRecords
from destination_maileon.mapping.mapped_record import Reason, Refusal
from destination_maileon.mapping.removal_columns import RemovalColumns, says_yes

IGNORE, UNSUBSCRIBE, DELETE = DeletedRecords
CDC = "_ab_cdc_deleted_at"


def columns(
    when_deleted: DeletedRecords = DELETE,
    *,
    unsubscribe: tuple[str, ...] = ("left",),
) -> RemovalColumns:
    return RemovalColumns(unsubscribe, when_deleted)


@pytest.mark.parametrize("removal", DeletedRecords)
@pytest.mark.parametrize(
    "data",
    [{CDC: "2024-05-01T10:00:00Z"}, {CDC: 1714521600}, {CDC: True}, {CDC: "gone"}, {CDC: []}]
    + [{CDC: value} for value in ("9999-12-31", "1970-01-01T00:00:00Z", 253402214400)],
)
def test_a_cdc_deletion_becomes_what_is_configured(
    removal: DeletedRecords, data: dict[str, object]
) -> None:
    assert columns(removal, unsubscribe=()).removal(data) is removal


@pytest.mark.parametrize("value", [None, "", " "])
def test_a_cdc_column_that_is_empty_marks_no_deletion(value: object) -> None:
    assert columns().removal({CDC: value}) is None


@pytest.mark.parametrize("removal", DeletedRecords)
@pytest.mark.parametrize("value", [False, 0, "0", "0000-00-00", "null"])
def test_a_cdc_column_that_says_no_removes_nobody_and_writes_nobody(
    removal: DeletedRecords, value: object
) -> None:
    with pytest.raises(Refusal) as caught:
        columns(removal).removal({CDC: value})
    assert caught.value.advice.endswith("time of the deletion there, or leave it empty.")
    assert (caught.value.reason, caught.value.field) == (Reason.UNCLEAR_REMOVAL, CDC)


def test_what_another_column_says_needs_no_cdc_column() -> None:
    assert columns(DELETE).removal({CDC: False, "gone": True}) is DELETE


@pytest.mark.parametrize("removal", DeletedRecords)
@pytest.mark.parametrize("value", [True, "true", 1, "2024-05-01", 1714521600])
def test_a_deleted_column_becomes_what_is_configured(
    removal: DeletedRecords, value: object
) -> None:
    assert columns(removal).removal({"gone": value}) is removal


@pytest.mark.parametrize("removal", DeletedRecords)
@pytest.mark.parametrize("value", [True, "yes", 1, "2024-05-01"])
def test_an_unsubscribe_column_unsubscribes_whatever_is_configured(
    removal: DeletedRecords, value: object
) -> None:
    assert columns(removal).removal({"left": value}) is UNSUBSCRIBE


@pytest.mark.parametrize(
    ("when_deleted", "expected"),
    [(IGNORE, UNSUBSCRIBE), (UNSUBSCRIBE, UNSUBSCRIBE), (DELETE, DELETE)],
)
def test_who_is_deleted_and_unsubscribed_is_deleted_unless_that_is_ignored(
    when_deleted: DeletedRecords, expected: DeletedRecords
) -> None:
    assert columns(when_deleted).removal({"gone": True, "left": True}) is expected


@pytest.mark.parametrize("removal", [UNSUBSCRIBE, DELETE])
def test_every_record_of_a_soft_delete_is_a_deletion(removal: DeletedRecords) -> None:
    soft_delete = RemovalColumns((), removal, every_record_is_deleted=True)
    assert soft_delete.removal({}) is removal
    assert soft_delete.removal({"gone": False, CDC: None}) is removal


def test_the_cdc_column_may_be_mapped_to_unsubscribe() -> None:
    mapped = columns(DELETE, unsubscribe=(CDC,))
    assert mapped.removal({CDC: "2024-05-01T10:00:00Z"}) is UNSUBSCRIBE
    assert mapped.removal({CDC: None}) is None


def test_one_of_several_columns_is_enough() -> None:
    several = columns(unsubscribe=("c", "d"))
    assert several.removal({"a": None, "b": True}) is DELETE
    assert several.removal({"c": False, "d": True}) is UNSUBSCRIBE


@pytest.mark.parametrize("data", [{}, {"gone": None, "left": None}, {"gone": False, "left": "0"}])
def test_a_contact_stays_if_nothing_says_it_is_gone(data: dict[str, object]) -> None:
    assert columns().removal(data) is None


@pytest.mark.parametrize(
    ("data", "column"),
    [
        ({"gone": "perhaps"}, "gone"),
        ({"gone": "9999-12-31T23:59:59Z"}, "gone"),
        ({"left": "1970-01-01T00:00:00Z"}, "left"),
        ({"left": []}, "left"),
        ({"gone": {}, "left": "?"}, "gone"),
        ({"gone": False, "left": "n/a"}, "left"),
    ],
)
def test_a_column_that_says_neither_yes_nor_no_is_named_and_removes_nobody(
    data: dict[str, object], column: str
) -> None:
    with pytest.raises(Refusal, match="this person stays in Maileon") as caught:
        columns().removal(data)
    assert (caught.value.reason, caught.value.field) == (Reason.UNCLEAR_REMOVAL, column)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, False),
        (True, True),
        (False, False),
        (0, False),
        (1, True),
        (0.0, False),
        (1714521600, True),
        (Decimal("1714521600.5"), True),
        ("", False),
        (" ", False),
        ("null", False),
        ("None", False),
        ("false", False),
        ("No", False),
        ("0", False),
        ("off", False),
        ("true", True),
        (" YES ", True),
        ("t", True),
        ("2024-05-01T10:00:00Z", True),
        ("20240501", True),
        (1714521600123, True),
        ("1714521600", True),
        ("1.0", True),
        ("2024-05-01 10:00:00.000000+02:00", True),
        ("2024-05-01T10:00:00.000Z[Europe/Berlin]", True),
        ("31.12.2024", True),
        ("12/31/2024 11:59 PM", True),
        ("Wed, 01 May 2024 10:00:00 GMT", True),
        ("May 1, 2024", True),
        ("00:00:00", None),
        ("0.0", False),
        ("0E-10", False),
        ("0e5", False),
        (2, None),
        (-1, None),
        (45000, None),
        ("2024", None),
        ("level 2", None),
        ("192.168.100.1", None),
        ("https://example.com/unsubscribe?id=20240501", None),
        ("1e9", True),
        ("0000-00-00 00:00:00", False),
        ("0000-00-00", False),
        (100_000_000, True),
        (1714521600123456, True),
        (1714521600123456789, True),
        ("20240501103000", True),
        ("20240501T103000Z", True),
        ("2024/5/1", True),
        ("2099-12-31", True),
        ("2100-01-01", None),
        ("9999-12-31", None),
        ("9999-12-31T23:59:59Z", None),
        ("99991231", None),
        ("31.12.9999", None),
        ("Dec 31, 9999", None),
        (4_102_444_799, True),
        (4_102_444_800, None),
        (253_402_214_400, None),
        (253_402_300_799_999, None),
        (9_223_372_036_854_775_807, None),
        ("0001-01-01", None),
        ("0001-01-01T00:00:00Z", None),
        ("1900-01-01", None),
        ("1970-01-01", None),
        ("1970-01-01T00:00:00Z", None),
        ("1969-12-31T19:00:00-05:00", None),
        ("01/01/1970", None),
        ("19700101", None),
        ("1971-01-01", True),
        ("1.2.3", None),
        ("10.11.12", None),
        ("0.0.0", None),
        ("perhaps", None),
        ("n/a", None),
        ([], None),
        ({"deleted": True}, None),
        ([1], None),
    ],
)
def test_a_removal_column_says_yes_no_or_nothing_clear(
    value: object, expected: bool | None
) -> None:
    assert says_yes(value) is expected


@pytest.mark.parametrize(
    "time",
    [
        "May  1 2024 10:00AM",
        "May 31 2024  9:05PM",
        "May  1 2024 10:00:00:123AM",
        "Wed May 01 2024 10:00:00 GMT+0200",
        "Wed May 01 2024 10:00:00 GMT+0200 (Central European Summer Time)",
        "Wed, 01 May 2024 10:00:00 GMT",
        "Wed May 01 2024",
    ],
)
def test_what_can_only_be_a_time_is_a_yes(time: str) -> None:
    assert says_yes(time) is True


@pytest.mark.parametrize("text", ["May 12024", "May 1", "Wed", "GMT+0200", "May 2024 (maybe)"])
def test_what_only_begins_like_a_time_is_neither_yes_nor_no(text: str) -> None:
    assert says_yes(text) is None

"""Custom fields that vanish during a sync: found out once, left out, and told."""

from __future__ import annotations

from destination_maileon.delivery.vanished import MissingFields
from destination_maileon.maileon.contact import FieldType
from destination_maileon.mapping.mapped_record import BatchEntry
from destination_maileon.streams.account import Account
from unit_tests.support.builders import CountingApi, a_contact, a_part, at_once
from unit_tests.support.rooms import UPDATE, Heard, a_lane

BOTH = {"HAT": FieldType.STRING, "AGE": FieldType.INTEGER}
LANE = a_lane()


class Vanishing:
    """An account that had two fields when the sync began, and who is told what."""

    def __init__(self) -> None:
        self.api = CountingApi(BOTH)
        account = Account(self.api, at_once)
        assert account.custom_fields == BOTH
        self.forgotten: list[str] = []
        self.heard = Heard()
        self.fields = MissingFields(account, forget=self.forgotten.append, log=self.heard)

    def without(self, *parts: dict[str, str]) -> BatchEntry | None:
        records = [a_part(n, a_contact(custom=part)) for n, part in enumerate(parts, start=1)]
        return self.fields.without(LANE, BatchEntry.of(records, UPDATE))


def fields_of(entry: BatchEntry | None) -> list[dict[str, str | None]]:
    """Of the contact, and of each of its records."""
    assert entry is not None
    return [entry.contact.custom_fields, *(part.contact.custom_fields for part in entry.parts)]


def test_a_field_that_is_gone_is_left_out_of_the_contact_and_of_each_record() -> None:
    vanishing = Vanishing()
    del vanishing.api.fields["HAT"]
    entry = vanishing.without({"HAT": "red", "AGE": "7"}, {"HAT": "blue"})
    assert fields_of(entry) == [{"AGE": "7"}, {"AGE": "7"}, {}]
    assert entry is not None
    assert entry.contact.email == a_contact().email
    assert [part.place for part in entry.parts] == [1, 2]


def test_an_entry_whose_fields_are_all_there_stays_rejected() -> None:
    vanishing = Vanishing()
    assert vanishing.without({"HAT": "red"}) is None
    vanishing.fields.warn()
    assert (vanishing.forgotten, vanishing.heard.said) == ([], [])


def test_the_account_is_asked_again_once() -> None:
    vanishing = Vanishing()
    del vanishing.api.fields["HAT"]
    for _ in range(3):
        assert vanishing.without({"HAT": "red"}) is not None
    assert vanishing.api.calls == ["custom_fields"] * 2


def test_the_records_to_come_are_mapped_without_it() -> None:
    vanishing = Vanishing()
    vanishing.api.fields.clear()
    vanishing.without({"HAT": "red"})
    vanishing.without({"HAT": "red", "AGE": "7"})
    assert vanishing.forgotten == ["HAT", "AGE"]


def test_one_warning_counts_the_records_of_each_field() -> None:
    vanishing = Vanishing()
    vanishing.api.fields.clear()
    vanishing.without({"HAT": "red"}, {"HAT": "blue"})
    vanishing.without({"HAT": "red", "AGE": "7"})
    vanishing.fields.warn()
    [warning] = vanishing.heard.warnings
    assert '"HAT" (3 records), "AGE" (1 record)' in warning
    assert "red" not in warning

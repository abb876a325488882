"""What a dry run foresees of a request that is not sent: what the documented rules refuse."""

from __future__ import annotations

from destination_maileon.delivery.dry_run import foreseen
from destination_maileon.delivery.report_matching import read
from destination_maileon.maileon.contact import FieldType
from destination_maileon.maileon.report import SynchronizationReport
from unit_tests.support.builders import a_contact, a_part
from unit_tests.support.rooms import a_removal_request, a_request, someone

TYPES = {"AGE": FieldType.INTEGER}


def test_what_breaks_a_documented_rule_is_foreseen_as_invalid_and_named() -> None:
    request = a_request(
        someone(1),
        a_part(2, a_contact("2@example.com", CITY="x" * 256)),
        a_part(3, a_contact("3@example.com", custom={"AGE": "old"})),
        a_part(4, a_contact("4@example.com", custom={"AGE": "41"})),
    )
    report = foreseen(request, TYPES)
    assert isinstance(report, SynchronizationReport)
    assert [found.email for found in report.invalid_contacts] == ["2@example.com", "3@example.com"]
    reading = read(request.entries, report)
    assert [entry.position for entry, _ in reading.rejected] == [2, 3]
    assert [entry.position for entry in reading.accepted] == [1, 4]


def test_whoever_would_be_written_counts_as_neither_new_nor_existing() -> None:
    report = foreseen(a_request(someone(1), someone(2)), TYPES)
    assert report == SynchronizationReport(
        contacts=2, new=0, existing=0, invalid=0, unsubscribed=0, invalid_contacts=()
    )


def test_whoever_is_removed_is_taken_for_somebody_who_was_there() -> None:
    assert foreseen(a_removal_request(), TYPES) is True

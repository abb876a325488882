"""Calls that are refused, and syncs in which nobody may be: who is blamed, and who is not."""

from __future__ import annotations

import pytest

from destination_maileon.accounting.rejection_limits import RejectionLimits
from destination_maileon.errors import ConfigError, StopSync
from destination_maileon.maileon.contact import Contact
from destination_maileon.maileon.errors import (
    MaileonError,
    RequestRejected,
    Unauthorized,
)
from destination_maileon.maileon.report import InvalidContact
from unit_tests.support.builders import a_contact, a_part, a_plan, options
from unit_tests.support.harness import PLAN, REFUSED, Desk, places
from unit_tests.support.rooms import (
    a_lane,
    a_report,
    invalid,
    someone,
)

# Strictly.

STRICT = a_lane(a_plan(options=options(ignore_invalid_contacts=False)))


@pytest.mark.parametrize("invalid_contacts", [[invalid("1@example.com")], []])
def test_a_strict_sync_counts_nothing_of_a_call_with_an_invalid_contact(
    invalid_contacts: list[InvalidContact],
) -> None:
    desk = Desk(lane=STRICT, limits=RejectionLimits(is_strict=True))
    call = desk.call(someone(1), someone(2))
    with pytest.raises(StopSync, match="ignore_invalid_contacts"):  # noqa: PT012 - one of two says so
        desk.answer(call, a_report(2, invalid_contacts, invalid=1))
        desk.ledger.heed()
    assert "written" not in desk.ledger.outcomes.values()
    assert desk.ledger.counts[STRICT.plan].written == 0


def _fails_strictly(*contacts: Contact) -> tuple[Desk, StopSync]:
    """These records of one contact, which a report names as invalid."""
    desk = Desk(lane=STRICT, limits=RejectionLimits(is_strict=True))
    parts = [a_part(place, contact) for place, contact in enumerate(contacts, start=2)]
    call = desk.call(someone(1), parts)
    desk.answer(call, a_report(2, [invalid("ada@example.com")], invalid=1))
    with pytest.raises(StopSync, match="ignore_invalid_contacts") as error:
        desk.ledger.heed()
    return desk, error.value


def test_a_strict_sync_blames_no_single_record_of_a_contact_of_several() -> None:
    bad = a_contact(FIRSTNAME="x" * 256)
    desk, failure = _fails_strictly(a_contact(CITY="London"), bad)
    assert desk.ledger.outcomes == {}
    assert desk.ledger.rejected_records == 0
    told = (
        "One of the 2 records of one contact of stream contacts (email a***@***.com; records 2, 3)"
    )
    assert str(failure).startswith(f"{told} was rejected: error 8, ")
    assert failure.place == 2
    [warning] = desk.heard.warnings
    assert warning.startswith(told)


def test_a_strict_sync_blames_the_record_that_alone_is_the_contact() -> None:
    bad = a_contact(FIRSTNAME="x" * 256, CITY="Paris")
    desk, failure = _fails_strictly(a_contact(FIRSTNAME="Ada", CITY="London"), bad)
    assert desk.ledger.outcomes == {3: "rejected"}
    assert failure.place == 3


def test_of_many_records_of_one_contact_the_first_are_named() -> None:
    records = [a_contact(CITY="London"), *[a_contact(FIRSTNAME="x" * 256)] * 11]
    _, failure = _fails_strictly(*records)
    assert "(email a***@***.com; records 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, ...)" in str(failure)


def test_a_strict_sync_ends_with_a_call_that_is_refused() -> None:
    desk = Desk(lane=STRICT)
    with pytest.raises(StopSync, match="HTTP 400") as error:
        desk.answer(desk.call(someone(1), someone(2)), REFUSED)
    assert (error.value.place, desk.ledger.outcomes) == (1, {})


def test_a_strict_sync_rejects_the_one_record_of_a_call_that_is_refused() -> None:
    desk = Desk(lane=STRICT, limits=RejectionLimits(is_strict=True))
    desk.answer(desk.call(someone(1)), REFUSED)
    assert desk.ledger.outcomes == {1: "rejected"}
    with pytest.raises(StopSync, match=r"HTTP 400.*set it to true") as error:
        desk.ledger.heed()
    assert error.value.place == 1


# Refused, and stopped.


@pytest.mark.parametrize("status", [400, 413])
def test_a_call_that_is_refused_is_halved_until_the_cause_stands_alone(status: int) -> None:
    desk = Desk()
    refusal = RequestRejected("Refused.", status=status, server_message="2@example.com is wrong")
    desk.answer(desk.call(*map(someone, (1, 2, 3))), refusal)
    [one, others] = desk.next()
    assert places([one, others]) == [[[1]], [[2], [3]]]
    desk.answer(others, refusal)
    [two, three] = desk.next()
    desk.answer(two, refusal)
    # Until a call is accepted, it may be the parameters.
    assert desk.ledger.outcomes == {}
    desk.answer(one, a_report(1))
    assert desk.ledger.outcomes == {1: "written", 2: "rejected"}
    desk.answer(three, a_report(1))
    [line] = desk.heard.warnings
    assert f"HTTP {status}" in line
    assert 'Maileon says: "*** is wrong".' in line


def test_a_call_that_is_only_halved_is_not_searched_for_what_must_not_be_shown() -> None:
    desk = Desk()
    # Nobody can read these contacts back.
    desk.answer(desk.call(*(someone(at, payload=b"\xff") for at in (1, 2))), REFUSED)
    [first, _] = desk.next()
    with pytest.raises(UnicodeDecodeError):
        desk.answer(first, REFUSED)


def test_refusals_to_the_end_are_the_fault_of_the_parameters() -> None:
    desk = Desk()
    desk.answer(desk.call(someone(1)), REFUSED)
    with pytest.raises(ConfigError, match="accepted none"):
        desk.settlement.close()


@pytest.mark.parametrize(
    "answer", [Unauthorized("The key is wrong."), RequestRejected("No.", status=405)]
)
def test_what_no_call_can_mend_ends_the_sync(answer: MaileonError) -> None:
    desk = Desk()
    with pytest.raises(ConfigError):
        desk.answer(desk.call(someone(1), someone(2)), answer)
    assert desk.ledger.outcomes == {}


# Farewells.


@pytest.mark.parametrize("was_there", [True, False])
def test_whoever_is_gone_already_is_no_error(was_there: bool) -> None:
    desk = Desk()
    desk.answer(desk.farewell(someone(1)), was_there)
    counts = desk.ledger.counts[PLAN]
    assert (counts.removed, counts.gone, desk.ledger.outcomes) == (
        1,
        int(not was_there),
        {1: "written"},
    )
    assert desk.dispatch.is_idle


@pytest.mark.parametrize("status", [400, 409])
def test_a_farewell_that_is_refused_is_the_persons_fault_once_another_was_accepted(
    status: int,
) -> None:
    desk = Desk()
    desk.answer(desk.farewell(someone(1)), RequestRejected("No.", status=status))
    assert desk.ledger.outcomes == {}
    desk.answer(desk.farewell(someone(2)), answer=True)
    assert desk.ledger.outcomes == {1: "rejected", 2: "written"}
    desk.settlement.close()


def test_if_nobody_can_be_deleted_the_sync_fails() -> None:
    desk = Desk()
    desk.answer(desk.farewell(someone(1)), REFUSED)
    with pytest.raises(ConfigError, match="refused all deletions and unsubscriptions"):
        desk.settlement.close()
    with pytest.raises(ConfigError, match="HTTP 405"):
        desk.answer(desk.farewell(someone(2)), RequestRejected("No.", status=405))

"""Calls that are refused as a whole: the contacts are to blame only once a call was accepted."""

from __future__ import annotations

import pytest

from destination_maileon.accounting.ledger import Ledger
from destination_maileon.accounting.rejection_limits import RejectionLimits
from destination_maileon.delivery.request import Request
from destination_maileon.delivery.suspicion import MAX_REFUSED_CALLS, Kind, RefusalTracker
from destination_maileon.errors import ConfigError, StopSync
from destination_maileon.rejections.rejection import Rejection
from unit_tests.support.builders import a_plan
from unit_tests.support.harness import REFUSED, Desk
from unit_tests.support.rooms import a_call, a_farewell, a_lane, a_ledger, a_rejection, someone

PLAN = a_plan()
LANE = a_lane(PLAN)


def a_goodbye(place: int) -> Request:
    return a_call(someone(place), lane=LANE, farewell=a_farewell())


def suspicion_of(ledger: Ledger, *places: int) -> RefusalTracker:
    """These records were refused alone."""
    suspicion = RefusalTracker(ledger)
    for place in places:
        ledger.received(PLAN, 0.0)
        suspicion.grows(Kind.WRITE, a_rejection)
        suspicion.falls_on(a_call(someone(place), lane=LANE), a_rejection())
    return suspicion


def test_a_record_that_is_refused_is_not_rejected_before_another_call_was_accepted() -> None:
    ledger = a_ledger(PLAN)
    suspicion = suspicion_of(ledger, 1, 2)
    assert ledger.rejected_records == 0
    suspicion.lifts(Kind.WRITE)
    assert ledger.rejected_records == 2
    suspicion.lifts(Kind.WRITE)
    assert ledger.rejected_records == 2
    suspicion.close()


def test_once_a_call_was_accepted_a_record_that_is_refused_is_rejected_at_once() -> None:
    ledger = a_ledger(PLAN)
    suspicion = suspicion_of(ledger)
    suspicion.lifts(Kind.WRITE)
    for place in range(1, 2 * MAX_REFUSED_CALLS):
        ledger.received(PLAN, 0.0)
        suspicion.grows(Kind.WRITE, a_rejection)
        suspicion.falls_on(a_call(someone(place), lane=LANE), a_rejection())
        assert ledger.rejected_records == place
    suspicion.close()


def test_if_no_call_is_accepted_up_to_the_end_the_parameters_are_wrong() -> None:
    ledger = a_ledger(PLAN)
    suspicion = suspicion_of(ledger, 1, 2)
    with pytest.raises(ConfigError, match=r"all 2 calls as a whole .* Shorten it"):
        suspicion.close()
    assert ledger.rejected_records == 0


def test_forty_refused_calls_and_none_accepted_are_enough() -> None:
    suspicion = suspicion_of(a_ledger(PLAN))
    for _ in range(MAX_REFUSED_CALLS - 1):
        suspicion.grows(Kind.WRITE, a_rejection)
    with pytest.raises(ConfigError, match="all 40 calls"):
        suspicion.grows(Kind.WRITE, a_rejection)


def test_forty_refused_farewells_and_nothing_accepted_are_enough() -> None:
    suspicion = suspicion_of(a_ledger(PLAN))
    for _ in range(MAX_REFUSED_CALLS - 1):
        suspicion.grows(Kind.FAREWELL, a_rejection)
    with pytest.raises(ConfigError, match="all 40 deletions and unsubscriptions"):
        suspicion.grows(Kind.FAREWELL, a_rejection)


def refused_farewells(ledger: Ledger, number: int) -> RefusalTracker:
    """So many, while contacts are accepted."""
    suspicion = suspicion_of(ledger)
    suspicion.lifts(Kind.WRITE)
    for place in range(1, number + 1):
        ledger.received(PLAN, 0.0)
        suspicion.grows(Kind.FAREWELL, a_rejection)
        suspicion.falls_on(a_goodbye(place), a_rejection())
    return suspicion


def test_if_nobody_can_be_removed_while_contacts_are_accepted_the_sync_fails_at_its_end() -> None:
    ledger = a_ledger(PLAN)
    suspicion = refused_farewells(ledger, 2 * MAX_REFUSED_CALLS)
    assert ledger.rejected_records == 2 * MAX_REFUSED_CALLS
    with pytest.raises(ConfigError, match=r"all 80 deletions .* nobody was removed.* Shorten it"):
        suspicion.close()


def test_if_somebody_can_be_removed_the_sync_ends_well() -> None:
    suspicion = refused_farewells(a_ledger(PLAN), MAX_REFUSED_CALLS)
    suspicion.lifts(Kind.FAREWELL)
    suspicion.close()


def test_a_few_farewells_that_are_refused_are_rejections_where_contacts_are_accepted() -> None:
    ledger = a_ledger(PLAN)
    suspicion = refused_farewells(ledger, MAX_REFUSED_CALLS - 1)
    assert ledger.rejected_records == MAX_REFUSED_CALLS - 1
    suspicion.close()


def test_that_somebody_is_removed_clears_no_contact() -> None:
    ledger = a_ledger(PLAN)
    suspicion = suspicion_of(ledger, 1)
    suspicion.grows(Kind.FAREWELL, a_rejection)
    suspicion.falls_on(a_goodbye(2), a_rejection())
    ledger.received(PLAN, 0.0)
    suspicion.lifts(Kind.FAREWELL)
    assert ledger.rejected_records == 1
    with pytest.raises(ConfigError, match="refused all calls as a whole"):
        suspicion.close()


def test_a_refusal_that_ends_nothing_is_not_put_into_words() -> None:
    suspicion = suspicion_of(a_ledger(PLAN))
    told: list[Rejection] = []

    def tell() -> Rejection:
        told.append(a_rejection())
        return told[-1]

    for _ in range(MAX_REFUSED_CALLS - 1):
        suspicion.grows(Kind.WRITE, tell)
    assert told == []
    with pytest.raises(ConfigError, match="Shorten it"):
        suspicion.grows(Kind.WRITE, tell)
    assert len(told) == 1


def test_a_sync_without_refusals_ends_well() -> None:
    suspicion_of(a_ledger(PLAN)).close()


def test_suspects_may_be_more_than_are_allowed_to_be_rejected() -> None:
    ledger = a_ledger(PLAN, limits=RejectionLimits(records=1))
    suspicion = suspicion_of(ledger, 1, 2, 3)
    suspicion.lifts(Kind.WRITE)
    assert ledger.rejected_records == 3
    with pytest.raises(StopSync, match="max_rejected_records"):
        ledger.heed()


def test_of_forty_refused_farewells_all_are_rejected_once_what_was_read_before_is_accepted() -> (
    None
):
    desk = Desk()
    for place in range(1, MAX_REFUSED_CALLS):
        desk.answer(desk.farewell(someone(place)), REFUSED)
    last = desk.farewell(someone(MAX_REFUSED_CALLS))
    with pytest.raises(StopSync, match="all 40 deletions and unsubscriptions"):
        desk.answer(last, REFUSED)
    assert desk.ledger.rejected_records == 0
    desk.success()
    assert desk.ledger.rejected_records == MAX_REFUSED_CALLS

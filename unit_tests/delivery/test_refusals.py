"""Requests refused as a whole: the contacts are to blame only once a request was accepted."""

from __future__ import annotations

import pytest

from destination_maileon.delivery.refusals import MAX_REFUSED_REQUESTS, RefusalTracker
from destination_maileon.delivery.request import Purpose, Request
from destination_maileon.delivery.service_state import ServiceState
from destination_maileon.errors import ConfigError, StopSync
from destination_maileon.maileon.backoff import Backoff
from destination_maileon.rejections.rejection import Rejection
from unit_tests.support.rooms import a_rejection, a_removal_request, a_request, someone


class Refusals(RefusalTracker):
    """Remembers the places of the records that are rejected."""

    def __init__(self) -> None:
        super().__init__(ServiceState(Backoff(1.0)), self._reject)
        self.rejected: list[int] = []

    def refuse(self, purpose: Purpose, *places: int) -> None:
        """These records are refused alone."""
        for position in places:
            is_write = purpose is Purpose.WRITE
            request = a_request(someone(position)) if is_write else a_removal_request(position)
            if self.service.is_cleared(purpose):
                self._reject(request, a_rejection())
            else:
                self.hold(request, a_rejection())
            self.count(request, a_rejection)

    def _reject(self, request: Request, rejection: Rejection) -> None:
        assert rejection == a_rejection()
        self.rejected.append(request.position)


def test_a_record_that_is_refused_is_not_rejected_before_another_request_was_accepted() -> None:
    refusals = Refusals()
    refusals.refuse(Purpose.WRITE, 1, 2)
    assert refusals.rejected == []
    for _ in range(2):
        refusals.accepted(Purpose.WRITE)
        assert refusals.rejected == [1, 2]
    refusals.close()


def test_once_a_request_was_accepted_any_number_may_be_refused() -> None:
    refusals = Refusals()
    refusals.accepted(Purpose.WRITE)
    refusals.refuse(Purpose.WRITE, *range(1, 2 * MAX_REFUSED_REQUESTS))
    assert len(refusals.rejected) == 2 * MAX_REFUSED_REQUESTS - 1
    refusals.close()


def test_if_none_is_accepted_up_to_the_end_the_options_are_wrong() -> None:
    refusals = Refusals()
    refusals.refuse(Purpose.WRITE, 1, 2)
    with pytest.raises(ConfigError, match=r"all 2 calls as a whole .* Shorten it"):
        refusals.close()
    assert refusals.rejected == []


def test_forty_refused_and_none_accepted_are_enough() -> None:
    refusals = Refusals()
    refusals.refuse(Purpose.WRITE, *range(1, MAX_REFUSED_REQUESTS))
    with pytest.raises(ConfigError, match="all 40 calls") as error:
        refusals.refuse(Purpose.WRITE, 99)
    assert not isinstance(error.value, StopSync)


def test_forty_refused_removals_and_nothing_accepted_stop_reading_once() -> None:
    refusals = Refusals()
    refusals.refuse(Purpose.REMOVE, *range(1, MAX_REFUSED_REQUESTS))
    with pytest.raises(StopSync, match="all 40 deletions and unsubscriptions") as error:
        refusals.refuse(Purpose.REMOVE, 99)
    assert error.value.position == 99
    refusals.refuse(Purpose.REMOVE, 100)


def test_if_nobody_can_be_removed_while_contacts_are_accepted_the_sync_fails_at_its_end() -> None:
    refusals = Refusals()
    refusals.accepted(Purpose.WRITE)
    refusals.refuse(Purpose.REMOVE, *range(1, 81))
    assert len(refusals.rejected) == 80
    with pytest.raises(ConfigError, match=r"all 80 deletions .* nobody was removed.* Shorten it"):
        refusals.close()


@pytest.mark.parametrize("is_one_removed", [True, False])
def test_a_few_refused_removals_or_one_that_is_accepted_end_well(is_one_removed: bool) -> None:
    refusals = Refusals()
    refusals.accepted(Purpose.WRITE)
    refusals.refuse(Purpose.REMOVE, *range(MAX_REFUSED_REQUESTS - (not is_one_removed)))
    if is_one_removed:
        refusals.accepted(Purpose.REMOVE)
    refusals.close()


@pytest.mark.parametrize("accepted", [Purpose.REMOVE, Purpose.LOOK_UP, Purpose.MARK])
def test_that_somebody_is_removed_clears_no_contact(accepted: Purpose) -> None:
    refusals = Refusals()
    refusals.refuse(Purpose.WRITE, 1)
    refusals.refuse(Purpose.REMOVE, 2)
    refusals.accepted(accepted)
    assert refusals.rejected == ([2] if accepted is Purpose.REMOVE else [])
    with pytest.raises(ConfigError, match="refused all calls as a whole"):
        refusals.close()


def test_a_refusal_that_ends_nothing_is_not_put_into_words() -> None:
    refusals, told = Refusals(), [0]

    def tell() -> Rejection:
        told[0] += 1
        return a_rejection()

    for _ in range(MAX_REFUSED_REQUESTS - 1):
        refusals.count(a_request(someone(1)), tell)
    assert told == [0]
    with pytest.raises(ConfigError, match="Shorten it"):
        refusals.count(a_request(someone(1)), tell)
    assert told == [1]


def test_a_sync_without_refusals_ends_well() -> None:
    Refusals().close()

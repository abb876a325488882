"""How many records may be rejected before the sync stops, and where it stops then."""

from __future__ import annotations

import pytest

from destination_maileon.accounting.ledger import Ledger
from destination_maileon.accounting.rejection_limits import JUDGED_FROM_RECORDS, RejectionLimits
from destination_maileon.errors import StopSync
from unit_tests.support.ledgers import PLAN, receive, reject, released, state
from unit_tests.support.rooms import a_ledger


@pytest.mark.parametrize(("rejected", "fails"), [(2, False), (3, True)])
def test_no_more_records_are_rejected_than_allowed(rejected: int, fails: bool) -> None:
    ledger = a_ledger(PLAN, limits=RejectionLimits(records=2))
    reject(ledger, *receive(ledger, rejected))
    if not fails:
        ledger.heed()
        ledger.judge()
        return
    # All are settled all the same.
    state(ledger)
    assert released(ledger)[0][:2] == (0, 3)
    with pytest.raises(StopSync, match=r'3 records .* "max_rejected_records" \(2\)') as error:
        ledger.heed()
    assert error.value.place == 3
    assert "3 x too long (field CITY)" in str(error.value)


def test_a_limit_is_told_once() -> None:
    ledger = a_ledger(PLAN, limits=RejectionLimits(records=0))
    reject(ledger, *receive(ledger))
    with pytest.raises(StopSync, match="1 record was rejected"):
        ledger.heed()
    reject(ledger, *receive(ledger))
    ledger.heed()
    ledger.judge()


def _with_a_tenth_rejected(records: int, percent: float) -> Ledger:
    ledger = a_ledger(PLAN, limits=RejectionLimits(percent=percent))
    entries = receive(ledger, records)
    ledger.written(PLAN, entries[records // 10 :])
    reject(ledger, *entries[: records // 10])
    return ledger


def test_a_share_is_judged_from_so_many_records_on() -> None:
    with pytest.raises(StopSync, match=r"of 100 records"):
        _with_a_tenth_rejected(JUDGED_FROM_RECORDS, 9).heed()


def test_whoever_is_on_the_way_counts_as_accepted_until_the_end() -> None:
    ledger = a_ledger(PLAN, limits=RejectionLimits(percent=20))
    on_the_way = receive(ledger, 4 * JUDGED_FROM_RECORDS)
    reject(ledger, *receive(ledger, JUDGED_FROM_RECORDS))
    ledger.heed()
    reject(ledger, *on_the_way[:1])
    with pytest.raises(StopSync, match=r"101 of 500 records were rejected"):
        ledger.heed()


def test_a_smaller_share_than_allowed_is_fine_at_any_time() -> None:
    _with_a_tenth_rejected(JUDGED_FROM_RECORDS, 10).judge()


def test_a_share_of_few_records_is_judged_at_the_end() -> None:
    ledger = _with_a_tenth_rejected(JUDGED_FROM_RECORDS - 10, 9)
    ledger.heed()
    with pytest.raises(StopSync, match=r'9 of 90 records .* "max_rejected_percent" \(9\)'):
        ledger.judge()


def test_a_sync_without_records_has_no_share() -> None:
    a_ledger(PLAN, limits=RejectionLimits(records=0, percent=1)).judge()


def test_a_strict_sync_fails_with_the_first_rejection_which_is_not_settled() -> None:
    ledger = a_ledger(PLAN, limits=RejectionLimits(is_strict=True))
    [entry] = receive(ledger)
    state(ledger)
    reject(ledger, entry)
    assert released(ledger) == []
    with pytest.raises(StopSync, match="ignore_invalid_contacts") as error:
        ledger.heed()
    assert error.value.place == 1

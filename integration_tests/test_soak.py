"""A short form of the long sync through every kind of trouble, `integration_tests/soak.py`."""

from __future__ import annotations

from pathlib import Path

import pytest

from integration_tests.soak import CALLS_PER_FAULT, FAULTS, soak

pytestmark = pytest.mark.long


@pytest.mark.parametrize("has_audiences", [False, True])
def test_a_sync_through_faults_in_every_tenth_call_comes_to_the_same_as_one_at_a_time(
    tmp_path: Path, has_audiences: bool
) -> None:
    done = soak(tmp_path, 1_600, batch_size=10, has_audiences=has_audiences)
    assert done.violations == []
    assert done.is_same_account
    assert done.run.stats == done.expected
    assert len(done.expected) == 1_600 // 50 + 20
    assert sum(rejected for _, rejected in done.expected) > 15
    assert done.run.additional("merged") > 40
    assert done.hit >= max(len(FAULTS), done.calls // CALLS_PER_FAULT - 1)
    assert done.left == (1_600 if has_audiences else 0)
    # In full batches it would be 160 calls; the faults and the people in several streams add some.
    # Those who leave are as many again, and each audience is listed in a few pages.
    assert done.calls < 1_600 / 5 + (1_600 / 5 if has_audiences else 0)

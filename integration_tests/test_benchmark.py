"""The benchmark measures what it says: the same work, done by three programs."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.bench import Bench
from benchmark.comparisons import cost_per_record
from benchmark.workload import Workload


def test_floor_connector_and_plain_connector_make_the_same_calls(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ratio = cost_per_record(Bench(tmp_path, repeat=1), Workload(2_500))
    assert ratio > 0
    rows = [line.split("|") for line in capsys.readouterr().out.splitlines() if "connector" in line]
    assert [row[-2].strip() for row in rows] == ["3", "3"]

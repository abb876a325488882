"""The benchmark runs: whatever the figures are, a part prints its table."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.long


def test_what_leaving_an_audience_costs_is_counted() -> None:
    command = [sys.executable, "-m", "benchmark.audience", "--contacts", "1500"]
    shown = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout
    rows = [line.split("|")[1:5] for line in shown.splitlines() if "%" in line]
    calls = [tuple(cell.strip() for cell in row) for row in rows]
    assert calls == [
        ("1 %", "not set", "2", "1"),
        ("1 %", "2 %", "2", "1"),
        ("50 %", "not set", "2", "1"),
        ("50 %", "100 %", "2", "1"),
    ]


def test_parts_of_the_benchmark_print_their_tables() -> None:
    parts = ["kinds", "memory", "deletions"]
    size = ["--kinds", "plain", "opt-outs", "--share", "0.001", "--records", "100", "--rounds", "1"]
    command = [sys.executable, "-m", "benchmark", "--parts", *parts, *size]
    shown = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout
    titles = [line.strip("*") for line in shown.splitlines() if line.startswith("**")]
    assert [title.split()[0] for title in titles] == ["CPU", "Peak", "Deletions", "Promises"]

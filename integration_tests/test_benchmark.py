"""The benchmark runs: whatever the figures are, a part prints its table."""

from __future__ import annotations

import subprocess
import sys


def test_parts_of_the_benchmark_print_their_tables() -> None:
    parts = ["kinds", "memory", "deletions"]
    size = ["--kinds", "plain", "opt-outs", "--share", "0.001", "--records", "100", "--rounds", "1"]
    command = [sys.executable, "-m", "benchmark", "--parts", *parts, *size]
    shown = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout
    titles = [line.strip("*") for line in shown.splitlines() if line.startswith("**")]
    assert [title.split()[0] for title in titles] == ["CPU", "Peak", "Deletions", "Promises"]

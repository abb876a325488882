"""Programs side by side: which command is measured on which input, and how often.

Ratios are of medians of runs that take turns, since machines drift: in every round each program of
a comparison runs once. Only ratios say something; seconds belong to the machine.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from statistics import median

from benchmark.measuring import Cost, cost
from benchmark.workload import Workload

PROGRAM = str(Path(sys.executable).with_name("destination-maileon"))


@dataclass(frozen=True, slots=True)
class Bench:
    """Where files go, and how often a measurement is repeated."""

    folder: Path
    repeat: int

    def connector(self, workload: Workload, address: str, **options: object) -> list[str]:
        """The command line that writes a workload to a sink."""
        content = json.dumps({"api_key": "benchmark", "base_url": f"{address}/1.0", **options})
        config = self.folder / f"config-{sha256(content.encode()).hexdigest()[:16]}.json"
        config.write_text(content, encoding="utf-8")
        _, catalog = workload.write(self.folder)
        return [PROGRAM, "write", "--config", str(config), "--catalog", str(catalog)]

    def side_by_side(
        self, commands: Sequence[list[str]], workload: Workload, address: str
    ) -> list[Cost]:
        """The median cost of each command."""
        lines, _ = workload.write(self.folder)
        rounds = [
            [cost(command, given=lines, address=address) for command in commands]
            for _ in range(self.repeat)
        ]
        return [_median(runs) for runs in zip(*rounds, strict=True)]


def script(name: str, address: str, *options: str) -> list[str]:
    """The command line of one of the programs of this package."""
    return [sys.executable, "-m", f"benchmark.{name}", f"{address}/1.0", *options]


def _median(runs: Sequence[Cost]) -> Cost:
    return Cost(
        cpu=median(run.cpu for run in runs),
        seconds=median(run.seconds for run in runs),
        peak_mb=median(run.peak_mb for run in runs),
        calls=runs[0].calls,
    )

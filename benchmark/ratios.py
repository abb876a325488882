"""The connector beside the floor, kind by kind: the runs take turns, and the ratios are of rounds.

In every round each kind's two programs run one after the other, so that what slows the machine
slows both. A kind's figure is the median of its rounds' ratios; the quartiles stand beside it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median, quantiles

from benchmark.description import Kind
from benchmark.promises import Promise
from benchmark.running import Bench, Cost
from benchmark.table import show
from benchmark.workload import Workload

MICROSECONDS = 1_000_000


@dataclass(frozen=True, slots=True)
class Measured:
    """What the rounds of one kind cost: of each round the floor and the connector."""

    workload: Workload
    rounds: Sequence[tuple[Cost, Cost]]

    @property
    def kind(self) -> Kind:
        return self.workload.kind

    @property
    def ratios(self) -> list[float]:
        return [connector.cpu / floor.cpu for floor, connector in self.rounds]

    @property
    def ratio(self) -> float:
        return median(self.ratios)

    @property
    def quartiles(self) -> tuple[float, float]:
        if len(self.ratios) == 1:
            return self.ratio, self.ratio
        lower, _, upper = quantiles(self.ratios, n=4, method="inclusive")
        return lower, upper

    @property
    def promise(self) -> Promise:
        """What is promised of the kind."""
        return Promise(self.kind.name, self.ratio, self.kind.limit)

    def microseconds(self, program: int) -> float:
        """The median CPU per record of the floor (0) or the connector (1)."""
        cpu = median(costs[program].cpu for costs in self.rounds)
        return cpu / self.workload.records * MICROSECONDS


def measure(bench: Bench, kinds: Sequence[Kind], *, records: int, rounds: int) -> list[Measured]:
    """Every kind, in so many rounds."""
    workloads = [Workload(kind, max(1, int(records * kind.share))) for kind in kinds]
    taken: list[list[tuple[Cost, Cost]]] = [[] for _ in workloads]
    for number in range(rounds):
        print(f"round {number + 1} of {rounds}", file=sys.stderr)
        for workload, costs in zip(workloads, taken, strict=True):
            costs.append(_round(bench, workload, is_reversed=bool(number % 2)))
    return [Measured(*each) for each in zip(workloads, taken, strict=True)]


def _round(bench: Bench, workload: Workload, *, is_reversed: bool) -> tuple[Cost, Cost]:
    if is_reversed:
        connector = bench.connector(workload)
        return bench.floor(workload), connector
    return bench.floor(workload), bench.connector(workload)


def show_ratios(measured: Sequence[Measured], *, records: int, rounds: int) -> None:
    """Prints the ratios side by side."""
    rows = [_row(one) for one in measured]
    show(
        f"CPU of the connector as a multiple of the floor's: {records:,} records, {rounds} rounds",
        ("kind", "ratio", "quartiles", "at most", "", "floor, µs", "connector, µs", "calls"),
        rows,
    )


def _row(one: Measured) -> tuple[str, ...]:
    lower, upper = one.quartiles
    floor, connector = one.rounds[0]
    calls = f"{connector.calls}" + (f" ({floor.calls})" if floor.calls != connector.calls else "")
    return (
        f"{one.kind.name}: {one.kind.description}",
        f"{one.ratio:.2f}",
        f"{lower:.2f} to {upper:.2f}",
        f"{one.kind.limit:.1f}",
        "kept" if one.promise.is_kept else "BROKEN",
        f"{one.microseconds(0):.1f}",
        f"{one.microseconds(1):.1f}",
        calls,
    )

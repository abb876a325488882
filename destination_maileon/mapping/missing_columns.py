"""Mapped columns that the schema lacks -> what a person should know, or must change.

This module alone decides when a mapping misses its column. Such a column may still come with the
records; where it decides on people, and the schema has it in another case, it most likely won't.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from destination_maileon.config.targets import DELETED_AT_COLUMN, IDENTIFIERS, Kind
from destination_maileon.mapping.summary import listed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from destination_maileon.mapping.contact_encoder import Column
    from destination_maileon.streams.stream_plan import StreamPlan

DECISIVE = frozenset({*IDENTIFIERS, Kind.PERMISSION, Kind.DELETED, Kind.UNSUBSCRIBE})
"""Targets that decide who is meant, and who may be written to."""


def missing_column_notes(plan: StreamPlan) -> Iterator[str]:
    """One sentence for all mapped columns that the schema lacks."""
    alike = _missing(plan)
    missing = [
        column for column in alike if alike[column] or plan.mapping[column].target != Kind.SKIP
    ]
    if missing:
        nearest = [near for column in missing for near in alike[column]]
        hint = f" It has {listed(nearest)}, and case matters." if nearest else ""
        yield (
            f"the schema lacks {listed(missing)} of the mapping, so that the mapping counts there "
            f"only if records have more than the schema says.{hint}"
        )


def missing_column_problems(plan: StreamPlan, columns: Mapping[str, Column]) -> Iterator[str]:
    """Where nobody's identifier, consent or removal would be read, for a letter's case."""
    for column, alike in _missing(plan).items():
        target = plan.mapping[column].target
        for near in alike if target in DECISIVE else ():
            is_told = near in plan.mapping or near == DELETED_AT_COLUMN
            if not is_told and str(columns[near].target) != target:
                yield (
                    f"{listed([column])} is mapped to {target}, but the schema has "
                    f"{listed([near])}, and case matters. Map that one, to skip if it means "
                    "something else."
                )


def _missing(plan: StreamPlan) -> dict[str, list[str]]:
    """The mapped columns that the schema lacks, each with those that differ in nothing but case."""
    missing = [column for column in plan.mapping if column not in plan.properties]
    if not missing or not plan.properties:
        return {}
    by_lower: dict[str, list[str]] = {}
    for column in plan.properties:
        by_lower.setdefault(column.lower(), []).append(column)
    return {column: by_lower.get(column.lower(), []) for column in missing}

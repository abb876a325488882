"""Columns and their targets -> words for the log.

This module alone decides how a stream's mapping is shown. It shows names, and no values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from destination_maileon.targets import IDENTIFIERS, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from destination_maileon.mapping import Column

MAX_LISTED = 20


def listed(columns: Iterable[str]) -> str:
    """The columns' names for a message: at most 20, then how many more."""
    names = [f'"{column}"' for column in columns]
    more = f" and {len(names) - MAX_LISTED} more" if len(names) > MAX_LISTED else ""
    return f"column{'s' if len(names) > 1 else ''} {', '.join(names[:MAX_LISTED])}{more}"


def plan_table(columns: Mapping[str, Column]) -> str:
    """Column, target and type as a table for the log; the columns that go nowhere last."""
    rows = [
        (column.name, str(column.target), _shown_type(column))
        for column in columns.values()
        if column.target.kind is not Kind.SKIP
    ]
    widths = [max((len(row[at]) for row in rows), default=0) for at in range(2)]
    lines = [f"  {a:<{widths[0]}}  ->  {b:<{widths[1]}}  {c}".rstrip() for a, b, c in rows]
    skipped = [column.name for column in columns.values() if column.target.kind is Kind.SKIP]
    if skipped:
        lines.append(f"  left out: {listed(skipped)}")
    return "\n".join(lines)


def _shown_type(column: Column) -> str:
    if column.target.kind in {Kind.STANDARD, Kind.CUSTOM}:
        return f"{column.type}{', null clears' if column.clear else ''}"
    if column.has_source:
        return "source is set" if column.source else "source is deleted"
    return "identifier" if column.target.kind in IDENTIFIERS else ""

"""Columns and their targets -> words for the log.

This module alone decides how a stream's mapping is shown. It shows names, and no values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from destination_maileon.config.model import DeletedRecords
from destination_maileon.config.targets import DELETED_AT_COLUMN, IDENTIFIERS, Kind
from destination_maileon.maileon.sync_options import SynchronizationMode
from destination_maileon.streams.consent import permission_column

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from destination_maileon.mapping.rules import Column
    from destination_maileon.streams.catalog import StreamPlan

MAX_LISTED = 20
MAX_NAME_CHARACTERS = 200
"""Of a column's name in a list: it comes from the source, and may be of any length."""


def listed(names: Iterable[str], what: str = "column") -> str:
    """The columns' names for a message: at most 20, then how many more."""
    names = [f'"{name[:MAX_NAME_CHARACTERS]}"' for name in names]
    more = f" and {len(names) - MAX_LISTED} more" if len(names) > MAX_LISTED else ""
    return f"{what}{'s' if len(names) > 1 else ''} {', '.join(names[:MAX_LISTED])}{more}"


_REMOVES = {
    DeletedRecords.IGNORE: "left out",
    DeletedRecords.UNSUBSCRIBE: "unsubscribed",
    DeletedRecords.DELETE: "deleted in Maileon",
}


def outline(plan: StreamPlan, deleted_records: DeletedRecords) -> str:
    """What becomes of the people of the stream, in two sentences at most."""
    recognised = f"contacts are recognised by {plan.options.identifier_mode.value}"
    if plan.every_record_is_deleted:
        return f"{recognised}; whoever has a record here is {_REMOVES[deleted_records]}."
    is_update = plan.options.sync_mode is SynchronizationMode.UPDATE
    existing = "updated" if is_update else "left as they are"
    new = "left out"
    if not plan.options.update_only:
        new = f"created with {_permission(plan)}"
    again = "added again" if plan.options.reimport_unsubscribed_contacts else "left out"
    return (
        f"{recognised}; existing ones are {existing}, new ones {new}, unsubscribed ones {again}. "
        f"Contacts of deleted records are {_REMOVES[deleted_records]}."
    )


def _permission(plan: StreamPlan) -> str:
    if (column := permission_column(plan)) is None:
        return f"permission {plan.permission_name}"
    return f"the permission in {listed([column])} ({plan.permission_name} where it is empty)"


def plan_table(columns: Mapping[str, Column]) -> str:
    """Column, target and type as a table for the log; the columns that go nowhere last."""
    rows = [
        (column.name, _shown_target(column), _shown_type(column))
        for column in columns.values()
        if not _goes_nowhere(column)
    ]
    widths = [max((len(row[at]) for row in rows), default=0) for at in range(2)]
    lines = [f"  {a:<{widths[0]}}  ->  {b:<{widths[1]}}  {c}".rstrip() for a, b, c in rows]
    skipped = [column.name for column in columns.values() if _goes_nowhere(column)]
    if skipped:
        lines.append(f"  left out: {listed(skipped)}")
    return "\n".join(lines)


def _goes_nowhere(column: Column) -> bool:
    return column.target.kind is Kind.SKIP and column.name != DELETED_AT_COLUMN


def _shown_target(column: Column) -> str:
    """What Airbyte writes about deletions is read, whatever the mapping says of its column."""
    return str(Kind.DELETED if column.target.kind is Kind.SKIP else column.target)


def _shown_type(column: Column) -> str:
    if column.target.kind in {Kind.STANDARD, Kind.CUSTOM}:
        return f"{column.type}{', null clears' if column.clear else ''}"
    if column.has_source:
        return "source is set" if column.source else "source is deleted"
    return "identifier" if column.target.kind in IDENTIFIERS else ""

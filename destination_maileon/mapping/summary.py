"""A stream's mapping and values -> words for the log, and for whoever slipped in the mapping.

This module alone decides how a mapping is shown, and what a person should know of the values, which
is counted by records and said once. It shows names, and no values.
"""

from __future__ import annotations

from collections import Counter
from enum import Enum
from typing import TYPE_CHECKING

from destination_maileon.config.model import DeletedRecords, titled
from destination_maileon.config.suggestions import NameIndex
from destination_maileon.config.targets import DELETED_AT_COLUMN, IDENTIFIERS, Kind
from destination_maileon.maileon.sync_options import SynchronizationMode
from destination_maileon.streams.consent import permission_column

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from destination_maileon.mapping.columns import Column
    from destination_maileon.streams.catalog import StreamPlan

DECISIVE = frozenset(
    {*IDENTIFIERS, Kind.PERMISSION, Kind.DELETED, Kind.UNSUBSCRIBE, Kind.PREFERENCE}
)
"""Targets that decide who is meant, and who may be written to."""
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
    sets = plan.permission is not None or permission_column(plan) is not None
    overrides = plan.options.override_permission and sets
    keeps = "" if overrides else " and keep their permission"
    existing = f"updated{keeps}" if is_update else "left as they are"
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
        without = plan.permission is None
        return "no permission (not_set)" if without else f"permission {plan.permission_name}"
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
    if column.target.kind is Kind.UNSUBSCRIBE:
        return "yes or a time unsubscribes"
    return "identifier" if column.target.kind in IDENTIFIERS else ""


def missing_column_notes(plan: StreamPlan) -> Iterator[str]:
    """One sentence for all mapped columns that the schema lacks."""
    near = _missing(plan)
    missing = [name for name in near if near[name] or plan.mapping[name].target != Kind.SKIP]
    if missing:
        nearest = [*filter(None, near.values())]
        hint = f" Did you mean {listed(nearest)}?" if nearest else ""
        yield (
            f"the mapping names {listed(missing)}, which the schema of the stream lacks. It has an "
            f"effect there only if records have more than the schema says.{hint}"
        )


def missing_column_problems(plan: StreamPlan, columns: Mapping[str, Column]) -> Iterator[str]:
    """Where nobody's identifier, consent or removal would be read, for a slip."""
    for column, near in _missing(plan).items():
        target = plan.mapping[column].target
        if near is None or near in {*plan.mapping, DELETED_AT_COLUMN}:
            continue
        # A column that waits for its type has no place yet.
        has_it = near in columns and str(columns[near].target) == target
        if not has_it and target.partition(":")[0] in DECISIVE:
            yield (
                f"{listed([column])} is mapped to {target}, but is not in the stream; did you mean "
                f"{listed([near])}? Map that one, to skip if it means something else."
            )


def _missing(plan: StreamPlan) -> dict[str, str | None]:
    """The mapped columns that the schema lacks, each with the one that may be meant instead."""
    missing = [column for column in plan.mapping if column not in plan.properties]
    if not missing or not plan.properties:
        return {}
    names = NameIndex(plan.properties)
    return {column: names.nearest(column) for column in missing}


class Notice(Enum):
    """What was noticed in a record, and the words that follow the number of records."""

    # That of an enumeration is written in Python, and each of many texts that are cut asks for it.
    __hash__ = object.__hash__

    CLEANED = "held characters that XML 1.0 does not allow: they were removed."
    TRUNCATED = (
        "held a text of more than 255 characters: it was cut, as "
        f"{titled('truncate_long_text')} says."
    )
    UNAVAILABLE = (
        "held __debezium_unavailable_value, which stands for a value that did not change: those "
        "columns were left out."
    )
    NULLED = "held a value that the source could not deliver: those columns were left out."
    INVISIBLE = (
        "held an identifier with a character that nobody sees, such as a zero-width space: Maileon "
        "takes it for another contact, or refuses it. Remove such characters at the source."
    )
    NESTED = (
        "held an object or a list where a standard field takes a text: it was written as JSON. Map "
        "the column to skip, or let the source flatten it."
    )


class Notices:
    """The notices of one stream. `seen` are those of the record at hand."""

    def __init__(self) -> None:
        self.seen: set[Notice] = set()
        self.counts: Counter[Notice] = Counter()

    def count(self) -> None:
        """The record at hand is done."""
        for notice in self.seen:
            self.counts[notice] += 1
        self.seen.clear()


def told(counts: Counter[Notice]) -> Iterator[tuple[int, str]]:
    """The number of records and the words for each notice, in the order of the table."""
    for notice in Notice:
        if counts[notice]:
            yield counts[notice], notice.value

"""A stream's mapping and values -> words for the log.

This module alone decides how a mapping is shown, and what a person should know of the values, which
is counted by records and said once. It shows names, and no values.
"""

from __future__ import annotations

from collections import Counter
from enum import Enum
from typing import TYPE_CHECKING

from destination_maileon.config.model import DeletedRecords, titled
from destination_maileon.config.targets import SKIP, Kind
from destination_maileon.maileon.sync_options import SynchronizationMode
from destination_maileon.streams.consent import permission_column

if TYPE_CHECKING:
    from collections.abc import Iterable

    from destination_maileon.mapping.columns import Column
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
    options, column = plan.options, permission_column(plan)
    recognised = f"contacts are recognised by {options.identifier_mode.value}"
    if plan.every_record_is_deleted:
        return f"{recognised}; whoever has a record here is {_REMOVES[deleted_records]}."
    existing = "left as they are"
    if options.sync_mode is SynchronizationMode.UPDATE:
        has_permission = plan.permission is not None or column is not None
        overrides = options.override_permission and has_permission
        existing = "updated" if overrides else "updated and keep their permission"
    new = "left out" if options.update_only else f"created with {_permission(plan, column)}"
    again = "added again" if options.reimport_unsubscribed_contacts else "left out"
    return (
        f"{recognised}; existing ones are {existing}, new ones {new}, unsubscribed ones {again}. "
        f"Contacts of deleted records are {_REMOVES[deleted_records]}."
    )


def _permission(plan: StreamPlan, column: str | None) -> str:
    if column is not None:
        return f"the permission in {listed([column])} ({plan.permission_name} where it is empty)"
    without = "no permission (not_set)"
    return without if plan.permission is None else f"permission {plan.permission_name}"


def plan_table(columns: Iterable[Column]) -> str:
    """Column, target and type of those that go somewhere, as a table for the log."""
    rows = [(c.name, str(c.target), _type_of_field(c)) for c in columns if c.target != SKIP]
    widths = [max((len(row[at]) for row in rows), default=0) for at in range(2)]
    lines = [f"  {a:<{widths[0]}}  ->  {b:<{widths[1]}}  {c}".rstrip() for a, b, c in rows]
    return "\n".join(lines)


def _type_of_field(column: Column) -> str:
    is_field = column.target.kind in {Kind.STANDARD, Kind.CUSTOM}
    return f"{column.type}{', null clears' * column.clear}" if is_field else ""


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

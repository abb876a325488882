"""A stream's mapping and values -> words for the log: names, and no values."""

from collections import Counter
from collections.abc import Iterable
from enum import Enum

from destination_maileon.config.spec import DeletedRecords, titled
from destination_maileon.streams.catalog import StreamPlan
from destination_maileon.streams.consent import permission_column

MAX_LISTED = 20
MAX_NAME_CHARACTERS = 200
"""Of a column's name in a list: it comes from the source, and may be of any length."""


def listed(names: Iterable[str], what: str = "column") -> str:
    """The names for a message: at most 20, then how many more."""
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
    name, has_permission = plan.permission_name, plan.permission is not None
    permission = f"permission {name}" if has_permission else f"no permission ({name})"
    if column is not None:
        permission = f"the permission in {listed([column])} ({name} where it is empty)"
        has_permission = True
    keep = "" if options.override_permission and has_permission else " and keep their permission"
    updates = options.updates
    existing = f"updated{keep}" if updates else "left as they are"
    new = "left out" if options.update_only else f"created with {permission}"
    again = "added again" if options.reimport_unsubscribed_contacts else "left out"
    return (
        f"{recognised}; existing ones are {existing}, new ones {new}, unsubscribed ones {again}. "
        f"Contacts of deleted records are {_REMOVES[deleted_records]}."
    )


class Notice(Enum):
    """What was noticed in a record, and the words that follow the number of records."""

    # The hash of an Enum is Python code, and would be called for each text that is cut.
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
        "held an identifier with an invisible character, such as a zero-width space: Maileon takes "
        "it for another contact, or refuses it. Remove such characters at the source."
    )


class Notices:
    """The notices of one stream. `seen` are those of the record at hand."""

    def __init__(self) -> None:
        self.seen: set[Notice] = set()
        self.counts: Counter[Notice] = Counter()

    def count(self) -> None:
        """The record at hand is done."""
        self.counts.update(self.seen)
        self.seen.clear()

"""The keys about removals, limits, what is logged, and where rejected records go.

This module alone decides their names, values, defaults and what a person reads about them.
"""

from __future__ import annotations

from typing import Annotated

from destination_maileon.configuration.storage import NoStorage, ObjectStorage
from destination_maileon.configuration.values import Count, Flag, Keys, Number, key
from destination_maileon.mapping import Removal
from destination_maileon.naming import IdentifiersInLogs


class SafetyKeys(Keys):
    """Removals, limits and rejected records."""

    deleted_records: Annotated[
        Removal,
        key(
            "removal",
            title="Deleted Records",
            description="What happens to the contacts of records that were deleted at the source: "
            "ignore leaves them as they are, unsubscribe unsubscribes them, delete removes them "
            "from Maileon with everything stored about them. A deletion cannot be undone.",
        ),
    ] = Removal.IGNORE
    max_deleted_records: Annotated[
        Count | None,
        key(
            "removal",
            title="Maximum Deleted Records",
            description="The sync stops before it deletes or unsubscribes more contacts than this: "
            "a net for the day on which a table at the source is emptied. Leave it out for no "
            "limit.",
            examples=[1000],
        ),
    ] = None
    dry_run: Annotated[
        Flag,
        key(
            "safety",
            title="Dry Run",
            description="If on, records are mapped, checked and reported, but nothing is sent to "
            "Maileon, and the next sync reads the same records again. Good for a first try.",
        ),
    ] = False
    ignore_invalid_contacts: Annotated[
        Flag,
        key(
            "rejected",
            title="Ignore Invalid Contacts",
            description="If on, contacts that Maileon refuses (an address that is none, a text "
            "that is too long) are reported and all others are written. If off, the first of "
            "them fails the sync.",
        ),
    ] = True
    max_rejected_records: Annotated[
        Count | None,
        key(
            "rejected",
            title="Maximum Rejected Records",
            description="The sync fails once more records than this were rejected. Leave it out "
            "for no limit.",
            examples=[500],
        ),
    ] = None
    max_rejected_percent: Annotated[
        Number | None,
        key(
            "rejected",
            title="Maximum Rejected Percent",
            description="The sync fails once a larger share of its records than this was rejected, "
            "judged from 100 records on and at the end. Leave it out for no limit.",
            examples=[5],
            ge=1,
            le=100,
        ),
    ] = None
    identifiers_in_logs: Annotated[
        IdentifiersInLogs,
        key(
            "rejected",
            title="Identifiers in Logs",
            description="How a person is named in log lines: masked shows the first letter and the "
            "ending of the domain, full shows the whole address or number to everybody who can "
            "read the logs of the connection.",
        ),
    ] = IdentifiersInLogs.MASKED
    object_storage_config: Annotated[
        ObjectStorage,
        key(
            "rejected",
            title="Storage for Rejected Records",
            description="Where rejected records are kept, so that they can be corrected and sent "
            "again. With None they are only reported in the log, without their values.",
        ),
    ] = NoStorage()

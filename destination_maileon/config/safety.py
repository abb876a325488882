"""The keys about removals, limits, what is logged, and where rejected records go.

This module alone decides their names, values, defaults and what a person reads about them.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from destination_maileon.config.storage import NoStorage, ObjectStorage
from destination_maileon.config.types import ConfigModel, Count, Flag, Number, key


class DeletedRecords(StrEnum):
    """What becomes of a contact whose record says that it is gone."""

    IGNORE = "ignore"
    UNSUBSCRIBE = "unsubscribe"
    DELETE = "delete"


class IdentifiersInLogs(StrEnum):
    """How identifiers are shown in log lines."""

    MASKED = "masked"
    FULL = "full"


class SafetyKeys(ConfigModel):
    """Removals, limits and rejected records."""

    deleted_records: Annotated[
        DeletedRecords,
        key(
            "removal",
            title="Deleted Records",
            description="What happens to a contact whose record was deleted at the source (CDC "
            "sources say so; or map a column to the target deleted). ignore: it stays as it is. "
            "unsubscribe: it is unsubscribed. delete: it is removed from Maileon with everything "
            "stored about it, which cannot be undone.",
        ),
    ] = DeletedRecords.IGNORE
    max_deleted_records: Annotated[
        Count | None,
        key(
            "removal",
            title="Maximum Deleted Records",
            description="The sync stops before it deletes or unsubscribes more contacts than this: "
            "a net for the day on which a table at the source is emptied. Each run counts anew and "
            "may remove as many again, Airbyte's retries included: pause the connection after such "
            "a stop until a person has looked. Leave it empty for no limit.",
            examples=[1000],
        ),
    ] = None
    object_storage_config: Annotated[
        ObjectStorage,
        key(
            "rejected",
            title="Storage for Rejected Records",
            description="Where rejected records are kept, so that they can be corrected and sent "
            "again.",
        ),
    ] = NoStorage()
    ignore_invalid_contacts: Annotated[
        Flag,
        key(
            "rejected",
            title="Continue When Contacts Are Rejected",
            description="If on, contacts that Maileon refuses (an address that is none, a text "
            "that is too long) are reported, and all others are written. If off, the first of "
            "them fails the sync.",
        ),
    ] = True
    max_rejected_records: Annotated[
        Count | None,
        key(
            "rejected",
            title="Maximum Rejected Records",
            description="The sync fails once more records than this were rejected. Leave it empty "
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
            "judged from 100 records on and at the end. Leave it empty for no limit.",
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
            description="How a person is named in log lines. masked: by the first letter and the "
            "ending of the domain. full: by the whole address or number, for everybody who can "
            "read the logs of the connection.",
        ),
    ] = IdentifiersInLogs.MASKED
    dry_run: Annotated[
        Flag,
        key(
            "safety",
            title="Dry Run",
            description="If on, records are mapped, checked and reported, but nothing is sent to "
            "Maileon, and the next sync reads the same records again. Switch it on for the first "
            "sync, read the log, and switch it off.",
            always_show=True,
        ),
    ] = False

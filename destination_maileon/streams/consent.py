"""Configuration -> warnings where a sync would change people's consent.

This module alone decides which options deserve a warning before the first record. The options mean
what Maileon's documentation of Synchronize Contacts says of them.
"""

from collections.abc import Iterable, Iterator

from destination_maileon.config.spec import Config, titled
from destination_maileon.config.targets import Kind
from destination_maileon.maileon.sync_options import SynchronizationMode
from destination_maileon.streams.catalog import StreamPlan


def warnings(plans: Iterable[StreamPlan], config: Config) -> Iterator[str]:
    """One sentence per option and stream that would change consent, or that has no effect."""
    for plan in plans:
        if not plan.every_record_is_deleted:
            yield from (f"Stream {plan.title}: {warning}" for warning in _of_stream(plan, config))


def permission_column(plan: StreamPlan) -> str | None:
    """The column in which each record of the stream names its permission."""
    explicit = (name for name, to in plan.mapping.items() if to.target == Kind.PERMISSION)
    is_offered = plan.is_activated and Kind.PERMISSION in plan.properties
    return next(explicit, str(Kind.PERMISSION) if is_offered else None)


def _of_stream(plan: StreamPlan, config: Config) -> Iterator[str]:
    options, column, which = plan.options, permission_column(plan), plan.permission_name
    updates = options.updates
    if column:
        empty = "keeps theirs" if plan.permission is None else f"gets {which}"
        which = f'the one in column "{column}" (who has none there {empty})'
    if options.override_permission and plan.permission is None and column is None:
        yield (
            f"{titled('override_permission')} is set without a permission, so it is sent as false: "
            "what Maileon would do then is not documented. Set a permission or map a column to it."
        )
    elif options.override_permission and updates:
        yield (
            f"the permission of existing contacts is replaced by {which}, even a higher one. "
            f"Switch {titled('override_permission')} off if their consent should stay as it is."
        )
    if options.reimport_unsubscribed_contacts:
        yield (
            "people who unsubscribed are added again and may be written to. Switch "
            f"{titled('reimport_unsubscribed_contacts')} off unless they agreed again."
        )
    if options.update_only and not updates:
        yield (
            f"{titled('update_only')} leaves out who is new, and {titled('sync_mode')} ignore "
            "leaves everybody else as they are: nobody is written. Change one of them."
        )
    # The sync mode of data activation takes the place of a more careful option.
    if config.update_only and not options.update_only:
        yield (
            f"new contacts are created although {titled('update_only')} is set, since the sync "
            "mode of the connection decides. Choose update there if nobody should be added."
        )
    if updates and config.sync_mode is SynchronizationMode.IGNORE:
        yield (
            f"existing contacts are updated although {titled('sync_mode')} is ignore, since the "
            "sync mode of the connection decides. Choose append there if they should stay as they "
            "are."
        )

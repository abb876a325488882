"""One call -> the smaller calls that take its place, until what is bad stands alone.

This module alone decides how a call is cut: between contacts first, since they are independent of
each other; then between the records that were merged into one contact, which keep their order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from destination_maileon.delivery.request import Request
from destination_maileon.mapping.mapped_record import BatchEntry, is_named_by_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    Item = TypeVar("Item")


def is_divisible(call: Request) -> bool:
    """Whether the call carries more than one record to write."""
    return call.farewell is None and (len(call.entries) > 1 or len(call.entries[0].parts) > 1)


def halves(call: Request) -> list[list[Request]]:
    """Two calls for one, in groups: side by side for different contacts, else in order."""
    if len(call.entries) > 1:
        return halves_of(call, call.entries, is_recount=call.is_recount)
    return [parts_apart(call, call.entries[0], is_recount=call.is_recount)]


def halves_of(
    call: Request, entries: Sequence[BatchEntry], *, is_recount: bool
) -> list[list[Request]]:
    """Calls for these entries alone: side by side, or in order if two may be one contact."""
    calls = [
        Request(call.lane, list(half), is_recount=is_recount) for half in _split(entries) if half
    ]
    namings = {is_named_by_id(entry.keys) for entry in entries}
    return [calls] if len(namings) > 1 else [[call] for call in calls]


def parts_apart(call: Request, entry: BatchEntry, *, is_recount: bool = False) -> list[Request]:
    """Calls for the halves of the records that make the entry, one after the other."""
    mode = call.lane.plan.options.sync_mode
    return [
        Request(call.lane, [BatchEntry.of(half, mode)], is_recount=is_recount)
        for half in _split(entry.parts)
    ]


def _split(items: Sequence[Item]) -> tuple[Sequence[Item], Sequence[Item]]:
    middle = len(items) // 2
    return items[:middle], items[middle:]

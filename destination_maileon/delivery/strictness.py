"""`ignore_invalid_contacts: false`: one invalid contact fails the sync.

This module alone decides what follows then. Invariant: nothing of a call with an invalid contact
counts as written, and a record that is known to be invalid is counted, told and stored as rejected.
Of a contact of several records only that one of them is at fault is known, and that is told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from destination_maileon.delivery.division import is_divisible
from destination_maileon.errors import StopSync

if TYPE_CHECKING:
    from collections.abc import Sequence

    from destination_maileon.accounting.ledger import Ledger
    from destination_maileon.delivery.request import Request
    from destination_maileon.mapping.mapped_record import BatchEntry, MappedRecord
    from destination_maileon.rejections.rejection import Rejection


def fail_by_refusal(call: Request, rejection: Rejection, ledger: Ledger) -> None:
    """The call was refused as a whole.

    Raises:
        StopReading: if there are several contacts that may be to blame.
    """
    plan = call.lane.plan
    if not is_divisible(call):
        ledger.rejected(plan, call.entries[0].parts[0], rejection)
        return
    raise StopSync(
        f"Stream {plan.title}: {rejection.reason_key}. {rejection.advice} Since "
        '"ignore_invalid_contacts" is false, one invalid contact fails the sync; if it is true, '
        "the others are written and the log names it.",
        place=call.place,
    )


def fail_by_report(
    call: Request, rejected: Sequence[tuple[BatchEntry, Rejection]], ledger: Ledger
) -> None:
    """The report counts invalid contacts, of which it names these.

    Raises:
        StopReading: if it names none.
    """
    plan = call.lane.plan
    for entry, rejection in rejected:
        at_fault = _at_fault(entry)
        for part in at_fault:
            ledger.rejected(plan, part, rejection)
        if not at_fault:
            ledger.one_of_several_rejected(plan, entry, rejection)
    if not rejected:
        raise StopSync(
            f"Maileon rejected a contact of stream {plan.title} without naming it, and "
            '"ignore_invalid_contacts" is false. Set it to true to find out which.',
            place=call.place,
        )


def _at_fault(entry: BatchEntry) -> list[MappedRecord]:
    """The records that alone are the contact that was rejected; none if it takes several."""
    if len(entry.parts) == 1:
        return entry.parts
    return [part for part in entry.parts if part.payload == entry.payload]

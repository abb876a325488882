"""A call that is not sent -> the report that the documented rules let foresee.

This module alone decides what a dry run says of a contact. Whether it exists, or whether its
identifiers belong to somebody else, only Maileon knows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from destination_maileon.maileon.report import InvalidContact, SynchronizationReport
from destination_maileon.rejections.field_rules import violations

if TYPE_CHECKING:
    from collections.abc import Mapping

    from destination_maileon.delivery.request import Request
    from destination_maileon.delivery.response_handler import Answer
    from destination_maileon.maileon.contact import FieldType
    from destination_maileon.mapping.mapped_record import BatchEntry


def foreseen(call: Request, custom_types: Mapping[str, FieldType]) -> Answer:
    """What would be rejected for certain; everything else counts as neither new nor existing."""
    if call.contact_removal is not None:
        return True
    invalid = [found for entry in call.entries if (found := _invalid(entry, custom_types))]
    return SynchronizationReport(
        contacts=len(call.entries),
        new=0,
        existing=0,
        invalid=len(invalid),
        unsubscribed=0,
        invalid_contacts=tuple(invalid),
    )


def _invalid(entry: BatchEntry, custom_types: Mapping[str, FieldType]) -> InvalidContact | None:
    first = next(iter(violations(entry.contact, custom_types)), None)
    if first is None:
        return None
    code, field = first
    return InvalidContact(entry.contact.email, entry.contact.external_id, code, field)

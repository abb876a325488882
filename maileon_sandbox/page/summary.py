"""Totals for the page: contacts by permission and field, and the change mark.

Counting does not hold the account's lock, so that calls go on meanwhile.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from maileon_sandbox.account.audiences import left_in_last_sync, number_in
from maileon_sandbox.account.stored_contact import StoredContact
from maileon_sandbox.http.context import Context
from maileon_sandbox.page.exchanges import Exchange, exchanges
from maileon_sandbox.vocabulary import FieldType, Permission

_SHOWN_CALLS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The numbers of the first page."""

    contacts: int
    unsubscribed: int
    markers: int
    permissions: dict[Permission, int]
    calls: int
    sent: int
    refused: int
    failed: int
    violations: int
    latest: list[Exchange]


def summary_of(context: Context) -> Summary:
    contacts, calls = context.account.contacts(), exchanges(context.traffic)
    permissions = Counter(contact.permission for contact in contacts)
    return Summary(
        contacts=len(contacts),
        unsubscribed=sum(contact.unsubscribed for contact in contacts),
        markers=len(context.account.markers),
        permissions={permission: permissions[permission] for permission in Permission},
        calls=len(calls),
        sent=sum(exchange.call.contacts or 0 for exchange in calls),
        refused=len({who.contact for exchange in calls for who in exchange.call.refused}),
        failed=sum(exchange.has_failed for exchange in calls),
        violations=len(context.traffic.violations()),
        latest=calls[: -_SHOWN_CALLS - 1 : -1],
    )


class FieldSummary(NamedTuple):
    """A custom field and the number of contacts with a value.

    For an integer field also how many contacts are in the audience it may hold, and how many left
    it in the last sync.
    """

    name: str
    type: str
    contacts: int
    members: int | None
    leavers: int | None


def custom_fields(context: Context) -> list[FieldSummary]:
    with context.account.lock:
        defined = dict(context.account.custom_fields)
        contacts = context.account.contacts()
        highest = dict(context.account.highest_numbers)
    integers = [name for name, type_ in defined.items() if type_ is FieldType.INTEGER]
    counts = Counter(name for contact in contacts for name in contact.custom_fields)
    members = {name: sum(number_in(c, name) > 0 for c in contacts) for name in integers}
    leavers = {
        name: sum(left_in_last_sync(c, name, highest) for c in contacts) for name in integers
    }
    return [
        FieldSummary(name, str(type_), counts[name], members.get(name), leavers.get(name))
        for name, type_ in sorted(defined.items())
    ]


def preferences(context: Context) -> list[tuple[str, str, list[tuple[str, str, int, int]]]]:
    """Name, description and preferences of each category, with the counts of yes and no."""
    with context.account.lock:
        defined = {c: dict(names) for c, names in sorted(context.account.preferences.items())}
        descriptions = dict(context.account.category_descriptions)
        contacts = context.account.contacts()
    counts = _answers(contacts)
    return [
        (
            category,
            descriptions.get(category, ""),
            [
                (name, text, counts[category, name, "true"], counts[category, name, "false"])
                for name, text in sorted(names.items())
            ],
        )
        for category, names in defined.items()
    ]


def _answers(contacts: Iterable[StoredContact]) -> Counter[tuple[str, str, str]]:
    return Counter(
        (*key, preference.value)
        for contact in contacts
        for key, preference in contact.preferences.items()
    )


def mark_of(context: Context) -> str:
    """A text that changes as soon as a page might show something else."""
    calls, account = context.traffic.calls(), context.account
    in_flight = sum(call.finished is None for call in calls)
    with account.lock:
        defined = len(account.custom_fields) + sum(map(len, account.preferences.values()))
        contacts = account.contacts()
        counts = (
            *(len(calls), in_flight, defined, len(account.preferences), len(account.markers)),
            *(len(contacts), sum(contact.unsubscribed for contact in contacts)),
        )
    return "-".join(map(str, counts))

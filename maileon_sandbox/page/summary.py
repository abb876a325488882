"""What there is altogether: people by permission, contacts by field, what has changed.

Decides alone what is counted. Counting does not hold the account's lock: calls go on meanwhile.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from maileon_sandbox.page.conversation import Exchange, exchanges
from maileon_sandbox.stored_contact import StoredContact
from maileon_sandbox.vocabulary import Permission
from maileon_sandbox.world import World

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


def summary_of(world: World) -> Summary:
    contacts, calls = world.account.contacts(), exchanges(world.traffic)
    permissions = Counter(contact.permission for contact in contacts)
    return Summary(
        contacts=len(contacts),
        unsubscribed=sum(contact.unsubscribed for contact in contacts),
        markers=len(world.account.markers),
        permissions={permission: permissions[permission] for permission in Permission},
        calls=len(calls),
        sent=sum(exchange.call.contacts or 0 for exchange in calls),
        refused=len({who.contact for exchange in calls for who in exchange.call.refused}),
        failed=sum(exchange.has_failed for exchange in calls),
        violations=len(world.traffic.violations()),
        latest=calls[: -_SHOWN_CALLS - 1 : -1],
    )


def custom_fields(world: World) -> list[tuple[str, str, int]]:
    """Name, type, and how many contacts have a value."""
    with world.account.lock:
        defined = dict(world.account.custom_fields)
        contacts = world.account.contacts()
    counts = Counter(name for contact in contacts for name in contact.custom_fields)
    return [(name, str(type_), counts[name]) for name, type_ in sorted(defined.items())]


def preferences(world: World) -> list[tuple[str, str, list[tuple[str, str, int, int]]]]:
    """Per category: name, description, and its preferences with how many said yes and no."""
    with world.account.lock:
        defined = {c: dict(names) for c, names in sorted(world.account.preferences.items())}
        descriptions = dict(world.account.category_descriptions)
        contacts = world.account.contacts()
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


def mark_of(world: World) -> str:
    """Another text as soon as a page might show something else."""
    calls, account = world.traffic.calls(), world.account
    in_flight = sum(call.finished is None for call in calls)
    with account.lock:
        defined = len(account.custom_fields) + sum(map(len, account.preferences.values()))
        counts = (len(calls), in_flight, len(account.contacts()), defined, len(account.preferences))
    return "-".join(map(str, counts))

"""Matches a report with its call: which contacts are accepted, rejected, or uncertain.

This module alone decides what a synchronization report says about the contacts that were sent.
Invariant: every entry of the call is in exactly one of the three lists, and a contact counts as
rejected only if the report can mean nothing else.

The report names an invalid contact by email and external id, never by Maileon id (Maileon docs,
Synchronize Contacts, "Report"), so a contact that was sent with its id alone may go unnamed. So may
one without an email, should a report leave out external ids.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from destination_maileon.maileon.report import InvalidContact, SynchronizationReport
from destination_maileon.mapping.mapped_record import (
    EMAIL_KEY,
    BatchEntry,
    email_keys,
    external_id_keys,
)

UNNAMED = InvalidContact(email=None, external_id=None, code=None, error_field=None)
"""Stands for a contact that the report counts as invalid but does not list."""


@dataclass(slots=True)
class MatchedReport:
    """What a report says of the entries of its call.

    `left_out` counts contacts that are neither new, existing, invalid nor unsubscribed.
    `is_miscounted`: the report's counts do not fit the number of contacts sent.
    """

    accepted: list[BatchEntry] = field(default_factory=list)
    rejected: list[tuple[BatchEntry, list[InvalidContact]]] = field(default_factory=list)
    uncertain: list[BatchEntry] = field(default_factory=list)
    sent: int = 0
    left_out: int = 0
    is_miscounted: bool = False


def read(entries: Sequence[BatchEntry], report: SynchronizationReport) -> MatchedReport:
    """Matches the report with the entries of its call."""
    answered = report.new + report.existing + report.invalid + report.unsubscribed
    sent = len(entries)
    reading = MatchedReport(
        sent=sent,
        left_out=max(0, sent - answered),
        is_miscounted=report.contacts != sent or answered > sent,
    )
    if not report.invalid and not report.invalid_contacts:
        reading.accepted = list(entries)
        return reading
    named, strangers = _named(entries, report.invalid_contacts)
    unnamed = [entry for entry in entries if entry not in named]
    missing = max(_at_least(strangers), report.invalid - len(named))
    suspects = _suspects(unnamed, strangers, missing)
    if suspects and (sent == 1 or _all_alike(suspects, strangers, missing)):
        named |= dict.fromkeys(suspects, _one_for_each_reason(strangers) or [UNNAMED])
        suspects = []
    reading.rejected = [(entry, named[entry]) for entry in entries if entry in named]
    reading.uncertain = suspects
    settled = {*named, *suspects}
    reading.accepted = [entry for entry in entries if entry not in settled]
    return reading


def _named(
    entries: Sequence[BatchEntry], invalid_contacts: Sequence[InvalidContact]
) -> tuple[dict[BatchEntry, list[InvalidContact]], list[InvalidContact]]:
    """The entries that the report names, and its items that fit no entry, or several."""
    holders = {key: entry for entry in entries for key in entry.identity_keys}
    named: dict[BatchEntry, list[InvalidContact]] = {}
    strangers = []
    for invalid in invalid_contacts:
        fitting = {holders[key] for key in _keys(invalid) if key in holders}
        if len(fitting) == 1:
            named.setdefault(fitting.pop(), []).append(invalid)
        else:
            strangers.append(invalid)
    return named, strangers


def _keys(invalid: InvalidContact) -> list[str]:
    keys: list[str] = []
    if invalid.email:
        keys += email_keys(invalid.email.strip())
    if invalid.external_id:
        keys += external_id_keys(invalid.external_id.strip())
    return keys


def _at_least(strangers: list[InvalidContact]) -> int:
    """The least number of contacts in these items; a contact's errors are each listed once."""
    names = {tuple(keys) for stranger in strangers if (keys := _keys(stranger))}
    nameless = Counter((s.code, s.error_field) for s in strangers if not _keys(s))
    return len(names) + max(nameless.values(), default=0)


def _suspects(
    unnamed: list[BatchEntry], strangers: list[InvalidContact], missing: int
) -> list[BatchEntry]:
    """The entries among which the unnamed invalid contacts must be."""
    if missing <= 0:
        return []
    if _at_least(strangers) >= missing and not any(_keys(stranger) for stranger in strangers):
        have_no_email = [
            e for e in unnamed if not any(key[0] == EMAIL_KEY for key in e.identity_keys)
        ]
        if len(have_no_email) >= missing:
            return have_no_email
    return unnamed


def _one_for_each_reason(strangers: list[InvalidContact]) -> list[InvalidContact]:
    # Every suspect gets all reasons, and a report may list more than half a million items.
    reasons: dict[object, InvalidContact] = {}
    for stranger in strangers:
        reasons.setdefault((stranger.code, stranger.error_field), stranger)
    return [*reasons.values()]


def _all_alike(suspects: list[BatchEntry], strangers: list[InvalidContact], missing: int) -> bool:
    """Whether the report must mean all suspects, and its reasons must apply to each."""
    if len(suspects) == 1:
        return bool(strangers)
    reasons = {(stranger.code, stranger.error_field) for stranger in strangers}
    return missing >= len(suspects) and len(strangers) >= missing and len(reasons) == 1

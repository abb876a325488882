"""Matches a report with its call: which contacts are accepted, rejected, or uncertain.

Invariant: every entry of the call is in exactly one of the three lists, and a contact counts as
rejected only if the report can mean nothing else.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from destination_maileon.maileon.contact import Contact
from destination_maileon.maileon.report import InvalidContact, SynchronizationReport
from destination_maileon.mapping.mapped_record import EMAIL_KEY, BatchEntry, contact_keys

Findings = list[InvalidContact]
Unmatched = list[tuple[InvalidContact, tuple[str, ...]]]
"""The items of a report that fit no entry, or several; each with the identifiers it names."""

UNNAMED = InvalidContact(email=None, external_id=None, code=None, error_field=None)
"""Stands for a contact that the report counts as invalid but does not list."""


@dataclass(slots=True)
class MatchedReport:
    """What a report says of the entries of its call.

    `written` counts contacts that Maileon wrote as they were sent, `left_out` those that are
    neither new, existing, invalid nor unsubscribed. `is_miscounted`: the report's counts do not fit
    the number of contacts sent.
    """

    accepted: list[BatchEntry] = field(default_factory=list)
    rejected: list[tuple[BatchEntry, Findings]] = field(default_factory=list)
    uncertain: list[BatchEntry] = field(default_factory=list)
    written: int = 0
    left_out: int = 0
    is_miscounted: bool = False


def read(entries: Sequence[BatchEntry], report: SynchronizationReport) -> MatchedReport:
    """Matches the report with the entries of its call."""
    answered = report.new + report.existing + report.invalid + report.unsubscribed
    sent = len(entries)
    updates = entries[0].partition_key.plan.options.updates
    matched = MatchedReport(left_out=max(0, sent - answered))
    matched.written = report.new + (report.existing if updates else 0)
    matched.is_miscounted = report.contacts != sent or answered > sent
    if not report.invalid and not report.invalid_contacts:
        matched.accepted = list(entries)
        return matched
    named, unmatched = _named(entries, report.invalid_contacts)
    unnamed = [entry for entry in entries if entry not in named]
    listed = _least_number(unmatched)
    missing = max(listed, report.invalid - len(named))
    suspects = unnamed if missing > 0 else []
    are_nameless = listed >= missing and not any(keys for _, keys in unmatched)
    if are_nameless and any(item.email for item in report.invalid_contacts):
        # This report names by email whom it can. One without an email may go unnamed: a report has
        # no Maileon id (Maileon docs, Synchronize Contacts, "Report"), perhaps no external id.
        nameless = [e for e in suspects if all(key[0] != EMAIL_KEY for key in e.identity_keys)]
        suspects = nameless if len(nameless) >= missing else suspects
    # Every suspect gets all reasons, each once: a report may list more than half a million items.
    reasons: dict[object, InvalidContact] = {}
    for item, _ in unmatched:
        reasons.setdefault((item.code, item.error_field), item)
    is_all_alike = len(reasons) == 1 and len(unmatched) >= missing >= len(suspects)
    if sent == 1 or is_all_alike or (len(suspects) == 1 and unmatched):
        named |= dict.fromkeys(suspects, [*reasons.values()] or [UNNAMED])
        suspects = []
    matched.rejected = [(entry, named[entry]) for entry in entries if entry in named]
    matched.uncertain = suspects
    settled = {*named, *suspects}
    matched.accepted = [entry for entry in entries if entry not in settled]
    return matched


def _named(
    entries: Sequence[BatchEntry], invalid_contacts: Sequence[InvalidContact]
) -> tuple[dict[BatchEntry, Findings], Unmatched]:
    holders = {key: entry for entry in entries for key in entry.identity_keys}
    named: dict[BatchEntry, Findings] = {}
    unmatched: Unmatched = []
    for invalid in invalid_contacts:
        keys = contact_keys(Contact(invalid.email, invalid.external_id))
        fitting = {holders[key] for key in keys if key in holders}
        if len(fitting) == 1:
            named.setdefault(fitting.pop(), []).append(invalid)
        else:
            unmatched.append((invalid, keys))
    return named, unmatched


def _least_number(unmatched: Unmatched) -> int:
    """The least number of contacts in these items; a contact's errors are each listed once."""
    names = {keys for _, keys in unmatched if keys}
    nameless = Counter((one.code, one.error_field) for one, keys in unmatched if not keys)
    return len(names) + max(nameless.values(), default=0)

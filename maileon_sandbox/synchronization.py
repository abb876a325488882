"""The call itself: a list of contacts, in order, into the account.

Decides alone what is written, what is left as it is, and what is counted where.
Source: Maileon docs, Synchronize Contacts. Assumed, as it is not documented: contacts are judged
before they are looked up among the unsubscribed, and these before `update_only` and `sync_mode`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from maileon_sandbox.account import Account
from maileon_sandbox.field_rules import IllegalValueError, Values, values_of
from maileon_sandbox.identity import Identity
from maileon_sandbox.parameters import SynchronizeOptions
from maileon_sandbox.report import Report
from maileon_sandbox.sent_contacts import SentContact, SentPreference
from maileon_sandbox.stored_contact import StoredContact, StoredPreference
from maileon_sandbox.vocabulary import SyncMode


class Synchronization:
    """One call. Each contact sees the effects of those before it."""

    def __init__(
        self, account: Account, options: SynchronizeOptions, *, moves_within_call: bool = False
    ) -> None:
        self._account = account
        self._options = options
        self._identity = Identity(account, options, moves_within_call=moves_within_call)
        self._now = datetime.now(tz=UTC)
        self._report = Report()

    def run(self, contacts: list[SentContact]) -> Report:
        """Without `ignore_invalid_contacts`, one invalid contact keeps everything from storing."""
        with self._account.lock:
            self._report.contacts = len(contacts)
            memory = None if self._options.ignore_invalid_contacts else self._account.remember()
            for sent in contacts:
                try:
                    self._settle(sent)
                except IllegalValueError as error:
                    self._report.rejected.append((sent, error.rejection))
            if memory and self._report.rejected:
                self._account.restore(memory)
                self._report.new = self._report.existing = self._report.unsubscribed = 0
            return self._report

    def _settle(self, sent: SentContact) -> None:
        stored = self._identity.find(sent)
        values = values_of(sent, self._account)
        if self._is_kept_unsubscribed(sent, stored):
            self._report.unsubscribed += 1
        elif stored:
            self._report.existing += 1
            if self._options.sync_mode is SyncMode.UPDATE:
                self._update(stored, sent, values=values)
        elif not self._options.update_only:
            self._report.new += 1
            self._create(sent, values)

    def _is_kept_unsubscribed(self, sent: SentContact, stored: StoredContact | None) -> bool:
        if self._options.reimport_unsubscribed_contacts:
            return False
        addresses = {sent.email, stored.email if stored else None} - {None}
        return any(address.lower() in self._account.markers for address in addresses if address)

    def _create(self, sent: SentContact, values: Values) -> None:
        contact = StoredContact(
            id=self._account.next_id(),
            email=sent.email,
            external_id=sent.external_id,
            permission=self._options.permission_of_new,
            standard_fields=_merged({}, values.standard_fields),
            custom_fields=_merged({}, values.custom_fields),
            preferences=_preferences({}, values.preferences),
            created_at=self._now,
            updated_at=self._now,
        )
        self._store(contact)

    def _update(self, stored: StoredContact, sent: SentContact, *, values: Values) -> None:
        # An address that differs by case only is the same address, and stays as it was.
        is_new_address = sent.email and sent.email.lower() != (stored.email or "").lower()
        contact = StoredContact(
            id=stored.id,
            email=sent.email if is_new_address else stored.email,
            external_id=sent.external_id or stored.external_id,
            permission=self._options.permission_of_existing(stored.permission),
            standard_fields=_merged(stored.standard_fields, values.standard_fields),
            custom_fields=_merged(stored.custom_fields, values.custom_fields),
            preferences=_preferences(stored.preferences, values.preferences),
            created_at=stored.created_at,
            updated_at=self._now,
            updates=stored.updates + 1,
        )
        self._account.markers.discard((stored.email or "").lower())
        self._store(contact)
        self._identity.written(stored, contact)

    def _store(self, contact: StoredContact) -> None:
        """Whoever is written is subscribed again: only `reimport...` lets a marked one get here."""
        self._account.markers.discard((contact.email or "").lower())
        self._account.put(contact)


def _merged(stored: Mapping[str, str], sent: Mapping[str, str | None]) -> dict[str, str]:
    """Absent keeps, nil clears, everything else replaces."""
    merged = {**stored, **sent}
    return {name: value for name, value in merged.items() if value is not None}


def _preferences(
    stored: Mapping[tuple[str, str], StoredPreference], sent: list[SentPreference]
) -> dict[tuple[str, str], StoredPreference]:
    """The source is changed only if it was sent (Maileon docs, Contact Preferences)."""
    merged = dict(stored)
    for preference in sent:
        key = (preference.category, preference.name)
        before = stored.get(key)
        source = before.source if before and not preference.has_source else preference.source
        merged[key] = StoredPreference(preference.value or "false", source)
    return merged

"""Applies the contacts of a synchronize call to the account, in order.

Source: Maileon docs, Synchronize Contacts. The order of checks is undocumented; assumed here:
validation first, then whether the contact is unsubscribed, then `update_only` and `sync_mode`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from maileon_sandbox.account.account import Account
from maileon_sandbox.account.stored_contact import StoredContact
from maileon_sandbox.contacts.field_rules import IllegalValueError, Values, values_of
from maileon_sandbox.contacts.identity import Identity
from maileon_sandbox.contacts.parameters import SynchronizeOptions
from maileon_sandbox.contacts.report import Report
from maileon_sandbox.contacts.sent_contacts import SentContact
from maileon_sandbox.contacts.writing import written
from maileon_sandbox.rules import DEFAULT_RULES, Rules
from maileon_sandbox.vocabulary import SyncMode


class Synchronization:
    """One call. Each contact sees the effects of those before it."""

    def __init__(
        self, account: Account, options: SynchronizeOptions, rules: Rules = DEFAULT_RULES
    ) -> None:
        self._account = account
        self._options = options
        self._rules = rules
        self._identity = Identity(account, options, rules)
        self._now = datetime.now(tz=UTC)
        self._report = Report()

    def run(self, contacts: list[SentContact]) -> Report:
        """Returns the report. Without `ignore_invalid_contacts`, one invalid contact undoes all."""
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
        values = values_of(sent, self._account, self._rules)
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
        if stored and stored.unsubscribed:
            return True
        addresses = {sent.email, stored.email if stored else None} - {None}
        return any(address.lower() in self._account.markers for address in addresses if address)

    def _create(self, sent: SentContact, values: Values) -> None:
        new = StoredContact(
            id=self._account.next_id(),
            permission=self._options.permission_of_new,
            created_at=self._now,
        )
        self._store(replace(written(new, sent, values=values, now=self._now), updates=0))

    def _update(self, stored: StoredContact, sent: SentContact, *, values: Values) -> None:
        permission = self._options.permission_of_existing(stored.permission)
        contact = replace(
            written(stored, sent, values=values, now=self._now), permission=permission
        )
        self._lift_marker(stored.email)
        self._store(contact)
        self._identity.written(stored, contact)

    def _store(self, contact: StoredContact) -> None:
        self._lift_marker(contact.email)
        self._account.put(contact)

    def _lift_marker(self, email: str | None) -> None:
        """Removes the address's marker, if the rules say that a write does so.

        A contact "can be marked as unsubscriber, even if he resubscribed" (Maileon docs, Get
        Unsubscription-Marker).
        """
        if self._rules.writing_lifts_markers and email:
            self._account.markers.discard(email.lower())

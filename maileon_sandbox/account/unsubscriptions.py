"""Delays unsubscriptions.

Maileon answers at once and unsubscribes a moment later: "if you ask for the contact immediately
after unsubscribing, there is a chance that it is still there" (page Unsubscribe Contacts By Email).
"""

from __future__ import annotations

from threading import RLock, Timer

from maileon_sandbox.account.account import Account
from maileon_sandbox.account.stored_contact import StoredContact
from maileon_sandbox.rules import Rules


class Unsubscriptions:
    """Accepted unsubscriptions. Each waits for `unsubscribe_delay_seconds`."""

    def __init__(self, account: Account, rules: Rules) -> None:
        self._account = account
        self._rules = rules
        self._lock = RLock()
        self._waiting: dict[int, Timer] = {}

    def accept(self, contact: StoredContact) -> None:
        delay = self._rules.unsubscribe_delay_seconds
        if delay == 0:
            self._carry_out(contact.id)
            return
        with self._lock:
            if contact.id not in self._waiting:
                timer = self._waiting[contact.id] = Timer(delay, self._take, [contact.id])
                timer.daemon = True
                timer.start()

    def carry_out_all(self) -> None:
        """Carries out all waiting unsubscriptions now."""
        with self._lock:
            for id_ in list(self._waiting):
                self._waiting[id_].cancel()
                self._take(id_)

    def _take(self, id_: int) -> None:
        with self._lock:
            if self._waiting.pop(id_, None):
                self._carry_out(id_)

    def _carry_out(self, id_: int) -> None:
        """Unsubscribes the contact in its present state; it may have been deleted."""
        with self._account.lock:
            if contact := self._account.by_id(id_):
                self._account.unsubscribe(contact, keep=self._rules.unsubscribed_keep)

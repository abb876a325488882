"""Finds the stored contact that a sent one means, and checks its identifiers.

This gives the error codes 1, 2, 4, 5 (and 32, the sandbox's own) for one call. Sources: Maileon
docs, Synchronize Contacts (identifier modes) and Synchronize Contacts Error Codes ("already exists
for another contact, in the sent list or among stored contacts").
"""

from __future__ import annotations

from maileon_sandbox.account.account import Account
from maileon_sandbox.account.stored_contact import StoredContact
from maileon_sandbox.contacts.field_rules import IllegalValueError, is_email
from maileon_sandbox.contacts.parameters import IdentifierMode, SynchronizeOptions
from maileon_sandbox.contacts.sent_contacts import SentContact
from maileon_sandbox.rules import Rules
from maileon_sandbox.vocabulary import ErrorCode

_DUPLICATES = {
    "external_id": ErrorCode.DUPLICATE_EXTERNAL_ID,
    "email": ErrorCode.DUPLICATE_EMAIL,
    "id": ErrorCode.DUPLICATE_ID,
}


class Identity:
    """The identifiers of one call: those sent so far, and those that contacts gave up.

    An identifier that another contact had when the call began counts as taken until its end, unless
    `moves_within_call` is set. Maileon's behaviour is undocumented; this is harder for a client.
    """

    def __init__(self, account: Account, options: SynchronizeOptions, rules: Rules) -> None:
        self._account = account
        self._options = options
        self._moves_within_call = rules.moves_within_call
        self._seen: set[tuple[str, str]] = set()
        # Identifier -> id of the contact that had it when the call began.
        self._given_up: dict[tuple[str, str], int] = {}

    def find(self, sent: SentContact) -> StoredContact | None:
        """Returns the stored contact that is meant, or None for a new one.

        Raises IllegalValueError if an identifier is missing, malformed or another contact's.
        """
        self._refuse_unusable(sent)
        duplicates = self._duplicates_in_list(sent)
        stored = self._stored(sent)
        if not stored and not sent.email and not self._options.update_only:
            raise IllegalValueError(ErrorCode.MISSING_EMAIL, "email")
        # A contact that update_only leaves out takes no identifier from another.
        if stored or not self._options.update_only:
            duplicates |= self._duplicates_among_stored(sent, stored)
        self._refuse(duplicates, sent)
        return stored

    def written(self, before: StoredContact, after: StoredContact) -> None:
        """Remembers the identifiers that a contact gave up."""
        if before.email and before.email.lower() != (after.email or "").lower():
            self._given_up["email", before.email.lower()] = before.id
        if before.external_id and before.external_id != after.external_id:
            self._given_up["external_id", before.external_id] = before.id

    def _refuse_unusable(self, sent: SentContact) -> None:
        mode = self._options.identifier_mode
        if mode is IdentifierMode.EXTERNAL_ID and not sent.external_id:
            raise IllegalValueError(ErrorCode.MISSING_EXTERNAL_ID, "external_id")
        if mode is IdentifierMode.EMAIL and not sent.email:
            raise IllegalValueError(ErrorCode.MISSING_EMAIL, "email")
        if mode is IdentifierMode.MAILEON_ID and not sent.email and not self._by_id(sent):
            raise IllegalValueError(ErrorCode.MISSING_EMAIL, "email")
        if sent.email and not is_email(sent.email):
            raise IllegalValueError(ErrorCode.INVALID_EMAIL, sent.email)

    def _stored(self, sent: SentContact) -> StoredContact | None:
        match self._options.identifier_mode:
            case IdentifierMode.EXTERNAL_ID:
                return self._account.by_external_id(sent.external_id)
            case IdentifierMode.MAILEON_ID:
                return self._by_id(sent) or self._account.by_email(sent.email)
            case IdentifierMode.EMAIL:
                return self._account.by_email(sent.email)

    def _by_id(self, sent: SentContact) -> StoredContact | None:
        """The contact with this id; an id that is no number or not stored is ignored (assumed)."""
        if not sent.id or not sent.id.isascii() or not sent.id.isdigit():
            return None
        return self._account.by_id(int(sent.id))

    def _duplicates_in_list(self, sent: SentContact) -> set[str]:
        """The kinds of its identifiers that an earlier contact of the call has, valid or not."""
        identifiers = set(sent.identifiers())
        if self._options.identifier_mode is not IdentifierMode.MAILEON_ID:
            identifiers = {(kind, value) for kind, value in identifiers if kind != "id"}
        duplicates = {kind for kind, _ in identifiers & self._seen}
        self._seen |= identifiers
        return duplicates

    def _duplicates_among_stored(self, sent: SentContact, stored: StoredContact | None) -> set[str]:
        own = stored.id if stored else None
        taken = set()
        if (owner := self._account.by_email(sent.email)) and owner.id != own:
            taken.add("email")
        if not self._keeps_external_id(sent, stored):
            owners = self._account.all_by_external_id(sent.external_id)
            taken |= {"external_id" for owner in owners if owner.id != own}
        if not self._moves_within_call:
            taken |= {
                kind
                for kind, value in sent.identifiers()
                if self._given_up.get((kind, value), own) != own
            }
        return taken

    def _keeps_external_id(self, sent: SentContact, stored: StoredContact | None) -> bool:
        """Whether it is recognised by another identifier and keeps its external id.

        Several contacts may share an external id, which then identifies none of them (assumed).
        """
        if not stored or self._options.identifier_mode is IdentifierMode.EXTERNAL_ID:
            return False
        return stored.external_id == sent.external_id

    @staticmethod
    def _refuse(duplicates: set[str], sent: SentContact) -> None:
        for kind, code in _DUPLICATES.items():
            if kind in duplicates:
                raise IllegalValueError(code, getattr(sent, kind))

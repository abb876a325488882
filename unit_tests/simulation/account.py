"""A small Maileon account: its contacts, and what happens to contacts that are synchronized.

Written from Maileon's documentation alone; it shares no code with the connector or the sandbox. Two
questions that the documentation leaves open are decided here: a contact that is not changed
(ignored, left out, unsubscribed) is not validated, and an unknown Maileon id is an error.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum, auto
from functools import lru_cache

UNKNOWN_ID = 30
"""An error code that no table lists."""
CONTESTED_CODES = frozenset({4, 5})
"""Error codes: another contact has the external id, or the email."""

MAX_TEXT = 255
FIRST_NEW_ID = 1_000_000
NO_PERMISSION = 1

Preferences = dict[tuple[str, str], tuple[str, str | None]]


@dataclass(frozen=True, slots=True)
class Source:
    """The source of a preference; if it is not said, the stored one is kept."""

    is_said: bool = False
    text: str | None = None


@dataclass(slots=True)
class Wish:
    """One contact of a call as the server reads it. Fields: `standard:NAME` and `custom:NAME`."""

    id: str | None = None
    email: str | None = None
    external_id: str | None = None
    fields: dict[str, str | None] = field(default_factory=dict)
    preferences: dict[tuple[str, str], tuple[str, Source]] = field(default_factory=dict)

    @property
    def identity_keys(self) -> list[str]:
        """The identifiers, comparable."""
        return [*_identity_keys(self.id, self.email, self.external_id)]


@dataclass(eq=False, slots=True)
class Stored:
    """A contact of the account."""

    id: int
    email: str | None
    external_id: str | None = None
    permission: int = NO_PERMISSION
    is_unsubscribed: bool = False
    fields: dict[str, str] = field(default_factory=dict)
    preferences: Preferences = field(default_factory=dict)

    @property
    def identity_keys(self) -> list[str]:
        """The identifiers, comparable."""
        return [*_identity_keys(str(self.id), self.email, self.external_id)]


@dataclass(frozen=True, slots=True)
class Options:
    """The query of a call."""

    mode: str
    updates: bool = True
    update_only: bool = False
    permission: int | None = None
    overrides_permission: bool = False
    reimports: bool = False
    ignores_invalid: bool = True


class Verdict(Enum):
    """The result for a contact."""

    NEW = auto()
    EXISTING = auto()
    UNSUBSCRIBED = auto()
    LEFT_OUT = auto()
    INVALID = auto()


@dataclass(frozen=True, slots=True)
class Judgement:
    """The result for a contact, and the code and field of each error found."""

    verdict: Verdict
    findings: tuple[tuple[int, str], ...] = ()


class MaileonAccount:
    """Contacts and custom fields (name -> type) of an account."""

    def __init__(self, stored: list[Stored], custom_types: dict[str, str]) -> None:
        self.contacts = {contact.id: contact for contact in stored}
        self.custom_types = dict(custom_types)
        self.markers: set[str] = set()
        self._next_id = FIRST_NEW_ID
        self._holders: dict[str, int] = {}
        self._index()

    def synchronize(self, options: Options, wishes: list[Wish]) -> list[Judgement]:
        """Applies the contacts of a call in order; in strict mode all or none."""
        before = None if options.ignores_invalid else self._before(options, wishes)
        judgements = [self._synchronize(options, wish) for wish in wishes]
        if before is not None and any(j.verdict is Verdict.INVALID for j in judgements):
            self.contacts = before
            self._index()
        return judgements

    def delete(self, mode: str, wish: Wish) -> bool:
        """Whether there was such a contact."""
        contact = self.find(mode, wish)
        if contact is not None:
            del self.contacts[contact.id]
            self._forget(contact)
        return contact is not None

    def unsubscribe(self, mode: str, wish: Wish) -> bool:
        """Returns whether the contact existed. Its data is removed, its identifiers stay."""
        contact = self.find(mode, wish)
        if contact is not None:
            contact.is_unsubscribed = True
            contact.fields.clear()
            contact.preferences.clear()
        return contact is not None

    def mark(self, email: str) -> None:
        """Sets an unsubscription marker for the address, whether or not a contact has it."""
        self.markers.add(without_case(email))

    def drop_field(self, name: str) -> None:
        """Deletes a custom field with its values."""
        self.custom_types.pop(name, None)
        for contact in self.contacts.values():
            contact.fields.pop(f"custom:{name}", None)

    def find(self, mode: str, wish: Wish) -> Stored | None:
        """The contact that the wish identifies in this mode."""
        if mode == "external_id":
            return self._holder(external_id=wish.external_id)
        if mode == "maileon_id" and wish.id:
            return self.contacts.get(int(wish.id))
        return self._holder(email=wish.email)

    def has(self, key: str, contact: Stored) -> bool:
        """Whether the contact holds the identifier."""
        return self._holders.get(key) == contact.id

    def breaks_rules(self, wish: Wish) -> bool:
        """Whether the wish breaks rules, no matter which identifiers other contacts have."""
        return _is_no_address(wish) or bool(self._wrong(wish))

    def refuses(self, options: Options, wish: Wish) -> bool:
        """Whether the wish would be refused for one of its identifiers.

        Another contact has it, or no contact has the Maileon id.
        """
        return bool(self._wrong_identifiers(options, wish, self.find(options.mode, wish)))

    def _holder(self, *, email: str | None = None, external_id: str | None = None) -> Stored | None:
        [key] = Wish(email=email, external_id=external_id).identity_keys or [""]
        return self.contacts.get(self._holders.get(key, 0))

    def _before(self, options: Options, wishes: list[Wish]) -> dict[int, Stored]:
        """All contacts, with copies of those that the wishes may change."""
        meant = (self.find(options.mode, wish) for wish in wishes)
        copies = (
            replace(contact, fields=dict(contact.fields), preferences=dict(contact.preferences))
            for contact in meant
            if contact is not None
        )
        return {**self.contacts, **{copy.id: copy for copy in copies}}

    def _index(self) -> None:
        self._holders.clear()
        for contact in self.contacts.values():
            self._remember(contact)

    def _remember(self, contact: Stored) -> None:
        self._holders.update(dict.fromkeys(contact.identity_keys, contact.id))

    def _forget(self, contact: Stored) -> None:
        for key in contact.identity_keys:
            del self._holders[key]

    def _synchronize(self, options: Options, wish: Wish) -> Judgement:
        if _is_no_address(wish):
            return Judgement(Verdict.INVALID, ((3, wish.email or ""),))
        contact = self.find(options.mode, wish)
        if (quiet := _untouched(options, contact)) is not None:
            return Judgement(quiet)
        if not options.reimports and wish.email and without_case(wish.email) in self.markers:
            return Judgement(Verdict.UNSUBSCRIBED)
        if findings := [*self._wrong_identifiers(options, wish, contact), *self._wrong(wish)]:
            return Judgement(Verdict.INVALID, tuple(findings))
        if contact is not None:
            self._update(contact, options, wish)
            return Judgement(Verdict.EXISTING)
        contact = Stored(self._next_id, wish.email, permission=options.permission or NO_PERMISSION)
        self._next_id += 1
        self.contacts[contact.id] = contact
        _fill(contact, wish)
        self._remember(contact)
        return Judgement(Verdict.NEW)

    def _update(self, contact: Stored, options: Options, wish: Wish) -> None:
        contact.is_unsubscribed = False
        if options.overrides_permission and options.permission is not None:
            contact.permission = options.permission
        self._forget(contact)
        _fill(contact, wish)
        self._remember(contact)

    def _wrong_identifiers(
        self, options: Options, wish: Wish, contact: Stored | None
    ) -> list[tuple[int, str]]:
        if contact is None and options.mode == "maileon_id" and wish.id:
            return [(UNKNOWN_ID, "")]
        if contact is None and not wish.email:
            return [(2, "email")]
        wrong = []
        if self._holder(external_id=wish.external_id) not in {None, contact}:
            wrong.append((4, "external_id"))
        if self._holder(email=wish.email) not in {None, contact}:
            wrong.append((5, "email"))
        return wrong

    def _wrong(self, wish: Wish) -> list[tuple[int, str]]:
        wrong = []
        for target, value in wish.fields.items():
            kind, _, name = target.partition(":")
            if kind == "custom" and name not in self.custom_types:
                wrong.append((21, name))
            elif value is None:
                continue
            elif len(value) > MAX_TEXT:
                wrong.append((26 if kind == "custom" else 8, name))
            elif self.custom_types.get(name) == "integer" and not value.isdigit():
                wrong.append((25, name))
        return wrong


def without_case(text: str) -> str:
    """The form in which addresses are compared: only the case of ASCII letters is ignored."""
    if text.isascii():
        return text.lower()
    return "".join(c.lower() if c.isascii() else c for c in text)


@lru_cache(maxsize=10_000)
def _identity_keys(id_: str | None, email: str | None, external_id: str | None) -> tuple[str, ...]:
    keys = [f"id={id_.lstrip('0')}"] if id_ else []
    keys += [f"email={without_case(email)}"] if email else []
    keys += [f"external_id={external_id}"] if external_id else []
    return tuple(keys)


def name_of(mode: str, wish: Wish) -> str:
    """The key by which the contact is recognised; empty if it has none."""
    kind = {"external_id": "external_id=", "maileon_id": "id=" if wish.id else "email="}
    wanted = kind.get(mode, "email=")
    return next((key for key in wish.identity_keys if key.startswith(wanted)), "")


def _is_no_address(wish: Wish) -> bool:
    return wish.email is not None and "@" not in wish.email


def _untouched(options: Options, contact: Stored | None) -> Verdict | None:
    if contact is None:
        return Verdict.LEFT_OUT if options.update_only else None
    if not options.updates:
        return Verdict.EXISTING
    if contact.is_unsubscribed and not options.reimports:
        return Verdict.UNSUBSCRIBED
    return None


def _fill(contact: Stored, wish: Wish) -> None:
    # An address that differs only by case is the same and is not overwritten.
    if wish.email and without_case(wish.email) != without_case(contact.email or ""):
        contact.email = wish.email
    contact.external_id = wish.external_id or contact.external_id
    for target, value in wish.fields.items():
        if value is None:
            contact.fields.pop(target, None)
        else:
            contact.fields[target] = value
    for key, (value, source) in wish.preferences.items():
        kept = contact.preferences.get(key, ("", None))[1]
        contact.preferences[key] = (value, (source.text or None) if source.is_said else kept)

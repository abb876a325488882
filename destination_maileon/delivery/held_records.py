"""Contacts that Maileon refused because another contact has their identifier (codes 4 and 5).

That contact may be about to give it up, so they are tried again in passes when all else is settled.
Invariant: a contact is rejected with these codes only after a whole pass without an acceptance.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain

from destination_maileon.delivery.accumulator import Accumulator
from destination_maileon.delivery.request import Job, Purpose, Request
from destination_maileon.maileon.client import MaileonClient
from destination_maileon.maileon.contact import Contact, IdentifierMode
from destination_maileon.maileon.error_codes import DUPLICATE_EMAIL, DUPLICATE_EXTERNAL_ID
from destination_maileon.maileon.errors import MaileonError
from destination_maileon.maileon.report import InvalidContact
from destination_maileon.mapping import mapped_record
from destination_maileon.mapping.mapped_record import EMAIL_KEY, BatchEntry

Findings = Sequence[InvalidContact]

FEW_CLAIMS = 3
"""If more contacts than this wait for an identifier, Maileon is asked which contact has it."""

_CONTESTED = {DUPLICATE_EMAIL: EMAIL_KEY, DUPLICATE_EXTERNAL_ID: mapped_record.EXTERNAL_ID_KEY}


@dataclass(eq=False, slots=True)
class HeldRecords:
    """The held contacts of one sync. `age_seconds`: how long one waits for a pass at most."""

    accumulator: Accumulator
    reject: Callable[[BatchEntry, Findings], None]
    submit: Callable[[Request], None]
    age_seconds: float
    _refused: dict[BatchEntry, Findings] = field(default_factory=dict, init=False)
    _since: float = field(default=0.0, init=False)
    _tried: set[tuple[str, ...]] = field(default_factory=set, init=False)
    """The contacts of the pass, by identifiers: an entry may have been replaced by a new one."""
    _brought_acceptance: bool = field(default=False, init=False)
    _is_reversed: bool = field(default=False, init=False)
    _owners: dict[str, tuple[str, ...]] = field(default_factory=dict, init=False)
    """For an identifier that several contacts claim: all identifiers of its latest owner."""

    def hold(self, entry: BatchEntry, findings: Findings, now: float) -> None:
        """Holds a refused contact; it and all that share an identifier with it wait for a pass."""
        if not self._refused:
            self._since = now
        self._refused[entry] = findings
        self.accumulator.keep_place(entry)

    def accepted(self, entries: Sequence[BatchEntry], *, are_written: bool) -> None:
        """Notes accepted contacts: they may free identifiers, and own theirs if all are written."""
        self._brought_acceptance = True
        if not self.accumulator.following_records and not self._owners:
            return
        for entry in entries:
            for key in entry.identity_keys:
                if key in self._owners or self.accumulator.followers(key):
                    self._owners.pop(key, None)
                    if are_written:
                        self._owners[key] = entry.identity_keys

    @property
    def is_empty(self) -> bool:
        return not self._refused and not self._tried

    @property
    def next_pass_at(self) -> float | None:
        """When the next pass is due; None if no contact is held."""
        return self._since + self.age_seconds if self._refused else None

    def is_due(self, now: float) -> bool:
        """Whether everything else should be settled now, so that a pass can begin or end."""
        is_wanted = self._since + self.age_seconds <= now or self.accumulator.is_crowded
        return bool(self._tried) or (bool(self._refused) and is_wanted)

    def go_on(self) -> None:
        """Ends the current pass and begins the next; called once everything else is settled."""
        if self._tried and not self._brought_acceptance:
            again = [(e, why) for e, why in self._refused.items() if e.identity_keys in self._tried]
            if self._ask_for_owners() or self._reject_outdated(again):
                return
            for entry, findings in again:
                for claim in chain(self._claims_like(entry, findings), [entry]):
                    self._reject(claim, findings)
        self._brought_acceptance = False
        self._tried.clear()
        if not self._refused:
            return
        # Each other pass: in the right order one call may resolve a whole chain of moved addresses.
        held = sorted(self._refused, key=lambda entry: entry.position, reverse=self._is_reversed)
        self._is_reversed = not self._is_reversed
        self._refused.clear()
        self._tried.update(entry.identity_keys for entry in held)
        for entry in held:
            self.accumulator.proceed(entry)

    def drop(self, *, from_position: int) -> None:
        """Drops contacts without a record before this position, since the sync is ending."""
        self._refused = {e: why for e, why in self._refused.items() if e.position < from_position}

    def _reject_outdated(self, tried: Sequence[tuple[BatchEntry, Findings]]) -> bool:
        """Rejects contacts that have a newer record; returns whether there were any.

        The newer record joins the pass: it may need no taken address, and free one for others.
        """
        held = len(self._refused)
        for entry, findings in tried:
            # Its newer records wait for the identifiers that only it has.
            own = {*entry.identity_keys}.difference(_contested_keys(entry, findings))
            newer = [one for key in own for one in self.accumulator.followers(key)[:1]]
            if newer:
                self._tried.update(one.identity_keys for one in newer)
                self._reject(entry, findings)
        return len(self._refused) < held

    def _reject(self, entry: BatchEntry, findings: Findings) -> None:
        self._refused.pop(entry, None)
        self.reject(entry, findings)
        self.accumulator.give_up(entry)

    def _ask_for_owners(self) -> bool:
        """Asks which contact has the identifiers that many claim; returns whether it asked."""
        is_asked = False
        for entry, findings in self._refused.items():
            for key in _contested_keys(entry, findings):
                if key not in self._owners and len(self.accumulator.followers(key)) > FEW_CLAIMS:
                    self._owners[key] = ()
                    found = partial(self._owner_found, key)
                    job = Job(partial(_contacts_with, key), found, only_spares_calls=True)
                    self.submit(Request(entry.partition_key, [], purpose=Purpose.ASK, job=job))
                    is_asked = True
        return is_asked

    def _owner_found(self, key: str, owners: list[Contact] | MaileonError) -> None:
        if isinstance(owners, list) and len(owners) == 1:
            self._owners[key] = mapped_record.contact_keys(owners[0])

    def _claims_like(self, entry: BatchEntry, findings: Findings) -> Iterator[BatchEntry]:
        """The contacts behind this one that would be refused for the same reason.

        Else a placeholder address that thousands share would cost one pass for each of them. It
        applies only where the owner is known and has nothing pending.
        """
        for key in _contested_keys(entry, findings):
            owner = self._owners.get(key, ())
            for follower in self.accumulator.followers(key):
                others = {*follower.identity_keys} - {key}
                is_rival = follower.contact_removal is None and _is_rival(follower, owner, key)
                if not is_rival or not self.accumulator.is_first(follower, others):
                    break
                yield follower


def _contacts_with(key: str, client: MaileonClient) -> list[Contact]:
    if key[0] == EMAIL_KEY:
        return client.find(IdentifierMode.EMAIL, Contact(email=key[1:]))
    return client.find(IdentifierMode.EXTERNAL_ID, Contact(external_id=key[1:]))


def _is_rival(claim: BatchEntry, owner: tuple[str, ...], key: str) -> bool:
    """Whether the contact certainly is not the owner of the identifier it claims."""
    keys = claim.identity_keys
    # Maileon may treat identifiers that only look alike as different and accept both.
    if any([k for k in named if k[0] == key[0]] != [key] for named in (keys, owner)):
        return False
    name = claim.recognised_by[0]
    has_other_name = name != key and name[0] in {k[0] for k in owner}
    return has_other_name and {*keys} & {*owner} == {key}


def _contested_keys(entry: BatchEntry, findings: Findings) -> list[str]:
    """The contact's identifiers that another contact has, according to the report."""
    kinds = {_CONTESTED[found.code] for found in findings if found.code in _CONTESTED}
    return [key for key in entry.identity_keys if key[0] in kinds]

"""The simulated Maileon: reads the bytes of a call, carries it out, and answers.

It remembers the result of each record by its position in the input, and the order of effects.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias, cast

from destination_maileon.delivery.request import Purpose, Request
from destination_maileon.maileon.client import MaileonClient
from destination_maileon.maileon.contact import Contact, FieldType, IdentifierMode
from destination_maileon.maileon.errors import Forbidden, MaileonError, RequestRejected
from destination_maileon.maileon.report import InvalidContact, SynchronizationReport
from unit_tests.simulation.account import (
    CONTESTED_CODES,
    Judgement,
    MaileonAccount,
    Verdict,
    Wish,
    name_of,
)
from unit_tests.simulation.every_moment import insist
from unit_tests.simulation.scenario import (
    DISLIKED_VALUE,
    REFUSED_VALUE,
    TOO_LARGE_VALUE,
    VANISHING_FIELDS,
    Naming,
    Scenario,
)
from unit_tests.simulation.sent import (
    groups_of,
    is_removal,
    keys_of,
    options_of,
    places_of,
    purpose_of,
    removal_of,
    wishes_of,
)
from unit_tests.simulation.sequence import fresh_account, is_poison

Answer: TypeAlias = SynchronizationReport | bool | MaileonError

_EFFECTIVE = {Verdict.NEW, Verdict.EXISTING}


@dataclass(frozen=True, slots=True)
class _Asked:
    """Answers questions about the account."""

    account: MaileonAccount

    def find(self, mode: IdentifierMode, contact: Contact) -> list[Contact]:
        """The contacts with this one's identifier, with all of theirs."""
        is_by_email = mode is IdentifierMode.EMAIL
        wish = Wish(email=contact.email) if is_by_email else Wish(external_id=contact.external_id)
        keys = wish.identity_keys
        return [
            Contact(id=str(contact.id), email=contact.email, external_id=contact.external_id)
            for contact in self.account.contacts.values()
            if {*keys} & {*contact.identity_keys}
        ]


class Server:
    """One account and its reports. `verdicts`: the last result of each record; None: refused."""

    def __init__(self, scenario: Scenario, account: MaileonAccount | None = None) -> None:
        self.behaviour = scenario.server
        self.account = account or fresh_account(scenario)
        self.verdicts: dict[int, Verdict | None] = {}
        self.applied: list[tuple[Request, tuple[int, ...]]] = []
        self.codes: dict[int, tuple[int, ...]] = {}
        self.contested: set[int] = set()
        self.once_contested: set[int] = set()
        self.removed = 0
        self.unmarked: set[int] = set()
        self._has_vanished = False
        self._newest: dict[str, int] = {}
        self._together: defaultdict[int, set[int]] = defaultdict(set)

    def custom_fields(self) -> dict[str, FieldType]:
        """The custom fields with their types, as the API lists them."""
        return {name: FieldType(kind) for name, kind in self.account.custom_types.items()}

    def carry_out(self, call: Request, attempt: int) -> object:
        """Carries out the call and returns its answer."""
        vanishing_at = self.behaviour.vanishing_at
        if vanishing_at is not None and attempt >= vanishing_at and not self._has_vanished:
            self._has_vanished = True
            for name in VANISHING_FIELDS:
                self.account.drop_field(name)
        if purpose_of(call) is Purpose.ASK:
            assert call.job is not None
            return call.job.send(cast("MaileonClient", _Asked(self.account)))
        if not is_removal(call):
            return self._synchronize(call)
        answer = {Purpose.MARK: self._mark, Purpose.LOOK_UP: self._look_up}.get(purpose_of(call))
        return self._remove(call) if answer is None else answer(call)

    def forbid(self, call: Request) -> None:
        """Notes a call that was answered with 403 before it reached the server."""
        if purpose_of(call) is Purpose.MARK:
            self.unmarked.update(places_of(call))
            return
        self.verdicts |= dict.fromkeys(places_of(call), None)
        self.contested.difference_update(places_of(call))

    def create_custom_field(self, name: str, kind: str) -> None:
        self.account.custom_types.setdefault(name, kind)

    def _remove(self, call: Request) -> bool | RequestRejected:
        removal, mode = removal_of(call), options_of(call).mode
        if name_of(mode, removal.wish) in self.behaviour.clinging:
            self._note(call, [None])
            return RequestRejected("refused", status=self.behaviour.refusal, server_message="no")
        remove = self.account.delete if removal.deletes else self.account.unsubscribe
        was_there = remove(mode, removal.wish)
        self.removed += was_there
        self._note(call, [Judgement(Verdict.EXISTING if was_there else Verdict.LEFT_OUT)])
        return was_there

    def _mark(self, call: Request) -> bool | Forbidden:
        if self.behaviour.refuses_markers:
            self.unmarked.update(places_of(call))
            return Forbidden("the right to create is missing")
        self._note(call, [Judgement(Verdict.EXISTING)])
        self.account.mark(removal_of(call).wish.email or "")
        return True

    def _look_up(self, call: Request) -> bool:
        is_there = self.account.find(options_of(call).mode, removal_of(call).wish) is not None
        if not is_there:
            self._note(call, [Judgement(Verdict.LEFT_OUT)])
        return is_there

    def _synchronize(self, call: Request) -> SynchronizationReport | RequestRejected | Forbidden:
        wishes = wishes_of(call)
        if any(is_poison(wish) for wish in wishes):
            self._note(call, [None] * len(wishes))
            values = {wish.fields.get("custom:POISON") for wish in wishes}
            if DISLIKED_VALUE in values:
                return Forbidden("a firewall dislikes it")
            status = 413 if TOO_LARGE_VALUE in values and REFUSED_VALUE not in values else 400
            return RequestRejected("refused", status=status, server_message="a contact is wrong")
        judgements = self.account.synchronize(options_of(call), wishes)
        is_invalid = any(judgement.verdict is Verdict.INVALID for judgement in judgements)
        if is_invalid and self.behaviour.refuses_invalid and not options_of(call).ignores_invalid:
            self._note(call, [None] * len(wishes))
            return RequestRejected("refused", status=400, server_message="a contact is invalid")
        self._note(call, judgements)
        return self._report(wishes, judgements)

    def _note(self, call: Request, judgements: Sequence[Judgement | None]) -> None:
        for places, judgement in zip(groups_of(call), judgements, strict=True):
            verdict = None if judgement is None else judgement.verdict
            self.verdicts |= dict.fromkeys(places, verdict)
            codes = () if judgement is None else tuple(code for code, _ in judgement.findings)
            self.codes |= dict.fromkeys(places, codes)
            is_contested = bool(CONTESTED_CODES & {*codes[:1]})
            self.once_contested.update(places if is_contested else ())
            (self.contested.update if is_contested else self.contested.difference_update)(places)
            self._together[places[0]].update(places)
            if verdict is not None and verdict is not Verdict.INVALID:
                self.applied.append((call, places))
        self._takes_effect_in_order(call, judgements)

    def _takes_effect_in_order(self, call: Request, judgements: Sequence[Judgement | None]) -> None:
        """Checks that no older record of a contact takes effect after a newer one."""
        wishes = [None] if is_removal(call) else wishes_of(call)
        for places, wish, judgement in zip(groups_of(call), wishes, judgements, strict=True):
            is_effective = judgement is not None and judgement.verdict in _EFFECTIVE
            if not is_effective or not (options_of(call).updates or is_removal(call)):
                continue
            for key in keys_of(call) if wish is None else wish.identity_keys:
                newest = self._newest.get(key, 0)
                # Allowed if a call with both is repeated in parts, since its answer was lost.
                is_repeated = newest in self._together[places[0]]
                insist(newest <= max(places) or is_repeated, "an older record takes effect after")
                self._newest[key] = max(newest, *places)

    def _report(
        self, wishes: Sequence[Wish], judgements: Sequence[Judgement]
    ) -> SynchronizationReport:
        counts = dict.fromkeys(Verdict, 0)
        for judgement in judgements:
            counts[judgement.verdict] += 1
        return SynchronizationReport(
            contacts=len(wishes) + self.behaviour.miscounts,
            new=counts[Verdict.NEW],
            existing=counts[Verdict.EXISTING],
            invalid=counts[Verdict.INVALID],
            unsubscribed=counts[Verdict.UNSUBSCRIBED],
            invalid_contacts=tuple(self._listed(wishes, judgements)),
        )

    def _listed(
        self, wishes: Sequence[Wish], judgements: Sequence[Judgement]
    ) -> Iterator[InvalidContact]:
        naming = self.behaviour.naming
        invalid = [
            (w, j) for w, j in zip(wishes, judgements, strict=True) if j.verdict is Verdict.INVALID
        ]
        if naming is Naming.UNLISTED:
            return
        for wish, judgement in invalid[:1] if naming is Naming.FIRST_ONLY else invalid:
            email = None if naming is Naming.NIL else wish.email
            external_id = None if naming in {Naming.NIL, Naming.EMAIL_ONLY} else wish.external_id
            for code, name in judgement.findings:
                yield InvalidContact(email, external_id, code, name)

"""The simulated Maileon: reads the bytes of a call, does what it says, and answers.

Remembers what became of each record, by its place in the input, in the order in which it happened.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from destination_maileon.delivery.request import Request
from destination_maileon.maileon.contact import FieldType
from destination_maileon.maileon.errors import MaileonError, RequestRejected
from destination_maileon.maileon.report import InvalidContact, SynchronizationReport
from unit_tests.simulation.account import (
    Judgement,
    MaileonAccount,
    Verdict,
    Wish,
    name_of,
)
from unit_tests.simulation.scenario import (
    REFUSED_VALUE,
    TOO_LARGE_VALUE,
    VANISHING_FIELDS,
    Naming,
    Scenario,
)
from unit_tests.simulation.sent import (
    groups_of,
    is_removal,
    options_of,
    removal_of,
    wishes_of,
)
from unit_tests.simulation.sequence import fresh_account, is_poison

Answer: TypeAlias = SynchronizationReport | bool | MaileonError


class Server:
    """One account, and how it reports. `verdicts` holds each record's last one; None: refused."""

    def __init__(self, scenario: Scenario, account: MaileonAccount | None = None) -> None:
        self._behaviour = scenario.server
        self.account = account or fresh_account(scenario)
        self.verdicts: dict[int, Verdict | None] = {}
        self.applied: list[tuple[Request, tuple[int, ...]]] = []
        self._has_vanished = False

    def custom_fields(self) -> dict[str, FieldType]:
        """As the API tells them."""
        return {name: FieldType(kind) for name, kind in self.account.custom_types.items()}

    def carry_out(self, call: Request, attempt: int) -> Answer:
        """Does what the call says."""
        vanishing_at = self._behaviour.vanishing_at
        if vanishing_at is not None and attempt >= vanishing_at and not self._has_vanished:
            self._has_vanished = True
            for name in VANISHING_FIELDS:
                self.account.drop_field(name)
        return self._remove(call) if is_removal(call) else self._synchronize(call)

    def create_custom_field(self, name: str, kind: str) -> None:
        """As the API does."""
        self.account.custom_types.setdefault(name, kind)

    def _remove(self, call: Request) -> bool | RequestRejected:
        removal, mode = removal_of(call), options_of(call).mode
        if name_of(mode, removal.wish) in self._behaviour.clinging:
            self._note(call, [None])
            return RequestRejected("refused", status=self._behaviour.refusal, server_message="no")
        self._note(call, [Judgement(Verdict.EXISTING)])
        remove = self.account.delete if removal.deletes else self.account.unsubscribe
        return remove(mode, removal.wish)

    def _synchronize(self, call: Request) -> SynchronizationReport | RequestRejected:
        wishes = wishes_of(call)
        if any(is_poison(wish) for wish in wishes):
            self._note(call, [None] * len(wishes))
            values = {wish.fields.get("custom:POISON") for wish in wishes}
            status = 413 if TOO_LARGE_VALUE in values and REFUSED_VALUE not in values else 400
            return RequestRejected("refused", status=status, server_message="a contact is wrong")
        judgements = self.account.synchronize(options_of(call), wishes)
        self._note(call, judgements)
        return self._report(wishes, judgements)

    def _note(self, call: Request, judgements: Sequence[Judgement | None]) -> None:
        for places, judgement in zip(groups_of(call), judgements, strict=True):
            verdict = None if judgement is None else judgement.verdict
            self.verdicts |= dict.fromkeys(places, verdict)
            if verdict is not None and verdict is not Verdict.INVALID:
                self.applied.append((call, places))

    def _report(
        self, wishes: Sequence[Wish], judgements: Sequence[Judgement]
    ) -> SynchronizationReport:
        counts = dict.fromkeys(Verdict, 0)
        for judgement in judgements:
            counts[judgement.verdict] += 1
        return SynchronizationReport(
            contacts=len(wishes) + self._behaviour.miscounts,
            new=counts[Verdict.NEW],
            existing=counts[Verdict.EXISTING],
            invalid=counts[Verdict.INVALID],
            unsubscribed=counts[Verdict.UNSUBSCRIBED],
            invalid_contacts=tuple(self._listed(wishes, judgements)),
        )

    def _listed(
        self, wishes: Sequence[Wish], judgements: Sequence[Judgement]
    ) -> Iterator[InvalidContact]:
        naming = self._behaviour.naming
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

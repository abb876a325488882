"""The simulated Maileon: reads the bytes of a call, does what it says, and answers.

Remembers what became of each record, by its place in the input, in the order in which it happened.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TypeAlias

from lxml import etree

from destination_maileon.config.model import DeletedRecords
from destination_maileon.delivery.request import Request
from destination_maileon.maileon.contact import FieldType
from destination_maileon.maileon.errors import MaileonError, RequestRejected
from destination_maileon.maileon.report import InvalidContact, SynchronizationReport
from destination_maileon.mapping.mapped_record import BatchEntry
from unit_tests.simulation.account import (
    Judgement,
    MaileonAccount,
    Options,
    Source,
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
        return self._synchronize(call) if call.farewell is None else self._bid_farewell(call)

    def create_custom_field(self, name: str, kind: str) -> None:
        """As the API does."""
        self.account.custom_types.setdefault(name, kind)

    def _bid_farewell(self, call: Request) -> bool | RequestRejected:
        assert call.farewell is not None
        contact = call.farewell.contact
        mode = call.lane.plan.options.identifier_mode.value
        wish = Wish(contact.id, contact.email, contact.external_id)
        if name_of(mode, wish) in self._behaviour.clinging:
            self._note(call, call.entries, [None])
            return RequestRejected("refused", status=self._behaviour.refusal, server_message="no")
        self._note(call, call.entries, [Judgement(Verdict.EXISTING)])
        if call.farewell.removal is DeletedRecords.DELETE:
            return self.account.delete(mode, wish)
        return self.account.unsubscribe(mode, wish)

    def _synchronize(self, call: Request) -> SynchronizationReport | RequestRejected:
        wishes = read_wishes(call.entries)
        options = read_options(call)
        if any(is_poison(wish) for wish in wishes):
            self._note(call, call.entries, [None] * len(call.entries))
            values = {wish.fields.get("custom:POISON") for wish in wishes}
            status = 413 if TOO_LARGE_VALUE in values and REFUSED_VALUE not in values else 400
            return RequestRejected("refused", status=status, server_message="a contact is wrong")
        judgements = self.account.synchronize(options, wishes)
        self._note(call, call.entries, judgements)
        return self._report(wishes, judgements)

    def _note(
        self, call: Request, entries: Sequence[BatchEntry], judgements: Sequence[Judgement | None]
    ) -> None:
        for entry, judgement in zip(entries, judgements, strict=True):
            places = tuple(part.place for part in entry.parts)
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


def read_options(call: Request) -> Options:
    """The query of the call, read back."""
    query = call.lane.plan.options.parameters(call.lane.permission)
    mode = "external_id" if query["use_external_id"] == "true" else "email"
    return Options(
        mode="maileon_id" if query["prefer_maileon_id"] == "true" else mode,
        updates=query["sync_mode"] == "1",
        update_only=query["update_only"] == "true",
        permission=int(query["permission"]) if "permission" in query else None,
        overrides_permission=query["override_permission"] == "true",
        reimports=query["reimport_unsubscribed_contacts"] == "true",
        ignores_invalid=query["ignore_invalid_contacts"] == "true",
    )


def read_wishes(entries: Sequence[BatchEntry]) -> list[Wish]:
    """The contacts in the bytes that travel."""
    return [_wish(entry.payload) for entry in entries]


@lru_cache(maxsize=10_000)
def _wish(payload: bytes) -> Wish:
    contact = etree.fromstring(payload)
    wish = Wish(contact.findtext("id"), contact.findtext("email"), contact.findtext("external_id"))
    for kind in ("standard", "custom"):
        for field in contact.iterfind(f"{kind}_fields/field"):
            value = field.find("value")
            assert value is not None
            is_nil = value.get("nil") == "true"
            wish.fields[f"{kind}:{field.findtext('name')}"] = None if is_nil else value.text or ""
    for preference in contact.iterfind("preferences/preference"):
        key = (preference.findtext("category") or "", preference.findtext("name") or "")
        source = preference.find("source")
        said = Source() if source is None else Source(is_said=True, text=source.text or "")
        wish.preferences[key] = (preference.findtext("value") or "", said)
    return wish

"""What a dry run can predict: which contacts Maileon would reject, and which of a sample exist.

Maileon is only asked, nothing is changed.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import partial

from destination_maileon.delivery.request import Job, Purpose, Request
from destination_maileon.delivery.sender import Environment, ResponseReceived
from destination_maileon.maileon.client import MaileonClient
from destination_maileon.maileon.contact import Contact, FieldType
from destination_maileon.maileon.errors import RequestRejected
from destination_maileon.maileon.report import InvalidContact, SynchronizationReport
from destination_maileon.protocol.output import Level, Log, pluralize
from destination_maileon.rejections.field_rules import violations
from destination_maileon.streams.account import Account
from destination_maileon.streams.catalog import PartitionKey, StreamPlan

MOST_CONTACTS = 1_000
"""The size of the sample, over all streams."""

MAX_SECONDS = 30.0
"""Airbyte ends a destination that writes nothing for a minute after the end of its input."""


def foresee(
    client: MaileonClient, call: Request, *, custom_types: Mapping[str, FieldType], looks_up: bool
) -> object:
    """Answers a call; `looks_up`: removals are limited, and whoever is not there does not count."""
    if call.job is not None:
        return call.job.send(client)
    if looks_up and call.contact_removal is not None and call.purpose is not Purpose.MARK:
        mode = call.partition_key.plan.options.identifier_mode
        return bool(client.find(mode, call.contact_removal.contact))
    return predicted_answer(call, custom_types)


def predicted_answer(call: Request, custom_types: Mapping[str, FieldType]) -> object:
    """The answer that the documented rules predict: a contact that breaks one is invalid.

    All others count as neither new nor existing, which only Maileon knows.
    """
    if call.contact_removal is not None:
        return True
    found = []
    for contact in [entry.contact for entry in call.entries]:
        for code, field in [*violations(contact, custom_types)][:1]:
            found.append(InvalidContact(contact.email, contact.external_id, code, field))
    counts = {"new": 0, "existing": 0, "invalid": len(found), "unsubscribed": 0}
    return SynchronizationReport(len(call.entries), **counts, invalid_contacts=tuple(found))


class Standing(StrEnum):
    """The state of a contact in Maileon before it is written."""

    NEW = "new"
    EXISTING = "existing"
    UNSUBSCRIBED = "unsubscribed"


class Sample:
    """A sample of a dry run's contacts; only their identifiers are kept."""

    def __init__(self, plans: Iterable[StreamPlan], account: Account, log: Log) -> None:
        self._drawn: dict[StreamPlan, list[Contact]] = {plan: [] for plan in plans}
        self._size = MOST_CONTACTS // max(1, len(self._drawn))
        self._contacts: Counter[StreamPlan] = Counter()
        self._account = account
        self._log = log

    def draw_from(self, request: Request, service: Environment) -> None:
        """Draws from a call's contacts; every contact so far has had the same chance."""
        plan = request.partition_key.plan
        drawn = self._drawn[plan]
        for entry in request.entries if request.contact_removal is None else ():
            contact = entry.contact
            if any(violations(contact, self._account.custom_fields)):
                # It would be rejected, and is neither new nor existing.
                continue
            self._contacts[plan] += 1
            at = len(drawn)
            if at == self._size:
                at = int(service.random() * self._contacts[plan])
            if at < self._size:
                drawn[at : at + 1] = [Contact(contact.email, contact.external_id, contact.id)]

    def look_up(self, service: Environment, most_calls: int) -> None:
        """Looks the sample up, `most_calls` at a time, and logs how many are in which state."""
        drawn = [(plan, contact) for plan, some in self._drawn.items() for contact in some]
        # In random order, so that those looked up are a fair sample even if the time runs out.
        waiting = sorted(drawn, key=lambda _: service.random())
        ends_at = service.now() + MAX_SECONDS
        found: Counter[tuple[StreamPlan, Standing]] = Counter()
        problem = "Maileon did not answer in time." if waiting else ""
        under_way = 0
        while waiting or under_way:
            while waiting and under_way < most_calls:
                plan, contact = waiting.pop()
                # The answer is taken below.
                job = Job(partial(_standing, plan, contact), answered=lambda _: None)
                service.start(Request(PartitionKey(plan, None), [], purpose=Purpose.ASK, job=job))
                under_way += 1
            event = service.next_event(until=ends_at, with_input=False)
            if not isinstance(event, ResponseReceived):
                break
            under_way -= 1
            if isinstance(event.answer, Standing):
                found[event.call.partition_key.plan, event.answer] += 1
            elif not isinstance(event.answer, RequestRejected):
                # Any other error does not concern this contact alone.
                problem = str(event.answer)
                waiting.clear()
        self._tell(found, problem)

    def _tell(self, found: Counter[tuple[StreamPlan, Standing]], problem: str) -> None:
        if problem and not found:
            self._log(
                Level.WARN,
                f"No sample of the contacts could be looked up, so it is unknown how many are "
                f"new to Maileon: {problem}",
            )
        for plan, contacts in self._contacts.items():
            known = {standing: found[plan, standing] for standing in Standing}
            if asked := sum(known.values()):
                told = ", ".join(f"{number} {standing}" for standing, number in known.items())
                self._log(
                    Level.INFO,
                    f"Stream {plan.title}: a sample of {asked} of {pluralize(contacts, 'contact')} "
                    f"was looked up in Maileon: {told}.",
                )


def _standing(plan: StreamPlan, contact: Contact, client: MaileonClient) -> Standing:
    email = contact.email or ""
    if email.strip() and client.is_marked_unsubscribed(email):
        return Standing.UNSUBSCRIBED
    is_there = client.find(plan.options.identifier_mode, contact)
    return Standing.EXISTING if is_there else Standing.NEW

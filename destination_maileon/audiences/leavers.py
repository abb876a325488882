"""Those who are in an audience and no longer in its stream: let go.

An audience is a custom field with the `generation_id` + 1 of the last sync that had somebody in the
stream. Once all records of a stream are settled, whoever has another number above 0 gets 0.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import NoReturn

from destination_maileon.accounting.ledger import Ledger
from destination_maileon.audiences.members import NOBODY, Members
from destination_maileon.config.spec import Config, titled
from destination_maileon.delivery.request import Job, Limits, Purpose, Request
from destination_maileon.errors import ConfigError
from destination_maileon.maileon.client import PAGE_SIZE, MaileonClient
from destination_maileon.maileon.contact import Contact, IdentifierMode
from destination_maileon.maileon.contact_xml import contact_bytes, document
from destination_maileon.maileon.errors import RequestRejected
from destination_maileon.maileon.report import SynchronizationReport
from destination_maileon.maileon.statuses import ContactPage
from destination_maileon.maileon.sync_options import SyncOptions
from destination_maileon.protocol.output import Level, Log, pluralize
from destination_maileon.streams.catalog import PartitionKey, StreamPlan

MAX_REFUSALS = 12
"""If more calls than this are refused, and none is accepted, no single contact is to blame."""

_NOBODY_LEFT = "nobody left the audience, since"
_MARKED = "whose address has an unsubscription marker, so that Maileon does not update it"
_REFUSED = "who dropped out, but whom Maileon refuses to update"

# No permission, no override, no reimport: only the field is touched, of contacts that exist.
_OPTIONS = SyncOptions(IdentifierMode.MAILEON_ID, update_only=True)


@dataclass(eq=False, slots=True)
class Leavers:
    """Those of one stream's audience. As many are let go together as a call may carry."""

    plan: StreamPlan
    config: Config
    ledger: Ledger
    limits: Limits
    submit: Callable[[Request], None]
    log: Log
    _members: Members = field(init=False)
    _pages: int = field(default=1, init=False)
    _pages_asked: int = field(default=0, init=False)
    _open_calls: int = field(default=0, init=False)
    _kept: Counter[str] = field(default_factory=Counter, init=False)
    _refusals: int = field(default=0, init=False)
    _is_accepted: bool = field(default=False, init=False)

    def begin(self) -> None:
        """Asks who is in the audience, if people may leave at all."""
        self._members = Members(self.plan, self.ledger)
        if self.plan in self.ledger.completed:
            self._read()
        else:
            self._warn(f"{_NOBODY_LEFT} the source did not say that it has sent all of the stream")

    def _read(self) -> None:
        """Asks for as many pages as may be in flight, at first for one: it says how many exist."""
        most = self.config.concurrent_requests
        while self._pages_asked < self._pages and self._open_calls < most:
            self._pages_asked += 1
            self._ask(Job(partial(self._page, self._pages_asked), self._page_came))

    def _page(self, number: int, client: MaileonClient) -> ContactPage:
        return client.contacts(number, custom_field=self.plan.audience_field or "")

    def _ask(self, job: Job) -> None:
        self._open_calls += 1
        self.submit(Request(PartitionKey(self.plan, None), [], purpose=Purpose.ASK, job=job))

    def _page_came(self, page: ContactPage | RequestRejected) -> None:
        self._open_calls -= 1
        if isinstance(page, RequestRejected):
            self._refuse("to list the account's contacts", page)
        # Without the header the end is a page that is not full.
        self._pages = page.pages or self._pages_asked + (len(page.contacts) >= PAGE_SIZE)
        for contact, number in page.contacts:
            self._members.judge(contact, number)
        self._read()
        if not self._open_calls:
            self._let_go()

    def _let_go(self) -> None:
        # An earlier attempt may have left nothing to read for this one: then the members tell.
        counts, members = self.ledger.counts[self.plan], self._members
        if not (counts.settled_well or self.ledger.staying[self.plan] or members.current):
            unnamed = "no record of the stream has a usable identifier"
            self._warn(f"{_NOBODY_LEFT} {unnamed if counts.read else 'the stream was empty'}")
            return
        ids = members.leaving()
        self._check_share(len(ids))
        if self.config.dry_run:
            counts.left += len(ids)
            return
        # Now, since clearing may fail.
        self._tell_who_stays(members.staying, "whose records were rejected in this sync")
        largest = len(self._cleared_contact(max(ids, default=0)))
        size = max(1, min(self.limits.contacts, self.limits.contact_bytes // largest))
        for at in range(0, len(ids), size):
            self._clear(ids[at : at + size])

    def _check_share(self, leaving: int) -> None:
        most = self.config.max_audience_leavers_percent
        everybody = leaving + self._members.current + self._members.staying
        if most is not None and 100 * leaving > most * everybody:
            raise ConfigError(
                f"Stream {self.plan.title}: {pluralize(leaving, 'person')} of {everybody} "
                f'would leave the audience "{self.plan.audience_field}", more than the {most:g} % '
                f"that {titled('max_audience_leavers_percent')} allows, so nobody left. Look at "
                "what the stream holds; if they are all meant to go, allow more and sync again."
            )

    def _clear(self, ids: list[int]) -> None:
        """Sets the field of these to 0, together."""

        def send(client: MaileonClient) -> SynchronizationReport:
            body = document(map(self._cleared_contact, ids))
            return client.synchronize(_OPTIONS.parameters(None), body, contacts=len(ids))

        self._ask(Job(send, partial(self._cleared, ids)))

    def _cleared_contact(self, maileon_id: int) -> bytes:
        field = self.plan.audience_field or ""
        return contact_bytes(Contact(id=str(maileon_id), custom_fields={field: str(NOBODY)}))

    def _cleared(self, ids: list[int], report: SynchronizationReport | RequestRejected) -> None:
        self._open_calls -= 1
        if isinstance(report, RequestRejected):
            self._split(ids, report)
        else:
            self._is_accepted = True
            self.ledger.counts[self.plan].left += report.existing
            codes = sorted({one.code for one in report.invalid_contacts if one.code is not None})
            why = f" (error {', '.join(map(str, codes))})" if codes else ""
            self._kept.update({_MARKED: report.unsubscribed, f"{_REFUSED}{why}": report.invalid})
        # Who stays, and why, once no call is open.
        for who, people in self._kept.items() if not self._open_calls else ():
            self._tell_who_stays(people, who)

    def _split(self, ids: list[int], refusal: RequestRejected) -> None:
        """One contact may be to blame for the others of its call: it is looked for in halves."""
        self._refusals += 1
        is_last = len(ids) == 1 and not self._open_calls
        is_hopeless = not self._is_accepted and (is_last or self._refusals > MAX_REFUSALS)
        if is_hopeless or not refusal.may_be_one_contact:
            self._refuse("to let contacts leave", refusal)
        if len(ids) == 1:
            self._kept[_REFUSED] += 1
            return
        middle = len(ids) // 2
        self._clear(ids[:middle])
        self._clear(ids[middle:])

    def _tell_who_stays(self, people: int, who: str) -> None:
        if people:
            self._warn(f"the audience keeps {pluralize(people, 'person')} {who}")

    def _warn(self, what: str) -> None:
        self.log(Level.WARN, f"Stream {self.plan.title}: {what}.")

    def _refuse(self, what: str, refusal: RequestRejected) -> NoReturn:
        raise ConfigError(
            f"Stream {self.plan.title}: Maileon refuses {what}, so that who dropped out stays in "
            f'the audience "{self.plan.audience_field}". {refusal} Sync again once this is fixed: '
            "all contacts are checked again."
        )

"""Who is in an audience: the account's contacts, page by page, each judged by its own number.

So nobody leaves by mistake who comes or goes while the account is read, and a second attempt of the
same generation takes nobody out whom the first has put in.
"""

from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby

from destination_maileon.accounting.ledger import Ledger
from destination_maileon.delivery.request import Job
from destination_maileon.maileon.client import PAGE_SIZE, MaileonClient
from destination_maileon.maileon.contact import Contact, is_maileon_id
from destination_maileon.maileon.errors import RequestRejected
from destination_maileon.maileon.statuses import ContactPage
from destination_maileon.mapping.mapped_record import contact_keys
from destination_maileon.streams.catalog import StreamPlan

NOBODY = 0
"""The number of a contact that is in no generation of the audience."""


@dataclass(eq=False, slots=True, kw_only=True)
class Members:
    """The members of one stream's audience, `concurrency` pages at a time.

    `ask` sends a question, `refused` hears if Maileon does not answer one, and `all_read` that all
    pages are read: `current` members have this generation's number, `staying` keep an older one
    since their records were rejected.
    """

    plan: StreamPlan
    ledger: Ledger
    concurrency: int
    ask: Callable[[Job], None]
    refused: Callable[[RequestRejected], None]
    all_read: Callable[[], None]
    current: int = field(default=0, init=False)
    staying: int = field(default=0, init=False)
    _leaving: "array[int]" = field(default_factory=lambda: array("q"), init=False)
    """Of the leavers only the Maileon ids are kept, 8 bytes each."""
    _next_page: int = field(default=1, init=False)
    _pages: int | None = field(default=None, init=False)
    _open_pages: int = field(default=0, init=False)

    def read(self) -> None:
        """Asks for as many pages as may be in flight, at first for one: it says how many exist."""
        most = 1 if self._pages is None else self.concurrency
        while self._open_pages < most and (self._pages is None or self._next_page <= self._pages):
            self.ask(Job(partial(self._page, self._next_page), self._page_came))
            self._next_page += 1
            self._open_pages += 1

    def leaving(self) -> list[int]:
        """The Maileon ids of all members with another number, in order, each once."""
        # A contact that moves to another page meanwhile is listed twice.
        return [maileon_id for maileon_id, _ in groupby(sorted(self._leaving))]

    def _page(self, number: int, client: MaileonClient) -> ContactPage:
        return client.contacts(number, custom_field=self.plan.audience_field or "")

    def _page_came(self, page: ContactPage | RequestRejected) -> None:
        if isinstance(page, RequestRejected):
            self.refused(page)
            return
        self._open_pages -= 1
        # Without the header the end is a page that is not full.
        is_last = len(page.contacts) < PAGE_SIZE
        self._pages = page.pages or (self._next_page - 1 if is_last else self._next_page)
        for contact, number in page.contacts:
            self._judge(contact, number or NOBODY)
        self.read()
        if not self._open_pages:
            self.all_read()

    def _judge(self, contact: Contact, number: int) -> None:
        if number <= NOBODY or not is_maileon_id(contact.id or ""):
            return
        if number == self.plan.audience_number:
            self.current += 1
        elif self.ledger.stays(self.plan, contact_keys(contact)):
            self.staying += 1
        else:
            self._leaving.append(int(contact.id or 0))

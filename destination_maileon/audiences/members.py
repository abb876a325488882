"""Who is in an audience: the account's contacts, page by page, each judged by its own number.

So nobody leaves by mistake who comes or goes while the account is read; and a second attempt of the
same generation takes nobody out whom the first has put in. Memory is bounded: of the leavers only
the Maileon ids are kept, at most `MAX_IDS` at a time.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from destination_maileon.accounting.ledger import Ledger
from destination_maileon.delivery.request import Job
from destination_maileon.errors import ConfigError
from destination_maileon.maileon.client import PAGE_SIZE, MaileonClient
from destination_maileon.maileon.errors import RequestRejected
from destination_maileon.maileon.statuses import ContactPage
from destination_maileon.mapping.mapped_record import contact_keys
from destination_maileon.streams.catalog import StreamPlan

MAX_IDS = 100_000
"""So many leavers are kept before they are let go."""

NOBODY = 0
"""The number of a contact that is in no generation of the audience."""


@dataclass(eq=False, slots=True, kw_only=True)
class Members:
    """Those of one stream's audience, `concurrency` pages at a time.

    `pause` hears when all pages are read, or, unless they are `only_counted`, when as many ids as
    may be kept wait to be taken.
    """

    plan: StreamPlan
    ledger: Ledger
    ask: Callable[[Job], None]
    concurrency: int
    pause: Callable[[], None]
    only_counted: bool = False
    ids: list[str] = field(default_factory=list, init=False)
    all: int = field(default=0, init=False)
    current: int = field(default=0, init=False)
    leaving: int = field(default=0, init=False)
    staying: int = field(default=0, init=False)
    first_size: int | None = field(default=None, init=False)
    last_size: int | None = field(default=None, init=False)
    _next_page: int = field(default=1, init=False)
    _open_pages: int = field(default=0, init=False)
    _pages: int | None = field(default=None, init=False)

    def read(self) -> None:
        """Asks for the first page, which says how many there are."""
        self._next_page, self._pages = 1, None
        self.all = self.current = self.leaving = self.staying = 0
        self.ids.clear()
        self.go_on()

    @property
    def has_more_pages(self) -> bool:
        return self._pages is None or self._next_page <= self._pages

    def go_on(self) -> None:
        """Asks for the next pages. Until the first one says how many there are, for one."""
        most = 1 if self._pages is None else self.concurrency
        while self._open_pages < most and self.has_more_pages:
            self.ask(Job(self._page(self._next_page), self._page_came))
            self._next_page += 1
            self._open_pages += 1

    def take_ids(self) -> list[str]:
        """The leavers found; whoever moved to another page meanwhile was listed twice."""
        ids, self.ids = self.ids, []
        return list(dict.fromkeys(ids))

    def _page(self, number: int) -> Callable[[MaileonClient], ContactPage]:
        name = self.plan.audience_field or ""
        return lambda client: client.contacts(number, custom_field=name)

    def _page_came(self, page: ContactPage | RequestRejected) -> None:
        if isinstance(page, RequestRejected):
            raise refused(self.plan, "to list the account's contacts", page)
        self._open_pages -= 1
        self._note_size(page)
        for contact, number in page.contacts:
            self._judge(contact_keys(contact), contact.id, number or NOBODY)
        # With enough of them to clear, no more is asked for until they are cleared.
        if self.only_counted or len(self.ids) < MAX_IDS:
            self.go_on()
        if not self._open_pages:
            self.pause()

    def _note_size(self, page: ContactPage) -> None:
        if page.items is not None:
            self.first_size = page.items if self.first_size is None else self.first_size
            self.last_size = page.items
        # Without the header the end is a page that is not full.
        is_last = len(page.contacts) < PAGE_SIZE
        self._pages = page.pages or (self._next_page - 1 if is_last else self._next_page)

    def _judge(self, keys: Collection[str], maileon_id: str | None, number: int) -> None:
        if number <= NOBODY or maileon_id is None:
            return
        self.all += 1
        if number == self.plan.audience_number:
            self.current += 1
        elif self.ledger.stays(self.plan, keys):
            self.staying += 1
        else:
            self.leaving += 1
            if len(self.ids) < MAX_IDS or not self.only_counted:
                self.ids.append(maileon_id)


def refused(plan: StreamPlan, what: str, refusal: RequestRejected) -> ConfigError:
    return ConfigError(
        f"Stream {plan.title}: Maileon refuses {what}, so that who dropped out stays in the "
        f'audience "{plan.audience_field}". {refusal} Sync again once that is mended: all contacts '
        "are judged anew."
    )

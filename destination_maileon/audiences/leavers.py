"""Those who are in an audience and no longer in its stream: found in the account, and let go.

An audience is a custom field of type integer. Each sync writes its `generation_id` + 1 into the
field of everybody in the stream; 0 means that somebody is not in the audience. Once a sync with
mode overwrite has settled all records of the stream, whoever has another number above 0 gets 0.
Each contact is judged by its own number, so that nobody leaves by mistake who comes or goes while
the account is read; and a second attempt of the same generation takes nobody out whom the first has
put in.

Memory is bounded: of the leavers only the Maileon ids are kept, at most `MAX_IDS` at a time. Where
a share of the members is not to be exceeded, the account is read once to count them, and, if they
are more than that, once more to let them go.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import cast

from destination_maileon.accounting.ledger import Ledger
from destination_maileon.config.model import titled
from destination_maileon.delivery.request import Job, Limits, Purpose, Request
from destination_maileon.errors import ConfigError
from destination_maileon.maileon.client import PAGE_SIZE, MaileonClient
from destination_maileon.maileon.contact import Contact
from destination_maileon.maileon.contact_xml import contact_bytes, document
from destination_maileon.maileon.errors import RequestRejected
from destination_maileon.maileon.identifier import IdentifierMode
from destination_maileon.maileon.report import SynchronizationReport
from destination_maileon.maileon.statuses import ContactPage
from destination_maileon.maileon.sync_options import SynchronizationMode, SyncOptions
from destination_maileon.mapping.mapped_record import contact_keys
from destination_maileon.protocol.output import Level, Log, pluralize
from destination_maileon.streams.catalog import PartitionKey, StreamPlan

MAX_IDS = 100_000
"""So many leavers are kept before they are let go."""

MAX_REFUSALS = 12
"""So many calls that clear refused, and none accepted: it is not one contact that is to blame."""

NOBODY = 0
"""The number of a contact that is in no generation of the audience."""

_OPTIONS = SyncOptions(
    identifier_mode=IdentifierMode.MAILEON_ID,
    sync_mode=SynchronizationMode.UPDATE,
    update_only=True,
)
"""No permission, no override, no reimport: only the field is touched, of contacts that exist."""


@dataclass(frozen=True, slots=True)
class Page(Job):
    """Asks for one page of the account's contacts, numbered from 1."""

    number: int
    field_name: str
    hear: Callable[[ContactPage | RequestRejected], None]

    def send(self, client: MaileonClient) -> ContactPage:
        return client.contacts(self.number, custom_field=self.field_name)

    def answered(self, answer: object) -> None:
        self.hear(cast("ContactPage | RequestRejected", answer))


@dataclass(frozen=True, slots=True)
class Clear(Job):
    """Sets the field of these contacts to 0."""

    ids: list[str]
    field_name: str
    hear: Callable[[list[str], SynchronizationReport | RequestRejected], None]

    def send(self, client: MaileonClient) -> SynchronizationReport:
        body = document(_cleared_contact(maileon_id, self.field_name) for maileon_id in self.ids)
        return client.synchronize(_OPTIONS.parameters(None), body, contacts=len(self.ids))

    def answered(self, answer: object) -> None:
        self.hear(self.ids, cast("SynchronizationReport | RequestRejected", answer))


def _cleared_contact(maileon_id: str, field_name: str) -> bytes:
    return contact_bytes(Contact(id=maileon_id, custom_fields={field_name: str(NOBODY)}))


@dataclass(eq=False, slots=True, kw_only=True)
class Leavers:
    """Those of one stream's audience.

    `concurrency` pages are asked for at a time, and as many people let go together as a call may
    carry.
    """

    plan: StreamPlan
    ledger: Ledger
    submit: Callable[[Request], None]
    log: Log
    concurrency: int
    limits: Limits
    most_percent: float | None = None
    is_dry_run: bool = False
    _ids: list[str] = field(default_factory=list, init=False)
    _members: int = field(default=0, init=False)
    _current: int = field(default=0, init=False)
    _leaving: int = field(default=0, init=False)
    _staying: int = field(default=0, init=False)
    _marked: int = field(default=0, init=False)
    _invalid: int = field(default=0, init=False)
    _codes: set[int] = field(default_factory=set, init=False)
    _refusals: int = field(default=0, init=False)
    _suspect: RequestRejected | None = field(default=None, init=False)
    _is_accepted: bool = field(default=False, init=False)
    _next_page: int = field(default=1, init=False)
    _open_pages: int = field(default=0, init=False)
    _open_calls: int = field(default=0, init=False)
    _pages: int | None = field(default=None, init=False)
    _first_size: int | None = field(default=None, init=False)
    _last_size: int | None = field(default=None, init=False)
    _counts_only: bool = field(default=False, init=False)

    def begin(self) -> None:
        """Asks for the first page, which says how many there are, if people may leave at all."""
        if self.plan not in self.ledger.completed:
            self._keep_all("the source did not say that it has sent all of the stream")
            return
        self._counts_only = (
            self.is_dry_run or self.most_percent is not None or not self._names_anybody
        )
        self._read()

    @property
    def _names_anybody(self) -> bool:
        """In this attempt; an earlier one may have left nothing to read for it."""
        return self.ledger.names_anybody(self.plan)

    def _keep_all(self, why: str) -> None:
        self.log(Level.WARN, f"Stream {self.plan.title}: nobody left the audience, since {why}.")

    def _read(self) -> None:
        self._next_page, self._pages = 1, None
        self._members = self._current = self._leaving = self._staying = 0
        self._ids.clear()
        self._ask()

    def _ask(self) -> None:
        # Until the first answer says how many pages there are, one is asked for.
        most = 1 if self._pages is None else self.concurrency
        while self._open_pages < most and self._has_more_pages:
            page = Page(self._next_page, self._field, self._page_came)
            self._next_page += 1
            self._open_pages += 1
            self._ask_for(page)

    def _ask_for(self, job: Job) -> None:
        self.submit(Request(PartitionKey(self.plan, None), [], purpose=Purpose.ASK, job=job))

    @property
    def _has_more_pages(self) -> bool:
        return self._pages is None or self._next_page <= self._pages

    @property
    def _field(self) -> str:
        return self.plan.audience_field or ""

    def _page_came(self, page: ContactPage | RequestRejected) -> None:
        if isinstance(page, RequestRejected):
            raise self._refused("to list the account's contacts", page)
        self._open_pages -= 1
        self._note_size(page)
        for contact, number in page.contacts:
            self._judge(contact_keys(contact), contact.id, number or NOBODY)
        # With enough of them to clear, no more is asked for until they are cleared.
        if self._counts_only or len(self._ids) < MAX_IDS:
            self._ask()
        if self._open_pages:
            return
        if self._has_more_pages:
            self._clear()
        else:
            self._all_read()

    def _go_on(self) -> None:
        """Everybody of whom an id was kept is cleared, or will be."""
        if self._open_calls:
            return
        if self._suspect is not None and not self._is_accepted:
            raise self._refused("to let contacts leave", self._suspect)
        if self._has_more_pages:
            self._ask()
        else:
            marked = (
                "whose address has an unsubscription marker, so that Maileon does not update it"
            )
            self._tell_who_stays(self._marked, marked)
            codes = ", ".join(map(str, sorted(self._codes)))
            why = f" (error {codes})" if codes else ""
            invalid = f"who dropped out, but whom Maileon refuses to update{why}"
            self._tell_who_stays(self._invalid, invalid)

    def _note_size(self, page: ContactPage) -> None:
        if page.items is not None:
            self._first_size = page.items if self._first_size is None else self._first_size
            self._last_size = page.items
        # Without the header the end is a page that is not full.
        is_last = len(page.contacts) < PAGE_SIZE
        self._pages = page.pages or (self._next_page - 1 if is_last else self._next_page)

    def _judge(self, keys: Collection[str], maileon_id: str | None, number: int) -> None:
        if number <= NOBODY or maileon_id is None:
            return
        self._members += 1
        if number == self.plan.audience_number:
            self._current += 1
            return
        if self.ledger.stays(self.plan, keys):
            self._staying += 1
            return
        self._leaving += 1
        if len(self._ids) < MAX_IDS or not self._counts_only:
            self._ids.append(maileon_id)

    def _all_read(self) -> None:
        if not (self._names_anybody or self._current):
            has_records = self.ledger.counts[self.plan].read > 0
            self._keep_all(
                "no record of the stream has a usable identifier"
                if has_records
                else "the stream was empty"
            )
            return
        if self._counts_only:
            self._check_share()
        if self.is_dry_run:
            self.ledger.left(self.plan, self._leaving)
        elif self._counts_only and self._leaving > len(self._ids):
            self._counts_only = False
            self._read()
        else:
            self._tell_who_stays(self._staying, "whose records were rejected in this sync")
            self._tell_change()
            self._clear()
            self._go_on()

    def _tell_who_stays(self, people: int, who: str) -> None:
        if people:
            self.log(
                Level.WARN,
                f"Stream {self.plan.title}: the audience keeps {pluralize(people, 'person')} "
                f"{who}.",
            )

    def _tell_change(self) -> None:
        if self._first_size != self._last_size:
            self.log(
                Level.INFO,
                f"Audience {self._field}: the account's contacts changed from {self._first_size} "
                f"to {self._last_size} while they were read. Whoever was missed leaves at the "
                "next sync.",
            )

    def _check_share(self) -> None:
        most = self.most_percent
        if most is None or 100 * self._leaving <= most * self._members:
            return
        raise ConfigError(
            f"Stream {self.plan.title}: {pluralize(self._leaving, 'person')} of {self._members} "
            f'would leave the audience "{self._field}", more than the {most:g} % that '
            f"{titled('max_audience_leavers_percent')} allows, so nobody left. Look at what the "
            "stream holds; if they are all meant to go, allow more and sync again."
        )

    def _clear(self) -> None:
        # Whoever moved to another page while the account was read is listed twice.
        ids = list(dict.fromkeys(self._ids))
        self._ids = []
        if not ids:
            return
        largest = len(_cleared_contact(max(ids, key=len), self._field))
        size = max(1, min(self.limits.contacts, self.limits.contact_bytes // largest))
        for at in range(0, len(ids), size):
            self._clear_together(ids[at : at + size])

    def _clear_together(self, ids: list[str]) -> None:
        self._open_calls += 1
        job = Clear(ids, self._field, self._cleared)
        self._ask_for(job)

    def _cleared(self, ids: list[str], report: SynchronizationReport | RequestRejected) -> None:
        self._open_calls -= 1
        if isinstance(report, RequestRejected):
            self._split(ids, report)
            return
        self._is_accepted = True
        self.ledger.left(self.plan, report.existing)
        self._marked += report.unsubscribed
        self._invalid += report.invalid
        self._codes |= {one.code for one in report.invalid_contacts if one.code is not None}
        self._go_on()

    def _split(self, ids: list[str], refusal: RequestRejected) -> None:
        """One contact may be to blame for the others of its call: it is looked for in halves."""
        self._refusals += 1
        is_hopeless = self._refusals > MAX_REFUSALS and not self._is_accepted
        if is_hopeless or not refusal.may_be_one_contact:
            raise self._refused("to let contacts leave", refusal)
        if len(ids) == 1:
            self._invalid += 1
            self._suspect = refusal
            self._go_on()
            return
        middle = len(ids) // 2
        self._clear_together(ids[:middle])
        self._clear_together(ids[middle:])

    def _refused(self, what: str, refusal: RequestRejected) -> ConfigError:
        return ConfigError(
            f"Stream {self.plan.title}: Maileon refuses {what}, so that who dropped out stays in "
            f'the audience "{self._field}". {refusal} Sync again once that is mended: all '
            "contacts are judged anew."
        )

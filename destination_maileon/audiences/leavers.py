"""Those who are in an audience and no longer in its stream: let go.

An audience is a custom field of type integer. Each sync writes its `generation_id` + 1 into the
field of everybody in the stream; 0 means that somebody is not in the audience. Once a sync with
mode overwrite has settled all records of the stream, whoever has another number above 0 gets 0.

Where a share of the members is not to be exceeded, the account is read once to count them, and, if
they are more than can be kept, once more to let them go.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from destination_maileon.accounting.ledger import Ledger
from destination_maileon.audiences.members import NOBODY, Members, refused
from destination_maileon.config.model import titled
from destination_maileon.delivery.request import Job, Limits, Purpose, Request
from destination_maileon.errors import ConfigError
from destination_maileon.maileon.client import MaileonClient
from destination_maileon.maileon.contact import Contact, IdentifierMode
from destination_maileon.maileon.contact_xml import contact_bytes, document
from destination_maileon.maileon.errors import RequestRejected
from destination_maileon.maileon.report import SynchronizationReport
from destination_maileon.maileon.sync_options import SynchronizationMode, SyncOptions
from destination_maileon.protocol.output import Level, Log, pluralize
from destination_maileon.streams.catalog import PartitionKey, StreamPlan

MAX_REFUSALS = 12
"""So many calls that clear refused, and none accepted: it is not one contact that is to blame."""

_TO_LEAVE = "to let contacts leave"
_OPTIONS = SyncOptions(
    identifier_mode=IdentifierMode.MAILEON_ID,
    sync_mode=SynchronizationMode.UPDATE,
    update_only=True,
)
"""No permission, no override, no reimport: only the field is touched, of contacts that exist."""


@dataclass(eq=False, slots=True, kw_only=True)
class Leavers:
    """Those of one stream's audience. As many are let go together as a call may carry."""

    plan: StreamPlan
    ledger: Ledger
    submit: Callable[[Request], None]
    log: Log
    concurrency: int
    limits: Limits
    most_percent: float | None = None
    is_dry_run: bool = False
    members: Members = field(init=False)
    _marked: int = field(default=0, init=False)
    _invalid: int = field(default=0, init=False)
    _codes: set[int] = field(default_factory=set, init=False)
    _refusals: int = field(default=0, init=False)
    _suspect: RequestRejected | None = field(default=None, init=False)
    _is_accepted: bool = field(default=False, init=False)
    _open_calls: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.members = Members(
            plan=self.plan,
            ledger=self.ledger,
            ask=self._ask,
            concurrency=self.concurrency,
            pause=self._members_read,
        )

    def begin(self) -> None:
        """Asks who is in the audience, if people may leave at all."""
        if self.plan not in self.ledger.completed:
            self._keep_all("the source did not say that it has sent all of the stream")
            return
        # An earlier attempt may have left nothing to read for this one: then the members tell.
        names_anybody = self.ledger.names_anybody(self.plan)
        is_limited = self.most_percent is not None
        self.members.only_counted = self.is_dry_run or is_limited or not names_anybody
        self.members.read()

    def _ask(self, job: Job) -> None:
        self.submit(Request(PartitionKey(self.plan, None), [], purpose=Purpose.ASK, job=job))

    def _keep_all(self, why: str) -> None:
        self.log(Level.WARN, f"Stream {self.plan.title}: nobody left the audience, since {why}.")

    def _members_read(self) -> None:
        members = self.members
        if members.has_more_pages:
            self._clear()
            return
        if not (self.ledger.names_anybody(self.plan) or members.current):
            has_records = self.ledger.counts[self.plan].read > 0
            unnamed = "no record of the stream has a usable identifier"
            self._keep_all(unnamed if has_records else "the stream was empty")
            return
        if members.only_counted:
            self._check_share()
        if self.is_dry_run:
            self.ledger.counts[self.plan].left += members.leaving
        elif members.only_counted and members.leaving > len(members.ids):
            members.only_counted = False
            members.read()
        else:
            self._tell_who_stays(members.staying, "whose records were rejected in this sync")
            self._tell_change()
            self._clear()
            self._go_on()

    def _check_share(self) -> None:
        most, leaving = self.most_percent, self.members.leaving
        if most is not None and 100 * leaving > most * self.members.all:
            raise ConfigError(
                f"Stream {self.plan.title}: {pluralize(leaving, 'person')} of {self.members.all} "
                f'would leave the audience "{self.plan.audience_field}", more than the {most:g} % '
                f"that {titled('max_audience_leavers_percent')} allows, so nobody left. Look at "
                "what the stream holds; if they are all meant to go, allow more and sync again."
            )

    def _tell_who_stays(self, people: int, who: str) -> None:
        if people:
            kept = f"the audience keeps {pluralize(people, 'person')} {who}"
            self.log(Level.WARN, f"Stream {self.plan.title}: {kept}.")

    def _tell_change(self) -> None:
        before, after = self.members.first_size, self.members.last_size
        if before != after:
            self.log(
                Level.INFO,
                f"Audience {self.plan.audience_field}: the account's contacts changed from {before}"
                f" to {after} while they were read. Whoever was missed leaves at the next sync.",
            )

    def _clear(self) -> None:
        """Sets the field of everybody found to 0."""
        ids = self.members.take_ids()
        largest = len(self._cleared_contact(max(ids, key=len, default="")))
        size = max(1, min(self.limits.contacts, self.limits.contact_bytes // largest))
        for at in range(0, len(ids), size):
            self._clear_together(ids[at : at + size])

    def _clear_together(self, ids: list[str]) -> None:
        self._open_calls += 1

        def send(client: MaileonClient) -> SynchronizationReport:
            body = document(map(self._cleared_contact, ids))
            return client.synchronize(_OPTIONS.parameters(None), body, contacts=len(ids))

        self._ask(Job(send, partial(self._cleared, ids)))

    def _cleared_contact(self, maileon_id: str) -> bytes:
        fields: dict[str, str | None] = {self.plan.audience_field or "": str(NOBODY)}
        return contact_bytes(Contact(id=maileon_id, custom_fields=fields))

    def _cleared(self, ids: list[str], report: SynchronizationReport | RequestRejected) -> None:
        self._open_calls -= 1
        if isinstance(report, RequestRejected):
            self._split(ids, report)
            return
        self._is_accepted = True
        self.ledger.counts[self.plan].left += report.existing
        self._marked += report.unsubscribed
        self._invalid += report.invalid
        self._codes |= {one.code for one in report.invalid_contacts if one.code is not None}
        self._go_on()

    def _split(self, ids: list[str], refusal: RequestRejected) -> None:
        """One contact may be to blame for the others of its call: it is looked for in halves."""
        self._refusals += 1
        is_hopeless = self._refusals > MAX_REFUSALS and not self._is_accepted
        if is_hopeless or not refusal.may_be_one_contact:
            raise refused(self.plan, _TO_LEAVE, refusal)
        if len(ids) == 1:
            self._invalid += 1
            self._suspect = refusal
            self._go_on()
            return
        middle = len(ids) // 2
        self._clear_together(ids[:middle])
        self._clear_together(ids[middle:])

    def _go_on(self) -> None:
        """Everybody of whom an id was kept is cleared, or will be."""
        if self._open_calls:
            return
        if self._suspect is not None and not self._is_accepted:
            raise refused(self.plan, _TO_LEAVE, self._suspect)
        if self.members.has_more_pages:
            self.members.go_on()
            return
        marked = "whose address has an unsubscription marker, so that Maileon does not update it"
        self._tell_who_stays(self._marked, marked)
        codes = ", ".join(map(str, sorted(self._codes)))
        why = f" (error {codes})" if codes else ""
        invalid = f"who dropped out, but whom Maileon refuses to update{why}"
        self._tell_who_stays(self._invalid, invalid)

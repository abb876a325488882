"""Those who are in an audience and no longer in its stream: let go.

An audience is a custom field of type integer. Each sync writes its `generation_id` + 1 into the
field of everybody in the stream; 0 means that somebody is not in the audience. Once a sync with
mode overwrite has settled all records of the stream, the account's contacts are listed (`members`),
and whoever has another number above 0 gets 0.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import NoReturn

from destination_maileon.accounting.ledger import Ledger
from destination_maileon.audiences.members import NOBODY, Members
from destination_maileon.config.model import Config, titled
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
    config: Config
    ledger: Ledger
    limits: Limits
    submit: Callable[[Request], None]
    log: Log
    _members: Members = field(init=False)
    _open_calls: int = field(default=0, init=False)
    _marked: int = field(default=0, init=False)
    _invalid: int = field(default=0, init=False)
    _codes: set[int] = field(default_factory=set, init=False)
    _refusals: int = field(default=0, init=False)
    _is_accepted: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self._members = Members(
            plan=self.plan,
            ledger=self.ledger,
            concurrency=self.config.concurrent_requests,
            ask=self._ask,
            refused=partial(self._refuse, "to list the account's contacts"),
            all_read=self._all_read,
        )

    def begin(self) -> None:
        """Asks who is in the audience, if people may leave at all."""
        if self.plan in self.ledger.completed:
            self._members.read()
        else:
            self._keep_all("the source did not say that it has sent all of the stream")

    def _ask(self, job: Job) -> None:
        self.submit(Request(PartitionKey(self.plan, None), [], purpose=Purpose.ASK, job=job))

    def _all_read(self) -> None:
        # An earlier attempt may have left nothing to read for this one: then the members tell.
        if not (self.ledger.names_anybody(self.plan) or self._members.current):
            has_records = self.ledger.counts[self.plan].read > 0
            unnamed = "no record of the stream has a usable identifier"
            self._keep_all(unnamed if has_records else "the stream was empty")
            return
        ids = self._members.leaving()
        self._check_share(len(ids))
        if self.config.dry_run:
            self.ledger.counts[self.plan].left += len(ids)
            return
        self._tell_who_stays(self._members.staying, "whose records were rejected in this sync")
        self._clear_all(ids)

    def _keep_all(self, why: str) -> None:
        self.log(Level.WARN, f"Stream {self.plan.title}: nobody left the audience, since {why}.")

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

    def _tell_who_stays(self, people: int, who: str) -> None:
        if people:
            kept = f"the audience keeps {pluralize(people, 'person')} {who}"
            self.log(Level.WARN, f"Stream {self.plan.title}: {kept}.")

    def _clear_all(self, ids: list[int]) -> None:
        largest = len(self._cleared_contact(max(ids, default=0)))
        size = max(1, min(self.limits.contacts, self.limits.contact_bytes // largest))
        for at in range(0, len(ids), size):
            self._clear(ids[at : at + size])
        self._end_if_settled()

    def _clear(self, ids: list[int]) -> None:
        """Sets the field of these to 0, together."""

        def send(client: MaileonClient) -> SynchronizationReport:
            body = document(map(self._cleared_contact, ids))
            return client.synchronize(_OPTIONS.parameters(None), body, contacts=len(ids))

        self._open_calls += 1
        self._ask(Job(send, partial(self._cleared, ids)))

    def _cleared_contact(self, maileon_id: int) -> bytes:
        fields: dict[str, str | None] = {self.plan.audience_field or "": str(NOBODY)}
        return contact_bytes(Contact(id=str(maileon_id), custom_fields=fields))

    def _cleared(self, ids: list[int], report: SynchronizationReport | RequestRejected) -> None:
        self._open_calls -= 1
        if isinstance(report, RequestRejected):
            self._split(ids, report)
        else:
            self._is_accepted = True
            self.ledger.counts[self.plan].left += report.existing
            self._marked += report.unsubscribed
            self._invalid += report.invalid
            self._codes |= {one.code for one in report.invalid_contacts if one.code is not None}
        self._end_if_settled()

    def _split(self, ids: list[int], refusal: RequestRejected) -> None:
        """One contact may be to blame for the others of its call: it is looked for in halves."""
        self._refusals += 1
        is_last = len(ids) == 1 and not self._open_calls
        is_hopeless = not self._is_accepted and (is_last or self._refusals > MAX_REFUSALS)
        if is_hopeless or not refusal.may_be_one_contact:
            self._refuse("to let contacts leave", refusal)
        if len(ids) == 1:
            self._invalid += 1
            return
        middle = len(ids) // 2
        self._clear(ids[:middle])
        self._clear(ids[middle:])

    def _end_if_settled(self) -> None:
        if self._open_calls:
            return
        marked = "whose address has an unsubscription marker, so that Maileon does not update it"
        self._tell_who_stays(self._marked, marked)
        codes = ", ".join(map(str, sorted(self._codes)))
        why = f" (error {codes})" if codes else ""
        invalid = f"who dropped out, but whom Maileon refuses to update{why}"
        self._tell_who_stays(self._invalid, invalid)

    def _refuse(self, what: str, refusal: RequestRejected) -> NoReturn:
        raise ConfigError(
            f"Stream {self.plan.title}: Maileon refuses {what}, so that who dropped out stays in "
            f'the audience "{self.plan.audience_field}". {refusal} Sync again once that is mended: '
            "all contacts are judged anew."
        )

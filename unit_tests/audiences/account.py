"""An account with an audience, and the sync that lets people leave it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

from lxml import etree

from destination_maileon.audiences.leavers import Leavers
from destination_maileon.config.validation import load_config
from destination_maileon.delivery.request import Limits, Request
from destination_maileon.maileon.client import MaileonClient
from destination_maileon.maileon.contact import Contact
from destination_maileon.maileon.errors import RequestRejected
from destination_maileon.maileon.report import SynchronizationReport
from destination_maileon.maileon.statuses import ContactPage
from unit_tests.support.builders import a_plan
from unit_tests.support.ledgers import a_ledger
from unit_tests.support.rooms import Heard, a_report

THIS = 6
"""The number of the generation that is being synced."""
REFUSED = RequestRejected("Maileon refuses the call (400).", status=400)


@dataclass
class Audience:
    """An account whose contacts have these numbers, and a sync that has ended well."""

    numbers: dict[str, int | None]
    per_page: int = 2
    has_headers: bool = True
    asked: list[Request] = field(default_factory=list)
    heard: Heard = field(default_factory=Heard)
    pages_read: int = 0
    marked: frozenset[str] = frozenset()
    disliked: frozenset[str] = frozenset()
    rejected: frozenset[str] = frozenset()
    refuses_pages: bool = False

    def run(self, most_percent: float | None = None) -> Leavers:
        plan = a_plan(audience_field="vip", generation_id=THIS - 1, overwrites=True)
        ledger = a_ledger(plan, log=self.heard)
        ledger.completed.add(plan)
        ledger.counts[plan].read = ledger.counts[plan].settled_well = 1
        ledger.staying[plan].update(f"i{contact_id}" for contact_id in self.rejected)
        config = {"max_audience_leavers_percent": most_percent, "concurrent_requests": 2}
        leavers = Leavers(
            plan=plan,
            config=load_config({"api_key": "made-up", **config}),
            ledger=ledger,
            limits=Limits(3, 1_000_000, 60.0),
            submit=self.asked.append,
            log=self.heard,
        )
        leavers.begin()
        while self.asked:
            self._answer(self.asked.pop(0))
        return leavers

    def _answer(self, request: Request) -> None:
        assert request.job is not None
        try:
            answer = request.job.send(cast("MaileonClient", self))
        except RequestRejected as refusal:
            request.job.answered(refusal)
        else:
            request.job.answered(answer)

    def contacts(self, page: int, *, custom_field: str) -> ContactPage:
        assert custom_field == "vip"
        if self.refuses_pages:
            raise REFUSED
        self.pages_read += 1
        everybody = [*self.numbers.items()]
        rows = everybody[(page - 1) * self.per_page : page * self.per_page]
        contacts = tuple((Contact(f"{name}@b.c", id=name), number) for name, number in rows)
        pages = -(-len(everybody) // self.per_page) if self.has_headers else None
        return ContactPage(contacts, pages)

    def synchronize(
        self, parameters: dict[str, str], body: bytes, contacts: int
    ) -> SynchronizationReport:
        assert (parameters["update_only"], parameters["prefer_maileon_id"]) == ("true", "true")
        ids = [str(one.findtext("id")) for one in etree.fromstring(body)]
        assert len(ids) == contacts <= 3
        if self.disliked & {*ids}:
            raise REFUSED
        reached = [name for name in ids if name not in self.marked]
        for name in reached:
            assert self.numbers[name] not in {None, 0, THIS}
            self.numbers[name] = 0
        return a_report(contacts, existing=len(reached), unsubscribed=contacts - len(reached))


def left(leavers: Leavers) -> int:
    return leavers.ledger.counts[leavers.plan].left


def many(*numbers: int | None) -> dict[str, int | None]:
    return {str(name): number for name, number in enumerate(numbers, start=1)}

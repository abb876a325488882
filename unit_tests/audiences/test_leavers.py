"""Who leaves an audience: judged by each contact's own number, in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from destination_maileon.audiences import leavers as leavers_module
from destination_maileon.audiences.leavers import Clear, Leavers, Page
from destination_maileon.delivery.request import Limits, Request
from destination_maileon.errors import ConfigError
from destination_maileon.maileon.contact import Contact
from destination_maileon.maileon.errors import RequestRejected
from destination_maileon.maileon.statuses import ContactPage
from unit_tests.support.builders import a_plan
from unit_tests.support.ledgers import a_ledger
from unit_tests.support.rooms import Heard, a_report

THIS = 6
"""The number of the generation that is being synced."""


@dataclass
class Audience:
    """An account whose contacts have these numbers, and a sync that has ended well."""

    numbers: dict[str, int | None]
    per_page: int = 2
    has_headers: bool = True
    asked: list[Request] = field(default_factory=list)
    heard: Heard = field(default_factory=Heard)
    pages_read: int = 0
    most_ids: int = 0
    marked: frozenset[str] = frozenset()

    def run(self, most_percent: float | None = None) -> Leavers:
        plan = a_plan(audience_field="vip", generation_id=THIS - 1, overwrites=True)
        ledger = a_ledger(plan, log=self.heard)
        ledger.completed.add(plan)
        ledger.counts[plan].read = ledger.counts[plan].settled_well = 1
        leavers = Leavers(
            plan=plan,
            ledger=ledger,
            submit=self.asked.append,
            log=self.heard,
            concurrency=2,
            limits=Limits(3, 1_000_000, 60.0),
            most_percent=most_percent,
        )
        leavers.begin()
        while self.asked:
            self._answer(self.asked.pop(0))
            self.most_ids = max(self.most_ids, len(leavers._ids))
        return leavers

    def _answer(self, request: Request) -> None:
        job = request.job
        if isinstance(job, Page):
            self.pages_read += 1
            everybody = [*self.numbers.items()]
            rows = everybody[(job.number - 1) * self.per_page : job.number * self.per_page]
            contacts = tuple((Contact(f"{name}@b.c", id=name), number) for name, number in rows)
            pages = -(-len(everybody) // self.per_page) if self.has_headers else None
            job.answered(ContactPage(contacts, pages, len(everybody)))
        elif isinstance(job, Clear):
            assert len(job.ids) <= 3
            reached = [name for name in job.ids if name not in self.marked]
            for name in reached:
                assert self.numbers[name] not in {None, 0, THIS}
                self.numbers[name] = 0
            passed_by = len(job.ids) - len(reached)
            report = a_report(len(job.ids), existing=len(reached), unsubscribed=passed_by)
            job.answered(report)


def left(leavers: Leavers) -> int:
    return leavers.ledger.counts[leavers.plan].left


def many(*numbers: int | None) -> dict[str, int | None]:
    return {str(name): number for name, number in enumerate(numbers, start=1)}


def test_only_those_of_another_generation_leave() -> None:
    audience = Audience(many(THIS, 5, 0, None, 7, THIS, 1))
    assert left(audience.run()) == 3
    assert [*audience.numbers.values()] == [THIS, 0, 0, None, 0, THIS, 0]


def test_an_account_without_contacts_has_no_leavers() -> None:
    assert left(Audience({}).run()) == 0


def test_the_end_is_found_where_the_service_does_not_say_how_many_pages_there_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(leavers_module, "PAGE_SIZE", 2)
    audience = Audience(many(*[1] * 5), has_headers=False)
    assert left(audience.run()) == 5


@pytest.mark.parametrize("most_percent", [None, 100])
def test_ids_are_kept_in_bounded_numbers_and_everybody_leaves_all_the_same(
    monkeypatch: pytest.MonkeyPatch, most_percent: float | None
) -> None:
    monkeypatch.setattr(leavers_module, "MAX_IDS", 4)
    audience = Audience(many(*[1, THIS, 2] * 20))
    assert left(audience.run(most_percent=most_percent)) == 40
    assert {*audience.numbers.values()} == {0, THIS}
    # What is on its way when there are enough is kept, too.
    assert audience.most_ids <= 4 + 2 * audience.per_page


def test_the_account_is_read_twice_only_if_leavers_are_counted_and_too_many_to_keep(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    few = Audience(many(1, THIS, THIS, THIS))
    few.run(most_percent=50)
    assert few.pages_read == 2
    monkeypatch.setattr(leavers_module, "MAX_IDS", 1)
    crowd = Audience(many(1, 1, THIS, THIS))
    crowd.run(most_percent=50)
    assert crowd.pages_read == 4


@pytest.mark.parametrize(("most_percent", "leaves"), [(66, False), (67, True)])
def test_a_larger_share_of_the_members_than_allowed_does_not_leave(
    most_percent: float, leaves: bool
) -> None:
    audience = Audience(many(1, 2, THIS, 0, None))
    if leaves:
        assert left(audience.run(most_percent=most_percent)) == 2
        return
    with pytest.raises(ConfigError, match="2 people of 3"):
        audience.run(most_percent=most_percent)
    assert [*audience.numbers.values()] == [1, 2, THIS, 0, None]


def test_a_change_of_the_account_on_the_way_is_told() -> None:
    audience = Audience(many(1, THIS, 1, THIS))
    answer = audience._answer

    def answer_and_grow(request: Request) -> None:
        answer(request)
        audience.numbers.setdefault("99", 1)

    audience._answer = answer_and_grow  # type: ignore[method-assign]
    audience.run()
    assert sum("changed from 4 to 5" in said for _, said in audience.heard.said) == 1


@pytest.mark.parametrize("most_ids", [2, 100])
def test_who_stays_for_a_marker_is_told_once(
    monkeypatch: pytest.MonkeyPatch, most_ids: int
) -> None:
    monkeypatch.setattr(leavers_module, "MAX_IDS", most_ids)
    audience = Audience(many(1, 1, 1, 1, 1, 1, THIS, THIS), marked=frozenset("146"))
    assert left(audience.run()) == 3
    ((_, told),) = audience.heard.said
    assert "3 people whose address has an unsubscription marker" in told


def test_who_is_listed_twice_leaves_once() -> None:
    audience = Audience(many(1, 1, 1, THIS))
    answer = audience._answer

    def answer_and_shift(request: Request) -> None:
        answer(request)
        if audience.pages_read == 1:
            audience.numbers = {"99": THIS, **audience.numbers}

    audience._answer = answer_and_shift  # type: ignore[method-assign]
    assert left(audience.run()) == 3


@pytest.mark.parametrize(("refused", "what"), [(Page, "to list"), (Clear, "to let contacts leave")])
def test_a_refused_call_says_who_stays_and_why(refused: type[Page | Clear], what: str) -> None:
    audience = Audience(many(1, THIS, 1))
    answer = audience._answer

    def refuse(request: Request) -> None:
        if isinstance(request.job, refused):
            request.job.answered(RequestRejected("Maileon refuses the call (400).", status=400))
        else:
            answer(request)

    audience._answer = refuse  # type: ignore[method-assign]
    with pytest.raises(ConfigError, match=what) as error:
        audience.run()
    assert "who dropped out stays" in str(error.value)
    assert "(400)" in str(error.value)


@pytest.mark.parametrize("disliked", ["1", "4", "9"])
def test_one_contact_that_maileon_dislikes_keeps_no_other_in_the_audience(disliked: str) -> None:
    audience = Audience(many(*[1] * 9))
    answer = audience._answer

    def dislike(request: Request) -> None:
        if isinstance(request.job, Clear) and disliked in request.job.ids:
            request.job.answered(RequestRejected("Maileon refuses the call (400).", status=400))
        else:
            answer(request)

    audience._answer = dislike  # type: ignore[method-assign]
    assert left(audience.run()) == 8
    assert [name for name, number in audience.numbers.items() if number] == [disliked]
    assert any("keeps 1 person who dropped out" in said for _, said in audience.heard.said)

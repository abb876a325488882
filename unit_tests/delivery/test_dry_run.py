"""What a dry run foresees; its sample, where each contact has the same chance to be drawn."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import cycle

import pytest

from destination_maileon.config.spec import DeletedRecords
from destination_maileon.delivery import dry_run
from destination_maileon.delivery.dry_run import Sample, Standing, foresee, predicted_answer
from destination_maileon.delivery.report_matching import read
from destination_maileon.delivery.request import Purpose, Request
from destination_maileon.delivery.sender import Event, ResponseReceived
from destination_maileon.maileon.contact import FieldType
from destination_maileon.maileon.errors import Forbidden, RequestRejected
from destination_maileon.maileon.report import SynchronizationReport
from destination_maileon.mapping.mapped_record import ContactRemoval
from destination_maileon.protocol.output import Level
from unit_tests.maileon.calls import client_of
from unit_tests.maileon.local_server import reply
from unit_tests.support.builders import a_contact, a_part, an_account
from unit_tests.support.ledgers import PLAN
from unit_tests.support.rooms import Heard, a_removal_request, a_request, someone

TYPES = {"AGE": FieldType.INTEGER}


def test_what_breaks_a_documented_rule_is_foreseen_as_invalid_and_named() -> None:
    request = a_request(
        someone(1),
        a_part(2, a_contact("2@example.com", CITY="x" * 256)),
        a_part(3, a_contact("3@example.com", custom={"AGE": "old"})),
        a_part(4, a_contact("4@example.com", custom={"AGE": "41"})),
    )
    report = predicted_answer(request, TYPES)
    assert isinstance(report, SynchronizationReport)
    assert [found.email for found in report.invalid_contacts] == ["2@example.com", "3@example.com"]
    reading = read(request.entries, report)
    assert [entry.position for entry, _ in reading.rejected] == [2, 3]
    assert [entry.position for entry in reading.accepted] == [1, 4]


def test_whoever_would_be_written_counts_as_neither_new_nor_existing() -> None:
    report = predicted_answer(a_request(someone(1), someone(2)), TYPES)
    assert report == SynchronizationReport(
        contacts=2, new=0, existing=0, invalid=0, unsubscribed=0, invalid_contacts=()
    )


def test_whoever_is_removed_is_taken_for_somebody_who_was_there() -> None:
    assert predicted_answer(a_removal_request(), TYPES) is True


@pytest.mark.parametrize(
    ("purpose", "looks_up", "calls"),
    [
        (Purpose.REMOVE, False, []),
        (Purpose.REMOVE, True, ["GET"]),
        (Purpose.LOOK_UP, True, ["GET"]),
        (Purpose.MARK, True, []),
    ],
)
def test_a_dry_run_asks_who_is_there_only_if_so_many_may_be_removed(
    purpose: Purpose, looks_up: bool, calls: list[str]
) -> None:
    contact_removal = ContactRemoval(DeletedRecords.DELETE, a_contact("1@example.com"))
    call = a_request(someone(1), contact_removal=contact_removal, purpose=purpose)
    with client_of(reply(200, b"<contact/>")) as (client, server):
        came = foresee(client, call, custom_types=TYPES, looks_up=looks_up)
    assert came is True
    assert [request.method for request in server.seen] == calls


# The sample.


Answers = Callable[[str], object]


@dataclass(eq=False, slots=True)
class World:
    """Answers each question as it is told; None: never, so that the time runs out."""

    answer: Answers = lambda _: Standing.NEW
    chances: Iterator[float] = field(default_factory=lambda: cycle([0.0]))
    asked: list[str] = field(default_factory=list)
    most_at_a_time: int = 0
    _open: deque[Request] = field(default_factory=deque)

    def now(self) -> float:
        return 0.0

    def random(self) -> float:
        return next(self.chances)

    def start(self, call: Request) -> None:
        self.asked.append(_asked_for(call))
        self._open.append(call)
        self.most_at_a_time = max(self.most_at_a_time, len(self._open))

    def next_event(self, *, until: float | None, with_input: bool) -> Event | None:
        assert (until, with_input) == (dry_run.MAX_SECONDS, False)
        call = self._open.popleft()
        answer = self.answer(_asked_for(call))
        return None if answer is None else ResponseReceived(call, answer, 0.0)

    def consumed(self) -> None:
        raise AssertionError


def _asked_for(call: Request) -> str:
    assert call.job is not None
    assert isinstance(call.job.send, partial)
    _, contact = call.job.send.args
    return contact.email or ""


def told(world: World, *names: object) -> list[tuple[Level, str]]:
    """What is said of a dry run with the contacts of these names."""
    heard = Heard()
    drawn = Sample([PLAN], an_account(), heard)
    for position, name in enumerate(names, start=1):
        drawn.draw_from(a_request(someone(position, name)), world)
    drawn.look_up(world, most_calls=2)
    return heard.said


def test_it_says_as_a_sample_what_the_contacts_are_to_maileon() -> None:
    standings = {"a": Standing.NEW, "b": Standing.EXISTING, "c": Standing.UNSUBSCRIBED}
    world = World(lambda email: standings[email[0]])
    [(level, words)] = told(world, "a", "b", "b2", "c")
    assert level is Level.INFO
    assert "a sample of 4 of 4 contacts" in words
    assert words.endswith("1 new, 2 existing, 1 unsubscribed.")
    assert world.most_at_a_time == 2


def test_a_later_contact_takes_the_place_of_one_that_was_drawn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dry_run, "MOST_CONTACTS", 2)
    # The third comes to the second place, the fourth to none.
    world = World(chances=cycle([0.4, 0.9]))
    [(_, words)] = told(world, "a", "b", "c", "d")
    assert sorted(world.asked) == ["a@example.com", "c@example.com"]
    assert "a sample of 2 of 4 contacts" in words


def test_a_contact_that_would_be_rejected_is_not_looked_up() -> None:
    world = World()
    told(world, "a", "no address ")
    assert world.asked == ["a@example.com"]


def test_without_the_right_to_read_one_question_is_enough_to_say_so() -> None:
    world = World(lambda _: Forbidden("The key may not read."))
    [(level, words)] = told(world, "a", "b", "c", "d")
    assert level is Level.WARN
    assert words.startswith("No sample of the contacts could be looked up")
    assert words.endswith("The key may not read.")
    assert len(world.asked) == 2


def test_a_refusal_of_one_contact_leaves_the_others() -> None:
    refused = RequestRejected("Refused.", status=400)
    world = World(lambda email: refused if email[0] == "a" else Standing.NEW)
    [(_, words)] = told(world, "a", "b")
    assert "a sample of 1 of 2 contacts" in words


def test_where_the_time_runs_out_what_is_known_is_said() -> None:
    world = World(lambda email: None if email[0] == "b" else Standing.NEW)
    [(_, words)] = told(world, "b", "a")
    assert "a sample of 1 of 2 contacts" in words


def test_without_a_contact_nothing_is_said() -> None:
    assert told(World()) == []

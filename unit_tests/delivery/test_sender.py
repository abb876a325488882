"""Threads that carry calls, input that is kept for later, and how a call reaches the API."""

from __future__ import annotations

import threading
import time
from urllib.parse import unquote

import pytest

from destination_maileon.config.spec import DeletedRecords
from destination_maileon.delivery.request import Job, Purpose, Request
from destination_maileon.delivery.response_handler import Answer
from destination_maileon.delivery.sender import (
    Event,
    ResponseReceived,
    WorkerPool,
    send,
)
from destination_maileon.maileon.contact import Contact, IdentifierMode
from destination_maileon.maileon.errors import FailureReason, RetriableError
from destination_maileon.maileon.sync_options import Permission
from destination_maileon.mapping.mapped_record import ContactRemoval
from destination_maileon.protocol.reader import InputChunk, InputEnd
from unit_tests.maileon.calls import REPORT, client_of
from unit_tests.maileon.local_server import reply
from unit_tests.support.builders import a_contact, a_part, a_plan, options
from unit_tests.support.rooms import (
    PARTITION,
    a_partition_key,
    a_report,
    a_request,
    someone,
)

CHUNK = InputChunk([b"{}"], 1)
LONG = 60.0


def soon(service: WorkerPool, *, with_input: bool = True) -> Event | None:
    return service.next_event(until=service.now() + LONG, with_input=with_input)


def test_a_call_is_carried_out_in_the_background_and_its_answer_is_an_event() -> None:
    report = a_report(1)
    service = WorkerPool(lambda _: report)
    call = a_request(someone(1))
    service.start(call)
    came = soon(service)
    assert isinstance(came, ResponseReceived)
    assert (came.call, came.answer) == (call, report)


def test_an_answer_has_the_time_at_which_it_came_however_late_it_is_heard() -> None:
    returned: list[float] = []

    def answer(_: Request) -> Answer:
        returned.append(service.now())
        return True

    service = WorkerPool(answer)
    service.start(a_request(someone(1)))
    while not returned:
        time.sleep(0.001)
    time.sleep(0.2)
    heard_at = service.now()
    came = soon(service)
    assert isinstance(came, ResponseReceived)
    assert returned[0] <= came.at < heard_at


def test_calls_are_in_flight_at_once() -> None:
    together = threading.Barrier(3, timeout=LONG)

    def meet(_: Request) -> Answer:
        together.wait()
        return True

    service = WorkerPool(meet)
    calls = [a_request(someone(n)) for n in range(1, 4)]
    for call in calls:
        service.start(call)
    answered = [soon(service) for _ in calls]
    assert {event.call for event in answered if isinstance(event, ResponseReceived)} == {*calls}


@pytest.mark.parametrize(
    "error",
    [RetriableError("No luck.", FailureReason.CONNECTION), RuntimeError("a bug"), MemoryError()],
)
def test_whatever_a_call_raises_comes_back_and_the_worker_goes_on(error: Exception) -> None:
    answers: list[Answer | Exception] = [error, True]

    def answer(_: Request) -> Answer:
        given = answers.pop(0)
        if isinstance(given, Exception):
            raise given
        return given

    service = WorkerPool(answer)
    for position in (1, 2):
        service.start(a_request(someone(position)))
    came = [soon(service), soon(service)]
    assert [event.answer for event in came if isinstance(event, ResponseReceived)] == [error, True]


def test_when_its_time_has_come_nothing_has_happened() -> None:
    service = WorkerPool(lambda _: True)
    until = service.now() + 0.02
    assert service.next_event(until=until, with_input=True) is None
    assert service.now() >= until
    assert service.next_event(until=until - 5.0, with_input=True) is None


def test_input_that_is_not_wanted_yet_is_kept_in_order() -> None:
    service = WorkerPool(lambda _: True)
    end = InputEnd(None)
    service.deliver(CHUNK)
    service.deliver(end)
    service.start(call := a_request(someone(1)))
    came = soon(service, with_input=False)
    assert isinstance(came, ResponseReceived)
    assert (came.call, came.answer) == (call, True)
    assert service.next_event(until=service.now(), with_input=False) is None
    assert [soon(service), soon(service)] == [CHUNK, end]


def test_who_reads_the_input_is_told_when_a_chunk_was_used_up() -> None:
    service = WorkerPool(lambda _: True)
    service.consumed()
    told: list[str] = []
    service.consumed = lambda: told.append("another")
    service.consumed()
    assert told == ["another"]


def test_time_never_goes_back_and_chance_is_between_zero_and_one() -> None:
    service = WorkerPool(lambda _: True)
    before = service.now()
    time.sleep(0.001)
    assert service.now() > before
    assert all(0.0 <= service.random() <= 1.0 for _ in range(100))


# On the wire.


def sent(call: Request, answer: bytes) -> tuple[str, str, bytes, Answer]:
    """Method, target and body of the request, and what came of it."""
    with client_of(reply(200, answer)) as (client, server):
        came = send(client, call)
        [request] = server.seen
    return request.method, request.target.removeprefix("/1.0"), request.body, came


def test_contacts_are_posted_with_every_option_of_their_stream() -> None:
    plan = a_plan(options=options(IdentifierMode.EXTERNAL_ID, update_only=True))
    call = a_request(someone(1), partition_key=a_partition_key(plan, Permission.DOUBLE_OPT_IN))
    method, target, body, came = sent(call, REPORT)
    assert (method, target.partition("?")[0]) == ("POST", "/contacts")
    query = dict(pair.split("=") for pair in target.partition("?")[2].split("&"))
    assert query == plan.options.parameters(Permission.DOUBLE_OPT_IN)
    assert body.count(b"<email>") == 1
    assert came == a_report(1)


EMAIL, EXTERNAL_ID = IdentifierMode.EMAIL, IdentifierMode.EXTERNAL_ID
DELETE, UNSUBSCRIBE = DeletedRecords.DELETE, DeletedRecords.UNSUBSCRIBE
BY_EMAIL = "/contacts/email/1@example.com"


@pytest.mark.parametrize(
    ("mode", "removal", "purpose", "wanted"),
    [
        (EMAIL, DELETE, Purpose.REMOVE, f"DELETE {BY_EMAIL}"),
        (EMAIL, UNSUBSCRIBE, Purpose.REMOVE, f"DELETE {BY_EMAIL}/unsubscribe"),
        (EXTERNAL_ID, DELETE, Purpose.REMOVE, "DELETE /contacts/externalid/x1"),
        (EMAIL, DELETE, Purpose.LOOK_UP, f"GET {BY_EMAIL}"),
        (EXTERNAL_ID, UNSUBSCRIBE, Purpose.LOOK_UP, "GET /contacts/externalid/x1"),
        (EXTERNAL_ID, UNSUBSCRIBE, Purpose.MARK, f"PUT {BY_EMAIL}/unsubscription"),
    ],
)
def test_whoever_is_removed_is_addressed_by_their_identifier(
    mode: IdentifierMode, removal: DeletedRecords, purpose: Purpose, wanted: str
) -> None:
    contact = a_contact("1@example.com", external_id="x1")
    partition_key = a_partition_key(a_plan(options=options(mode)))
    contact_removal = ContactRemoval(removal, contact)
    call = a_request(
        a_part(1, contact),
        partition_key=partition_key,
        contact_removal=contact_removal,
        purpose=purpose,
    )
    found = b"<contact><email>1@example.com</email></contact>"
    method, target, body, came = sent(call, found)
    assert (f"{method} {unquote(target).partition('?')[0]}", body, came) == (wanted, b"", True)


def test_a_question_is_asked_by_its_job() -> None:
    heard: list[object] = []
    contact = Contact("1@example.com")
    job = Job(lambda client: client.find(IdentifierMode.EMAIL, contact), heard.append)
    found = b"<contact><external_id>x</external_id></contact>"
    method, target, _, came = sent(Request(PARTITION, [], purpose=Purpose.ASK, job=job), found)
    assert (method, unquote(target).partition("?")[0]) == ("GET", BY_EMAIL)
    job.answered(came)
    assert heard == [[Contact(external_id="x")]]

"""The real world around the loop: nobody waits for a thread that is dead."""

from __future__ import annotations

import time

import pytest

from destination_maileon.batching import Lane
from destination_maileon.dispatch import Call
from destination_maileon.merging import Entry
from destination_maileon.reader import InputEnd
from destination_maileon.service import Answered, ThreadedService, ThreadLost
from unit_tests.builders import a_part, a_plan


def a_call() -> Call:
    return Call(Lane(a_plan(), None), [Entry(a_part())])


def service_that(ends: BaseException | None = None) -> ThreadedService:
    def send(_call: object) -> bool:
        if ends is not None:
            raise ends
        return True

    return ThreadedService(send, workers=1)


def test_whatever_a_call_raises_is_its_answer() -> None:
    for error in (MemoryError(), RecursionError(), ValueError("x")):
        service = service_that(error)
        call = a_call()
        service.start(call)
        assert service.next_event(until=None, with_input=True) == Answered(call, error)
        # The thread is there for the next one.
        service.start(call)
        assert service.next_event(until=None, with_input=True) == Answered(call, error)


def _wait_for_ever(service: ThreadedService) -> None:
    while service.next_event(until=time.monotonic() + 0.01, with_input=True) is None:
        pass


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_died_with_its_call_is_missed() -> None:
    service = service_that(KeyboardInterrupt())
    service.start(a_call())
    with pytest.raises(ThreadLost):
        _wait_for_ever(service)


def test_so_is_one_that_somebody_else_needs() -> None:
    service = service_that()
    is_alive = [True]
    service.needs(lambda: is_alive[0])
    assert service.next_event(until=0, with_input=True) is None
    is_alive[0] = False
    with pytest.raises(ThreadLost):
        service.next_event(until=0, with_input=True)


def test_what_happened_before_is_told_first() -> None:
    service = service_that()
    service.needs(lambda: False)
    service.deliver(InputEnd(None))
    assert service.next_event(until=0, with_input=True) == InputEnd(None)
    with pytest.raises(ThreadLost):
        service.next_event(until=0, with_input=True)

"""The sink does to a contact what stands at the beginning of its address."""

from __future__ import annotations

import pytest
from lxml import etree

from benchmark.description import Trouble
from benchmark.sink import CODES, Sink

FINE = "<contact><email>person.1@example.com</email></contact>"


@pytest.mark.parametrize(("trouble", "code"), CODES.items(), ids=CODES)
def test_contact_with_a_trouble_is_reported_with_its_code(trouble: Trouble, code: int) -> None:
    sink = Sink()
    contact = _contact(trouble)
    if trouble is Trouble.SHARED:
        _post(sink, _shared(1))
        contact = _shared(2)
    assert _post(sink, FINE, contact) == ["2", "1", "1", str(code)]


@pytest.mark.parametrize(
    ("trouble", "is_refused_again"),
    [(Trouble.REFUSED, True), (Trouble.TAKEN, True), (Trouble.MOVED, False)],
)
def test_only_one_who_moved_is_accepted_the_next_time(
    trouble: Trouble, is_refused_again: bool
) -> None:
    sink = Sink()
    assert _post(sink, _contact(trouble))[2] == "1"
    assert (_post(sink, _contact(trouble))[2] == "1") is is_refused_again


def test_shared_address_stays_with_whom_it_was_given_to_first() -> None:
    sink = Sink()
    assert _post(sink, _shared(1))[2] == "0"
    assert _post(sink, _shared(2))[2] == "1"
    assert _post(sink, _shared(1))[2] == "0"


def test_each_run_has_an_account_of_its_own() -> None:
    sink = Sink()
    assert _post(sink, _contact(Trouble.MOVED), run="1-0-0")[2] == "1"
    assert _post(sink, _contact(Trouble.MOVED), run="2-0-0")[2] == "1"
    assert _answer(sink, "GET /1-0-0/calls", "") == (200, b"1")


def test_call_with_a_poisoned_contact_is_refused_as_a_whole() -> None:
    body = f"<contacts>{FINE}{_contact(Trouble.POISONED)}</contacts>"
    status, _ = _answer(Sink(), "POST /1-0-0/1.0/contacts?sync_mode=1", body)
    assert status == 400


def _contact(trouble: Trouble) -> str:
    return f"<contact><email>{trouble}.person.7@example.com</email></contact>"


def _shared(number: int) -> str:
    email = f"<email>{Trouble.SHARED}.by.many@example.com</email>"
    return f"<contact>{email}<external_id>{number}</external_id></contact>"


def _post(sink: Sink, *contacts: str, run: str = "1-0-0") -> list[str]:
    """Contacts, new ones, invalid ones, and the codes."""
    body = f"<contacts>{''.join(contacts)}</contacts>"
    _, answer = _answer(sink, f"POST /{run}/1.0/contacts?sync_mode=1", body)
    report = etree.fromstring(answer)
    counts = ("count_contacts", "count_new_contacts", "count_invalid_contacts")
    codes = [error.get("code", "") for error in report.iter("error")]
    return [*(report.findtext(count, "") for count in counts), *codes]


def _answer(sink: Sink, first: str, body: str) -> tuple[int, bytes]:
    return sink.answer(f"{first} HTTP/1.1\r\n\r\n".encode(), body.encode())

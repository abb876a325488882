"""Answers that mean harm or are broken: bounded in time and memory, and never taken for success."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from integration_tests.connection import people
from integration_tests.hostile import (
    KEY,
    Deed,
    answer,
    bomb,
    bomb_of_elements,
    bomb_within_a_bomb,
    endless,
    first_made_when_asked,
    half_closed,
    heavy,
    meeting,
    report,
    slow,
    to_each_once,
)
from integration_tests.platform import record, stream_state
from integration_tests.silence import key_forms
from unit_tests.maileon.certificates import self_signed
from unit_tests.maileon.local_server import LocalServer, answering, reply

MOST_BYTES = 250 * 2**20
MESSAGES = [*people("a", "b", "c"), stream_state(1)]
LAUGHS = b"".join(
    b"<!ENTITY l%d '%s'>" % (n, b"&l%d;" % (n - 1) * 10 if n else b"ha") for n in range(12)
)
ENTITIES = b"<!DOCTYPE report [" + LAUGHS + b"]><report>&l11;" + report(contacts=3) + b"</report>"
OUTSIDE = (
    b"<!DOCTYPE report [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>"
    + report(contacts=3).replace(b"</report>", b"&x;</report>")
)  # fmt: skip
PAGE = b"<!doctype html><html><body>Success! All contacts were saved.</body></html>"
HEAD = b"HTTP/1.1 200 OK\r\n"

UNREADABLE: dict[str, Deed] = {
    "an entity bomb": answer(ENTITIES),
    "an external entity": answer(OUTSIDE),
    "a body without an end": endless(HEAD + b"\r\n", b"<report>" * 2**14),
    "chunks without an end": endless(
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + bytes(2**16) + b"\r\n"
    ),
    "a gzip bomb": first_made_when_asked(lambda: answer(bomb(), "Content-Encoding: gzip")),
    "a bomb in a bomb": first_made_when_asked(
        lambda: answer(bomb_within_a_bomb(), "Content-Encoding: gzip, gzip")
    ),
    "a bomb of elements": answer(bomb_of_elements(), "Content-Encoding: gzip"),
    "headers without an end": endless(HEAD, b"A: b\r\n" * 1000),
    "a header without an end": endless(HEAD + b"A: ", b"b" * 2**16),
    "preparations without an end": endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
    "a trickle": slow(answer(report(contacts=3)) + bytes(999)),
    "a page": reply(200, PAGE, headers=("Content-Type: text/html",)),
    "a page that says it is XML": answer(PAGE),
    "JSON": reply(200, b'{"success": true}', headers=("Content-Type: application/json",)),
    "nothing": answer(b""),
    "no body, and none meant": answer(b"", status=204),
    "no answer from a connection half closed": half_closed(),
    "half an answer from a connection half closed": half_closed(answer(report(contacts=3))[:-30]),
    "a negative count": answer(report(contacts=-3)),
    "a count of nobody": answer(report(contacts=0)),
    "interim answers without an end": endless(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100),
    "a count without an end": answer(report(contacts="9" * 10**6)),
    "counts in words": answer(report(contacts="three")),
    "a status of its own": answer(report(contacts=3), status=999),
}


def test_what_is_no_report_is_no_success_and_costs_little(tmp_path: Path) -> None:
    # Four at once, so that the worst of them meet.
    names = {f"p{n}": deed for n, deed in enumerate(UNREADABLE.values())}
    deed = to_each_once(names, then=answer(report(contacts=1)))
    config = {"batch_size": 1, "request_timeout_seconds": 2, "max_retry_seconds": 60}
    with meeting(tmp_path, deed, [*people(*names), stream_state(1)], **config) as met:
        assert (met.run.exit_code, met.run.stderr) == (0, "")
        assert met.run.stats == [(len(names), 0)]
        assert 0 < met.peak_bytes < MOST_BYTES
        bodies = [seen.body for seen in met.server.seen]
        # Whoever got such an answer was sent again, and only then counted.
        sent = [sum(f"{name}@".encode() in body for body in bodies) for name in names]
        kinds = zip(UNREADABLE, sent, strict=True)
        assert [kind for kind, times in kinds if times != 2] == []


# Each takes hundreds of megabytes, if it is read.
HEAVY: dict[str, Callable[[], bytes]] = {
    "elements": lambda: heavy(b"<a>x</a>", 599_000),
    "attributes": lambda: heavy(
        b"<a " + b" ".join(b'a%02d="x"' % n for n in range(99)) + b"/>", 30_000
    ),
    "one element": lambda: heavy(
        b"<a " + b" ".join(b'a%d=""' % n for n in range(800_000)) + b"/>", 1
    ),
    "namespaces": lambda: heavy(b"<a xmlns='a' xmlns:b='b'/>", 500_000),
    "white space": lambda: heavy(b"<a>" + b" " * 9_900_000 + b"</a>", 3),
    "contacts": lambda: heavy(
        b"<invalid_contacts>" + b"<contact/>" * 500_000 + b"</invalid_contacts>", 1
    ),
}


@pytest.mark.long
@pytest.mark.parametrize("name", HEAVY)
def test_four_heavy_answers_at_once_cost_little_and_are_no_success(
    tmp_path: Path, name: str
) -> None:
    deed = answer(HEAVY[name](), "Content-Encoding: gzip")
    config = {"batch_size": 1, "concurrent_requests": 4, "request_timeout_seconds": 20}
    messages = [*people("a", "b", "c", "d"), stream_state(1)]
    with meeting(tmp_path, deed, messages, **config) as met:
        assert met.run.error["failure_type"] == "transient_error"
        assert (met.run.states, met.run.stderr) == ([], "")
        assert 0 < met.peak_bytes < MOST_BYTES


@pytest.mark.parametrize("name", ["an entity bomb", "a page", "a bomb of elements"])
def test_if_it_stays_so_the_sync_fails_and_no_state_goes_out(tmp_path: Path, name: str) -> None:
    with meeting(tmp_path, UNREADABLE[name], MESSAGES) as met:
        assert met.run.error["failure_type"] == "transient_error"
        assert (met.run.states, met.run.stderr) == ([], "")
        assert 0 < met.peak_bytes < MOST_BYTES


@pytest.mark.parametrize("status", [302, 308])
def test_no_redirect_takes_the_key_or_a_contact_to_another_host(
    tmp_path: Path, status: int
) -> None:
    with LocalServer(answering(answer(report(contacts=3)))) as elsewhere:
        deed = answer(b"", f"Location: {elsewhere.url}/contacts", status=status)
        with meeting(tmp_path, deed, MESSAGES) as met:
            assert met.run.error["failure_type"] == "config_error"
            assert met.run.states == []
        assert elsewhere.connections == 0


def test_an_untrusted_certificate_gets_neither_the_key_nor_a_contact(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path)
    with LocalServer(answering(answer(report(contacts=3))), tls=certificate.context) as server:
        with meeting(tmp_path, b"", MESSAGES, base_url=server.url) as met:
            assert met.run.error["failure_type"] == "config_error"
            assert "certificate" in met.run.error["message"]
            assert met.server.seen == []
        assert server.seen == []
        assert server.connections > 0


STRANGER = b"<contact><email>stranger@example.com</email><error code='8'/></contact>"
NAMED = b"<contact><email>b@example.com</email><error code='%s'/></contact>"


def test_a_report_that_names_only_contacts_never_sent_rejects_and_shows_nobody_else(
    tmp_path: Path,
) -> None:
    deed = answer(report(contacts=3, invalid=1, named=STRANGER))
    with meeting(tmp_path, deed, MESSAGES) as met:
        assert (met.run.exit_code, met.run.stats) == (0, [(0, 3)])
        # All three, then in halves, until each stands alone.
        assert len(met.server.seen) <= 1 + 2 * 3
        assert b"stranger" not in met.run.output


def test_a_contact_that_is_named_twice_is_rejected_once(tmp_path: Path) -> None:
    named = NAMED % b"3" + NAMED % b"3" + NAMED % b"8"
    deed = answer(report(contacts=3, invalid=1, named=named))
    with meeting(tmp_path, deed, MESSAGES) as met:
        assert (met.run.exit_code, met.run.stats) == (0, [(2, 1)])
        assert len([text for text in met.run.logs("WARN") if text.startswith("Record 2 ")]) == 1


def test_a_report_that_counts_more_than_there_is_spoils_no_sum(tmp_path: Path) -> None:
    with meeting(tmp_path, answer(report(contacts=10**17)), MESSAGES) as met:
        assert (met.run.exit_code, met.run.stats) == (0, [(3, 0)])
        assert met.run.additional("created") == 3
        assert any("counts other contacts" in text for text in met.run.logs("WARN"))


def test_a_code_that_is_no_number_rejects_all_the_same(tmp_path: Path) -> None:
    codes = [b"", b"abc", b"-3", b"1e9", b"9" * 10**5, "\u0663".encode()]
    named = [NAMED.replace(b"b@", b"p%d@" % n) % code for n, code in enumerate(codes)]
    deeds = {f"p{n}": answer(report(invalid=1, named=one)) for n, one in enumerate(named)}
    deed = to_each_once(deeds, then=answer(report()))
    with meeting(tmp_path, deed, [*people(*deeds), stream_state(1)], batch_size=1) as met:
        assert (met.run.exit_code, met.run.stats) == (0, [(0, len(codes))])
        warned = [text for text in met.run.logs("WARN") if text.startswith("Record ")]
        assert len(warned) == 3
        assert any("6 x an error without a readable code" in said for said in met.run.logs("WARN"))
        # No number is made up, and nothing of the answer is shown.
        assert [text for text in warned if re.search("error [0-9]", text)] == []
        assert not any("abc" in text or "999" in text or "1e9" in text for text in warned)


def test_a_page_does_not_delete(tmp_path: Path) -> None:
    gone = record({"email": "a@example.com", "_ab_cdc_deleted_at": "2026-01-01"})
    messages = [gone, stream_state(1)]
    with meeting(tmp_path, answer(PAGE), messages, deleted_records="delete") as met:
        assert met.run.error["failure_type"] == "config_error"
        assert met.run.states == []


def test_what_a_server_says_of_an_error_is_shown_without_key_and_contact(tmp_path: Path) -> None:
    people_quoted = " A%40Example.com &#97;&#64;example.com Secret&amp;Co"
    quoted = "".join(sorted(key_forms(KEY))) + people_quoted
    body = f"<error><message>{quoted.replace('&', '&amp;')} bad</message></error>".encode()
    messages = [record({"email": "a@example.com", "first_name": "Secret&Co"}), stream_state(1)]
    with meeting(tmp_path, answer(body, status=400), messages) as met:
        message = met.run.error["message"]
        assert "bad" in message
        assert "xample.com" not in message
        assert "Secret" not in message


def test_the_service_itself_gets_the_key_and_the_contacts(tmp_path: Path) -> None:
    with meeting(tmp_path, answer(report(contacts=3)), MESSAGES) as met:
        assert (met.run.exit_code, met.run.stats) == (0, [(3, 0)])
        assert all("authorization" in seen.headers for seen in met.server.seen)
        assert b"a@example.com" in b"".join(seen.body for seen in met.server.seen)

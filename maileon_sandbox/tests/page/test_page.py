"""The contents of the page, and its search."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import requests

from maileon_sandbox import Fault, Sandbox
from maileon_sandbox.page.contact_query import ContactQuery
from maileon_sandbox.page.wording import pieces
from maileon_sandbox.tests.client import NIL, Client, contact
from maileon_sandbox.tests.page.reader import address, show


def test_the_overview_counts(busy: Sandbox) -> None:
    text = show(busy)

    for count in (
        "Contacts 3",
        "Unsubscribed 1",
        "Calls 2",
        "Contacts refused 2",
        "Calls failed 1",
    ):
        assert count in text
    assert "double opt in plus 1" in text


def test_who_is_refused_twice_is_one_contact(busy: Sandbox, client: Client) -> None:
    client.synchronize(contact(email="NO-address"), permission="4")

    assert "Contacts refused 2" in show(busy)
    assert "2 contacts, refused 3 times, the last one first" in show(busy, "refused")


def test_an_empty_sandbox_says_how_to_fill_it(sandbox: Sandbox) -> None:
    assert sandbox.base_url in show(sandbox)
    assert "The account is empty" in show(sandbox, "contacts")
    assert "Nothing has called yet" in show(sandbox, "calls")
    assert "No contact was refused" in show(sandbox, "refused")
    assert "no custom fields" in show(sandbox, "definitions")


def test_the_key_is_nowhere_on_the_page(busy: Sandbox) -> None:
    for path in ("", "contacts", "calls", "calls/1", "refused", "definitions"):
        answer = requests.get(address(busy, path), timeout=60)
        assert busy.api_key not in answer.text


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ["gone", "max", "erika"]),
        ({"search": "MAX"}, ["max"]),
        ({"search": "x-1"}, ["max"]),
        ({"search": "blue & GREEN"}, ["erika"]),
        ({"search": "weekly"}, ["erika"]),
        ({"search": "example blue"}, ["erika"]),
        ({"search": "max blue"}, []),
        ({"who": "4"}, ["max"]),
        ({"who": "unsubscribed"}, ["gone"]),
        ({"who": "7"}, ["gone", "max", "erika"]),
        ({"order": "latest"}, ["max", "erika", "gone"]),
        ({"order": "latest", "search": "example", "who": "5"}, ["erika"]),
    ],
)
def test_contacts_are_found(busy: Sandbox, query: dict[str, str], found: list[str]) -> None:
    people = ContactQuery.of(query).run(busy.account)

    assert [(person.email or "").partition("@")[0] for person in people] == found


def test_a_contact_is_shown_with_everything(busy: Sandbox) -> None:
    erika = busy.account.by_email("erika@example.com")
    gone = busy.account.by_email("gone@example.com")
    assert erika
    assert gone

    text = show(busy, f"contacts/{erika.id}")

    for shown in ("double opt in plus", "COLOR BLUE & green", "News: Weekly", "yes", "from shop"):
        assert shown in text
    assert "address marked as unsubscribed" in show(busy, f"contacts/{gone.id}")


def test_a_call_is_shown_with_parameters_report_and_whom_it_refused(busy: Sandbox) -> None:
    text = show(busy, "calls/1")

    assert "permission 4 double opt in" in text
    assert "sync_mode 1 existing contacts are updated" in text
    for count in ("contacts 3", "existing 1", "new 0", "refused 2"):
        assert count in text
    assert "no-address 3 invalid email email" in text
    assert "size@example.com x-2 25 illegal integer size large" in text
    assert "<email>max@example.com</email>" in text
    assert "<count_invalid_contacts>2</count_invalid_contacts>" in text


def test_what_was_refused_is_told_with_the_reason(busy: Sandbox) -> None:
    text = show(busy, "refused")

    assert "2 contacts, the last one first" in text
    assert "1 illegal integer size" in text
    assert "permission must be one of 1, 2, 3, 4, 5, 6" in text
    assert "update_only left out" in text
    assert "1 contact, the last one first" in show(busy, "refused", search="LARGE integer")
    assert "No refused contact fits" in show(busy, "refused", search="huge")


def test_a_value_that_was_refused_can_be_absent(sandbox: Sandbox, client: Client) -> None:
    client.synchronize(contact(email=NIL, external_id="x-9"))

    assert "x-9 2 missing email email none" in show(sandbox, "refused")


def test_fields_and_preferences_are_counted(busy: Sandbox) -> None:
    text = show(busy, "definitions")

    assert "COLOR string 1" in text
    assert "size integer 0" in text
    assert "Weekly every Monday 1 0" in text


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"search": "max@example.com"}, [2, 1]),
        ({"search": "no-address"}, [1]),
        ({"search": "SYNC_MODE 200"}, [1]),
        ({"search": "must be one of"}, [2]),
        ({"search": "nowhere"}, []),
        ({"outcome": "refused"}, [1]),
        ({"outcome": "failed"}, [2]),
        ({"outcome": "fault"}, []),
        ({"outcome": "no such"}, [2, 1]),
    ],
)
def test_calls_are_found(busy: Sandbox, query: dict[str, str], found: list[int]) -> None:
    answer = requests.get(f"{busy.url}/page/calls", params=query, timeout=60)

    assert [int(n) for n in re.findall(r"/page/calls/(\d+)\"", answer.text)] == found


def test_a_call_without_an_answer_and_a_fault_are_told(sandbox: Sandbox, client: Client) -> None:
    sandbox.script(Fault(drop="after"))
    with pytest.raises(requests.ConnectionError):
        client.call("GET", "/ping")

    text = show(sandbox, "calls", outcome="fault")

    assert "no answer" in text
    assert "scripted fault" in text


def test_whole_bodies_are_plain_text(busy: Sandbox) -> None:
    for which, part in (("body", "<email>no-address</email>"), ("answer", "<invalid_contacts>")):
        answer = requests.get(f"{busy.url}/page/calls/1/{which}", timeout=60)
        assert part in answer.text
        assert answer.headers["Content-Type"].startswith("text/plain")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_bodies_that_are_not_kept_are_not_shown() -> None:
    with Sandbox(keep_bodies=False) as sandbox, Client(sandbox.base_url, sandbox.api_key) as client:
        client.synchronize(contact(email="a@example.com"), contact(email="b"))
        text = show(sandbox, "calls/1")
        assert sandbox.calls[0].answer == b""
    assert "What was sent" not in text
    assert "invalid email" in text


def test_ten_thousand_contacts_come_a_page_at_a_time(sandbox: Sandbox) -> None:
    for number in range(10_000):
        sandbox.account.add_contact(f"p{number}@example.com")

    first = requests.get(f"{sandbox.url}/page/contacts", timeout=60).text
    last = show(sandbox, "contacts", page=200)

    assert len(first) < 100_000
    assert "p49@<wbr>example.<wbr>com" in first
    assert "p50@" not in first
    assert "10,000 contacts, here 9,951 to 10,000" in last
    assert "p9999@example.com" in last
    assert "1 contact " in show(sandbox, "contacts", search="p7777@")


@pytest.mark.parametrize(
    ("page", "shown"),
    [("1", "1 to 50"), ("3", "101 to 120"), ("4", "101 to 120"), ("0", "1 to 50"), ("x", "1 to 50"),
     ("-1", "1 to 50"), ("9" * 5000, "1 to 50")],
)  # fmt: skip
def test_a_page_that_does_not_exist_is_the_nearest(sandbox: Sandbox, page: str, shown: str) -> None:
    for number in range(120):
        sandbox.account.add_contact(f"p{number}@example.com")

    assert f"here {shown}" in show(sandbox, "contacts", page=page)


def test_the_way_to_the_next_page_keeps_the_search_and_nothing_else(sandbox: Sandbox) -> None:
    for number in range(60):
        sandbox.account.add_contact(f"p{number}@example.com")
    query = {"search": "p &", "_scheme": "javascript", "_external": "1"}

    assert "No contact fits" in show(sandbox, "contacts", **query)
    html = requests.get(
        f"{sandbox.url}/page/contacts", params={**query, "search": "p"}, timeout=60
    ).text

    assert (
        'href="/page/contacts?search=p&amp;_scheme=javascript&amp;_external=1&amp;page=2"' in html
    )
    assert not re.search(r'href="(?!/|#)', html)


CHANGES: dict[str, Callable[[Sandbox, Client], object]] = {
    "contact": lambda sandbox, _: sandbox.account.add_contact("max@example.com"),
    "field": lambda sandbox, _: sandbox.account.add_custom_field("COLOR"),
    "category": lambda sandbox, _: sandbox.account.add_preference_category("Events"),
    "preference": lambda sandbox, _: sandbox.account.add_preference("News", "Weekly"),
    "call": lambda _, client: client.call("GET", "/ping"),
    "marker": lambda sandbox, _: sandbox.account.markers.add("max@example.com"),
    "unsubscribed": lambda sandbox, _: sandbox.account.unsubscribe(sandbox.account.contacts()[0]),
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_mark_changes_with_what_there_is(sandbox: Sandbox, client: Client, change: str) -> None:
    def mark() -> str:
        return requests.get(f"{sandbox.url}/page/mark", timeout=60).text

    sandbox.account.add_preference_category("News")
    sandbox.account.add_contact("erika@example.com")
    before = mark()
    assert mark() == before

    CHANGES[change](sandbox, client)
    assert mark() != before


def test_an_opt_out_moves_a_number_whether_the_person_is_there_or_not(
    busy: Sandbox, client: Client
) -> None:
    assert "Unsubscribed 1 Addresses marked 1" in show(busy)
    client.call("DELETE", "/contacts/email/max%40example.com/unsubscribe")
    assert "Unsubscribed 2 Addresses marked 2" in show(busy)
    client.call("PUT", "/contacts/email/nobody%40example.com/unsubscription")
    assert "Unsubscribed 2 Addresses marked 3" in show(busy)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/contacts/email/nobody%40example.com"),
        ("DELETE", "/contacts/contact/unsubscribe?id=1"),
        ("GET", "/contacts/externalid/none"),
        ("DELETE", "/contacts/email/nobody%40example.com/unsubscription"),
    ],
)
def test_that_somebody_is_not_there_is_no_failure(
    sandbox: Sandbox, client: Client, method: str, path: str
) -> None:
    assert client.call(method, path).status_code == 404
    assert "404, not there" in show(sandbox, "calls")
    assert "Calls failed 0" in show(sandbox)
    assert "No call fits" in show(sandbox, "calls", outcome="failed")
    client.call("GET", "/contacts/preference_categories/none")
    assert "Calls failed 1" in show(sandbox)


def audience(sandbox: Sandbox, client: Client, number: int, *names: str) -> None:
    """One sync of an audience: these contacts are in, and those that dropped out get 0."""
    members = [contact(email=f"{n}@example.com", custom={"vip": str(number)}) for n in names]
    client.synchronize(*members)
    leavers = [
        contact(id=str(known.id), custom={"vip": "0"})
        for known in sandbox.account.contacts()
        if known.custom_fields.get("vip", "0") not in {"0", str(number), "no number"}
    ]
    client.synchronize(*leavers, prefer_maileon_id="true", update_only="true")


def test_an_audience_is_shown_with_who_left_it_in_the_last_sync(
    sandbox: Sandbox, client: Client
) -> None:
    def names(who: str) -> list[str]:
        found = ContactQuery.of({"who": who}).run(sandbox.account)
        return [(person.email or "").partition("@")[0] for person in found]

    sandbox.account.add_custom_field("vip", "integer")
    sandbox.account.add_contact("never@example.com")
    sandbox.account.add_contact("seeded@example.com", custom_fields={"vip": "no number"})
    audience(sandbox, client, 1, "a", "b", "c", "d")
    assert (names("in:vip"), names("left:vip")) == (["a", "b", "c", "d"], [])
    audience(sandbox, client, 2, "a", "b", "c")
    assert (names("in:vip"), names("left:vip")) == (["a", "b", "c"], ["d"])
    assert "vip integer 5 3 1" in show(sandbox, "definitions")
    assert "left audience vip in the last sync" in show(sandbox, "contacts")
    audience(sandbox, client, 3, "b", "d")
    assert (names("in:vip"), names("left:vip")) == (["b", "d"], ["a", "c"])
    # The next sync has begun, and no contact has left yet.
    client.synchronize(contact(email="b@example.com", custom={"vip": "4"}))
    assert names("left:vip") == []
    left = sandbox.account.by_email("a@example.com")
    assert left
    assert "Left audiences vip" in show(sandbox, f"contacts/{left.id}")
    assert names("in:none") == names("left:none") == []


def test_who_unsubscribes_has_not_left_an_audience(sandbox: Sandbox, client: Client) -> None:
    sandbox.account.add_custom_field("vip", "integer")
    audience(sandbox, client, 1, "a")
    client.call("DELETE", "/contacts/email/a%40example.com/unsubscribe")
    assert ContactQuery.of({"who": "left:vip"}).run(sandbox.account) == []
    assert "vip integer 0 0 0" in show(sandbox, "definitions")


def test_what_was_sent_is_indented_if_it_is_xml(sandbox: Sandbox, client: Client) -> None:
    client.synchronize(contact(email="a@example.com", standard={"CITY": " two  spaces "}))
    client.call("POST", "/contacts", body=b"no <xml")
    html = requests.get(f"{sandbox.url}/page/calls/1", timeout=60).text
    assert "&lt;contacts&gt;\n  &lt;contact&gt;\n    &lt;email&gt;a@example.com" in html
    assert "&lt;value&gt; two  spaces &lt;/value&gt;" in html
    assert "no <xml" in show(sandbox, "calls/2")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("first.last+tag@mail.example.com", "first.|last+|tag@|mail.|example.|com"),
        ("a_b-c", "a_|b-|c"),
        ("<b>@x.", "<b>@|x."),
        (10_001, "10001"),
    ],
)
def test_an_address_breaks_after_its_signs(text: str | int, expected: str) -> None:
    assert "|".join(pieces(text)) == expected

"""A client of nothing but `http.client`, written from the pages, reads every answer.

It compares media types exactly, follows the links from page to page, and takes an answer for what
its page says, as a client does that knows nothing of the sandbox.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from urllib.parse import quote, urlsplit

import pytest
from lxml import etree
from lxml.etree import _Element as Element

from maileon_sandbox import Sandbox

MEDIA_TYPE = "application/vnd.maileon.api+xml"


class PlainClient:
    """One kept connection. The key goes as Maileon's Java client sends it, with a colon."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._connection = HTTPConnection("127.0.0.1", sandbox.port, timeout=60)
        self._headers = {
            "Authorization": "Basic " + b64encode(f"{sandbox.api_key}:".encode()).decode(),
            "Accept": MEDIA_TYPE,
        }

    def close(self) -> None:
        self._connection.close()

    def call(self, method: str, path: str, body: str | None = None) -> tuple[HTTPResponse, bytes]:
        typed = {} if body is None else {"Content-Type": f"{MEDIA_TYPE}; charset=utf-8"}
        headers = {**self._headers, **typed}
        self._connection.request(method, f"/1.0{path}", body=body, headers=headers)
        answer = self._connection.getresponse()
        content = answer.read()
        assert answer.getheader("Content-Type") == MEDIA_TYPE
        return answer, content

    def xml(self, method: str, path: str, body: str | None = None, *, status: int = 200) -> Element:
        answer, content = self.call(method, path, body)
        assert answer.status == status
        return etree.fromstring(content)

    def pages(self, path: str) -> Iterator[Element]:
        """From the first page along the links named `next`."""
        while True:
            answer, content = self.call("GET", path)
            yield etree.fromstring(content)
            link = re.search(r'<([^>]+)>; rel="next"', answer.getheader("Link") or "")
            if not link:
                return
            target = urlsplit(link[1])
            path = f"{target.path.removeprefix('/1.0')}?{target.query}"


@pytest.fixture
def plain(sandbox: Sandbox) -> Iterator[PlainClient]:
    client = PlainClient(sandbox)
    yield client
    client.close()


def test_fields_and_preferences_are_defined_and_listed(plain: PlainClient) -> None:
    assert plain.call("POST", "/contacts/fields/custom/COLOR?type=string")[0].status == 201
    category = "<preference_category><name>News</name></preference_category>"
    # With a slash at its end, as Maileon's PHP client writes this path.
    assert plain.call("POST", "/contacts/preference_categories/", category)[0].status == 201
    preference = "<preference><name>Weekly</name></preference>"
    path = "/contacts/preference_categories/News/preferences"
    assert plain.call("POST", path, preference)[0].status == 201

    (field,) = plain.xml("GET", "/contacts/fields/custom")
    assert (field.findtext("name"), field.findtext("type")) == ("COLOR", "string")
    (listed,) = plain.xml("GET", "/contacts/preference_categories")
    assert listed.findtext("name") == "News"
    (listed,) = plain.xml("GET", path)
    assert listed.findtext("name") == "Weekly"


def test_a_list_is_synchronized_and_read_back_page_by_page(plain: PlainClient) -> None:
    emails = [f"p{number}@example.com" for number in range(5)]
    contacts = "".join(
        f"<contact><email>{email}</email><standard_fields><field><name>FIRSTNAME</name>"
        f"<value><![CDATA[{email} & co]]></value></field></standard_fields></contact>"
        for email in emails
    )
    path = "/contacts?permission=1&sync_mode=1&ignore_invalid_contacts=true"
    report = plain.xml(
        "POST", path, f"<contacts>{contacts}<contact><email>p</email></contact></contacts>"
    )
    assert report.findtext("count_new_contacts") == "5"
    error = report.find("invalid_contacts/contact/error")
    assert error is not None
    assert (error.get("code"), error.findtext("error_field")) == ("3", "p")

    pages = list(plain.pages("/contacts?page_index=1&page_size=2&standard_field=FIRSTNAME"))
    assert [len(page) for page in pages] == [2, 2, 1]
    found = [known for page in pages for known in page]
    assert [known.findtext("email") for known in found] == emails
    assert found[0].findtext("standard_fields/field/value") == "p0@example.com & co"
    assert plain.xml("GET", "/contacts/count").text == "5"


def test_one_contact_is_created_read_updated_and_unsubscribed(plain: PlainClient) -> None:
    path = f"/contacts/email/{quote('max@example.com', safe='')}"
    id_ = plain.xml("POST", f"{path}?permission=4", "<contact></contact>", status=201).text
    update = "<contact><external_id>x-1</external_id></contact>"
    assert plain.call("PUT", path, update)[0].status == 201

    by_email = plain.xml("GET", path)
    (by_external_id,) = plain.xml("GET", "/contacts/externalid/x-1")
    assert by_email.findtext("id") == by_external_id.findtext("id") == id_

    assert plain.call("DELETE", f"{path}/unsubscribe?reason=other%7Cenough")[0].status == 204
    assert plain.call("GET", path)[0].status == 404
    assert plain.call("GET", f"{path}/unsubscription")[0].status == 200
    gone = plain.xml("GET", f"/contacts/contact?id={id_}&ignore_checksum=true")
    assert (gone.findtext("email"), gone.find("external_id[@nil='true']") is None) == ("", False)
    reasons = f"/contacts/contact/unsubscribe/reasons?id={id_}&ignore_checksum=true&reason=other"
    assert plain.call("PUT", reasons)[0].status == 204


def test_an_error_is_told_in_xml(plain: PlainClient) -> None:
    error = plain.xml("GET", "/contacts?page_size=200000", status=400)
    assert error.findtext("message") == "page_size must not exceed 1000 but was 200000"
    assert plain.xml("GET", "/nothing", status=404).findtext("message")

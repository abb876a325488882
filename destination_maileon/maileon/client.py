"""The calls of Maileon's REST API that the synchronization of contacts needs.

Paths: Maileon docs, Synchronize Contacts; the official clients for the rest. None is requested that
a server might read as another. Methods raise what errors.py has, and repeat nothing.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from http import HTTPStatus
from typing import Literal
from urllib.parse import quote, unquote, urlencode

from destination_maileon.maileon import report, statuses
from destination_maileon.maileon.auth import SecretRedactor, authorization, secret_forms
from destination_maileon.maileon.contact import Contact, FieldType, IdentifierMode
from destination_maileon.maileon.errors import RequestRejected
from destination_maileon.maileon.http import HttpTransport, Response

PAGE_SIZE = 1_000
"""Contacts of a page; more the API does not give (Maileon docs, Get Contacts)."""
_MAX_PAGE_BYTES = 8 * 2**20
_CUSTOM_FIELDS = "/contacts/fields/custom"
_CATEGORIES = "/contacts/preference_categories"


class MaileonClient(AbstractContextManager["MaileonClient"]):
    """One account, for several threads at once; to be closed as a context manager.

    `timeout_seconds` bounds each call from connecting to the last byte of the answer.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        timeout_seconds: float,
        connections: int = 4,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._wall_clock = wall_clock
        self._redact = SecretRedactor(secret_forms(api_key))
        key = authorization(api_key)
        self._transport = HttpTransport(
            base_url, key, timeout_seconds=timeout_seconds, connections=connections
        )

    def __exit__(self, *_: object) -> None:
        self._transport.close()

    def synchronize(
        self, parameters: Mapping[str, str], body: bytes, contacts: int
    ) -> report.SynchronizationReport:
        """What became of so many contacts in `body` (a document of contact_xml)."""
        target = f"/contacts?{urlencode(parameters, quote_via=quote)}"
        limit = report.max_report_bytes(body, contacts)
        answer = self._transport.send("POST", target, body=body, limit=limit)
        return report.parse_report(self._accepted(answer).body or b"", contacts=contacts)

    def ping(self, method: Literal["GET", "POST", "PUT", "DELETE"]) -> None:
        """Raises unless the key is valid and has the right for the method."""
        self._call(method, "/ping")

    def ping_contacts(self) -> None:
        """Raises unless the key has the right to read contacts."""
        self._call("GET", "/contacts", {"page_index": "1", "page_size": "1"})

    def custom_fields(self) -> dict[str, FieldType]:
        """Name and type of every custom field of the account; names are case sensitive."""
        return statuses.custom_fields(self._call("GET", _CUSTOM_FIELDS))

    def create_custom_field(self, name: str, field_type: FieldType) -> None:
        """The field exists afterwards. If it did before, it keeps the type that it had."""
        path = f"{_CUSTOM_FIELDS}/{quote(name, safe='')}"
        try:
            self._call("POST", path, {"type": field_type.value})
        except RequestRejected:
            # What the service answers of a field that exists is not documented.
            if name not in self.custom_fields():
                raise

    def preference_categories(self) -> list[str]:
        return statuses.names(self._call("GET", _CATEGORIES), "preference_categories")

    def preferences_of(self, category: str) -> list[str]:
        """The names of the preferences in a category; none if it has vanished."""
        path = f"{_CATEGORIES}/{quote(category, safe='')}/preferences"
        # Not found: deleted since it was listed, or an empty one. Which it is, is not documented.
        return statuses.names(self._call("GET", path, gone_ok=True), "preferences")

    def contacts(self, page: int, *, custom_field: str) -> statuses.ContactPage:
        """One page of the account's contacts, from 1, with their number in this custom field."""
        query = {"page_index": str(page), "page_size": str(PAGE_SIZE), "custom_field": custom_field}
        return statuses.contact_page(self._call("GET", "/contacts", query), custom_field)

    def find(self, mode: IdentifierMode, contact: Contact) -> list[Contact]:
        """The contacts that have this one's identifier (an external id may have several)."""
        path, query = _address(mode, contact)
        if query:
            # By its id a contact comes with a checksum otherwise (Maileon docs, Get Contact By Id).
            query["ignore_checksum"] = "true"
        return statuses.identified(self._call("GET", path, query, gone_ok=True))

    def mark_unsubscribed(self, email: str) -> None:
        """Marks an address, of a contact or of none (Maileon docs, Set Unsubscription)."""
        self._call("PUT", *_address(IdentifierMode.EMAIL, Contact(email), "/unsubscription"))

    def is_marked_unsubscribed(self, email: str) -> bool:
        """Whether the address has that mark (Maileon docs, Get Unsubscription)."""
        address = _address(IdentifierMode.EMAIL, Contact(email), "/unsubscription")
        return self._call("GET", *address, gone_ok=True) is not None

    def unsubscribe(self, mode: IdentifierMode, contact: Contact) -> bool:
        """Whether there is such a contact; Maileon unsubscribes it in its own time."""
        address = _address(mode, contact, "/unsubscribe")
        return self._call("DELETE", *address, gone_ok=True) is not None

    def delete(self, mode: IdentifierMode, contact: Contact) -> bool:
        """Whether there was such a contact (by external id: at least one); it is deleted."""
        return self._call("DELETE", *_address(mode, contact), gone_ok=True) is not None

    def _call(
        self, method: str, path: str, query: dict[str, str] | None = None, *, gone_ok: bool = False
    ) -> Response | None:
        """The answer that accepts the call; None if `gone_ok`, and what the path names is gone."""
        # Without its identifier a contact's address would be that of all contacts, or of none.
        if not _is_safe(path):
            raise RequestRejected("The identifier cannot be part of a URL's path.", status=400)
        target = f"{path}?{urlencode(query, quote_via=quote)}" if query else path
        body = b"" if method in {"POST", "PUT"} else None
        answer = self._transport.send(method, target, body=body, limit=_MAX_PAGE_BYTES)
        if gone_ok and answer.status == HTTPStatus.NOT_FOUND and statuses.says_gone(answer):
            return None
        if statuses.is_html(self._accepted(answer)):
            raise statuses.fatal_error(answer)
        return answer

    def _accepted(self, answer: Response) -> Response:
        if error := statuses.error_of(answer, wall_clock=self._wall_clock, redact=self._redact):
            raise error
        return answer


def is_addressable(mode: IdentifierMode, contact: Contact) -> bool:
    """Whether a path can name the contact: not all identifiers can be part of one."""
    return _is_safe(_address(mode, contact)[0])


def _address(mode: IdentifierMode, contact: Contact, below: str = "") -> tuple[str, dict[str, str]]:
    """The path and the query of one contact, by the identifier of the mode, or of what it has."""
    if mode is IdentifierMode.EXTERNAL_ID:
        return f"/contacts/externalid/{quote(contact.external_id or '', safe='')}{below}", {}
    if mode is IdentifierMode.MAILEON_ID and contact.id:
        return f"/contacts/contact{below}", {"id": contact.id}
    # No address has space around it; taken at its word, it would be of nobody, who is "gone".
    return f"/contacts/email/{quote((contact.email or '').strip(), safe='')}{below}", {}


def _is_safe(path: str) -> bool:
    """Whether no segment is empty or, decoded, has a part that a server may take for "up"."""
    segments = [unquote(segment) for segment in path.removeprefix("/").split("/")]
    parts = [part for segment in segments for part in segment.replace("\\", "/").split("/")]
    return all(segment.strip(". ") for segment in segments) and not {".", ".."} & {*parts}

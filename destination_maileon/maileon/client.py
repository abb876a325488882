"""The calls of Maileon's REST API that the synchronization of contacts needs.

This module alone decides which resource is addressed, and how (Maileon docs, Synchronize Contacts;
the official clients for the rest). A path that a server might read as another is never requested.
Every method raises nothing but what errors.py has, and repeats nothing by itself.
"""

import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Literal, Self
from urllib.parse import quote, unquote, urlencode

from destination_maileon.maileon.auth import SecretRedactor, authorization, secret_forms
from destination_maileon.maileon.contact import Contact, FieldType, IdentifierMode
from destination_maileon.maileon.errors import RequestRejected
from destination_maileon.maileon.http import MAX_ANSWER_BYTES, HttpTransport, Response
from destination_maileon.maileon.report import (
    SynchronizationReport,
    max_report_bytes,
    parse_report,
)
from destination_maileon.maileon.statuses import (
    MAX_SERVER_MESSAGE_CHARACTERS,
    ContactPage,
    contact_page,
    custom_fields,
    error_of,
    identified,
    is_html,
    names,
    not_the_api,
    says_gone,
)

PAGE_SIZE = 1_000
"""Contacts of a page; more the API does not give (Maileon docs, Get Contacts)."""
_MAX_PAGE_BYTES = 8 * 2**20
_CUSTOM_FIELDS = "/contacts/fields/custom"
_CATEGORIES = "/contacts/preference_categories"
_UP = frozenset({".", ".."})
_MAY_EXIST = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.CONFLICT})


class MaileonClient:
    """One account, for several threads at once. To be used as a context manager.

    `timeout_seconds` bounds each call from connecting to the last byte of the answer.
    `wall_clock` gives seconds since 1970.
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
        self._transport = HttpTransport(
            base_url,
            authorization(api_key),
            timeout_seconds=timeout_seconds,
            connections=connections,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._transport.close()

    def synchronize(
        self, parameters: Mapping[str, str], body: bytes, contacts: int
    ) -> SynchronizationReport:
        """What became of so many contacts in `body` (a document of contact_xml)."""
        most_bytes = max_report_bytes(body, contacts)
        answer = self._accepted(
            self._exchange("POST", "/contacts", query=parameters, body=body, most_bytes=most_bytes)
        )
        return parse_report(answer.body or b"", contacts=contacts)

    def ping(self, method: Literal["GET", "POST", "PUT", "DELETE"]) -> None:
        """Nothing, if the key is good and has the right for the method."""
        self._api_answer(
            self._exchange(method, "/ping", body=b"" if method in {"POST", "PUT"} else None)
        )

    def ping_contacts(self) -> None:
        """Nothing, if the key has the right to read contacts."""
        self._api_answer(
            self._exchange("GET", "/contacts", query={"page_index": "1", "page_size": "1"})
        )

    def custom_fields(self) -> dict[str, FieldType]:
        """Name and type of every custom field of the account; names are case sensitive."""
        return custom_fields(self._api_answer(self._exchange("GET", _CUSTOM_FIELDS)))

    def create_custom_field(self, name: str, field_type: FieldType) -> None:
        """The field exists afterwards. If it did before, it keeps the type that it had."""
        path = f"{_CUSTOM_FIELDS}/{quote(name, safe='')}"
        try:
            self._api_answer(
                self._exchange("POST", path, query={"type": field_type.value}, body=b"")
            )
        except RequestRejected as refusal:
            # What the service answers of a field that exists is not documented.
            if refusal.status not in _MAY_EXIST or name not in self.custom_fields():
                raise

    def preference_categories(self) -> list[str]:
        answer = self._api_answer(self._exchange("GET", _CATEGORIES))
        return names(answer, "preference_categories")

    def preferences_of(self, category: str) -> list[str]:
        """The names of the preferences in a category; none if it has vanished."""
        path = f"{_CATEGORIES}/{quote(category, safe='')}/preferences"
        if not _is_safe(path):
            return []
        # Not found: deleted since it was listed, or an empty one. Which it is, is not documented.
        answer = self._found(self._exchange("GET", path))
        return names(answer, "preferences") if answer else []

    def contacts(self, page: int, *, custom_field: str) -> ContactPage:
        """One page of the account's contacts, from 1, with their number in this custom field."""
        query = {"page_index": str(page), "page_size": str(PAGE_SIZE), "custom_field": custom_field}
        answer = self._exchange("GET", "/contacts", query=query, most_bytes=_MAX_PAGE_BYTES)
        return contact_page(self._api_answer(answer), custom_field)

    def find(self, mode: IdentifierMode, contact: Contact) -> list[Contact]:
        """The identifiers of the contacts with this one's (by external id there may be several)."""
        path, query = _address(mode, contact)
        # A contact that is asked for by its id comes with a checksum otherwise (Get Contact By Id).
        query = {**query, "ignore_checksum": "true"} if query else {}
        answer = self._found(self._exchange("GET", path, query=query, most_bytes=_MAX_PAGE_BYTES))
        return identified(answer) if answer else []

    def mark_unsubscribed(self, email: str) -> None:
        """The address is marked as unsubscribed, whether Maileon has such a contact or not.

        The marker is kept apart from contacts (Maileon docs, Set Unsubscription).
        """
        self._api_answer(self._exchange("PUT", _marker_path(email), body=b""))

    def is_marked_unsubscribed(self, email: str) -> bool:
        """Whether the address has an unsubscription marker (Maileon docs, Get Unsubscription)."""
        return self._found(self._exchange("GET", _marker_path(email))) is not None

    def unsubscribe(self, mode: IdentifierMode, contact: Contact) -> bool:
        """Whether there is such a contact; Maileon unsubscribes it in its own time."""
        path, query = _address(mode, contact)
        return self._found(self._exchange("DELETE", f"{path}/unsubscribe", query=query)) is not None

    def delete(self, mode: IdentifierMode, contact: Contact) -> bool:
        """Whether there was such a contact (by external id: at least one); it is deleted."""
        path, query = _address(mode, contact)
        return self._found(self._exchange("DELETE", path, query=query)) is not None

    def _found(self, answer: Response) -> Response | None:
        """None if Maileon does not have what the call named."""
        if answer.status == HTTPStatus.NOT_FOUND and says_gone(answer):
            return None
        return self._api_answer(answer)

    def _api_answer(self, answer: Response) -> Response:
        if is_html(self._accepted(answer)):
            raise not_the_api(answer)
        return answer

    def _accepted(self, answer: Response) -> Response:
        error = error_of(answer, wall_clock=self._wall_clock)
        if isinstance(error, RequestRejected):
            # Before anybody masks or cuts anything else in it: half a key could not be found again.
            said = self._redact(error.server_message)
            error.server_message = said[:MAX_SERVER_MESSAGE_CHARACTERS]
        if error is not None:
            raise error
        return answer

    def _exchange(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
        most_bytes: int = MAX_ANSWER_BYTES,
    ) -> Response:
        # Without its identifier a contact's address would be that of all contacts, or of none.
        if not _is_safe(path):
            raise RequestRejected("The identifier cannot be part of a URL's path.", status=400)
        target = f"{path}?{urlencode(query, quote_via=quote)}" if query else path
        return self._transport.send(method, target, body=body, most_bytes=most_bytes)


def is_addressable(mode: IdentifierMode, contact: Contact) -> bool:
    """Whether a path can name the contact: not all identifiers can be part of one."""
    return _is_safe(_address(mode, contact)[0])


def _address(mode: IdentifierMode, contact: Contact) -> tuple[str, dict[str, str]]:
    """The path and the query of one contact, by the identifier of the mode."""
    if mode is IdentifierMode.EXTERNAL_ID:
        return f"/contacts/externalid/{quote(contact.external_id or '', safe='')}", {}
    if mode is IdentifierMode.MAILEON_ID and contact.id:
        return "/contacts/contact", {"id": contact.id}
    # No address has space around it; taken at its word, it would be of nobody, who is "gone".
    return f"/contacts/email/{quote((contact.email or '').strip(), safe='')}", {}


def _marker_path(email: str) -> str:
    return f"{_address(IdentifierMode.EMAIL, Contact(email))[0]}/unsubscription"


def _is_safe(path: str) -> bool:
    """Whether no segment is empty or, decoded, has a part that a server may take for "up"."""
    segments = [unquote(segment) for segment in path.removeprefix("/").split("/")]
    parts = [part for segment in segments for part in segment.replace("\\", "/").split("/")]
    return all(segment.strip(". ") for segment in segments) and not _UP & set(parts)

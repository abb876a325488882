"""Contacts over HTTP: synchronize, read, delete, unsubscribe.

Decides alone which request means which operation on the account. Sources: Maileon docs, Synchronize
Contacts, Get Contacts, Get Contact, Delete Contact, Unsubscribe, Unsubscription Marker; paths as in
the official PHP and Java clients.
"""

from __future__ import annotations

from flask import Blueprint, Response, request

from maileon_sandbox.answers import (
    answer,
    contact_element,
    element,
    empty,
    error,
    missing,
    xml,
)
from maileon_sandbox.field_rules import is_email
from maileon_sandbox.gate import call_of, contacts_of
from maileon_sandbox.parameters import BadParameterError, options_of
from maileon_sandbox.refusal import refusals_of
from maileon_sandbox.sent_contacts import MalformedError
from maileon_sandbox.stored_contact import StoredContact
from maileon_sandbox.synchronization import Synchronization
from maileon_sandbox.vocabulary import MAX_BODY_BYTES, MAX_PAGE_SIZE
from maileon_sandbox.world import here

routes = Blueprint("contacts", __name__)


@routes.post("/contacts")
def synchronize() -> Response:
    if len(request.get_data()) > MAX_BODY_BYTES:
        return error(413, f"the body must not exceed {MAX_BODY_BYTES} bytes")
    try:
        options = options_of(request.args)
        contacts = contacts_of(request.environ)
    except (BadParameterError, MalformedError) as problem:
        return error(400, str(problem))
    settings = here().settings
    call = Synchronization(here().account, options, moves_within_call=settings.moves_within_call)
    report = call.run(contacts)
    noted = call_of(request.environ)
    noted.report, noted.refused = report.counts(), refusals_of(report)
    refused = report.rejected and not options.ignore_invalid_contacts
    if refused and settings.strict_answer == "400":
        return error(400, f"{report.invalid} of {report.contacts} contacts are invalid")
    return answer(report.to_xml())


@routes.get("/contacts")
def list_contacts() -> Response:
    page = request.args.get("page_index", 1, type=int)
    size = request.args.get("page_size", MAX_PAGE_SIZE, type=int)
    if size > MAX_PAGE_SIZE:
        return error(400, f"page_size must not exceed {MAX_PAGE_SIZE} but was {size}")
    if page < 1 or size < 1:
        return error(400, "page_index and page_size must be at least 1")
    contacts = here().account.contacts()
    shown = contacts[(page - 1) * size : page * size]
    response = xml(element("contacts", *map(contact_element, shown)))
    response.headers["X-Pages"] = str(-(-len(contacts) // size))
    response.headers["X-Items"] = str(len(contacts))
    return response


@routes.get("/contacts/count")
def count_contacts() -> Response:
    return xml(element("count", text=str(len(here().account.contacts()))))


def _by_query_id() -> StoredContact | None:
    return here().account.by_id(request.args.get("id", type=int))


def _shown(contact: StoredContact | None) -> Response:
    return xml(contact_element(contact)) if contact else missing("contact")


def _deleted(contact: StoredContact | None) -> Response:
    if not contact:
        return missing("contact")
    here().account.remove(contact)
    return empty(204)


def _unsubscribed(contact: StoredContact | None) -> Response:
    if not contact:
        return missing("contact")
    here().account.unsubscribe(contact)
    return empty(204)


@routes.get("/contacts/email/<name:email>")
def get_by_email(email: str) -> Response:
    return _shown(here().account.by_email(email))


@routes.get("/contacts/contact")
def get_by_id() -> Response:
    return _shown(_by_query_id())


@routes.get("/contacts/externalid/<name:external_id>")
def get_by_external_id(external_id: str) -> Response:
    """A list, as external ids are not guaranteed to be unique; here it has one contact."""
    contact = here().account.by_external_id(external_id)
    return xml(element("contacts", contact_element(contact))) if contact else missing("contact")


@routes.delete("/contacts/email/<name:email>")
def delete_by_email(email: str) -> Response:
    with here().account.lock:
        return _deleted(here().account.by_email(email))


@routes.delete("/contacts/externalid/<name:external_id>")
def delete_by_external_id(external_id: str) -> Response:
    with here().account.lock:
        return _deleted(here().account.by_external_id(external_id))


@routes.delete("/contacts/contact")
def delete_by_id() -> Response:
    with here().account.lock:
        return _deleted(_by_query_id())


@routes.delete("/contacts/email/<name:email>/unsubscribe")
def unsubscribe_by_email(email: str) -> Response:
    with here().account.lock:
        return _unsubscribed(here().account.by_email(email))


@routes.delete("/contacts/externalid/<name:external_id>/unsubscribe")
def unsubscribe_by_external_id(external_id: str) -> Response:
    with here().account.lock:
        return _unsubscribed(here().account.by_external_id(external_id))


@routes.delete("/contacts/contact/unsubscribe")
def unsubscribe_by_id() -> Response:
    with here().account.lock:
        return _unsubscribed(_by_query_id())


@routes.route("/contacts/email/<name:email>/unsubscription", methods=["GET", "PUT", "DELETE"])
def unsubscription_marker(email: str) -> Response:
    """GET 200/404/400, PUT 200/201/400, DELETE 200/404/400 (Maileon docs)."""
    if not is_email(email):
        return error(400, "not an email address")
    with here().account.lock:
        markers, address = here().account.markers, email.lower()
        is_set = address in markers
        if request.method == "PUT":
            markers.add(address)
            return empty(200 if is_set else 201)
        if not is_set:
            return missing("unsubscription marker")
        if request.method == "DELETE":
            markers.discard(address)
        return empty()

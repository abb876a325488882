"""Contacts over HTTP: synchronize, list, read, delete, unsubscribe.

Sources: Maileon docs, Synchronize Contacts, Get Contacts, Get Contact By Email, Delete Contacts,
Unsubscribe Contacts, Adding Unsubscription Reason, Unsubscription-Marker; paths as in the official
PHP and Java clients.
"""

from __future__ import annotations

from flask import Blueprint, Response, request

from maileon_sandbox.account.stored_contact import StoredContact
from maileon_sandbox.contacts.field_rules import is_email
from maileon_sandbox.contacts.parameters import BadParameterError, options_of
from maileon_sandbox.contacts.refusal import refusals_of
from maileon_sandbox.contacts.sent_contacts import MalformedError
from maileon_sandbox.contacts.synchronization import Synchronization
from maileon_sandbox.http.context import current_account, current_context
from maileon_sandbox.http.middleware import call_of, contacts_of
from maileon_sandbox.routes.paging import BadPageError, contacts_updated, page_of
from maileon_sandbox.routes.responses import (
    Wanted,
    answer,
    contact_element,
    element,
    empty,
    error,
    missing,
    xml,
)
from maileon_sandbox.vocabulary import UNSUBSCRIPTION_REASONS

routes = Blueprint("contacts", __name__)


@routes.post("/contacts")
def synchronize() -> Response:
    rules = current_context().settings.rules
    if len(request.get_data()) > rules.max_body_bytes:
        return error(413, f"the body must not exceed {rules.max_body_bytes} bytes")
    try:
        options = options_of(request.args)
        contacts = contacts_of(request.environ)
    except (BadParameterError, MalformedError) as problem:
        return error(400, str(problem))
    report = Synchronization(current_account(), options, rules).run(contacts)
    noted = call_of(request.environ)
    noted.report, noted.refused = report.counts(), refusals_of(report)
    refused = report.rejected and not options.ignore_invalid_contacts
    if refused and rules.strict_answer == "400":
        return error(400, f"{report.invalid} of {report.contacts} contacts are invalid")
    return answer(report.to_xml())


@routes.get("/contacts")
def list_contacts() -> Response:
    try:
        page = page_of(contacts_updated(current_account(), request.args), request.args)
    except BadPageError as problem:
        return error(400, str(problem))
    wanted = Wanted.by_request()
    response = xml(element("contacts", *(contact_element(c, wanted) for c in page.contacts)))
    response.headers["X-Pages"] = str(page.pages)
    response.headers["X-Items"] = str(page.items)
    if links := page.links(request.base_url, request.args):
        response.headers["Link"] = links
    return response


@routes.get("/contacts/count")
def count_contacts() -> Response:
    try:
        contacts = contacts_updated(current_account(), request.args)
    except BadPageError as problem:
        return error(400, str(problem))
    return xml(element("count", text=str(len(contacts))))


# Reading


@routes.get("/contacts/email/<name:email>")
def get_by_email(email: str) -> Response:
    return _shown(current_account().by_email(email))


@routes.get("/contacts/emails/<name:email>")
def get_all_by_email(email: str) -> Response:
    """A list of at most one contact, since the sandbox keeps addresses unique."""
    contact = current_account().by_email(email)
    return _shown_list([contact] if contact else [])


@routes.get("/contacts/externalid/<name:external_id>")
def get_by_external_id(external_id: str) -> Response:
    """A list, since external ids need not be unique."""
    return _shown_list(current_account().all_by_external_id(external_id))


@routes.get("/contacts/contact")
def get_by_id() -> Response:
    return refused_checksum() or _shown(contact_by_query())


def _shown(contact: StoredContact | None) -> Response:
    return xml(contact_element(contact, Wanted.by_request())) if contact else missing("contact")


def _shown_list(contacts: list[StoredContact]) -> Response:
    if not contacts:
        return missing("contact")
    wanted = Wanted.by_request()
    return xml(element("contacts", *(contact_element(contact, wanted) for contact in contacts)))


def contact_by_query() -> StoredContact | None:
    return current_account().by_id(request.args.get("id", type=int))


def refused_checksum() -> Response | None:
    """Refuses a call by Maileon id unless it says that the checksum is to be ignored.

    How Maileon computes the checksum is not published, so that no client can have the right one.
    """
    if request.args.get("ignore_checksum") == "true":
        return None
    return error(400, "checksum is missing or wrong, and ignore_checksum is not true")


# Deleting and unsubscribing


@routes.delete("/contacts/email/<name:email>")
def delete_by_email(email: str) -> Response:
    with current_account().lock:
        return _deleted([current_account().by_email(email)])


@routes.delete("/contacts/externalid/<name:external_id>")
def delete_by_external_id(external_id: str) -> Response:
    """All contacts with this external id."""
    with current_account().lock:
        return _deleted(current_account().all_by_external_id(external_id))


@routes.delete("/contacts/contact")
def delete_by_id() -> Response:
    with current_account().lock:
        return _deleted([contact_by_query()])


@routes.delete("/contacts/email/<name:email>/unsubscribe")
def unsubscribe_by_email(email: str) -> Response:
    return _unsubscribed([current_account().by_email(email)])


@routes.delete("/contacts/externalid/<name:external_id>/unsubscribe")
def unsubscribe_by_external_id(external_id: str) -> Response:
    """All contacts with this external id."""
    return _unsubscribed(current_account().all_by_external_id(external_id))


@routes.delete("/contacts/contact/unsubscribe")
def unsubscribe_by_id() -> Response:
    return _unsubscribed([contact_by_query()])


def _deleted(found: list[StoredContact | None] | list[StoredContact]) -> Response:
    contacts = [contact for contact in found if contact]
    for contact in contacts:
        current_account().remove(contact)
    return empty(204) if contacts else missing("contact")


def _unsubscribed(found: list[StoredContact | None] | list[StoredContact]) -> Response:
    """Unsubscribes contacts; the reasons are only checked, as the sandbox has no reports."""
    if problem := _refused_reasons():
        return problem
    contacts = [contact for contact in found if contact]
    for contact in contacts:
        current_context().unsubscriptions.accept(contact)
    return empty(204) if contacts else missing("contact")


@routes.put("/contacts/contact/unsubscribe/reasons")
def add_unsubscription_reasons() -> Response:
    if problem := refused_checksum() or _refused_reasons():
        return problem
    contact = contact_by_query()
    if not contact:
        return missing("contact")
    return empty(204) if contact.unsubscribed else error(400, "the contact is not unsubscribed")


def _refused_reasons() -> Response | None:
    """Refuses unknown reasons; each is a type, or a type, `|` and a message."""
    for reason in request.args.getlist("reason"):
        if reason.partition("|")[0] not in UNSUBSCRIPTION_REASONS:
            return error(400, f"reason must begin with one of {sorted(UNSUBSCRIPTION_REASONS)}")
    return None


@routes.route("/contacts/email/<name:email>/unsubscription", methods=["GET", "PUT", "DELETE"])
def unsubscription_marker(email: str) -> Response:
    """GET 200/404/400, PUT 200/201/400, DELETE 200/404/400 (Maileon docs).

    Setting it "will not unsubscribe currently existing contacts".
    """
    if not is_email(email):
        return error(400, "not an email address")
    with current_account().lock:
        markers, address = current_account().markers, email.lower()
        is_set = address in markers
        if request.method == "PUT":
            markers.add(address)
            return empty(200 if is_set else 201)
        if not is_set:
            return missing("unsubscription marker")
        if request.method == "DELETE":
            markers.discard(address)
        return empty()

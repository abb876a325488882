"""Create and update one contact over HTTP.

Sources: Maileon docs, Create Contact, Create Contact by External ID, Update Contact By Email, By
External ID and By Maileon ID. No double opt-in mail is sent and none is confirmed, so those
parameters have no effect.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from flask import Blueprint, Response, request
from werkzeug.exceptions import BadRequest, Conflict

from maileon_sandbox.account.stored_contact import StoredContact
from maileon_sandbox.contacts.field_rules import IllegalValueError, Values, is_email, values_of
from maileon_sandbox.contacts.parameters import BadParameterError, permission_of, sync_mode_of
from maileon_sandbox.contacts.sent_contacts import MalformedError, SentContact
from maileon_sandbox.contacts.single_contact import SingleContact, single_contact
from maileon_sandbox.contacts.writing import written
from maileon_sandbox.http.context import current_account, current_context
from maileon_sandbox.routes.contacts import contact_by_query, refused_checksum
from maileon_sandbox.routes.responses import element, error, missing, xml
from maileon_sandbox.vocabulary import Permission, SyncMode

routes = Blueprint("single_contacts", __name__)

_CONFIRMED = frozenset({Permission.DOUBLE_OPT_IN, Permission.DOUBLE_OPT_IN_PLUS})


@routes.post("/contacts/email/<name:email>")
def create_by_email(email: str) -> Response:
    if not is_email(email):
        return error(400, "not an email address")
    with current_account().lock:
        sent = _sent()
        sent.contact.email = email
        return _created_or_updated(sent, current_account().by_email(email))


@routes.post("/contacts/externalid/<name:external_id>")
def create_by_external_id(external_id: str) -> Response:
    with current_account().lock:
        sent = _sent()
        sent.contact.external_id = external_id
        return _created_or_updated(sent, _only(external_id))


@routes.put("/contacts/email/<name:email>")
def update_by_email(email: str) -> Response:
    with current_account().lock:
        return _updated(current_account().by_email(email))


@routes.put("/contacts/externalid/<name:external_id>")
def update_by_external_id(external_id: str) -> Response:
    with current_account().lock:
        return _updated(_only(external_id))


@routes.put("/contacts/contact")
def update_by_id() -> Response:
    with current_account().lock:
        return refused_checksum() or _updated(contact_by_query())


def _only(external_id: str) -> StoredContact | None:
    """The contact with this id; 409 "if there are more than one contacts" that have it."""
    found = current_account().all_by_external_id(external_id)
    if len(found) > 1:
        raise Conflict("there is more than one contact with this external id")
    return found[0] if found else None


def _sent() -> SingleContact:
    try:
        return single_contact(request.get_data(), request.content_type or "")
    except MalformedError as problem:
        raise BadRequest(str(problem)) from None


def _values(sent: SentContact, stored: StoredContact | None) -> Values:
    if sent.email:
        if not is_email(sent.email):
            raise BadRequest("not an email address")
        owner = current_account().by_email(sent.email)
        if owner and owner != stored:
            raise BadRequest("the address belongs to another contact")
    try:
        return values_of(sent, current_account(), current_context().settings.rules)
    except IllegalValueError as problem:
        code = problem.rejection.code
        raise BadRequest(f"{code.name.lower().replace('_', ' ')}: {problem.field}") from None


def _query_permission() -> Permission | None:
    try:
        return permission_of(request.args)
    except BadParameterError as problem:
        raise BadRequest(str(problem)) from None


def _created_or_updated(sent: SingleContact, stored: StoredContact | None) -> Response:
    """Answers 201 with the contact's Maileon id, as the Java client expects."""
    permission = _query_permission() or Permission.NONE
    values = _values(sent.contact, stored)
    if stored is None:
        if not sent.contact.email:
            raise BadRequest("a new contact needs an email address")
        new = StoredContact(id=current_account().next_id(), permission=permission)
        return _stored(replace(_written(new, sent, values), updates=0))
    if _sync_mode() is SyncMode.IGNORE:
        return _named(stored)
    # A confirmed permission is never replaced by a weaker one (Maileon docs, Create Contact).
    if stored.permission in _CONFIRMED and permission not in _CONFIRMED:
        permission = stored.permission
    return _stored(replace(_written(stored, sent, values), permission=permission))


def _sync_mode() -> SyncMode:
    try:
        return sync_mode_of(request.args)
    except BadParameterError as problem:
        raise BadRequest(str(problem)) from None


def _updated(stored: StoredContact | None) -> Response:
    """Updates a contact; the permission is in the body, or in the query by Maileon id, or stays."""
    if not stored:
        return missing("contact")
    sent = _sent()
    if sent.contact.id:
        return error(400, "the Maileon id must not be part of the body")
    permission = sent.permission or _query_permission() or stored.permission
    contact = _written(stored, sent, _values(sent.contact, stored))
    return _stored(replace(contact, permission=permission))


def _written(stored: StoredContact, sent: SingleContact, values: Values) -> StoredContact:
    return written(stored, sent.contact, values=values, now=datetime.now(tz=UTC))


def _stored(contact: StoredContact) -> Response:
    if current_context().settings.rules.writing_lifts_markers and contact.email:
        current_account().markers.discard(contact.email.lower())
    current_account().put(contact)
    return _named(contact)


def _named(contact: StoredContact) -> Response:
    return xml(element("id", text=str(contact.id)), 201)

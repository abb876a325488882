"""A WSGI middleware that records every API call and applies the scripted faults.

A call is recorded, carried out, delayed, and answered, in this order. It is in flight from the last
byte of the request to the last byte of the answer.
"""

from __future__ import annotations

import socket
import zlib
from collections.abc import Iterable, Iterator
from io import BytesIO
from typing import TYPE_CHECKING, cast

from werkzeug.exceptions import ClientDisconnected
from werkzeug.wrappers import Request, Response
from werkzeug.wsgi import get_input_stream

from maileon_sandbox.contacts.sent_contacts import MalformedError, SentContact, parse
from maileon_sandbox.http.context import Context, attach
from maileon_sandbox.http.fault import Fault
from maileon_sandbox.http.traffic import Call
from maileon_sandbox.vocabulary import API_PREFIX, XML_TYPE

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_CALL = "maileon_sandbox.call"
_CONTACTS = "maileon_sandbox.contacts"


class DroppedError(ConnectionError):
    """The connection ends without an answer."""


def call_of(environ: WSGIEnvironment) -> Call:
    """The call that a request belongs to."""
    return cast("Call", environ[_CALL])


def contacts_of(environ: WSGIEnvironment) -> list[SentContact]:
    """The contacts of a synchronize, parsed once. Raises MalformedError if they are malformed."""
    contacts: list[SentContact] | MalformedError = environ[_CONTACTS]
    if isinstance(contacts, MalformedError):
        raise contacts
    return contacts


class Middleware:
    """Wraps the application that has the routes."""

    def __init__(self, app: WSGIApplication, context: Context) -> None:
        self._app = app
        self._context = context

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        attach(environ, self._context)
        # The path stays encoded, since %2F in a name is no separator; the routes decode it.
        path = environ["PATH_INFO"] = environ["REQUEST_URI"].partition("?")[0]
        if not path.startswith(f"{API_PREFIX}/"):
            return self._app(environ, start_response)
        # Maileon's PHP client ends some paths with a slash.
        environ["PATH_INFO"] = path.removesuffix("/")
        body = _read(environ, self._context.settings.rules.max_body_bytes)
        call = Call(
            method=environ["REQUEST_METHOD"],
            path=path,
            parameters=Request(environ).args.to_dict(),
            content_type=environ.get("CONTENT_TYPE", ""),
            body=body,
        )
        environ[_CALL] = call
        contacts = self._contacts(environ, body)
        connection: socket.socket | None = environ.get("werkzeug.socket")
        self._context.traffic.begin(call, contacts=contacts, connection=connection)
        try:
            call.fault = self._context.faults.next_for(call.method, path, body=body)
            response = self._answer(call.fault or Fault(), environ)
        except DroppedError:
            self._context.traffic.finish(call, None)
            raise
        if call.fault and call.fault.trickle:
            response = self._trickled(call, response)
        else:
            answer = response.get_data()
            self._context.traffic.finish(call, response.status_code, answer=answer)
        return response(environ, start_response)

    def _contacts(self, environ: WSGIEnvironment, body: bytes) -> list[SentContact] | None:
        is_too_long = len(body) > self._context.settings.rules.max_body_bytes
        if not call_of(environ).is_synchronize or is_too_long:
            return None
        try:
            contacts = parse(body)
        except MalformedError as problem:
            environ[_CONTACTS] = problem
            return None
        environ[_CONTACTS] = contacts
        call_of(environ).contacts = len(contacts)
        return contacts

    def _answer(self, fault: Fault, environ: WSGIEnvironment) -> Response:
        response = _own_answer(fault)
        if fault.carries_out:
            carried_out = Response.from_app(self._app, environ, buffered=True)
            response = response or carried_out
        self._wait(self._context.settings.latency_seconds + fault.delay_seconds)
        if fault.drop or response is None:
            raise DroppedError("scripted")
        return response

    def _wait(self, seconds: float) -> None:
        if seconds and self._context.stopping.wait(seconds):
            raise DroppedError("the sandbox stops")

    def _trickled(self, call: Call, response: Response) -> Response:
        body, status = response.get_data(), response.status_code
        response.headers["Content-Length"] = str(len(body))
        pause = call.fault.trickle_seconds if call.fault else 0

        def bytes_one_by_one() -> Iterator[bytes]:
            try:
                for position in range(len(body)):
                    self._wait(pause)
                    if position == len(body) - 1:
                        self._context.traffic.finish(call, status, answer=body)
                    yield body[position : position + 1]
            finally:
                self._context.traffic.finish(call, status)

        response.response = bytes_one_by_one()
        return response


def _read(environ: WSGIEnvironment, max_bytes: int) -> bytes:
    """Reads the whole body, chunked or not, so that the next call starts after it."""
    try:
        body = get_input_stream(environ).read()
    except ClientDisconnected:
        raise DroppedError("the client went away") from None
    if environ.get("HTTP_CONTENT_ENCODING") == "gzip":
        body = _unpacked(body, max_bytes)
    environ["wsgi.input"] = BytesIO(body)
    environ["CONTENT_LENGTH"] = str(len(body))
    environ.pop("HTTP_TRANSFER_ENCODING", None)
    return body


def _unpacked(body: bytes, max_bytes: int) -> bytes:
    """Unpacks a gzip body, which Maileon's Java client sends, up to one byte over the limit."""
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        return unpacker.decompress(body, max_bytes + 1)
    except zlib.error:
        return body  # refused later as it is no XML


def _own_answer(fault: Fault) -> Response | None:
    if not fault.answers_itself:
        return None
    if fault.redirect is not None:
        response = Response(b"", fault.status or 307, content_type=XML_TYPE)
        response.headers["Location"] = fault.redirect
    elif fault.body is not None:
        response = Response(fault.body, fault.status or 200, content_type=fault.content_type)
    else:
        message = f"<error><message>scripted fault {fault.status}</message></error>"
        response = Response(message, fault.status, content_type=fault.content_type)
    if fault.retry_after is not None:
        response.headers["Retry-After"] = fault.retry_after
    return response

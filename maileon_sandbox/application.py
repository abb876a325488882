"""The Flask application: routes, access, errors.

A call without a known key is answered with 401, without the right for its method with 403; 404 and
405 come after these (Maileon docs, Authentication; HTTP status codes). Outside the API no key is
needed, but the request must be addressed to this machine and not come from another site's page.
"""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from urllib.parse import unquote, urlsplit

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException
from werkzeug.routing import BaseConverter

from maileon_sandbox.http.context import current_context
from maileon_sandbox.page.routes import routes as page_routes
from maileon_sandbox.routes import admin, contacts, definitions, service, single_contacts
from maileon_sandbox.routes.responses import error
from maileon_sandbox.vocabulary import API_PREFIX

# The names of this machine. Under another name, another site's page could read the data here.
_OWN_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})


class NameConverter(BaseConverter):
    """One segment of the path, decoded after splitting: a name may contain slashes."""

    def to_python(self, value: str) -> str:
        return unquote(value)


@cache
def application() -> Flask:
    """The application, shared by all sandboxes of a process as compiling routes is slow."""
    app = Flask(__name__, static_folder=None)
    app.url_map.converters["name"] = NameConverter
    # The API never redirects to a cleaned-up path.
    app.url_map.merge_slashes = False
    app.url_map.redirect_defaults = False
    app.before_request(_authorize)
    app.register_error_handler(HTTPException, _error_answer)
    for module in (contacts, single_contacts, definitions, service):
        app.register_blueprint(module.routes, url_prefix=API_PREFIX)
    app.register_blueprint(admin.routes)
    app.register_blueprint(page_routes)
    return app


def _is_api() -> bool:
    return request.path.startswith(f"{API_PREFIX}/")


def _authorize() -> Response | None:
    if not _is_api():
        return _refuse_foreign_names()
    rights = _rights(request.headers.get("Authorization", ""))
    if rights is None:
        return error(401, "the API key is missing, invalid or expired, or the account is blocked")
    if request.method not in rights:
        return error(403, f"the API key does not have the right for {request.method}")
    return None


def _refuse_foreign_names() -> Response | None:
    """Refuses requests unless they use this machine's addresses and come from its pages."""
    if not _is_own(f"//{request.headers.get('Host', '')}"):
        return Response("This sandbox answers to 127.0.0.1 and localhost only.\n", 421)
    # Browsers send the origin of the page that posts a form or runs a script.
    if not _is_own(request.headers.get("Origin", "//localhost")):
        return Response("This sandbox takes nothing from pages of others.\n", 403)
    return None


def _is_own(address: str) -> bool:
    try:
        name = urlsplit(address).hostname or ""
    except ValueError:
        return False
    return name in _OWN_NAMES or name.endswith(".localhost")


def _rights(authorization: str) -> frozenset[str] | None:
    """The rights of the key, sent as the key in base64 (Maileon docs, Authentication).

    Maileon's Java client adds a colon before encoding, as Basic authentication requires.
    """
    for key, rights in current_context().settings.keys.items():
        for written in (key, f"{key}:"):
            if authorization == f"Basic {b64encode(written.encode()).decode()}":
                return rights
    return None


def _error_answer(problem: HTTPException) -> Response | HTTPException:
    """XML inside the API; outside it the web server's HTML, as for a wrong base URL."""
    if not _is_api():
        return problem
    return error(problem.code or 500, problem.description or problem.name)

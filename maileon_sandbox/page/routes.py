"""The routes of the page. The page only reads."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlencode

from flask import Blueprint, Response, abort, jsonify, render_template, request
from werkzeug.exceptions import NotFound

from maileon_sandbox.http.context import current_account, current_context
from maileon_sandbox.page import contact_query, exchanges, summary, wording
from maileon_sandbox.page.headers import with_headers
from maileon_sandbox.page.paging import Page
from maileon_sandbox.vocabulary import API_PREFIX

SHOWN_CHARACTERS = 20_000
SHOWN_FAILED_CALLS = 10
SHOWN_VIOLATIONS = 100

routes = Blueprint(
    "page", __name__, template_folder="templates", static_folder="static", static_url_path="/page"
)

routes.after_request(with_headers)
for _words in (
    wording.clock,
    wording.counted,
    wording.meaning_of_code,
    wording.permission_name,
    wording.pieces,
    wording.thousands,
):
    routes.add_app_template_filter(_words)
routes.add_app_template_global(wording.meaning_of_parameter)


@routes.context_processor
def _everywhere() -> dict[str, object]:
    """Values for every template: links to other pages of a list, and the change mark."""
    return {"at_page": _at_page, "mark": summary.mark_of(current_context()), "query": request.args}


def _at_page(number: int) -> str:
    return f"{request.path}?{urlencode({**request.args, 'page': number})}"


@routes.get("/")
def overview() -> str:
    base_url = request.host_url.rstrip("/") + API_PREFIX
    return render_template(
        "page/overview.html", summary=summary.summary_of(current_context()), base=base_url
    )


@routes.get("/page/contacts")
def contacts() -> str:
    found = contact_query.ContactQuery.of(request.args).run(current_account())
    page = Page.of(found, request.args)
    return render_template(
        "page/contacts.html",
        page=page,
        who=contact_query.who_choices(current_account()),
        orders=contact_query.ORDERS,
    )


@routes.get("/page/contacts/<int:id_>")
def contact(id_: int) -> str:
    account = current_account()
    shown = account.by_id(id_) or abort(404, "There is no contact with this id; it may be deleted.")
    with account.lock:
        is_marked = (shown.email or "").lower() in account.markers
    return render_template("page/contact.html", contact=shown, is_marked=is_marked)


@routes.get("/page/calls")
def calls() -> str:
    page = Page.of(exchanges.asked_for(current_context().traffic, request.args), request.args)
    return render_template("page/calls.html", page=page, outcomes=exchanges.OUTCOMES)


def _call(number: int) -> exchanges.Exchange:
    calls = current_context().traffic.calls()
    if not 1 <= number <= len(calls):
        abort(404, "There is no call with this number; the calls may have been forgotten.")
    return exchanges.Exchange(number, calls[number - 1])


@routes.get("/page/calls/<int:number>")
def call(number: int) -> str:
    exchange = _call(number)
    return render_template(
        "page/call.html",
        exchange=exchange,
        page=Page.of(exchange.call.refused, request.args),
        violations=[*exchanges.violations_of(number, current_context().traffic)],
        bodies=[*_excerpts(exchange)],
    )


def _excerpts(exchange: exchanges.Exchange) -> Iterator[tuple[str, str, int]]:
    """The name of each body, its beginning, and its size in bytes."""
    for which, body in (("body", exchange.call.body), ("answer", exchange.call.answer)):
        if body:
            yield which, exchanges.readable(body, SHOWN_CHARACTERS), len(body)


@routes.get("/page/calls/<int:number>/<any(body, answer):which>")
def whole_body(number: int, which: str) -> Response:
    """A whole body as it was sent, as plain text."""
    return Response(getattr(_call(number).call, which), mimetype="text/plain")


@routes.get("/page/refused")
def refused() -> str:
    found = exchanges.refused_contacts(current_context().traffic, request.args)
    failed = [e for e in reversed(exchanges.exchanges(current_context().traffic)) if e.has_failed]
    return render_template(
        "page/refused.html",
        page=Page.of(found, request.args),
        people=len({refused.contact.contact for refused in found}),
        reasons=exchanges.reasons(found),
        failed=failed[:SHOWN_FAILED_CALLS],
        failed_total=len(failed),
        violations=current_context().traffic.violations(),
        shown_violations=SHOWN_VIOLATIONS,
    )


@routes.get("/page/definitions")
def definitions() -> str:
    return render_template(
        "page/definitions.html",
        custom_fields=summary.custom_fields(current_context()),
        preferences=summary.preferences(current_context()),
    )


@routes.get("/page/mark")
def mark() -> Response:
    """The current change mark, which the script compares with the page's own."""
    return jsonify(mark=summary.mark_of(current_context()))


@routes.errorhandler(404)
def _not_found(problem: NotFound) -> tuple[str, int]:
    return render_template("page/missing.html", message=problem.description), 404

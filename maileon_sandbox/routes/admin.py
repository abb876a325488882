"""The sandbox's own calls, under `/_sandbox/`: JSON, no key. Maileon has nothing like it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response, jsonify, request

from maileon_sandbox.account.account import Account
from maileon_sandbox.account.stored_contact import StoredContact
from maileon_sandbox.http.context import current_account, current_context
from maileon_sandbox.http.fault import fault_from_json
from maileon_sandbox.http.traffic import Call

routes = Blueprint("sandbox", __name__, url_prefix="/_sandbox")


def _contact_json(contact: StoredContact) -> dict[str, object]:
    return {"id": contact.id, **contact.snapshot(), "updates": contact.updates}


def _call_json(call: Call) -> dict[str, object]:
    fault = call.fault and {k: v for k, v in asdict(call.fault).items() if k != "body"}
    return {
        "method": call.method,
        "path": call.path,
        "parameters": call.parameters,
        "content_type": call.content_type,
        "body": call.body.decode(errors="replace"),
        "started": call.started,
        "finished": call.finished,
        "status": call.status,
        "fault": fault,
        "contacts": call.contacts,
        "report": call.report,
        "refused": [refusal._asdict() for refusal in call.refused],
    }


@routes.get("/state")
def state() -> Response:
    with current_account().lock:
        account = current_account().snapshot()
        account["contacts"] = [_contact_json(contact) for contact in current_account().contacts()]
        account["violations"] = current_context().traffic.violations()
        account["rules"] = asdict(current_context().settings.rules)
        return jsonify(account)


@routes.get("/calls")
def calls() -> Response:
    return jsonify([_call_json(call) for call in current_context().traffic.calls()])


@routes.post("/faults")
def script_faults() -> Response:
    return _accepted(
        lambda data: current_context().faults.add(*[fault_from_json(fault) for fault in data])
    )


@routes.post("/reset")
def reset() -> Response:
    current_context().traffic.clear()
    current_context().faults.clear()
    return Response(status=204)


@routes.post("/account")
def seed_account() -> Response:
    """`{"custom_fields": {name: type}, "preferences": {category: [name]}, "contacts": [...]}`."""
    with current_account().lock:
        return _accepted(lambda data: _seed(current_account(), data))


def _accepted(take: Callable[[Any], None]) -> Response:
    """Answers 204, or 400 with the error."""
    try:
        take(request.get_json(force=True))
    except (AttributeError, KeyError, TypeError, ValueError) as problem:
        response = jsonify(error=str(problem))
        response.status_code = 400
        return response
    return Response(status=204)


def _seed(account: Account, data: dict[str, Any]) -> None:
    for name, type_ in data.get("custom_fields", {}).items():
        account.add_custom_field(name, type_)
    for category, names in data.get("preferences", {}).items():
        account.add_preference_category(category)
        for name in names:
            account.add_preference(category, name)
    for contact in data.get("contacts", []):
        preferences = {
            (p["category"], p["name"]): (p["value"], p.get("source"))
            for p in contact.get("preferences", [])
        }
        account.add_contact(**{**contact, "preferences": preferences})

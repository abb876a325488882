"""Ping and account information over HTTP.

Sources: the official PHP client (`/ping`, one method for each right of a key), Maileon docs, Get
Account Information. The body of a ping's answer is not documented.
"""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, request

from maileon_sandbox.routes.responses import element, empty, xml

routes = Blueprint("service", __name__)

_INFO = {
    "id": "1000001",
    "customer_account_id": "1",
    "customer_account_name": "Sandbox",
    "created": "2024-01-01 00:00:00.0",
    "locale": "en_GB",
    "mailing_domain": "news.example.com",
    "name": "Maileon sandbox",
    "login_domain": "login.example.com",
    "type": "demo",
}


@routes.route("/ping", methods=["GET", "POST", "PUT", "DELETE"])
def ping() -> Response:
    return empty()


@routes.get("/account/info")
def account_info() -> Response:
    if request.accept_mimetypes.best_match(["application/xml", "application/json"]) == (
        "application/json"
    ):
        return jsonify(_INFO)
    return xml(element("account_info", *(element(k, text=v) for k, v in _INFO.items())))

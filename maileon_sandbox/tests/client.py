"""A client for the sandbox's tests, written from the documentation."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from xml.sax.saxutils import escape

import requests
from lxml import etree
from lxml.etree import _Element

XML_TYPE = "application/vnd.maileon.api+xml; charset=utf-8"

# Every documented parameter except the permission, with values that tests can change.
EVERY_PARAMETER = {
    "sync_mode": "1",
    "use_external_id": "false",
    "prefer_maileon_id": "false",
    "ignore_invalid_contacts": "true",
    "override_permission": "false",
    "reimport_unsubscribed_contacts": "false",
    "update_only": "false",
}
TIMEOUT_SECONDS = 60


class Nil:
    """A value that is sent as `nil="true"`."""


NIL = Nil()
Value = str | Nil


def tag(name: str, value: Value) -> str:
    if isinstance(value, Nil):
        return f'<{name} nil="true"/>'
    return f"<{name}>{escape(value)}</{name}>"


def fields(kind: str, values: dict[str, Value]) -> str:
    inner = "".join(f"<field>{tag('name', n)}{tag('value', v)}</field>" for n, v in values.items())
    return f"<{kind}>{inner}</{kind}>"


def preference(category: str, name: str, **parts: Value) -> str:
    inner = tag("name", name) + tag("category", category)
    return f"<preference>{inner}{''.join(tag(n, v) for n, v in parts.items())}</preference>"


def contact(
    *,
    standard: dict[str, Value] | None = None,
    custom: dict[str, Value] | None = None,
    preferences: str = "",
    **identifiers: Value,
) -> str:
    return (
        "<contact>"
        + "".join(tag(name, value) for name, value in identifiers.items())
        + (fields("standard_fields", standard) if standard else "")
        + (fields("custom_fields", custom) if custom else "")
        + (f"<preferences>{preferences}</preferences>" if preferences else "")
        + "</contact>"
    )


@dataclass(frozen=True, slots=True)
class ReadReport:
    """A report as a client reads it."""

    success: bool
    contacts: int
    existing: int
    new: int
    invalid: int
    unsubscribed: int
    # (email, external id, code, error field)
    rejected: list[tuple[str | None, str | None, int, str | None]]


def read_report(body: bytes) -> ReadReport:
    root = etree.fromstring(body)
    return ReadReport(
        success=root.findtext("success") == "true",
        contacts=int(root.findtext("count_contacts") or ""),
        existing=int(root.findtext("count_existing_contacts") or ""),
        new=int(root.findtext("count_new_contacts") or ""),
        invalid=int(root.findtext("count_invalid_contacts") or ""),
        unsubscribed=int(root.findtext("count_unsubscribed_contacts") or ""),
        rejected=[
            _read_rejection(element) for element in root.iterfind("invalid_contacts/contact")
        ],
    )


def _read_rejection(element: _Element) -> tuple[str | None, str | None, int, str | None]:
    error = element.find("error")
    assert error is not None
    code = error.get("code")
    assert code is not None
    return (
        element.findtext("email") or None,
        element.findtext("external_id") or None,
        int(code),
        error.findtext("error_field"),
    )


def message_of(response: requests.Response) -> str:
    """The text of an `<error><message>`; fails if the answer has none."""
    assert response.headers["Content-Type"].startswith("application/vnd.maileon.api+xml")
    root = etree.fromstring(response.content)
    assert root.tag == "error"
    message = root.findtext("message")
    assert message
    return message


class Client:
    """One persistent connection to a sandbox."""

    def __init__(self, base_url: str, key: str) -> None:
        self.base_url = base_url
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Basic {b64encode(key.encode()).decode()}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.session.close()

    def call(
        self, method: str, path: str, *, body: bytes | None = None, **parameters: str
    ) -> requests.Response:
        return self.session.request(
            method,
            self.base_url + path,
            params=parameters,
            data=body,
            headers={"Content-Type": XML_TYPE} if body is not None else None,
            allow_redirects=False,
            timeout=TIMEOUT_SECONDS,
        )

    def post(self, *contacts: str, **parameters: str) -> requests.Response:
        """Synchronizes with exactly these parameters."""
        body = f"<contacts>{''.join(contacts)}</contacts>".encode()
        return self.call("POST", "/contacts", body=body, **parameters)

    def synchronize(self, *contacts: str, **parameters: str) -> ReadReport:
        """Synchronizes with every parameter set, and reads the report."""
        response = self.post(*contacts, **{**EVERY_PARAMETER, **parameters})
        assert response.status_code == 200, response.text
        return read_report(response.content)

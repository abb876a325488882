"""The body of a call about one contact, as XML or JSON (Maileon docs, Update Contact By Email).

In JSON, standard and custom fields are objects that map names to values; preferences are a list.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from maileon_sandbox.contacts.sent_contacts import (
    MalformedError,
    SentContact,
    SentField,
    SentPreference,
    parse_one,
)
from maileon_sandbox.vocabulary import JSON_TYPE, Permission

_JSON_TYPES = frozenset({JSON_TYPE, "application/json"})
_KEYS = frozenset({
    "email", "external_id", "permission", "standard_fields", "custom_fields", "preferences",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class SingleContact:
    """The contact sent; `permission` is None if the body has none."""

    contact: SentContact
    permission: Permission | None


def single_contact(body: bytes, content_type: str) -> SingleContact:
    """The contact in the body. Raises MalformedError if it is neither XML nor JSON of one."""
    if content_type.partition(";")[0].strip().lower() in _JSON_TYPES:
        return _from_json(body)
    contact, permission = parse_one(body)
    return SingleContact(contact, _permission(permission))


def _permission(value: object) -> Permission | None:
    if value is None or value == "":
        return None
    try:
        return Permission(int(str(value)))
    except ValueError:
        raise MalformedError("permission must be one of 1, 2, 3, 4, 5, 6") from None


def _from_json(body: bytes) -> SingleContact:
    try:
        data = json.loads(body)
    except ValueError as error:
        raise MalformedError(f"the body is not JSON: {error}") from error
    if not isinstance(data, dict) or data.keys() - _KEYS:
        raise MalformedError(f"the body must be an object with {', '.join(sorted(_KEYS))}")
    contact = SentContact(
        email=_text(data.get("email")) or None,
        external_id=_text(data.get("external_id")) or None,
        standard_fields=_fields(data, "standard_fields"),
        custom_fields=_fields(data, "custom_fields"),
        preferences=_preferences(data.get("preferences", [])),
    )
    return SingleContact(contact, _permission(data.get("permission")))


def _text(value: object) -> str | None:
    """The value as text; numbers and booleans as they are written in JSON."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list | dict):
        raise MalformedError("a value must not be an object or a list")
    return json.dumps(value)


def _fields(data: dict[str, Any], key: str) -> list[SentField]:
    """An empty text clears a field (Maileon docs, Create Contact by External ID (JSON))."""
    fields = data.get(key, {})
    if not isinstance(fields, dict):
        raise MalformedError(f"{key} must be an object")
    return [SentField(name, _text(value) or None) for name, value in fields.items()]


def _preferences(items: object) -> list[SentPreference]:
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise MalformedError("preferences must be a list of objects")
    return [
        SentPreference(
            category=_text(item.get("category")) or "",
            name=_text(item.get("name")) or "",
            value=_text(item.get("value")),
            source=_text(item.get("source")) or None,
            has_source="source" in item,
        )
        for item in items
    ]

"""Plans, configurations, contacts and accounts for tests, with all that a test does not name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from destination_maileon.config.spec import Config
from destination_maileon.config.validation import load_config
from destination_maileon.maileon.contact import Contact, FieldType, IdentifierMode, Preference
from destination_maileon.maileon.contact_xml import contact_bytes
from destination_maileon.maileon.sync_options import SyncOptions
from destination_maileon.mapping.mapped_record import MappedRecord, contact_keys
from destination_maileon.streams.account import Account
from destination_maileon.streams.catalog import StreamPlan

if TYPE_CHECKING:
    from destination_maileon.config.spec import ColumnMapping

Answer = TypeVar("Answer")


def a_config(**keys: object) -> Config:
    """A configuration with these keys; the key is made up."""
    return load_config({"api_key": "a-made-up-key", **keys})


def a_mapping(*entries: tuple[str, str] | Mapping[str, object]) -> dict[str, ColumnMapping]:
    """An explicit mapping of pairs `(column, target)`, or of entries as configurations hold."""
    stream = {"name": "contacts", "mapping": [_entry(entry) for entry in entries]}
    return {entry.column: entry for entry in a_config(streams=[stream]).streams[0].mapping}


def _entry(entry: tuple[str, str] | Mapping[str, object]) -> Mapping[str, object]:
    return {"column": entry[0], "target": entry[1]} if isinstance(entry, tuple) else entry


def options(mode: IdentifierMode = IdentifierMode.EMAIL, **changes: Any) -> SyncOptions:
    """The options that a configuration without options gives a call."""
    return replace(SyncOptions(identifier_mode=mode), **changes)


def a_plan(**changes: Any) -> StreamPlan:
    """The plan of a stream `contacts` that recognises contacts by email."""
    plan = StreamPlan(key=(None, "contacts"), options=options())
    return replace(plan, **changes)


def a_contact(
    email: str | None = "ada@example.com",
    *,
    external_id: str | None = None,
    id: str | None = None,
    preferences: Mapping[tuple[str, str], Preference] | None = None,
    custom: Mapping[str, str | None] | None = None,
    **standard_fields: str | None,
) -> Contact:
    """A contact; further keywords are standard fields: `a_contact(FIRSTNAME="Ada")`."""
    return Contact(
        email=email,
        external_id=external_id,
        id=id,
        standard_fields=standard_fields,
        custom_fields=dict(custom or {}),
        preferences=dict(preferences or {}),
    )


def a_part(position: int = 1, contact: Contact | None = None, **changes: Any) -> MappedRecord:
    """A record at this place of the input, the only stream's."""
    contact = contact or a_contact()
    part = MappedRecord(
        position, position, 0, identity_keys=contact_keys(contact), payload=contact_bytes(contact)
    )
    return msgspec.structs.replace(part, **changes)


def a_catalog(*streams: Mapping[str, object]) -> dict[str, object]:
    """A configured catalog of these streams."""
    return {"streams": list(streams)}


def a_stream(name: str = "contacts", **configured: object) -> dict[str, object]:
    """One stream of a configured catalog; `namespace` and `json_schema` go to the stream within."""
    stream = {"name": name, "json_schema": configured.pop("json_schema", {})}
    if "namespace" in configured:
        stream["namespace"] = configured.pop("namespace")
    return {"stream": stream, "destination_sync_mode": "append_dedup", **configured}


class CountingApi:
    """What an account has, and what it was asked: `custom_fields`, `preferences`, `create NAME`.

    All about preferences is one question here, as one follows from the other.
    """

    def __init__(
        self,
        custom_fields: Mapping[str, FieldType] | None = None,
        preferences: Iterable[tuple[str, str]] = (),
    ) -> None:
        self.fields = dict(custom_fields or {})
        self.known_preferences = frozenset(preferences)
        self.calls: list[str] = []

    def custom_fields(self) -> dict[str, FieldType]:
        self.calls.append("custom_fields")
        return dict(self.fields)

    def preference_categories(self) -> list[str]:
        self.calls.append("preferences")
        return sorted({category for category, _ in self.known_preferences})

    def preferences_of(self, category: str) -> list[str]:
        return [name for owner, name in self.known_preferences if owner == category]

    def create_custom_field(self, name: str, field_type: FieldType) -> None:
        self.calls.append(f"create {name}")
        self.fields.setdefault(name, field_type)


def at_once(ask: Callable[[], Answer]) -> Answer:
    """Stands for the patience of a sync: asks once."""
    return ask()


def an_account(
    custom_fields: Mapping[str, FieldType] | None = None,
    preferences: Iterable[tuple[str, str]] = (),
) -> Account:
    """An account with these fields and preferences."""
    return Account(CountingApi(custom_fields, preferences), at_once)

"""Reads the connector's calls; the only module that knows how they are stored."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from lxml import etree

from destination_maileon.config.spec import DeletedRecords
from destination_maileon.delivery.request import Purpose, Request
from unit_tests.simulation.account import Options, Source, Wish, name_of


@dataclass(frozen=True, slots=True)
class Removal:
    """The contact to remove, and whether it is deleted (else unsubscribed)."""

    wish: Wish
    deletes: bool


def purpose_of(call: Request) -> Purpose:
    return call.purpose


def is_removal(call: Request) -> bool:
    """Whether the call belongs to a removal; otherwise it writes contacts."""
    return call.contact_removal is not None


def keys_of(call: Request) -> list[str]:
    """The identifiers in the call: a removal has the one it uses, a marker the email."""
    if not is_removal(call):
        return [key for wish in wishes_of(call) for key in wish.identity_keys]
    wish = removal_of(call).wish
    if purpose_of(call) is Purpose.MARK:
        return Wish(email=wish.email).identity_keys
    return [name_of(options_of(call).mode, wish)]


def removal_of(call: Request) -> Removal:
    """The contact that a removal call removes, and how."""
    assert call.contact_removal is not None
    contact = call.contact_removal.contact
    wish = Wish(contact.id, contact.email, contact.external_id)
    return Removal(wish, deletes=call.contact_removal.removal is DeletedRecords.DELETE)


def groups_of(call: Request) -> list[tuple[int, ...]]:
    """For each contact the positions of its records in the input."""
    return [tuple(part.position for part in entry.parts) for entry in call.entries]


def places_of(call: Request) -> Iterator[int]:
    """The positions of all records of the call."""
    return (position for group in groups_of(call) for position in group)


def records_in(call: Request) -> int:
    return sum(1 for _ in places_of(call))


def bytes_of(call: Request) -> int:
    """The bytes of the call's contacts."""
    return sum(len(entry.payload) for entry in call.entries)


def options_of(call: Request) -> Options:
    """The options in the call's query."""
    query = call.partition_key.plan.options.parameters(call.partition_key.permission)
    mode = "external_id" if query["use_external_id"] == "true" else "email"
    return Options(
        mode="maileon_id" if query["prefer_maileon_id"] == "true" else mode,
        updates=query["sync_mode"] == "1",
        update_only=query["update_only"] == "true",
        permission=int(query["permission"]) if "permission" in query else None,
        overrides_permission=query["override_permission"] == "true",
        reimports=query["reimport_unsubscribed_contacts"] == "true",
        ignores_invalid=query["ignore_invalid_contacts"] == "true",
    )


def wishes_of(call: Request) -> list[Wish]:
    """The contacts in the call's body."""
    return [wish_in(entry.payload) for entry in call.entries]


@lru_cache(maxsize=10_000)
def wish_in(payload: bytes) -> Wish:
    contact = etree.fromstring(payload)
    wish = Wish(contact.findtext("id"), contact.findtext("email"), contact.findtext("external_id"))
    for kind in ("standard", "custom"):
        for field in contact.iterfind(f"{kind}_fields/field"):
            value = field.find("value")
            assert value is not None
            is_nil = value.get("nil") == "true"
            wish.fields[f"{kind}:{field.findtext('name')}"] = None if is_nil else value.text or ""
    for preference in contact.iterfind("preferences/preference"):
        key = (preference.findtext("category") or "", preference.findtext("name") or "")
        source = preference.find("source")
        said = Source() if source is None else Source(is_said=True, text=source.text or "")
        wish.preferences[key] = (preference.findtext("value") or "", said)
    return wish

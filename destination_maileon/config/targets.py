"""Column name or mapping text -> Target: where in Maileon a column goes.

This module alone decides what a target is called and which target a column's name means.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, TypeAlias

from pydantic import AfterValidator

from destination_maileon.config.suggestions import NameIndex, bare, shown
from destination_maileon.config.types import pattern, refused
from destination_maileon.maileon.contact import STANDARD_FIELDS
from destination_maileon.maileon.contact_xml import without_forbidden

METADATA_PREFIXES = ("_airbyte", "_ab_")
DELETED_AT_COLUMN = "_ab_cdc_deleted_at"
"""Airbyte's CDC sources set it to the time of the deletion, and to null otherwise."""


class Kind(StrEnum):
    """What a target is."""

    EMAIL = "email"
    EXTERNAL_ID = "external_id"
    MAILEON_ID = "maileon_id"
    PERMISSION = "permission"
    STANDARD = "standard"
    CUSTOM = "custom"
    PREFERENCE = "preference"
    PREFERENCES = "preferences"
    DELETED = "deleted"
    UNSUBSCRIBE = "unsubscribe"
    SKIP = "skip"


IDENTIFIERS = (Kind.EMAIL, Kind.EXTERNAL_ID, Kind.MAILEON_ID)
SHARED_TARGETS = frozenset({Kind.SKIP, Kind.DELETED, Kind.UNSUBSCRIBE})
"""What several columns of a stream may go to."""
_OF_THE_PERSON = (*IDENTIFIERS, Kind.PERMISSION, Kind.DELETED, Kind.UNSUBSCRIBE)


@dataclass(frozen=True, slots=True)
class Target:
    """Where a column goes. `name` is a field's or a preference's, `category` the preference's."""

    kind: Kind
    name: str = ""
    category: str = ""

    def __str__(self) -> str:
        if self.kind is Kind.PREFERENCE:
            return f"preference:{self.category}/{self.name}"
        return f"{self.kind}:{self.name}" if self.name else str(self.kind)


SKIP = Target(Kind.SKIP)
# By the lower case and never by the upper one, which turns a dotless i into an I.
_STANDARD_BY_BARE = {name.lower(): name for name in STANDARD_FIELDS}
STANDARD_NAMES = ", ".join(STANDARD_FIELDS)
_TARGET_FORMS = (
    "email, external_id, maileon_id, permission, standard:NAME, custom:NAME, "
    "preference:CATEGORY/NAME, deleted, unsubscribe or skip"
)
_TARGET_PATTERN = (
    r"^(email|external_id|maileon_id|permission|deleted|unsubscribe|skip"
    r"|(standard|custom):[\s\S]+|preference:[\s\S]+/[\s\S]+)$"
)


def preference_splits(path: str) -> list[tuple[str, str]]:
    """Every way to read `CATEGORY/NAME`, the first slash first: either may hold slashes itself."""
    return [(path[:at], path[at + 1 :]) for at in range(1, len(path) - 1) if path[at] == "/"]


def parse_target(text: str, preferences: Collection[tuple[str, str]] = ()) -> Target | None:
    """The target that the text names; None if it names none."""
    head, colon, rest = text.partition(":")
    if not colon:
        return Target(Kind(text)) if text in {*_OF_THE_PERSON, Kind.SKIP} else None
    if head == Kind.STANDARD and (standard := _STANDARD_BY_BARE.get(rest.strip().lower())):
        return Target(Kind.STANDARD, standard)
    if head == Kind.CUSTOM and rest:
        return Target(Kind.CUSTOM, rest)
    splits = preference_splits(rest) if head == Kind.PREFERENCE else []
    # The first that exists in the account counts, else the first of all.
    there = [split for split in splits if split in preferences] or splits
    return Target(Kind.PREFERENCE, there[0][1], there[0][0]) if there else None


def nearest_target(text: str) -> Target | None:
    """The target that was most likely meant by a text that names none; None if nothing is near."""
    head, colon, name = text.partition(":")
    kind = NameIndex((Kind.STANDARD, Kind.CUSTOM, Kind.PREFERENCE)).nearest(head)
    if colon and (target := parse_target(f"{kind}:{name}")) is not None:
        return target
    word = name if colon else text
    word = NameIndex((*_OF_THE_PERSON, Kind.SKIP, *STANDARD_FIELDS)).nearest(word) or word
    return parse_target(word) or parse_target(f"{Kind.STANDARD}:{word}")


def _as_target(text: str) -> str:
    if parse_target(text) is not None:
        return text
    if (nearest := nearest_target(text)) is not None:
        raise refused("must be a target", f" (did you mean {shown(nearest)}?)")
    if text.startswith(f"{Kind.STANDARD}:"):
        raise refused(f"must be standard:NAME with one of the names {STANDARD_NAMES}")
    raise refused(f"must be one of the forms {_TARGET_FORMS}")


TargetText: TypeAlias = Annotated[
    str, AfterValidator(_as_target), pattern(_TARGET_PATTERN, _TARGET_FORMS)
]


def target_of_column(
    column: str, custom_fields: NameIndex, *, preferences: Collection[tuple[str, str]] = ()
) -> Target | None:
    """The target that a column's name means; None for a column that goes nowhere by its name."""
    # Some warehouses write all names in upper case.
    if column.lower().startswith(METADATA_PREFIXES):
        is_mark = column != DELETED_AT_COLUMN and column.lower() == DELETED_AT_COLUMN
        return Target(Kind.DELETED) if is_mark else SKIP
    named = parse_target(column, preferences)
    if named is not None and named.kind is not Kind.PERMISSION:
        return named
    if (standard := _STANDARD_BY_BARE.get(bare(column))) is not None:
        return Target(Kind.STANDARD, standard)
    if (custom := custom_fields.unambiguous(column)) is not None:
        return Target(Kind.CUSTOM, custom)
    return Target(Kind.PREFERENCES) if column == Kind.PREFERENCES else None


_RESERVED = r"id|created|updated|external_id|local_part|permission_(type|status)|sendout_status"


def creation_obstacle(name: str) -> str | None:
    """Why no field can have this name (Maileon docs, Custom Contact Fields); None if it can."""
    if re.fullmatch(_RESERVED, name, re.IGNORECASE) or name.lower() in _STANDARD_BY_BARE:
        return "Maileon reserves this name. Map the column to a field with another name."
    # What XML forbids could be created, but never filled.
    is_plain = name == without_forbidden(name) == name.strip() and any(map(str.isprintable, name))
    if is_plain and re.fullmatch(r"(?s).{3,64}", name):
        return None
    return (
        "a field's name has 3 to 64 characters that can be seen, none of them a control character, "
        "and a space at neither end. Map the column to a field with another name."
    )


def mistaken_for(column: str) -> str | None:
    """What a person should know of a column without a target that looks like one; else None.

    Were `unsubscribed` left out in silence, or made a custom field, nobody would be unsubscribed.
    """
    kinds = {bare(kind): kind for kind in (*_OF_THE_PERSON, Kind.PREFERENCES)}
    leaves = bare(column).startswith(("unsubscribe", "optout", "optedout"))
    kind = Kind.UNSUBSCRIBE if leaves else kinds.get(bare(column))
    # A list of preferences is known by its name alone.
    verb = "rename" if kind is Kind.PREFERENCES else "map"
    return kind and (
        f'column "{column}" does not go to {kind} by its name. If that is meant, {verb} the column '
        f"to {kind}, else map it to a custom field or to skip."
    )

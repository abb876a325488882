"""Texts for permissions, error codes, parameters, times and numbers."""

from __future__ import annotations

import re
from datetime import datetime

from maileon_sandbox.vocabulary import ErrorCode, Permission, SyncMode

_SYNC_MODES = {
    SyncMode.UPDATE: "existing contacts are updated",
    SyncMode.IGNORE: "existing contacts stay as they are",
}


def permission_name(permission: Permission) -> str:
    return permission.name.lower().replace("_", " ")


def meaning_of_code(code: int) -> str:
    return ErrorCode(code).name.lower().replace("_", " ")


def meaning_of_parameter(name: str, value: str) -> str:
    """The meaning of a value; empty if it is obvious or the API does not know the value."""
    try:
        if name == "permission":
            return permission_name(Permission(int(value)))
        if name == "sync_mode":
            return _SYNC_MODES[SyncMode(int(value))]
    except ValueError:
        pass
    return ""


def pieces(text: str | int) -> list[str]:
    """The parts of an address or id between which a line may break: after each sign."""
    return re.split(r"(?<=[@.+/_-])(?=.)", str(text))


def clock(moment: datetime) -> str:
    return f"{moment:%H:%M:%S} UTC"


def thousands(number: int) -> str:
    return f"{number:,}"


def counted(number: int, thing: str) -> str:
    """`1 contact`, `1,002 contacts`."""
    plural = thing + ("es" if thing.endswith("s") else "s")
    return f"{number:,} {thing if number == 1 else plural}"

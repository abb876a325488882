"""What the routes of one sandbox share, and how they get at it.

Decides alone what a sandbox can be told at its start.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Event
from typing import Literal, cast

from flask import Flask, current_app

from maileon_sandbox.account import Account
from maileon_sandbox.fault import FaultScript
from maileon_sandbox.traffic import Traffic

# What an invalid contact does to a call with ignore_invalid_contacts=false. Not documented;
# nothing is stored either way.
StrictAnswer = Literal["400", "report"]

ALL_RIGHTS = frozenset({"GET", "POST", "PUT", "DELETE"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """`keys` maps each API key to the methods it may use."""

    keys: Mapping[str, frozenset[str]]
    strict_answer: StrictAnswer = "400"
    latency_seconds: float = 0.0
    moves_within_call: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Everything one sandbox knows. `stopping` wakes whoever waits."""

    settings: Settings
    account: Account
    traffic: Traffic
    faults: FaultScript = field(default_factory=FaultScript)
    stopping: Event = field(default_factory=Event)


_KEY = "maileon_sandbox"


def attach(app: Flask, world: World) -> None:
    app.extensions[_KEY] = world


def here() -> World:
    """The world of the request being answered."""
    return cast("World", current_app.extensions[_KEY])

"""What the routes of one sandbox share, and how they get at it.

Decides alone what a sandbox can be told at its start.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Event
from typing import cast

from flask import Flask, current_app

from maileon_sandbox.account import Account
from maileon_sandbox.fault import FaultScript
from maileon_sandbox.rules import DEFAULT_RULES, Rules
from maileon_sandbox.traffic import Traffic
from maileon_sandbox.unsubscriptions import Unsubscriptions

ALL_RIGHTS = frozenset({"GET", "POST", "PUT", "DELETE"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """`keys` maps each API key to the methods it may use."""

    keys: Mapping[str, frozenset[str]]
    rules: Rules = DEFAULT_RULES
    latency_seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Everything one sandbox knows. `stopping` wakes whoever waits."""

    settings: Settings
    account: Account
    traffic: Traffic
    unsubscriptions: Unsubscriptions
    faults: FaultScript = field(default_factory=FaultScript)
    stopping: Event = field(default_factory=Event)


_KEY = "maileon_sandbox"


def attach(app: Flask, world: World) -> None:
    app.extensions[_KEY] = world


def here() -> World:
    """The world of the request being answered."""
    return cast("World", current_app.extensions[_KEY])

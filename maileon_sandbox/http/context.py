"""The state that the routes of one sandbox share, and access to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Event
from typing import TYPE_CHECKING, cast

from flask import request

from maileon_sandbox.account.account import Account
from maileon_sandbox.account.unsubscriptions import Unsubscriptions
from maileon_sandbox.http.fault import FaultScript
from maileon_sandbox.http.traffic import Traffic
from maileon_sandbox.rules import DEFAULT_RULES, Rules

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

ALL_RIGHTS = frozenset({"GET", "POST", "PUT", "DELETE"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """`keys` maps each API key to the methods it may use."""

    keys: Mapping[str, frozenset[str]]
    rules: Rules = DEFAULT_RULES
    latency_seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The state of one sandbox. `stopping` wakes calls that wait."""

    settings: Settings
    account: Account
    traffic: Traffic
    unsubscriptions: Unsubscriptions
    faults: FaultScript = field(default_factory=FaultScript)
    stopping: Event = field(default_factory=Event)


_KEY = "maileon_sandbox.context"


def attach(environ: WSGIEnvironment, context: Context) -> None:
    """Attaches the sandbox's context to a request."""
    environ[_KEY] = context


def current_context() -> Context:
    """The context of the request being answered."""
    return cast("Context", request.environ[_KEY])


def current_account() -> Account:
    return current_context().account

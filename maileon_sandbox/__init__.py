"""A stand-in for the Maileon REST API over real HTTP.

It imports nothing from the connector, so that both cannot share a mistake. README.md lists what
Maileon's pages document, what is inferred and what is unknown.
"""

from __future__ import annotations

from maileon_sandbox.account.account import Account
from maileon_sandbox.account.stored_contact import StoredContact, StoredPreference
from maileon_sandbox.http.fault import Fault
from maileon_sandbox.http.traffic import Call
from maileon_sandbox.rules import Rules
from maileon_sandbox.sandbox import DEMO_KEY, Sandbox
from maileon_sandbox.vocabulary import ErrorCode, FieldType, Permission

__all__ = [
    "DEMO_KEY",
    "Account",
    "Call",
    "ErrorCode",
    "Fault",
    "FieldType",
    "Permission",
    "Rules",
    "Sandbox",
    "StoredContact",
    "StoredPreference",
]

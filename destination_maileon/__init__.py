"""Airbyte destination for Maileon. `ARCHITECTURE.md` tells how a record becomes a contact."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from destination_maileon.destination import DestinationMaileon

__all__ = ["DestinationMaileon"]


def __getattr__(name: str) -> object:
    """Imports the connector's class only when somebody asks for it: `spec` needs none of it."""
    if name != "DestinationMaileon":
        raise AttributeError(name)
    return import_module("destination_maileon.destination").DestinationMaileon

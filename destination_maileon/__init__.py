"""Airbyte destination for Maileon. `ARCHITECTURE.md` tells how a record becomes a contact."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from destination_maileon.destination import DestinationMaileon

__all__ = ["DestinationMaileon"]


def __getattr__(name: str) -> object:
    """Imports the connector's class only when somebody asks for it: `spec` needs none of it."""
    if name == "DestinationMaileon":
        from destination_maileon.destination import DestinationMaileon  # noqa: PLC0415 - lazily

        return DestinationMaileon
    raise AttributeError(name)

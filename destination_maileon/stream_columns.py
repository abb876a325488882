"""Where the columns of one stream go, and what a person should know of it.

This module alone says what is kept of a stream's columns; `columns` decides what goes in.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from destination_maileon.maileon.contact import FieldType
    from destination_maileon.mapping import Column


@dataclass(slots=True)
class StreamColumns:
    """Where the columns of one stream go.

    `unmapped` are those without a target. `problems` say what a person must change before
    anything is sent; `notes` what was left out, and why.
    """

    columns: dict[str, Column] = field(default_factory=dict)
    unmapped: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    to_create: dict[str, FieldType] = field(default_factory=dict)

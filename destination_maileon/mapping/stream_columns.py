"""Where the columns of one stream go, and what a person should know of it.

This module alone says what is kept of a stream's columns; `columns` decides what goes in.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from destination_maileon.config.targets import Kind, Target
from destination_maileon.mapping.field_types import is_undecided

if TYPE_CHECKING:
    from destination_maileon.maileon.contact import FieldType
    from destination_maileon.mapping.contact_encoder import Column
    from destination_maileon.streams.stream_plan import StreamPlan


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

    def leave_types_to_records(self, plan: StreamPlan) -> None:
        """Forgets the fields to create whose type a value decides, until a record has one."""
        for name in [*self.to_create]:
            column = self.columns.get(name)
            is_unasked = name not in plan.mapping and is_undecided(plan.properties.get(name))
            if is_unasked and column is not None and column.target == Target(Kind.CUSTOM, name):
                del self.columns[name], self.to_create[name]
